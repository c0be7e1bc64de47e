//! The lock of the segment directory: what does not need it, how long the rest waits for it, and what it says
//! of the process that has it. That process is stopped, by a fail point, at a known step.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use millpond::board::BoardReader;
use millpond::readonly::{OpenOptions, PublishOptions};
use millpond::{
    ArrayDict, Attach, Board, BoardOptions, DictOptions, Error, Lifetime, Lookup, Pool, PoolOptions,
};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::child::Child;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "locked",
    obstacle: || {
        let built = cfg!(feature = "failpoints");
        (!built).then(|| "it was built without the feature `failpoints`".into())
    },
    trials: named![
        what_has_a_limit_keeps_it_beside_a_stopped_holder,
        what_has_no_limit_fails_and_names_the_stopped_holder,
        #[cfg(feature = "workers")]
        workers_keep_the_limit_of_their_start,
        what_has_no_name_needs_no_lock,
        a_segment_until_unlinked_is_opened_beside_a_stopped_holder,
        a_creation_that_is_stopped_while_it_looks_for_garbage_is_in_nobodys_way,
        a_list_that_is_stopped_is_in_nobodys_way,
    ],
    roles: named![creator, lister],
    ..Part::EMPTY
};

const LIMIT: Duration = Duration::from_millis(50);

/// Starts a process that stops itself when it passes a fail point, and waits until it has.
pub fn stopped_at(point: &str, role: &str) -> Child {
    let child = to_stop_at(point, role);
    wait_until_stopped(&child);
    child
}

/// Starts a process that stops itself when it passes a fail point.
pub fn to_stop_at(point: &str, role: &str) -> Child {
    let mut command = std::process::Command::new(env::current_exe().unwrap());
    command.env("MILLPOND_STOP", point);
    Child::start_by(command, role, &[])
}

