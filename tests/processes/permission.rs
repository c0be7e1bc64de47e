//! Directories and files that cannot be trusted or opened: each is an error that says what to do.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use millpond::{Error, Pool, PoolOptions};
use nix::unistd::{Uid, geteuid, setuid};

use crate::child::Child;
use crate::orders::argument;
use crate::stage::{Part, named};

/// What needs no other user.
pub const OWN: Part = Part {
    name: "permission",
    trials: named![
        a_directory_that_others_may_enter_is_refused,
        a_directory_behind_a_link_is_refused,
        a_file_in_place_of_the_directory_is_refused,
        a_segment_behind_a_link_is_not_opened,
    ],
    roles: named![visitor],
    ..Part::EMPTY
};

/// What needs another user, which only root can become.
pub const STRANGERS: Part = Part {
    name: "strangers",
    obstacle: not_root,
    trials: named![
        another_users_directory_is_refused,
        another_users_segment_is_not_opened,
        a_directory_that_cannot_be_made_is_an_error,
        what_another_user_has_inside_is_left_alone,
    ],
    ..Part::EMPTY
};

/// A user who owns nothing: `nobody` on most systems.
const STRANGER: u32 = 65534;

pub fn not_root() -> Option<String> {
    match geteuid().is_root() {
        true => None,
        false => Some("only root can run processes of another user".into()),
    }
}

/// A fresh path beside the segment directory of this trial.
pub fn place() -> PathBuf {
    let root = PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"));
    root.with_file_name("place")
}

pub fn make(directory: &Path, mode: u32) {
    fs::create_dir(directory).unwrap();
    fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
}

/// What a process of user `user` says that opens or creates a pool in `directory`.
fn visit(directory: &Path, user: u32) -> String {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env("MILLPOND_DIR", directory);
    let visitor = Child::start_by(command, "permission::visitor", &[&user]);
    visitor.ended().join("\n")
}

fn visit_as_oneself(directory: &Path) -> String {
    visit(directory, geteuid().as_raw())
}

/// Becomes the user of its first argument, and tries.
fn visitor() {
    let user = argument(0);
    if user != geteuid().as_raw() {
        setuid(Uid::from_raw(user)).unwrap();
    }
    match Pool::<u64>::open_or_create("pool", PoolOptions::new(10)) {
        Ok(pool) => println!("welcome, {}", pool.insert(&1).unwrap()),
        Err(error @ Error::UntrustedDirectory { .. }) => println!("untrusted: {error}"),
        Err(error @ Error::System { .. }) => println!("system: {error}"),
        Err(error) => println!("other: {error:?}"),
    }
}

#[track_caller]
pub fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

fn a_directory_that_others_may_enter_is_refused() {
    for mode in [0o755, 0o750, 0o701, 0o777] {
        make(&place(), mode);
        let said = visit_as_oneself(&place());
        let mode = format!("{mode:04o}");
        let path = place().display().to_string();
        assert_says(
            &said,
            &["untrusted:", &path, &mode, "chmod 700", "MILLPOND_DIR"],
        );
        fs::remove_dir(place()).unwrap();
    }
    make(&place(), 0o700);
    assert_eq!(visit_as_oneself(&place()), "welcome, 0");
}

fn a_directory_behind_a_link_is_refused() {
    let real = place().with_file_name("real");
    make(&real, 0o700);
    symlink(&real, place()).unwrap();
    let said = visit_as_oneself(&place());
    assert_says(
        &said,
        &["untrusted:", "symbolic link", "name the directory itself"],
    );
    assert_eq!(visit_as_oneself(&real), "welcome, 0");
}

fn a_file_in_place_of_the_directory_is_refused() {
    fs::write(place(), "a file").unwrap();
    let said = visit_as_oneself(&place());
    assert_says(
        &said,
        &["untrusted:", "not a directory", "choose another path"],
    );
    let said = visit_as_oneself(&place().join("below"));
    assert_says(&said, &["system: cannot create", "place/below"]);
    assert_eq!(fs::read_to_string(place()).unwrap(), "a file");
}

fn a_segment_behind_a_link_is_not_opened() {
    make(&place(), 0o700);
    assert_eq!(visit_as_oneself(&place()), "welcome, 0");
    let real = place().with_file_name("real");
    fs::rename(place().join("pool.pond"), &real).unwrap();
    symlink(&real, place().join("pool.pond")).unwrap();
    assert_says(
        &visit_as_oneself(&place()),
        &["system: cannot open", "pool.pond"],
    );
    assert!(real.exists());
}

fn another_users_directory_is_refused() {
    make(&place(), 0o700);
    let said = visit(&place(), STRANGER);
    assert_says(
        &said,
        &["untrusted:", "belongs to user 0", "runs as user 65534"],
    );
    chown(place(), Some(STRANGER), None).unwrap();
    let said = visit(&place(), 0);
    assert_says(
        &said,
        &["untrusted:", "belongs to user 65534", "runs as user 0"],
    );
    assert_says(&said, &["choose another path", "MILLPOND_DIR"]);
    assert_eq!(visit(&place(), STRANGER), "welcome, 0");
}

fn another_users_segment_is_not_opened() {
    make(&place(), 0o700);
    chown(place(), Some(STRANGER), None).unwrap();
    assert_eq!(visit(&place(), STRANGER), "welcome, 0");
    for file in ["pool.pond", ".lock"] {
        chown(place().join(file), Some(0), None).unwrap();
        if file == ".lock" {
            // To create one, the lock is needed.
            fs::remove_file(place().join("pool.pond")).unwrap();
        }
        let said = visit(&place(), STRANGER);
        assert_says(
            &said,
            &["system: cannot open", file, "belongs to another user"],
        );
    }
}

fn a_directory_that_cannot_be_made_is_an_error() {
    make(&place(), 0o755);
    let said = visit(&place().join("mine"), STRANGER);
    assert_says(
        &said,
        &["system: cannot create", "place/mine", "of your own"],
    );
    let closed = place().join("closed");
    make(&closed, 0o700);
    let said = visit(&closed.join("mine"), STRANGER);
    assert_says(&said, &["system:", "closed/mine", "of your own"]);
}

fn what_another_user_has_inside_is_left_alone() {
    make(&place(), 0o700);
    make(&place().join("closed"), 0o700);
    chown(place(), Some(STRANGER), None).unwrap();
    assert_eq!(visit(&place(), STRANGER), "welcome, 0");
    assert!(place().join("closed").is_dir());
}
