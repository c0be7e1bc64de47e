//! Limits, and what a user sees at each: descriptors, address space, lengths of files and of names, and
//! participants. Every refusal is an error that says so, leaves nothing behind, and is over with its cause.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io};

use millpond::{Board, BoardOptions, Error, Pool, PoolOptions, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "limits",
    trials: named![
        too_few_descriptors_are_an_error_at_every_step,
        a_name_or_a_directory_that_is_too_long_is_an_error,
        too_little_address_space_is_an_error,
        a_file_longer_than_a_process_may_write_is_an_error,
        a_table_full_of_the_killed_has_room_for_as_many_again,
    ],
    roles: named![
        creator_with_few_descriptors,
        opener_with_few_descriptors,
        lister_with_few_descriptors,
        visitor,
        cramped,
        short,
        resident,
    ],
    ..Part::EMPTY
};

const NAME: &str = "limits/run/pool";
/// Participants that there may be.
const PLACES: usize = 4;

fn root() -> PathBuf {
    PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"))
}

fn create(name: &str, capacity: usize) -> Result<Pool<u64>> {
    Pool::create(name, PoolOptions::new(capacity).participants(PLACES))
}

/// All files and directories but the lock, sorted.
fn everything_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_below(&path));
        }
        found.push(path);
    }
    found.retain(|path| !path.ends_with(".lock"));
    found.sort();
    found
}

fn too_few_descriptors_are_an_error_at_every_step() {
    let times = refuse_until_done("limits::creator_with_few_descriptors");
    println!("creating was refused {times} times");
    let _pool = create(NAME, 1000).unwrap();
    let times = refuse_until_done("limits::opener_with_few_descriptors");
    println!("opening was refused {times} times");
    let times = refuse_until_done("limits::lister_with_few_descriptors");
    println!("listing was refused {times} times");
}

/// Looks at the directory after each refusal. Says how many there were.
fn refuse_until_done(role: &str) -> usize {
    let mut child = Child::start(role, &[]);
    let before = everything_below(&root());
    let mut refusals = 0;
    loop {
        let said = child.line();
        if said == "done" {
            break;
        }
        assert!(
            said.contains("RLIMIT_NOFILE") && said.contains("ulimit -n"),
            "{said}"
        );
        assert!(said.contains(root().to_str().unwrap()), "{said}");
        assert_eq!(everything_below(&root()), before, "after: {said}");
        refusals += 1;
        child.tell("again");
    }
    child.finish();
    assert_eq!(everything_below(&root()), before);
    assert!(refusals > 0, "nothing was refused");
    refusals
}