pub fn wait_until_stopped(child: &Child) {
    let found = waitpid(pid(child), Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert_eq!(found, WaitStatus::Stopped(pid(child), Signal::SIGSTOP));
}

/// One that is stopped with the lock.
fn stopped_holder() -> Child {
    stopped_at("create.file", "locked::creator")
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}

/// Lets it go on to its end.
pub fn go_on(child: Child) {
    kill(pid(&child), Signal::SIGCONT).unwrap();
    assert_eq!(child.ended(), ["done"]);
}

fn creator() {
    Board::<u64>::create("creator/board", BoardOptions::new(1)).unwrap();
    println!("done");
}

fn lister() {
    millpond::list(None).unwrap();
    println!("done");
}

/// An error says which process has the lock, and for how long it was waited for.
#[track_caller]
fn assert_names<R>(holder: &Child, limit: Option<Duration>, result: millpond::Result<R>) {
    let error = result.err().expect("an operation that needs the lock");
    let text = error.to_string();
    let Error::DirectoryLocked {
        path,
        process,
        waited,
    } = error
    else {
        panic!("another error: {text}");
    };
    assert_eq!(process, Some(holder.id()), "{text}");
    assert!(path.ends_with(".lock"), "{text}");
    // Not longer than the limit; a part of it may have passed before.
    assert!(limit.is_none_or(|limit| waited <= limit), "{text}");
    for part in [
        &format!("process {}", holder.id()),
        "let it go on, or end it",
    ] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

fn create(name: &str) -> millpond::Result<Board<u64>> {
    Board::create(name, BoardOptions::new(1).lifetime(Lifetime::WhileAttached))
}

fn what_has_a_limit_keeps_it_beside_a_stopped_holder() {
    let _board = create("run/board").unwrap();
    let options = PublishOptions::new().lifetime(Lifetime::WhileAttached);
    let _lookup = Lookup::publish_with("run/lookup", &options, [(1_u64, 2_u64)]).unwrap();
    let holder = stopped_holder();
    let attach = Attach::new().wait(LIMIT);
    let opened = Board::<u64>::open_with("run/board", &attach);
    assert_names(&holder, Some(LIMIT), opened);
    let opened = BoardReader::<u64>::open_with("run/board", &attach);
    assert_names(&holder, Some(LIMIT), opened);
    let waits = OpenOptions::new().wait(LIMIT);
    let opened = Lookup::<u64, u64>::open_with("run/lookup", &waits);
    assert_names(&holder, Some(LIMIT), opened);
    // What is not there needs no lock to be missing.
    let missing = Board::<u64>::open_with("run/nothing", &attach);
    assert!(
        matches!(missing, Err(Error::NotFound { .. })),
        "{missing:?}"
    );
    go_on(holder);
    Board::<u64>::open_with("run/board", &attach).unwrap();
    Lookup::<u64, u64>::open_with("run/lookup", &waits).unwrap();
}

#[cfg(feature = "workers")]
fn workers_keep_the_limit_of_their_start() {
    let holder = stopped_holder();
    let options = millpond::WorkersOptions::new(1).start_limit(LIMIT);
    assert_names(&holder, Some(LIMIT), millpond::Workers::start(options));
    go_on(holder);
}

fn what_has_no_limit_fails_and_names_the_stopped_holder() {
    let board = create("run/board").unwrap();
    let holder = stopped_holder();
    assert_names(&holder, None, create("run/new"));
    assert_names(&holder, None, Board::<u64>::open("run/board"));
    assert_names(&holder, None, millpond::unlink("run/board"));
    assert_names(
        &holder,
        None,
        Lookup::publish("run/lookup", [(1_u64, 2_u64)]),
    );
    // There is something to remove: what the holder has not marked as its own yet.
    assert_names(&holder, None, millpond::list(None));
    go_on(holder);
    assert_eq!(millpond::list(None).unwrap().len(), 2);
    drop(board);
    millpond::unlink("creator/board").unwrap();
    assert_eq!(files(), [".lock"]);
}

fn what_has_no_name_needs_no_lock() {
    let holder = stopped_holder();
    let dict = ArrayDict::<u64, [f32; 3]>::anonymous(DictOptions::new(8)).unwrap();
    for key in 0..10_000 {
        dict.insert(key, &[key as f32; 3]).unwrap();
    }
    assert_eq!(dict.len(), 10_000);
    let pairs = (0..100_000_u64).map(|key| (key, key + 1));
    let lookup = Lookup::build(pairs).unwrap();
    assert_eq!(lookup.get(&99_999), Some(&100_000));
    Pool::<u64>::anonymous(PoolOptions::new(100))
        .unwrap()
        .insert(&1)
        .unwrap();
    go_on(holder);
}

fn a_segment_until_unlinked_is_opened_beside_a_stopped_holder() {
    let board = Board::<u64>::create("run/board", BoardOptions::new(1)).unwrap();
    let dict = ArrayDict::<u64, f32>::create("run/dict", DictOptions::new(8)).unwrap();
    Lookup::publish("run/lookup", [(1_u64, 2_u64)]).unwrap();
    board.publish(&[7]).unwrap();
    dict.insert(1, &1.5).unwrap();
    let holder = stopped_holder();
    let mut value = [0];
    Board::<u64>::open("run/board")
        .unwrap()
        .fetch(&mut value)
        .unwrap();
    assert_eq!(value, [7]);
    BoardReader::<u64>::open("run/board")
        .unwrap()
        .fetch(&mut value)
        .unwrap();
    let found = ArrayDict::<u64, f32>::open("run/dict").unwrap();
    assert_eq!(found.get(&1).unwrap(), Some(1.5));
    let found = Lookup::<u64, u64>::open("run/lookup").unwrap();
    assert_eq!(found.get(&1), Some(&2));
    go_on(holder);
}

fn a_creation_that_is_stopped_while_it_looks_for_garbage_is_in_nobodys_way() {
    let _board = create("run/board").unwrap();
    let looker = stopped_at("create.looked", "locked::creator");
    Board::<u64>::open("run/board").unwrap();
    drop(create("run/new").unwrap());
    go_on(looker);
}

fn a_list_that_is_stopped_is_in_nobodys_way() {
    let _board = create("run/board").unwrap();
    fs::write(root().join("run/.0123456789abcdef.dead"), "garbage").unwrap();
    let looker = stopped_at("create.looked", "locked::lister");
    Board::<u64>::open("run/board").unwrap();
    drop(create("run/new").unwrap());
    assert_eq!(millpond::list(None).unwrap().len(), 1);
    go_on(looker);
    assert_eq!(files(), [".lock", "run"]);
}

fn root() -> PathBuf {
    env::var_os("MILLPOND_DIR").expect("a directory").into()
}

/// What is in the segment directory, sorted.
fn files() -> Vec<String> {
    let entries = fs::read_dir(root()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
