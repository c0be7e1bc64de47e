//! Forks in a program whose other threads are in the middle of a call. A child has one thread: what another one held at
//! that moment it would hold for ever.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use millpond::board::{Boards, BoardsOptions};
use millpond::pool::Remover;
use millpond::{ArrayDict, Board, BoardOptions, DictOptions, Lookup, Pool, PoolOptions};
use nix::sys::wait::{WaitStatus, waitpid};

use crate::fork::assert_forked;
use crate::forking::{end, fork_here};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "forked_threads",
    trials: named![
        a_child_that_is_forked_beside_busy_threads_can_use_everything,
        a_child_that_is_forked_while_the_first_handles_are_made_can_make_its_own,
        a_killed_process_is_gone_whatever_its_threads_did_when_it_forked,
    ],
    roles: named![busy],
    ..Part::EMPTY
};

/// Children that a trial forks.
const CHILDREN: usize = 60;

/// Uses everything of the library that opens files, draws random numbers, or has a lock of this process's.
fn use_everything(who: &str) {
    let name = |what: &str| format!("threads/{who}/{what}");
    let options = PoolOptions::new(64).remover(Remover::Uniform);
    let pool = Pool::<u64>::create(&name("pool"), options).unwrap();
    for number in 0..100 {
        pool.insert(&number).unwrap();
    }
    pool.sample(10, &mut rand::rng()).unwrap();
    let dict = ArrayDict::<u64, u64>::create(&name("dict"), DictOptions::new(8)).unwrap();
    dict.extend((0..100).map(|key| (key, key))).unwrap();
    let family = Boards::new(&name("family"), BoardsOptions::new()).unwrap();
    family.publish("value", &[7u64]).unwrap();
    let table = Lookup::<u64, u64>::publish(name("table").as_str(), [(1, 2)]).unwrap();
    assert_eq!((dict.len(), table.get(&1)), (100, Some(&2)));
    #[cfg(feature = "workers")]
    crate::workers::use_in_this_thread();
    drop((pool, dict, family, table));
    millpond::unlink_all(&format!("threads/{who}")).unwrap();
}

/// Has some threads do that for as long as `act` runs.
fn beside_busy_threads(act: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let busy = |number: usize| {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    use_everything(&format!("thread-{number}"));
                }
            })
        };
        let threads = [0, 1, 2].map(busy);
        act();
        stop.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

fn fork_and_end_well(act: impl FnOnce()) {
    match fork_here() {
        None => {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
            end(ended.is_err().into())
        }
        Some(child) => assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0))),
    }
}

fn a_child_that_is_forked_beside_busy_threads_can_use_everything() {
    let board = Board::<u64>::create("threads/board", BoardOptions::new(1)).unwrap();
    let family = Boards::new("threads/family", BoardsOptions::new()).unwrap();
    beside_busy_threads(|| {
        for number in 0..CHILDREN {
            fork_and_end_well(|| {
                assert_forked(board.publish(&[1]));
                assert_forked(family.publish("value", &[1u64]));
                use_everything(&format!("child-{number}"));
            });
        }
    });
    board.publish(&[7]).unwrap();
    assert_eq!(board.version(), 1);
}

/// In a process that uses the library for the first time, in several threads at once.
fn a_child_that_is_forked_while_the_first_handles_are_made_can_make_its_own() {
    for _ in 0..20 {
        fork_and_end_well(|| {
            thread::scope(|scope| {
                let threads = [0, 1]
                    .map(|number| scope.spawn(move || use_everything(&format!("first-{number}"))));
                for number in 0..5 {
                    fork_and_end_well(|| use_everything(&format!("grandchild-{number}")));
                }
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().unwrap());
            });
        });
    }
}

/// Forks children that stay, beside busy threads, and waits to be killed.
fn busy() {
    beside_busy_threads(|| {
        for _ in 0..CHILDREN {
            if fork_here().is_none() {
                println!("forked");
                let mut byte = [0];
                let _ = nix::unistd::read(std::io::stdin(), &mut byte);
                end(0);
            }
        }
        println!("busy");
        let mut byte = [0];
        let _ = nix::unistd::read(std::io::stdin(), &mut byte);
        process::abort(); // it was to be killed
    });
}

fn a_killed_process_is_gone_whatever_its_threads_did_when_it_forked() {
    let mut busy = crate::child::Child::start("forked_threads::busy", &[]);
    let said: Vec<String> = (0..=CHILDREN).map(|_| busy.line()).collect();
    assert_eq!(
        said.iter().filter(|line| *line == "forked").count(),
        CHILDREN
    );
    let _forked = busy.kill_and_keep_its_pipes();
    for segment in millpond::list(None).unwrap() {
        assert_eq!(segment.participants, 0, "{segment:?}");
    }
    // No name, lock or draft of the dead is in the way.
    for number in 0..3 {
        millpond::unlink_all(&format!("threads/thread-{number}")).unwrap();
        use_everything(&format!("thread-{number}"));
    }
    assert_eq!(millpond::list(None).unwrap(), []);
}
