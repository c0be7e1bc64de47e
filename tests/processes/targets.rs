//! Files that snapshots and read-only structures are written to and read from: what is not a regular file is left
//! alone, and nobody else's file is written to.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use millpond::{Archive, Error, Lookup, Pool, PoolOptions, Trie};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::permission::{not_root, place};
use crate::stage::{Part, named};

/// What any user can try.
pub const OWN: Part = Part {
    name: "targets",
    trials: named![
        what_is_no_regular_file_is_not_replaced,
        what_is_no_regular_file_is_not_read,
        a_path_without_a_file_name_is_refused,
        nothing_is_written_through_links_in_the_way,
        what_a_killed_writer_left_is_removed_and_not_used_again,
        a_file_that_is_removed_while_it_is_written_is_an_error,
        a_link_is_replaced_and_the_file_that_it_leads_to_stays,
    ],
    ..Part::EMPTY
};

/// What needs a device, or another user's file, which only root can make.
pub const ROOT: Part = Part {
    name: "targets_of_root",
    obstacle: not_root,
    trials: named![
        a_device_is_neither_replaced_nor_read,
        what_another_user_has_put_in_the_way_is_not_used,
    ],
    ..Part::EMPTY
};

/// A user who owns nothing: `nobody` on most systems.
const STRANGER: u32 = 65534;

fn pool() -> Pool<u64> {
    let pool = Pool::anonymous(PoolOptions::new(100)).unwrap();
    pool.insert_batch(&[7, 8, 9]).unwrap();
    pool
}

/// What each way to write a file answers.
fn write(path: &Path) -> [Result<(), Error>; 4] {
    [
        pool().save(path).map(drop),
        Lookup::<u64, u64>::publish(path, [(1, 2)]).map(drop),
        Trie::publish(path, [("one", 1)]).map(drop),
        Archive::publish(path, &vec![1u8]).map(drop),
    ]
}

/// What each way to read a file answers.
fn read(path: &Path) -> [Result<(), Error>; 4] {
    [
        pool().load(path).map(drop),
        Lookup::<u64, u64>::open(path).map(drop),
        Trie::open(path).map(drop),
        Archive::<Vec<u8>>::open(path).map(drop),
    ]
}

