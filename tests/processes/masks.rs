//! Masks of file modes (`umask`) that take bits from the owner: what is made under them can be used by the
//! user who made it, and what an earlier version made under them is put right.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use millpond::readonly::PublishOptions;
use millpond::{ArrayDict, DictOptions, Lookup, Pool, PoolOptions};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Uid, geteuid, setuid};

use crate::child::Child;
use crate::orders::argument;
use crate::permission::{make, place};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "masks",
    trials: named![
        what_is_made_under_any_mask_can_be_used,
        what_an_earlier_version_made_unusable_is_put_right,
    ],
    roles: named![maker, user],
    ..Part::EMPTY
};

/// A user to whom modes mean something: root is let in everywhere.
const USER: u32 = 65_534;
const MASKS: [u32; 4] = [0o177, 0o277, 0o777, 0o022];

/// A directory that the user of these trials owns, and the path of a root that is not there yet.
fn prepare() -> PathBuf {
    make(&place(), 0o700);
    if geteuid().is_root() {
        chown(place(), Some(USER), None).unwrap();
    }
    place().join("above/pond")
}

/// Runs a role as that user under a mask, to its end.
fn run(role: &str, root: &Path, mask: u32) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env("MILLPOND_DIR", root);
    let child = Child::start_by(command, &format!("masks::{role}"), &[&mask]);
    assert_eq!(child.ended(), ["done"], "{role} under {mask:04o}");
}

fn begin() {
    if geteuid().is_root() {
        setuid(Uid::from_raw(USER)).unwrap();
    }
    umask(Mode::from_bits_truncate(argument(0)));
}

/// What [`prepare`] made, as the roles find it.
fn beside() -> PathBuf {
    let root = PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"));
    root.ancestors().nth(2).expect("a directory above").into()
}

/// Makes everything that lies in files, and uses it.
fn maker() {
    begin();
    let file = beside().join("lookup");
    let pool = Pool::<u64>::create("run/pool", PoolOptions::new(100)).unwrap();
    pool.insert(&1).unwrap();
    pool.save(beside().join("snapshot")).unwrap();
    let dict = ArrayDict::<u64, u64>::create("run/dict", DictOptions::new(8)).unwrap();
    dict.insert(1, &2).unwrap();
    // Sorted in temporary files.
    let options = PublishOptions::new().memory(1 << 16).scratch(beside());
    let pairs = || (0..20_000_u64).map(|key| (key, key + 1));
    Lookup::publish_with("run/lookup", &options, pairs()).unwrap();
    Lookup::publish_with(file.as_path(), &options, pairs()).unwrap();
    ArrayDict::<u64, u64>::anonymous(DictOptions::new(8))
        .unwrap()
        .insert(1, &2)
        .unwrap();
    println!("done");
}

/// Uses what was made, and makes some more.
fn user() {
    begin();
    assert_eq!(millpond::list(None).unwrap().len(), 3);
    assert_eq!(
        Pool::<u64>::open("run/pool").unwrap().get(0).unwrap(),
        Some(1)
    );
    let dict = ArrayDict::<u64, u64>::open("run/dict").unwrap();
    assert_eq!(dict.get(&1).unwrap(), Some(2));
    for place in [
        "run/lookup".into(),
        millpond::readonly::Place::from(beside().join("lookup")),
    ] {
        let lookup = Lookup::<u64, u64>::open(place).unwrap();
        assert_eq!(lookup.get(&19_999), Some(&20_000));
    }
    let loaded = Pool::<u64>::create("run/loaded", PoolOptions::new(100)).unwrap();
    loaded.load(beside().join("snapshot")).unwrap();
    assert_eq!(loaded.len(), 1);
    assert_eq!(millpond::unlink_all("run").unwrap(), 4);
    println!("done");
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn what_is_made_under_any_mask_can_be_used() {
    for mask in MASKS {
        let root = prepare();
        run("maker", &root, mask);
        assert_eq!(mode(&root), 0o700);
        assert_eq!(mode(&root.join("run")), 0o700);
        for file in [".lock", "run/pool.pond", "run/dict.pond"] {
            assert_eq!(mode(&root.join(file)), 0o600, "{file} under {mask:04o}");
        }
        run("user", &root, mask);
        fs::remove_dir_all(place()).unwrap();
    }
}

fn what_an_earlier_version_made_unusable_is_put_right() {
    for mask in MASKS {
        let root = prepare();
        run("maker", &root, 0o022);
        let cut = |path: &Path| {
            fs::set_permissions(path, Permissions::from_mode(mode(path) & !mask)).unwrap();
        };
        let run_directory = root.join("run");
        for entry in fs::read_dir(&run_directory).unwrap() {
            cut(&entry.unwrap().path());
        }
        [root.join(".lock"), run_directory, root.clone()]
            .iter()
            .for_each(|path| cut(path));
        run("user", &root, 0o022);
        fs::remove_dir_all(place()).unwrap();
    }
}
