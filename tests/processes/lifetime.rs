//! How long segments stay: with their last process, or until they are unlinked; and what removing
//! one means for those who have it.

use std::time::Duration;
use std::{env, fs};

use millpond::{Board, BoardOptions, Error, Lifetime, Pool, PoolOptions};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "lifetime",
    trials: named![
        a_segment_for_the_attached_goes_with_the_last_handle,
        a_segment_for_the_attached_goes_with_its_killed_processes,
        a_segment_until_unlinked_outlives_every_process,
        those_who_have_an_unlinked_segment_go_on,
        a_new_segment_of_an_old_name_is_another_one,
        dropping_an_old_handle_leaves_the_new_segment,
        runs_are_listed_and_removed_together,
        files_of_others_are_left_alone,
    ],
    roles: named![owner],
    ..Part::EMPTY
};

const NAME: &str = "life/pool";
const CAPACITY: usize = 100;
const HANG: Duration = Duration::from_secs(20);

fn options(lifetime: Lifetime) -> PoolOptions {
    PoolOptions::new(CAPACITY).lifetime(lifetime)
}

fn create(lifetime: Lifetime) -> Pool<Experience> {
    Pool::create(NAME, options(lifetime)).unwrap()
}

fn open() -> Result<Pool<Experience>, Error> {
    Pool::open(NAME)
}

fn record(sequence: u64) -> Experience {
    Experience::new(UNKNOWN, 0, sequence)
}

#[track_caller]
fn assert_gone() {
    let found = open();
    assert!(matches!(found, Err(Error::NotFound { .. })), "{found:?}");
    assert_eq!(millpond::list(None).unwrap(), []);
}

/// Creates a pool with one record, and stays attached until it is told to go.
fn owner() {
    let orders = Orders::listen();
    let lifetime = match argument::<String>(0).as_str() {
        "attached" => Lifetime::WhileAttached,
        _ => Lifetime::UntilUnlinked,
    };
    let pool = create(lifetime);
    pool.insert(&record(7)).unwrap();
    println!("created");
    orders.next();
}

fn a_segment_for_the_attached_goes_with_the_last_handle() {
    let pool = create(Lifetime::WhileAttached);
    let mut guest = Child::start("guest::attached", &[&NAME]);
    guest.expect("attached");
    drop(pool);
    let clone = open().unwrap().clone();
    guest.finish();
    let listed = millpond::list(Some("life")).unwrap();
    assert_eq!(listed[0].participants, 1);
    drop(clone);
    assert_gone();
    create(Lifetime::WhileAttached);
    assert_gone();
}

fn a_segment_for_the_attached_goes_with_its_killed_processes() {
    for kind_of_look in 0..4 {
        let mut owner = Child::start("lifetime::owner", &[&"attached"]);
        owner.expect("created");
        let mut guest = Child::start("guest::attached", &[&NAME]);
        guest.expect("attached");
        owner.kill();
        assert_eq!(open().unwrap().len(), 1, "a guest is left");
        guest.kill();
        match kind_of_look {
            0 => assert_gone(),
            1 => assert_eq!(millpond::list(None).unwrap(), []),
            2 => drop(create(Lifetime::WhileAttached)),
            _ => {
                let pool = Pool::open_or_create(NAME, options(Lifetime::WhileAttached)).unwrap();
                assert_eq!(pool.insert(&record(0)).unwrap(), 0, "a new pool");
            }
        }
        assert_gone();
    }
}

fn a_segment_until_unlinked_outlives_every_process() {
    let mut owner = Child::start("lifetime::owner", &[&"unlinked"]);
    owner.expect("created");
    owner.kill();
    let listed = millpond::list(None).unwrap();
    assert_eq!((listed.len(), listed[0].participants), (1, 0));
    let pool = open().unwrap();
    assert_eq!(pool.get(0).unwrap(), Some(record(7)));
    drop(pool);
    assert_eq!(open().unwrap().len(), 1);
    millpond::unlink(NAME).unwrap();
    assert_gone();
}