/// Each of them is an error with these words.
#[track_caller]
fn refuse(answers: [Result<(), Error>; 4], words: &str) {
    for answer in answers {
        let error = answer.expect_err(words).to_string();
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

fn directory() -> PathBuf {
    let place = place();
    fs::create_dir(&place).unwrap();
    place
}

/// The names of the files in a directory.
fn names(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A directory, a FIFO and a socket in `place`, and a link to each; with the words for it.
fn irregular(place: &Path) -> Vec<(PathBuf, &'static str)> {
    let path = |name| place.join(name);
    fs::create_dir(path("directory")).unwrap();
    mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
    // It stays when it is closed.
    drop(UnixListener::bind(path("socket")).unwrap());
    let kinds = [
        ("directory", "a directory"),
        ("fifo", "a FIFO"),
        ("socket", "a socket"),
    ];
    let linked = kinds.map(|(kind, words)| {
        let link = path("link-to-").with_file_name(format!("link-to-{kind}"));
        symlink(kind, &link).unwrap();
        (link, words)
    });
    kinds
        .map(|(kind, words)| (path(kind), words))
        .into_iter()
        .chain(linked)
        .collect()
}

fn what_is_no_regular_file_is_not_replaced() {
    let place = directory();
    let irregular = irregular(&place);
    let before = names(&place);
    for (path, words) in &irregular {
        let kind = fs::symlink_metadata(path).unwrap().file_type();
        refuse(write(path), words);
        assert_eq!(fs::symlink_metadata(path).unwrap().file_type(), kind);
    }
    assert_eq!(names(&place), before);
}

fn what_is_no_regular_file_is_not_read() {
    for (path, words) in irregular(&directory()) {
        refuse(read(&path), words);
    }
    refuse(read(Path::new("/dev/null")), "a character device");
    refuse(read(Path::new("/dev/stdin")), "a character device");
}

fn a_path_without_a_file_name_is_refused() {
    let place = directory();
    std::env::set_current_dir(&place).unwrap();
    for path in [".", "..", "/"] {
        refuse(
            write(Path::new(path)),
            "it is a directory, not a regular file; name a file in it",
        );
        refuse(read(Path::new(path)), "a directory");
    }
    let saved = pool().save("").unwrap_err().to_string();
    assert!(saved.contains("it names no file"), "{saved}");
    refuse(write(&place.join("missing/")), "it names no file");
    assert!(names(&place).is_empty());
}

fn nothing_is_written_through_links_in_the_way() {
    let place = directory();
    let (path, victim) = (place.join("saved"), place.join("victim"));
    let in_the_way = place.join("saved.saving");
    fs::write(&victim, "the victim").unwrap();
    symlink(&victim, &in_the_way).unwrap();
    refuse(
        write(&path),
        "saved.saving is in the way (it is a symbolic link",
    );
    fs::remove_file(&in_the_way).unwrap();
    fs::hard_link(&victim, &in_the_way).unwrap();
    refuse(
        write(&path),
        "saved.saving is in the way (the file has 2 names",
    );
    fs::remove_file(&in_the_way).unwrap();
    mkfifo(&in_the_way, Mode::S_IRWXU).unwrap();
    refuse(write(&path), "saved.saving is in the way (it is a FIFO");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "the victim");
    assert_eq!(names(&place), ["saved.saving", "victim"]);
    // And it is what to do.
    fs::remove_file(&in_the_way).unwrap();
    write(&path).into_iter().for_each(Result::unwrap);
    assert_eq!(names(&place), ["saved", "victim"]);
}

fn what_a_killed_writer_left_is_removed_and_not_used_again() {
    let place = directory();
    let (path, left) = (place.join("saved"), place.join("saved.saving"));
    for writes in 0..4 {
        fs::write(&left, vec![7; 3 << 20]).unwrap();
        fs::set_permissions(&left, Permissions::from_mode(0o666)).unwrap();
        let open = fs::OpenOptions::new().write(true).open(&left).unwrap();
        match writes {
            0 => drop(pool().save(&path).unwrap()),
            1 => drop(Lookup::<u64, u64>::publish(&path, [(1, 2)]).unwrap()),
            2 => drop(Trie::publish(&path, [("one", 1)]).unwrap()),
            _ => drop(Archive::publish(&path, &vec![1u8]).unwrap()),
        }
        let (found, old) = (fs::metadata(&path).unwrap(), open.metadata().unwrap());
        assert_ne!(
            found.ino(),
            old.ino(),
            "a process that has it open could write to it"
        );
        assert_eq!((old.nlink(), found.mode() & 0o7777), (0, 0o600));
        assert_eq!(names(&place), ["saved"]);
    }
}

fn a_file_that_is_removed_while_it_is_written_is_an_error() {
    let place = directory();
    let (path, temporary) = (place.join("saved"), place.join("saved.saving"));
    let saved = pool().save_with(&path, |_, _| {
        fs::remove_file(&temporary).unwrap();
        fs::write(&temporary, "another's").unwrap();
        std::ops::ControlFlow::Continue(())
    });
    let error = saved.unwrap_err().to_string();
    assert!(error.contains("another process removed"), "{error}");
    assert_eq!(names(&place), ["saved.saving"]);
    assert_eq!(fs::read_to_string(&temporary).unwrap(), "another's");
}

fn a_link_is_replaced_and_the_file_that_it_leads_to_stays() {
    let place = directory();
    let (file, link, nowhere) = (
        place.join("file"),
        place.join("link"),
        place.join("nowhere"),
    );
    fs::write(&file, "as it was").unwrap();
    symlink("file", &link).unwrap();
    symlink("missing", &nowhere).unwrap();
    for path in [&link, &nowhere] {
        pool().save(path).unwrap();
        assert!(fs::symlink_metadata(path).unwrap().is_file());
        assert_eq!(pool().load(path).unwrap().records, 3);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
    assert_eq!(names(&place), ["file", "link", "nowhere"]);
}

fn a_device_is_neither_replaced_nor_read() {
    let place = directory();
    // As /dev/null and /dev/loop255 are, which is no device that anybody has.
    for (kind, numbers, words) in [
        ("c", ["1", "3"], "a character device"),
        ("b", ["7", "255"], "a block device"),
    ] {
        let path = place.join(kind);
        let made = Command::new("mknod")
            .arg(&path)
            .arg(kind)
            .args(numbers)
            .status();
        assert!(made.unwrap().success());
        refuse(write(&path), words);
        refuse(read(&path), words);
        let found = fs::symlink_metadata(&path).unwrap().file_type();
        assert!(found.is_char_device() || found.is_block_device());
    }
    assert_eq!(names(&place), ["b", "c"]);
}

fn what_another_user_has_put_in_the_way_is_not_used() {
    let place = directory();
    fs::set_permissions(&place, Permissions::from_mode(0o1777)).unwrap();
    let (path, in_the_way) = (place.join("saved"), place.join("saved.saving"));
    fs::write(&in_the_way, "a stranger's").unwrap();
    fs::set_permissions(&in_the_way, Permissions::from_mode(0o666)).unwrap();
    chown(&in_the_way, Some(STRANGER), Some(STRANGER)).unwrap();
    refuse(
        write(&path),
        "saved.saving is in the way (it belongs to user 65534",
    );
    assert_eq!(fs::read_to_string(&in_the_way).unwrap(), "a stranger's");
    assert_eq!(names(&place), ["saved.saving"]);
}
