//! Names and places of segments, which are to be the same on every system: capital letters, names that
//! some system reserves, long paths, and what is left of a name that was taken away.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use millpond::{Board, BoardOptions, Error, Lifetime, Pool, PoolOptions};

use crate::child::Child;
use crate::experience::Experience;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "names",
    trials: named![
        names_that_differ_in_capitals_are_different,
        names_that_some_system_reserves_are_refused_on_all,
        a_root_with_a_long_path_is_as_good_as_another,
        a_relative_root_is_refused_with_the_reason,
        an_unlinked_segment_goes_with_its_last_handle,
        a_name_is_free_while_others_have_what_it_meant,
    ],
    roles: named![life_of_a_segment, lost],
    ..Part::EMPTY
};

const NAME: &str = "run/pool";

fn options(lifetime: Lifetime) -> PoolOptions {
    PoolOptions::new(100).lifetime(lifetime)
}

fn root() -> PathBuf {
    PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"))
}

/// What is in the root directory, the lock's file aside.
fn left() -> Vec<String> {
    let entries = fs::read_dir(root()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != ".lock").collect()
}

fn listed() -> Vec<String> {
    let found = millpond::list(None).unwrap();
    found.into_iter().map(|segment| segment.name).collect()
}

fn names_that_differ_in_capitals_are_different() {
    let names = ["Run-A/CartPole", "Run-A/cartpole", "run-a/CARTPOLE"];
    for (number, name) in names.iter().enumerate() {
        let board = Board::<u64>::create(name, BoardOptions::new(1)).unwrap();
        board.publish(&[number as u64]).unwrap();
    }
    for (number, name) in names.iter().enumerate() {
        let mut value = [0];
        let board = Board::<u64>::open(name).unwrap();
        board.fetch(&mut value).unwrap();
        assert_eq!(value, [number as u64], "{name}");
    }
    let missing = Board::<u64>::open("RUN-A/cartpole").unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    assert_eq!(listed(), names);
    assert_eq!(millpond::unlink_all("Run-A").unwrap(), 2);
    assert_eq!(listed(), names[2..]);
}

fn names_that_some_system_reserves_are_refused_on_all() {
    for name in [
        "nul",
        "CON",
        "aux.pool",
        "run/com1",
        "LPT9/pool",
        "run.",
        "run ",
        "a:b",
        "a?",
        r"a\b",
    ] {
        let error = Pool::<u64>::create(name, options(Lifetime::UntilUnlinked)).unwrap_err();
        assert!(
            matches!(error, Error::InvalidName { .. }),
            "{name}: {error}"
        );
        let error = millpond::unlink(name).unwrap_err();
        assert!(
            matches!(error, Error::InvalidName { .. }),
            "{name}: {error}"
        );
    }
    assert!(!root().exists(), "something was made");
}

/// Without more ado, Windows allows 260 characters ("Maximum Path Length Limitation").
fn a_root_with_a_long_path_is_as_good_as_another() {
    let long = (0..6).fold(root(), |path, _| path.join("x".repeat(60)));
    assert!(long.as_os_str().len() > 360);
    let mut command = Command::new(env::current_exe().unwrap());
    command.env("MILLPOND_DIR", &long);
    let child = Child::start_by(command, "names::life_of_a_segment", &[]);
    let name = "n".repeat(64);
    let expected = format!("{name}/{name}");
    assert_eq!(child.ended(), [expected]);
    let entries = fs::read_dir(&long).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [".lock"]);
}

fn a_relative_root_is_refused_with_the_reason() {
    let place = root().with_file_name("elsewhere");
    fs::create_dir(&place).unwrap();
    for relative in ["segments", "./segments", ".", "../elsewhere"] {
        let mut command = Command::new(env::current_exe().unwrap());
        command.env("MILLPOND_DIR", relative).current_dir(&place);
        let said = Child::start_by(command, "names::lost", &[]).ended();
        assert_eq!(said.len(), 3, "{said:?}");
        for said in said {
            for part in ["MILLPOND_DIR", &format!("`{relative}`"), "an absolute path"] {
                assert!(said.contains(part), "no {part} in: {said}");
            }
        }
    }
    assert_eq!(
        fs::read_dir(&place).unwrap().count(),
        0,
        "something was made"
    );
}

/// Looks for a segment, creates one, and lists all.
fn lost() {
    let refused = [
        Pool::<u64>::open(NAME).err(),
        Pool::<u64>::create(NAME, options(Lifetime::UntilUnlinked)).err(),
        millpond::list(None).err(),
    ];
    for error in refused {
        println!("{}", error.expect("a path that is not absolute"));
    }
}

/// Creates a segment with a long name, has another process attach, lists and removes it.
fn life_of_a_segment() {
    let name = "n".repeat(64);
    let name = format!("{name}/{name}");
    let pool = Pool::<Experience>::create(&name, options(Lifetime::UntilUnlinked)).unwrap();
    let mut guest = Child::start("guest::attached", &[&name]);
    guest.expect("attached");
    assert_eq!(pool.participants().unwrap().len(), 2);
    assert_eq!(listed(), [name.as_str()]);
    println!("{name}");
    millpond::unlink(&name).unwrap();
    guest.finish();
}

fn an_unlinked_segment_goes_with_its_last_handle() {
    for lifetime in [Lifetime::WhileAttached, Lifetime::UntilUnlinked] {
        let pool = Pool::<Experience>::create(NAME, options(lifetime)).unwrap();
        let mut guest = Child::start("guest::attached", &[&NAME]);
        guest.expect("attached");
        millpond::unlink(NAME).unwrap();
        assert_eq!(millpond::list(None).unwrap(), []);
        assert!(!root().join("run").exists(), "its directory is in the way");
        drop(pool);
        guest.finish();
        assert_eq!(left(), [""; 0], "nobody has it any more");
    }
    drop(Pool::<u64>::create(NAME, options(Lifetime::WhileAttached)).unwrap());
    assert_eq!(left(), [""; 0], "nobody has it any more");
}

fn a_name_is_free_while_others_have_what_it_meant() {
    let mut guests = Vec::new();
    let mut pools = Vec::new();
    for number in 0..10 {
        let pool = Pool::create(NAME, options(Lifetime::UntilUnlinked)).unwrap();
        pool.insert(&Experience::new(0, 0, number)).unwrap();
        let mut guest = Child::start("guest::attached", &[&NAME]);
        guest.expect("attached");
        guests.push(guest);
        pools.push(pool);
        millpond::unlink(NAME).unwrap();
        assert_eq!(listed(), [""; 0]);
    }
    for (number, pool) in pools.iter().enumerate() {
        let record = pool.get(0).unwrap().unwrap();
        assert_eq!(record.sequence, number as u64);
        assert_eq!(pool.participants().unwrap().len(), 2);
    }
    // However they end, whoever looks next finds nothing.
    guests.into_iter().for_each(Child::kill);
    drop(pools);
    assert_eq!(listed(), [""; 0]);
    assert_eq!(left(), [""; 0]);
}
