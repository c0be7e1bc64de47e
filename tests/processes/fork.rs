//! A forked child is another process: its parent's handles give errors in it, and what the parent
//! holds is the parent's alone, also when the parent dies first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use millpond::board::{BoardReader, Boards, BoardsOptions};
use millpond::pool::Column;
use millpond::{
    ArrayOptions, Batch, Board, BoardOptions, ChunkedArray, Error, Lifetime, Lookup, Pool,
    PoolOptions, Result, Sampler, SharedArray, SharedValue, ValueOptions,
};
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::child::Child;
use crate::experience::{Experience, check_batch};
use crate::orders::argument;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "fork",
    trials: named![
        the_parents_handles_are_errors_in_a_forked_child,
        what_a_forked_child_drops_stays_the_parents,
        elements_that_the_parent_has_are_not_its_forked_childs,
        a_table_can_be_read_in_a_forked_child_and_not_moved_over,
        #[cfg(feature = "trie")]
        a_forked_child_does_not_remove_what_its_parent_builds,
        a_forked_child_that_attaches_is_a_participant,
        a_killed_parent_is_gone_although_its_forked_child_lives,
        a_fork_while_a_segment_is_created_does_not_keep_its_creator_alive,
    ],
    roles: named![forking_parent, forking_creator],
    ..Part::EMPTY
};

const NAME: &str = "forked/pool";
const CAPACITY: usize = 100;
/// How many segments `forking_creator` creates, and how many children it forks meanwhile.
const SEGMENTS: usize = 20;
const FORKS: usize = 100;
const HANG: Duration = Duration::from_secs(20);

fn create() -> Pool<Experience> {
    let options = PoolOptions::new(CAPACITY).lifetime(Lifetime::WhileAttached);
    let pool = Pool::create(NAME, options).unwrap();
    fill(&pool, CAPACITY as u64);
    pool
}

fn fill(pool: &Pool<Experience>, count: u64) {
    for sequence in 0..count {
        let mut slot = pool.reserve().unwrap();
        *slot = Experience::new(slot.key(), 0, sequence);
        slot.commit().unwrap();
    }
}

fn random() -> StdRng {
    StdRng::seed_from_u64(1)
}

/// Runs `act` in a forked child alone, which ends there.
pub fn fork_and(act: impl FnOnce()) -> Pid {
    // SAFETY: the only other thread sleeps and holds no lock, so the child may do what it likes.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            // SAFETY: sets a timer that ends this child where it hangs.
            unsafe { libc::alarm(HANG.as_secs() as u32) };
            let failed = catch_unwind(AssertUnwindSafe(act)).is_err();
            // SAFETY: ends this process, with nothing of the parent's run or flushed twice.
            unsafe { libc::_exit(i32::from(failed)) }
        }
    }
}

/// Runs `act` in a forked child, and waits until it ends well.
pub fn in_a_forked_child(act: impl FnOnce()) {
    let child = fork_and(act);
    assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
}

#[track_caller]
pub fn assert_forked<T>(result: Result<T>) {
    match result {
        Err(error @ Error::Forked { .. }) => {
            let text = error.to_string();
            assert!(text.contains("open the segment again"), "{text}");
        }
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("no error"),
    }
}

