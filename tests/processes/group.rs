//! A directory that a group shares: its members attach to what any of them made, and clean up after
//! each other; everybody else is kept out. Only root can become all of them.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use millpond::{Error, Pool, PoolOptions, Result};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::permission::{assert_says, make, not_root, place};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "group",
    obstacle: not_root,
    trials: named![
        members_share_what_any_of_them_made,
        a_stranger_is_kept_out,
        a_directory_that_is_not_the_groups_is_refused,
        what_a_killed_member_left_half_made_is_in_nobodys_way,
        a_group_that_does_not_exist_is_an_error,
    ],
    roles: named![visitor],
    ..Part::EMPTY
};

/// A group, and users whose own groups are others.
const GROUP: u32 = 54_321;
const USERS: [u32; 2] = [60_001, 60_002];
const STRANGER: u32 = 65_534;

fn share(directory: &Path, mode: u32) {
    make(directory, mode);
    chown(directory, None, Some(GROUP)).unwrap();
    // Giving it away takes the bit for the group away.
    fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
}

/// Starts a process of user `user` that is in `group` beside its own.
fn start_as(user: u32, group: u32) -> Child {
    start_with(user, group, &GROUP.to_string())
}

fn start_with(user: u32, group: u32, variable: &str) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env("MILLPOND_DIR", place());
    command.env("MILLPOND_GROUP", variable);
    Child::start_by(command, "group::visitor", &[&user, &group])
}

/// Becomes a user, and does what it is told.
fn visitor() {
    let orders = Orders::listen();
    let (user, group): (u32, u32) = (argument(0), argument(1));
    setgroups(&[Gid::from_raw(group)]).unwrap();
    setgid(Gid::from_raw(user)).unwrap();
    setuid(Uid::from_raw(user)).unwrap();
    // Nothing for anybody, if the library did not say otherwise.
    umask(Mode::from_bits_truncate(0o077));
    let mut pool = None;
    loop {
        let order = orders.next();
        let done = match order.as_str() {
            "create" => attach(&mut pool, Pool::create("run/pool", PoolOptions::new(100))),
            "open" => attach(&mut pool, Pool::open("run/pool")),
            "count" => count(pool.as_ref()),
            "unlink" => millpond::unlink("run/pool").map(|()| "unlinked".into()),
            "list" => millpond::list(None).map(|listed| format!("listed {}", listed.len())),
            _ => return,
        };
        println!("{}", done.unwrap_or_else(describe));
    }
}

fn attach(pool: &mut Option<Pool<u64>>, attached: Result<Pool<u64>>) -> Result<String> {
    Ok(format!("inserted {}", pool.insert(attached?).insert(&1)?))
}

fn count(pool: Option<&Pool<u64>>) -> Result<String> {
    let listed = pool.expect("a pool").participants()?;
    Ok(format!("{} attached", listed.len()))
}

fn describe(error: Error) -> String {
    let kind = match error {
        Error::UntrustedDirectory { .. } => "untrusted",
        Error::System { .. } => "system",
        _ => "other",
    };
    format!("{kind}: {error}")
}

fn ask(child: &mut Child, order: &str) -> String {
    child.tell(order);
    child.line()
}

/// What a member says to an order.
fn say(user: u32, order: &str) -> String {
    ask(&mut start_as(user, GROUP), order)
}

#[track_caller]
fn assert_shared(path: &Path, mode: u32) {
    let found = fs::metadata(path).unwrap();
    assert_eq!(found.mode() & 0o7777, mode, "{}", path.display());
    assert_eq!(found.gid(), GROUP, "{}", path.display());
}