/// Uses all descriptors up, and then tries with one more at a time.
fn with_few_descriptors<T>(attempt: impl Fn() -> Result<T>) {
    let orders = Orders::listen();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let mut ballast = Vec::new();
    let full = loop {
        match File::open("/dev/null") {
            Ok(file) => ballast.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(full.raw_os_error(), Some(nix::libc::EMFILE));
    while let Err(error) = attempt() {
        let Error::System { cause, .. } = &error else {
            panic!("another error: {error:?}");
        };
        assert_eq!(cause.raw_os_error(), Some(nix::libc::EMFILE), "{error}");
        println!("{error}");
        orders.next();
        ballast.pop().expect("success with all descriptors");
    }
    println!("done");
    orders.next();
}

fn creator_with_few_descriptors() {
    with_few_descriptors(|| {
        let pool = create(NAME, 1000)?;
        pool.insert(&1)?;
        drop(pool);
        millpond::unlink(NAME)
    });
}

fn opener_with_few_descriptors() {
    with_few_descriptors(|| {
        let pool = Pool::<u64>::open(NAME)?;
        assert_eq!(pool.participants()?.len(), 2);
        Ok(())
    });
}

/// A list is complete, or it is an error.
fn lister_with_few_descriptors() {
    with_few_descriptors(|| {
        let listed = millpond::list(None)?;
        let shown = |index: usize| {
            listed
                .get(index)
                .map(|found| (found.kind.as_str(), found.participants))
        };
        assert_eq!(
            (listed.len(), shown(0)),
            (1, Some(("pool", 1))),
            "{listed:?}"
        );
        Ok(())
    });
}

fn a_name_or_a_directory_that_is_too_long_is_an_error() {
    let component = "x".repeat(65);
    let name = ["y"; 101].join("/");
    for (name, reason) in [
        (component, "a component is longer than 64 bytes"),
        (name, "it is longer than 200 bytes"),
    ] {
        let text = create(&name, 10).unwrap_err().to_string();
        assert!(text.contains(reason) && text.contains(&name), "{text}");
    }
    create(&"z".repeat(64), 10).unwrap();
    create(&["y"; 100].join("/"), 10).unwrap();
    assert_eq!(millpond::list(None).unwrap().len(), 2);

    // Files in it would have paths longer than the system takes.
    let mut directory = root().with_file_name("long");
    while directory.as_os_str().len() < 4090 - 100 {
        directory.push("d".repeat(90));
    }
    let mut command = std::process::Command::new(env::current_exe().unwrap());
    command.env("MILLPOND_DIR", &directory);
    let said = Child::start_by(command, "limits::visitor", &[]).ended();
    assert!(said[0].contains("name too long"), "{}", said[0]);
    assert_eq!(everything_below(&directory), [] as [PathBuf; 0]);
}

/// Says what creating a pool of the longest name came to.
fn visitor() {
    let name = ["y".repeat(64), "y".repeat(64), "y".repeat(64)].join("/");
    match create(&name, 10) {
        Ok(_) => println!("created"),
        Err(error) => println!("{error}"),
    }
}

fn too_little_address_space_is_an_error() {
    let _small = create("small", 1000).unwrap();
    let large = create("large", LARGE).unwrap();
    let before = everything_below(&root());
    let mut child = Child::start("limits::cramped", &[]);
    child.tell("begin");
    for what in ["create", "open"] {
        let said = child.line();
        let says = [
            "cannot map",
            "no address space left",
            "RLIMIT_AS",
            "ulimit -v",
        ];
        assert!(said.starts_with(what), "{said}");
        assert!(says.iter().all(|part| said.contains(part)), "{said}");
        assert_eq!(everything_below(&root()), before, "after: {said}");
        assert_eq!(large.participants().unwrap().len(), 1);
        child.tell("go on");
    }
    child.expect("opened both");
    assert_eq!(large.participants().unwrap().len(), 2);
    child.finish();
}

/// A pool of 128 MiB.
const LARGE: usize = 6 << 20;

/// May have 40 MiB of addresses more than it has, and then as many as before.
fn cramped() {
    let orders = Orders::listen();
    // The thread that listens has all its memory once it has heard something.
    orders.next();
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').next().unwrap().parse().unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_AS).unwrap();
    setrlimit(Resource::RLIMIT_AS, pages * 4096 + (40 << 20), hard).unwrap();
    let open = |name| Pool::<u64>::open(name);
    for (what, refused) in [
        ("create", create("run/new", LARGE)),
        ("open", open("large")),
    ] {
        let error = refused.expect_err("more addresses than there may be");
        let Error::System { cause, .. } = &error else {
            panic!("another error: {error:?}");
        };
        assert_eq!(cause.kind(), io::ErrorKind::OutOfMemory);
        println!("{what}: {error}");
        orders.next();
    }
    let small = open("small").unwrap();
    small.insert(&1).unwrap();
    setrlimit(Resource::RLIMIT_AS, soft, hard).unwrap();
    let large = open("large").unwrap();
    large.insert(&1).unwrap();
    println!("opened both");
    orders.next();
}

fn a_file_longer_than_a_process_may_write_is_an_error() {
    let before = everything_below(&root());
    let mut child = Child::start("limits::short", &[]);
    for _ in 0..2 {
        let said = child.line();
        let says = ["RLIMIT_FSIZE", "ulimit -f", "make it smaller"];
        assert!(says.iter().all(|part| said.contains(part)), "{said}");
        assert!(said.contains(root().to_str().unwrap()), "{said}");
        assert_eq!(everything_below(&root()), before, "after: {said}");
        child.tell("go on");
    }
    child.expect("created");
    child.finish();
}

/// May write no file longer than 1 MiB, which the system tells by a signal that ends the process.
fn short() {
    let orders = Orders::listen();
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 1 << 20, hard).unwrap();
    let board = Board::<u64>::create("run/board", BoardOptions::new(1 << 20));
    for error in [create(NAME, LARGE).err(), board.err()] {
        println!("{}", error.expect("an error"));
        orders.next();
    }
    // A limit is no reason to refuse what it allows, and who opens needs none.
    let small = create(NAME, 1000).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 0, hard).unwrap();
    small.insert(&1).unwrap();
    Pool::<u64>::open(NAME).unwrap().insert(&2).unwrap();
    println!("created");
    orders.next();
}

fn a_table_full_of_the_killed_has_room_for_as_many_again() {
    drop(create("pool", 1000).unwrap());
    drop(Board::<u64>::create("board", BoardOptions::new(10).participants(PLACES)).unwrap());
    for kind in ["pool", "board"] {
        for _ in 0..5 {
            let mut residents = [(); PLACES].map(|()| Child::start("limits::resident", &[&kind]));
            for resident in &mut residents {
                resident.expect("attached");
            }
            let refused = attach(kind).expect_err("an error");
            assert!(matches!(refused, Error::TooManyParticipants { .. }));
            residents.into_iter().for_each(Child::kill);
            // Nobody is there who could have cleaned up.
            let again = [(); PLACES].map(|()| attach(kind).unwrap());
            let refused = attach(kind).expect_err("an error");
            assert!(matches!(refused, Error::TooManyParticipants { .. }));
            drop(again);
        }
        let living = |name: &str| {
            let listed = millpond::list(None).unwrap();
            let found = listed.iter().find(|found| found.name == name);
            found.expect("a segment").participants
        };
        assert_eq!(living(kind), 0);
    }
}

/// A handle on the segment that has its kind's name.
fn attach(kind: &str) -> Result<Box<dyn std::any::Any>> {
    Ok(match kind {
        "pool" => Box::new(Pool::<u64>::open(kind)?),
        _ => Box::new(Board::<u64>::open(kind)?),
    })
}

/// Attaches, and stays.
fn resident() {
    let orders = Orders::listen();
    let _handle = attach(&argument::<String>(0)).unwrap();
    println!("attached");
    orders.next();
}