fn the_parents_handles_are_errors_in_a_forked_child() {
    let pool = create();
    let board = Board::<u64>::create("forked/board", BoardOptions::new(1)).unwrap();
    let reader = BoardReader::<u64>::open("forked/board").unwrap();
    board.publish(&[7]).unwrap();
    let lease = board.lease().unwrap();
    let family = Boards::new("forked", BoardsOptions::new()).unwrap();
    family.lease::<u64>("board").unwrap();
    let batch = pool.sample(10, &mut random()).unwrap();
    let mut slot = Some(pool.reserve().unwrap());
    let record = Experience::new(0, 0, 0);
    in_a_forked_child(|| {
        assert_forked(pool.insert(&record));
        assert_forked(pool.insert_with_priority(&record, 1.0));
        assert_forked(pool.insert_batch(&[record]));
        assert_forked(pool.reserve());
        assert_forked(slot.take().unwrap().commit());
        assert_forked(pool.sample(1, &mut random()));
        assert_forked(pool.sample_by(Sampler::uniform(), 1, &mut random()));
        assert_forked(pool.sample_into(1, &mut random(), &mut Batch::new(&pool)));
        assert_forked(pool.update_priorities(batch.keys(), &[1.0; 10]));
        assert_forked(pool.get(0));
        assert_forked(pool.wait_for_len(1, HANG));
        assert_forked(pool.participants());
        assert_forked(pool.verify());
        assert_forked(batch.gather(&mut [Column::new("key", &mut [0u64; 10])]));
        let get = catch_unwind(AssertUnwindSafe(|| batch.get(0).key));
        assert!(get.is_err(), "a record of the parent's batch");

        assert_forked(board.publish(&[8]));
        assert_forked(board.fetch(&mut [0]));
        assert_forked(board.fetch_vec());
        assert_forked(board.lease());
        assert_forked(board.wait_newer(0, HANG));
        assert_forked(family.publish("board", &[8u64]));
        assert_forked(family.fetch_vec::<u64>("board"));
        assert_forked(family.lease::<u64>("another"));
        let read = catch_unwind(AssertUnwindSafe(|| lease[0]));
        assert!(read.is_err(), "a value of the parent's lease");
        assert_forked(board.participants());
        assert_forked(reader.fetch(&mut [0]));
        assert_forked(reader.wait_newer(0, HANG));
    });
    assert_eq!(board.version(), 1);
    pool.verify().unwrap();
    let committed = slot.take().unwrap().commit().unwrap();
    assert!(pool.get(committed).unwrap().is_some());
}

fn what_a_forked_child_drops_stays_the_parents() {
    let pool = create();
    let mut batch = Some(pool.sample(20, &mut random()).unwrap());
    let mut slot = Some(pool.reserve().unwrap());
    let mut handle = Some(pool.clone());
    let board = Board::<u64>::create("forked/board", BoardOptions::new(1)).unwrap();
    board.publish(&[7]).unwrap();
    let mut lease = Some(board.lease().unwrap());
    in_a_forked_child(|| {
        drop(lease.take());
        drop(batch.take());
        drop(slot.take());
        drop(handle.take());
    });
    let (batch, mut slot) = (batch.unwrap(), slot.unwrap());
    let copies = check_batch(&batch);
    fill(&pool, 3 * CAPACITY as u64);
    assert!(check_batch(&batch) == copies, "a leased record changed");
    for value in 0..10 {
        board.publish(&[value]).unwrap();
    }
    assert_eq!(lease.unwrap()[0], 7, "a leased value changed");
    millpond::unlink("forked/board").unwrap();
    *slot = Experience::new(slot.key(), 0, 0);
    let key = slot.commit().unwrap();
    pool.get(key)
        .unwrap()
        .expect("a committed record")
        .check(key);
    assert_eq!(pool.participants().unwrap().len(), 1);
    assert_eq!(millpond::list(Some("forked")).unwrap().len(), 1);
    pool.verify().unwrap();
}