fn those_who_have_an_unlinked_segment_go_on() {
    let pool = create(Lifetime::UntilUnlinked);
    let mut guest = Child::start("guest::reserving", &[&NAME]);
    let key: u64 = guest.line().parse().unwrap();
    millpond::unlink(NAME).unwrap();
    assert_gone();
    let again = millpond::unlink(NAME).unwrap_err();
    assert!(matches!(again, Error::NotFound { .. }), "{again}");

    // The guest commits, and both see each other still.
    assert_eq!(pool.participants().unwrap().len(), 2);
    guest.tell("commit");
    pool.wait_for_len(1, HANG).unwrap();
    pool.get(key).unwrap().expect("its record").check(key);
    guest.ended();
    pool.verify().unwrap();
}

fn a_new_segment_of_an_old_name_is_another_one() {
    let old = create(Lifetime::UntilUnlinked);
    old.insert(&record(1)).unwrap();
    millpond::unlink(NAME).unwrap();
    let mut owner = Child::start("lifetime::owner", &[&"unlinked"]);
    owner.expect("created");
    let new = open().unwrap();
    assert_eq!(new.get(0).unwrap(), Some(record(7)));
    assert_eq!(old.get(0).unwrap(), Some(record(1)));
    new.insert(&record(8)).unwrap();
    assert_eq!((old.len(), new.len()), (1, 2));
    assert_eq!(old.participants().unwrap().len(), 1);
}

fn dropping_an_old_handle_leaves_the_new_segment() {
    let old = create(Lifetime::WhileAttached);
    millpond::unlink(NAME).unwrap();
    let mut owner = Child::start("lifetime::owner", &[&"attached"]);
    owner.expect("created");
    drop(old);
    assert_eq!(open().unwrap().get(0).unwrap(), Some(record(7)));
    owner.finish();
    assert_gone();
}

fn runs_are_listed_and_removed_together() {
    let pools = ["run/a", "run/b/c", "run", "running", "other/run"];
    for name in pools {
        Pool::<u64>::create(name, PoolOptions::new(10)).unwrap();
    }
    let _board = Board::<f32>::create("run/weights", BoardOptions::new(3)).unwrap();
    let listed = millpond::list(Some("run")).unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|found| (found.name.as_str(), found.kind.as_str(), found.participants))
        .collect();
    let expected = [
        ("run", "pool", 0),
        ("run/a", "pool", 0),
        ("run/b/c", "pool", 0),
        ("run/weights", "board", 1),
    ];
    assert_eq!(shown, expected);
    assert!(listed.iter().all(|found| found.bytes > 0));
    assert_eq!(millpond::unlink_all("run").unwrap(), 4);
    assert_eq!(millpond::unlink_all("run").unwrap(), 0);
    let left: Vec<_> = millpond::list(None).unwrap();
    let left: Vec<_> = left.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(left, ["other/run", "running"]);
}

/// `MILLPOND_DIR` may well be a directory in which there is something else, such as a home.
fn files_of_others_are_left_alone() {
    drop(create(Lifetime::WhileAttached));
    let root = std::path::PathBuf::from(env::var_os("MILLPOND_DIR").unwrap());
    fs::create_dir_all(root.join(".git/empty")).unwrap();
    let files = [
        ".profile",
        ".git/.config",
        "notes.txt",
        "weights.new",
        ".new",
    ];
    for file in files {
        fs::write(root.join(file), "mine").unwrap();
    }
    drop(create(Lifetime::UntilUnlinked));
    millpond::list(None).unwrap();
    millpond::unlink_all("life").unwrap();
    for file in files {
        let found = fs::read_to_string(root.join(file));
        assert_eq!(found.ok().as_deref(), Some("mine"), "{file} was removed");
    }
    assert!(root.join(".git/empty").is_dir());
}
