//! The fail points that there are, as the library's own source names them; and the files that are there.

use std::fs;
use std::path::Path;

/// The names of all points, from the library's own source; where it is another system's, or a feature's
/// that is not built, nobody comes.
pub fn all_points() -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut points = Vec::new();
    let other = if cfg!(windows) {
        "os/unix"
    } else {
        "os/windows"
    };
    let mut files = files_below(&source);
    files.retain(|file| !file.starts_with(other));
    files.retain(|file| cfg!(feature = "workers") || !file.starts_with("workers/"));
    for file in files {
        let text = fs::read_to_string(source.join(file)).expect("source text");
        let calls = text.split("fail_point(\"").skip(1);
        points.extend(calls.filter_map(|rest| Some(rest.split_once('"')?.0.to_string())));
    }
    points.sort();
    points.dedup();
    assert!(points.len() > 40, "where are the points? {points:?}");
    points
}

/// The files below a directory, by their paths in it, with `/` on every system.
pub fn files_below(root: &Path) -> Vec<String> {
    let (mut files, mut directories) = (Vec::new(), vec![root.to_path_buf()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            match entry.path() {
                path if path.is_dir() => directories.push(path),
                path => {
                    let inside = path.strip_prefix(root).expect("a path below");
                    files.push(inside.to_string_lossy().replace('\\', "/"));
                }
            }
        }
    }
    files.sort();
    files
}