fn members_share_what_any_of_them_made() {
    for mode in [0o2770, 0o770] {
        share(&place(), mode);
        let mut first = start_as(USERS[0], GROUP);
        let mut second = start_as(USERS[1], GROUP);
        assert_eq!(ask(&mut first, "create"), "inserted 0");
        assert_shared(&place().join("run"), 0o2770);
        assert_shared(&place().join("run/pool.pond"), 0o660);
        assert_shared(&place().join(".lock"), 0o660);
        assert_eq!(ask(&mut second, "open"), "inserted 1");
        assert_eq!(ask(&mut first, "count"), "2 attached");
        first.kill();
        assert_eq!(ask(&mut second, "count"), "1 attached");
        assert_eq!(ask(&mut second, "unlink"), "unlinked");
        assert_eq!(ask(&mut second, "create"), "inserted 0");
        assert_eq!(say(USERS[0], "list"), "listed 1");
        assert_eq!(say(USERS[0], "unlink"), "unlinked");
        assert!(!place().join("run").exists());
        second.finish();
        fs::remove_dir_all(place()).unwrap();
    }
}

fn a_stranger_is_kept_out() {
    share(&place(), 0o2770);
    let mut member = start_as(USERS[0], GROUP);
    assert_eq!(ask(&mut member, "create"), "inserted 0");
    // Whether or not it names the group.
    for (variable, kind) in [("54321", "system:"), ("", "untrusted:")] {
        for order in ["open", "create", "unlink", "list"] {
            let said = ask(&mut start_with(STRANGER, STRANGER, variable), order);
            assert_says(&said, &[kind, "place", "MILLPOND_DIR"]);
        }
    }
    assert_eq!(ask(&mut member, "count"), "1 attached");
    assert_eq!(say(USERS[1], "open"), "inserted 1");
}

fn a_directory_that_is_not_the_groups_is_refused() {
    let missing = say(USERS[0], "create");
    assert_says(
        &missing,
        &[
            "untrusted:",
            "does not exist",
            "install -d -m 2770 -g 54321",
        ],
    );
    for mode in [0o2777, 0o2775, 0o2771, 0o750, 0o700, 0o3770] {
        share(&place(), mode);
        let mode = format!("{mode:04o}");
        let said = say(USERS[0], "create");
        assert_says(&said, &["untrusted:", &mode, "chmod 2770"]);
        fs::remove_dir(place()).unwrap();
    }
    make(&place(), 0o2770);
    let said = say(USERS[0], "create");
    assert_says(
        &said,
        &["untrusted:", "belongs to group 0", "is 54321", "chgrp"],
    );
    fs::remove_dir(place()).unwrap();

    let real = place().with_file_name("real");
    share(&real, 0o2770);
    symlink(&real, place()).unwrap();
    assert_says(&say(USERS[0], "create"), &["untrusted:", "symbolic link"]);
    fs::remove_file(place()).unwrap();
    fs::write(place(), "a file").unwrap();
    assert_says(&say(USERS[0], "create"), &["untrusted:", "not a directory"]);
}

/// The states between making something and letting the group in.
fn what_a_killed_member_left_half_made_is_in_nobodys_way() {
    share(&place(), 0o2770);
    let own = |path: &Path, mode| {
        chown(path, Some(USERS[0]), Some(GROUP)).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    let lock = place().join(".0123456789abcdef.dead");
    fs::write(&lock, "").unwrap();
    own(&lock, 0o600);
    make(&place().join("run"), 0o700);
    own(&place().join("run"), 0o2700);
    assert_eq!(say(USERS[1], "create"), "inserted 0");
    assert!(!lock.exists());
    assert_eq!(say(USERS[1], "unlink"), "unlinked");

    let unfinished = place().join("run/.pool.pond.new");
    share(&place().join("run"), 0o2770);
    fs::write(&unfinished, "").unwrap();
    own(&unfinished, 0o600);
    assert_eq!(say(USERS[1], "create"), "inserted 0");
    assert!(!unfinished.exists());
}

fn a_group_that_does_not_exist_is_an_error() {
    share(&place(), 0o2770);
    for variable in ["no-such-group", "-1", "4294967296"] {
        let said = ask(&mut start_with(USERS[0], GROUP, variable), "create");
        assert_says(
            &said,
            &[
                "other: MILLPOND_GROUP is",
                variable,
                "the name or the number",
            ],
        );
    }
}
