//! Companions on a file system that is full: of data, and of files.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::Ordering;

use super::{ALONE, Growing, LENGTH, NAME, WORDS, check, companions, create, files, place, plan};
use super::{process, root, words};
use crate::error::Error;
use crate::segment::{Lifetime, Segment};

/// What a full file system looks like: 1 MiB and 40 files, where this process may mount one.
fn on_a_small_file_system(test: &str, body: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let place = place(test);
    fs::create_dir(&place).unwrap();
    let mount = "mount -t tmpfs -o size=1M,nr_inodes=40,mode=0700 none \"$0\"";
    let inside = process(test);
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        // In a user namespace, where even root is no more than its own.
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command
            .arg(&place)
            .arg(inside.get_program())
            .args(inside.get_args());
        command
            .env(ALONE, "1")
            .env("MILLPOND_DIR", place.join("pond"))
            .output()
    };
    match run(mount) {
        Ok(tried) if tried.status.success() => {
            check(&run(&format!("{mount} && exec \"$@\"")).unwrap())
        }
        _ => println!("not tried: this process may not mount a tmpfs"),
    }
    fs::remove_dir_all(place).unwrap();
}

/// Takes all the room, or all the files, that there are besides the segments.
fn fill_up(what: &str) -> Vec<PathBuf> {
    let place = root().with_file_name("ballast");
    fs::create_dir(&place).unwrap();
    let mut ballast = Vec::new();
    loop {
        let path = place.join(ballast.len().to_string());
        let contents = match what {
            "room" => vec![1; 32 << 10],
            _ => Vec::new(),
        };
        let full = fs::write(&path, contents);
        if let Err(error) = full {
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
            return ballast;
        }
        ballast.push(path);
    }
}

#[test]
fn a_full_file_system_stops_growth_until_there_is_room() {
    const TEST: &str = "full::a_full_file_system_stops_growth_until_there_is_room";
    on_a_small_file_system(TEST, || {
        let segment = create();
        segment.companion(0).extend(LENGTH as u64).unwrap();
        let older = words(&segment, 0, WORDS);
        older[6].store(6, Ordering::Relaxed);
        let ballast = fill_up("room");
        let longer = (LENGTH + (200 << 10)) as u64;
        let error = segment.companion(0).extend(longer).unwrap_err();
        let text = error.to_string();
        let Error::NoSpace {
            asked,
            free: Some(free),
            ..
        } = error
        else {
            panic!("another error: {text}");
        };
        assert!(asked == 200 << 10 && free < asked, "{text}");
        assert_eq!(companions()[0].metadata().unwrap().len(), LENGTH as u64);
        // All of what it has can be used.
        older
            .iter()
            .for_each(|word| word.store(8, Ordering::Relaxed));
        for path in ballast.iter().take(10) {
            fs::remove_file(path).unwrap();
        }
        segment.companion(0).extend(longer).unwrap();
        let newer = words(&segment, 0, longer as usize / 8);
        assert_eq!(newer[WORDS - 1].load(Ordering::Relaxed), 8);
        newer
            .iter()
            .for_each(|word| word.store(9, Ordering::Relaxed));
    });
}

#[test]
fn too_few_files_are_an_error_that_leaves_none() {
    const TEST: &str = "full::too_few_files_are_an_error_that_leaves_none";
    on_a_small_file_system(TEST, || {
        crate::list(None).unwrap(); // makes the root and its lock
        let mut ballast = fill_up("files");
        let mut refusals = 0;
        let created = loop {
            let created = Segment::<Growing>::create(NAME, plan(Lifetime::UntilUnlinked));
            if let Ok(segment) = created {
                break segment;
            }
            assert_eq!(files(), [""; 0].map(PathBuf::from));
            assert!(!root().join("run").exists());
            refusals += 1;
            fs::remove_file(ballast.pop().unwrap()).unwrap();
        };
        // A directory, a segment, two companions, and a second name of the segment or none.
        assert!(refusals >= 4, "{refusals}");
        assert_eq!(companions().len(), 2);
        drop(created);
    });
}

#[test]
fn garbage_makes_room_for_a_creation() {
    const TEST: &str = "full::garbage_makes_room_for_a_creation";
    on_a_small_file_system(TEST, || {
        crate::list(None).unwrap(); // makes the root
        // No creation is to look at anything for a while.
        let mut note = vec![0; 506];
        note[0] = 100;
        fs::write(root().join(".lock"), note).unwrap();
        // What a killed builder left, with nearly all the room that there is.
        let debris = root().join(".gone.pond.new");
        fs::write(&debris, vec![1; 1 << 20]).unwrap_err();
        assert!(fs::metadata(&debris).unwrap().len() > 900 << 10);
        let mut plan = plan(Lifetime::UntilUnlinked);
        plan.participants = 1000; // 192 bytes each
        drop(Segment::<Growing>::create(NAME, plan).unwrap());
        assert!(!debris.exists());
    });
}