fn elements_that_the_parent_has_are_not_its_forked_childs() {
    let array = SharedArray::<u64>::create("forked/array", ArrayOptions::new(10)).unwrap();
    let value = SharedValue::<u64>::create("forked/value", ValueOptions::new()).unwrap();
    let options = ArrayOptions::new(10).chunk_len(5);
    let chunked = ChunkedArray::<u64>::create("forked/chunked", options).unwrap();
    let panics = |act: &mut dyn FnMut()| catch_unwind(AssertUnwindSafe(act)).is_err();
    let mut split = chunked.split(1).unwrap();
    let mut chunk = split.next();
    let mut reading = Some(array.read().unwrap());
    in_a_forked_child(|| {
        assert!(panics(&mut || assert_eq!(reading.as_ref().unwrap()[0], 0)));
        drop(reading.take());
        assert!(panics(&mut || chunk.as_mut().unwrap()[0] = 1));
        drop(chunk.take());
        assert!(split.next().is_none());
        assert_forked(array.read());
        assert_forked(array.write());
        assert_forked(value.get());
        assert_forked(value.set(1));
        assert_forked(chunked.split(1));
        assert_forked(chunked.take(0..10, HANG));
        assert_forked(chunked.participants());
    });
    // Who reads is still inside, and the chunk is still this process's.
    let (done, writer) = (std::sync::mpsc::channel(), array.clone());
    let thread = thread::spawn(move || {
        writer.write().unwrap()[0] = 7;
        done.0.send(()).unwrap();
    });
    assert_eq!(reading.as_ref().unwrap()[0], 0);
    assert!(done.1.recv_timeout(Duration::from_millis(50)).is_err());
    drop(reading.take());
    thread.join().unwrap();
    assert!(chunked.take(0..10, Duration::ZERO).is_err());
    chunk.take().unwrap().fill(9);
    assert_eq!(chunked.done(1).unwrap(), 5);

    let mut writing = Some(array.write().unwrap());
    in_a_forked_child(|| {
        assert!(panics(&mut || writing.as_mut().unwrap()[0] = 1));
        drop(writing.take());
    });
    let writer = array.clone();
    let thread = thread::spawn(move || writer.write().unwrap()[0] += 1);
    writing.take().unwrap()[0] = 20;
    thread.join().unwrap();
    assert_eq!(array.read().unwrap()[0], 21);
    assert!(!array.read().unwrap().is_damaged());
    millpond::unlink_all("forked").unwrap();
}

fn a_table_can_be_read_in_a_forked_child_and_not_moved_over() {
    let mut table = Lookup::<u32, u32>::publish("forked/table", [(1, 10)]).unwrap();
    in_a_forked_child(|| {
        assert_eq!(table.get(&1), Some(&10));
        assert!(matches!(table.refresh(), Err(Error::Forked { .. })));
        let waited = table.wait_newer(HANG);
        assert!(matches!(waited, Err(Error::Forked { .. })));
        drop(table);
        // What it opens itself is its own.
        let own = Lookup::<u32, u32>::open("forked/table").unwrap();
        assert_eq!(own.get(&1), Some(&10));
    });
    assert_eq!(millpond::list(Some("forked/table")).unwrap().len(), 1);
}

/// A trie is written while its pairs come.
#[cfg(feature = "trie")]
fn a_forked_child_does_not_remove_what_its_parent_builds() {
    let parent = std::process::id();
    let pairs = (0..2u64).map(|key| {
        if key == 1 {
            // SAFETY: the only other thread sleeps and holds no lock, so the child may do what it likes.
            let forked = unsafe { fork() }.unwrap();
            if let ForkResult::Parent { child } = forked {
                assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 7)));
            }
        }
        assert_eq!(
            std::process::id(),
            parent,
            "the child drops all that it has of it"
        );
        (key.to_be_bytes(), key)
    });
    let published = catch_unwind(AssertUnwindSafe(|| {
        millpond::Trie::publish("forked/built", pairs)
    }));
    if std::process::id() != parent {
        // SAFETY: ends this process, with nothing of the parent's run or flushed twice.
        unsafe { libc::_exit(7) };
    }
    let trie = published.unwrap().unwrap();
    assert_eq!((trie.len(), trie.get(1u64.to_be_bytes())), (2, Some(1)));
    assert_eq!(millpond::Trie::open("forked/built").unwrap().len(), 2);
}

fn a_forked_child_that_attaches_is_a_participant() {
    let pool = create();
    in_a_forked_child(|| {
        let own = Pool::<Experience>::open(NAME).unwrap();
        let listed = own.participants().unwrap();
        let processes: Vec<u32> = listed.iter().map(|listed| listed.process).collect();
        let parent = nix::unistd::getppid().as_raw() as u32;
        assert_eq!(processes, [parent, std::process::id()]);
        fill(&own, 10);
        check_batch(&own.sample(10, &mut random()).unwrap());
    });
    assert_eq!(pool.participants().unwrap().len(), 1);
    assert_eq!(pool.statistics().inserted, CAPACITY as u64 + 10);
}

fn a_killed_parent_is_gone_although_its_forked_child_lives() {
    let pool = create();
    let mut parent = Child::start("fork::forking_parent", &[&NAME]);
    parent.expect("forked");
    let key: u64 = parent.line().parse().unwrap();
    assert_eq!(pool.participants().unwrap().len(), 2);
    let (killed, mut forked) = (parent.id(), parent.kill_and_keep_its_pipes());

    let listed = pool.participants().unwrap();
    assert_eq!(listed.len(), 1, "process {killed} is dead: {listed:?}");
    fill(&pool, 2 * CAPACITY as u64);
    assert_eq!(pool.len(), CAPACITY, "what the dead parent held is free");
    assert!(pool.get(key).unwrap().is_none(), "so is what it leased");

    forked.tell("attach");
    let child: u32 = forked.line().parse().unwrap();
    let listed = pool.participants().unwrap();
    let processes: Vec<u32> = listed.iter().map(|listed| listed.process).collect();
    assert_eq!(processes, [std::process::id(), child]);
    forked.tell("stop");
    forked.expect("left");
    drop(pool);
    assert_eq!(millpond::list(None).unwrap(), [], "nobody is attached");
}

/// Attaches, leases and reserves, forks, and waits. The forked child attaches when it is told to.
fn forking_parent() {
    let name: String = argument(0);
    let pool = Pool::<Experience>::open(&name).unwrap();
    let batch = pool.sample(1, &mut random()).unwrap();
    let _slot = pool.reserve().unwrap();
    let child = fork_and(|| {
        println!("forked");
        println!("{}", batch.keys()[0]);
        let mut orders = std::io::stdin().lines();
        orders.next();
        let own = Pool::<Experience>::open(&name).unwrap();
        fill(&own, 10);
        println!("{}", std::process::id());
        orders.next();
        drop(own);
        println!("left");
    });
    waitpid(child, None).unwrap();
}

fn a_fork_while_a_segment_is_created_does_not_keep_its_creator_alive() {
    let mut creator = Child::start("fork::forking_creator", &[]);
    // A child closes what it inherited before it says anything.
    let said: Vec<String> = (0..=FORKS).map(|_| creator.line()).collect();
    assert_eq!(said.iter().filter(|line| *line == "forked").count(), FORKS);
    let _forked = creator.kill_and_keep_its_pipes();
    let segments = millpond::list(None).unwrap();
    assert_eq!(segments.len(), SEGMENTS);
    for segment in segments {
        assert_eq!(segment.participants, 0, "the creator is dead: {segment:?}");
    }
}

/// One thread creates segments while the other forks children, which live until their standard
/// input ends.
fn forking_creator() {
    let wait = |what| {
        println!("{what}");
        let mut byte = [0];
        let _ = nix::unistd::read(std::io::stdin(), &mut byte);
    };
    let create = |number| {
        let name = format!("forked/{number}");
        Pool::<Experience>::create(&name, PoolOptions::new(10_000)).unwrap()
    };
    let create_and_fork = |number| {
        thread::scope(|scope| {
            let creating = scope.spawn(move || create(number));
            for _ in 0..FORKS / SEGMENTS {
                fork_and(|| wait("forked"));
            }
            creating.join().unwrap()
        })
    };
    let _pools: Vec<_> = (0..SEGMENTS).map(create_and_fork).collect();
    wait("created");
}
