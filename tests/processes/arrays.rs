//! Arrays between processes, some of which are killed with what they have: nobody waits for the dead, what
//! they had half done is said, and each chunk is done.

use std::thread;
use std::time::{Duration, Instant};

use millpond::{
    ArrayOptions, AtomicArray, ChunkedArray, Error, SharedArray, SharedValue, ValueOptions,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "arrays",
    trials: named![
        processes_that_read_and_write_never_see_half_of_a_write,
        a_killed_reader_is_in_nobodys_way,
        a_writer_that_waits_for_a_reader_notices_its_death,
        a_killed_writer_leaves_word_of_it,
        a_writer_that_dies_while_it_waits_for_readers_leaves_no_damage,
        who_wants_to_read_waits_behind_a_writer_that_waits,
        chunks_of_the_killed_are_done_by_others,
        a_pass_ends_for_all_when_the_last_chunk_is_done,
        a_range_of_the_killed_is_free_and_says_so,
        no_addition_is_lost_to_a_kill,
    ],
    roles: named![incrementer, checker, holder, filler, chunk_holder, adder],
    ..Part::EMPTY
};

const NAME: &str = "array";
const LENGTH: usize = 1000;
const NOW: Duration = Duration::ZERO;
const HANG: Duration = Duration::from_secs(20);

fn create() -> SharedArray<u64> {
    SharedArray::create(NAME, ArrayOptions::new(LENGTH)).unwrap()
}

fn processes_that_read_and_write_never_see_half_of_a_write() {
    let array = create();
    let writers = [2000, 2000].map(|times| Child::start("arrays::incrementer", &[&times]));
    let readers = [(); 2].map(|()| Child::start("arrays::checker", &[]));
    for writer in writers {
        writer.ended();
    }
    let seen = readers.map(|reader| reader.finish().pop().unwrap());
    assert_eq!(array.read().unwrap()[..2], [4000, 4000]);
    println!("4000 writes, {} reads", seen.join(" and "));
}

/// Raises all elements, so many times. Argument: the number of times.
fn incrementer() {
    let (_orders, times): (_, u64) = (Orders::listen(), argument(0));
    let array = SharedArray::<u64>::open(NAME).unwrap();
    for _ in 0..times {
        let mut elements = array.write().unwrap();
        elements.iter_mut().for_each(|element| *element += 1);
    }
}

/// Checks that all elements are alike, until it is told to stop.
fn checker() {
    let orders = Orders::listen();
    let array = SharedArray::<u64>::open(NAME).unwrap();
    let (mut last, mut count) = (0, 0u64);
    while !orders.arrived() {
        let elements = array.read().unwrap();
        assert!(!elements.is_damaged());
        assert!(elements.iter().all(|&element| element == elements[0]));
        assert!(elements[0] >= last);
        last = elements[0];
        count += 1;
    }
    println!("{count}");
}

/// Has the array for reading or writing until it ends. Argument: which.
fn holder() {
    let (orders, what): (_, String) = (Orders::listen(), argument(0));
    let array = SharedArray::<u64>::open(NAME).unwrap();
    if what == "read" {
        let _elements = array.read().unwrap();
        println!("inside");
        orders.next();
    } else {
        println!("about to");
        let mut elements = array.write().unwrap();
        println!("inside");
        elements[..LENGTH / 2].fill(7);
        println!("half");
        orders.next();
    }
}

fn hold(what: &str) -> Child {
    let mut holder = Child::start("arrays::holder", &[&what]);
    if what == "write" {
        holder.expect("about to");
    }
    holder.expect("inside");
    holder
}

fn a_killed_reader_is_in_nobodys_way() {
    let array = create();
    let mut longest = Duration::ZERO;
    for round in 0..20u64 {
        let readers = [(); 3].map(|()| hold("read"));
        // Two are found dead by the writer, or one cleaned up after by who looks at the participants.
        let [one, two, stays] = readers;
        one.kill();
        if round % 2 == 0 {
            array.participants().unwrap();
        }
        two.kill();
        stays.finish();
        let began = Instant::now();
        array.write().unwrap()[0] = round;
        longest = longest.max(began.elapsed());
    }
    assert!(!array.read().unwrap().is_damaged());
    println!("a writer waited {longest:?} for dead readers, at most");
}

fn a_writer_that_waits_for_a_reader_notices_its_death() {
    let array = create();
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        let reader = hold("read");
        thread::scope(|scope| {
            let writer = scope.spawn(|| drop(array.write().unwrap()));
            wait_until_locked(&array);
            reader.kill();
            let began = Instant::now();
            writer.join().unwrap();
            longest = longest.max(began.elapsed());
        });
    }
    assert!(!array.read().unwrap().is_damaged());
    println!("a writer that waited went on {longest:?} after the reader's death, at most");
}

fn a_killed_writer_leaves_word_of_it() {
    let array = create();
    let value = SharedValue::<u64>::create("value", ValueOptions::new()).unwrap();
    value.set(1).unwrap();
    for _ in 0..5 {
        let mut writer = hold("write");
        writer.expect("half");
        writer.kill();
        let elements = array.read().unwrap();
        assert!(elements.is_damaged());
        assert_eq!(elements[..2], [7, 7]);
        assert_eq!(elements[LENGTH - 1], 0);
        drop(elements);
        // Who dies while it repairs leaves the same word.
        let mut repairer = hold("write");
        repairer.expect("half");
        repairer.kill();
        let mut elements = array.write().unwrap();
        assert!(elements.is_damaged());
        elements.fill(0);
        elements.repaired();
        drop(elements);
        assert!(!array.read().unwrap().is_damaged());
    }
    assert_eq!(value.get().unwrap(), 1);
}

fn a_writer_that_dies_while_it_waits_for_readers_leaves_no_damage() {
    let array = create();
    for _ in 0..10 {
        let reading = array.read().unwrap();
        let mut writer = Child::start("arrays::holder", &[&"write"]);
        writer.expect("about to");
        wait_until_locked(&array);
        writer.kill();
        assert_eq!(reading[0], 0);
        drop(reading);
        assert!(!array.read().unwrap().is_damaged());
        assert!(!array.write().unwrap().is_damaged());
    }
}

/// Waits until a writer has the lock, and waits for readers: then a new reader does not get in at once.
fn wait_until_locked(array: &SharedArray<u64>) {
    loop {
        let array = array.clone();
        let reader = thread::spawn(move || drop(array.read().unwrap()));
        let began = Instant::now();
        while !reader.is_finished() {
            // It comes in when the writer is gone. If it was only slow, the writer dies a little early.
            if began.elapsed() > Duration::from_millis(20) {
                return;
            }
            thread::yield_now();
        }
    }
}

fn who_wants_to_read_waits_behind_a_writer_that_waits() {
    let array = create();
    let readers = [(); 3].map(|()| Child::start("arrays::checker", &[]));
    // Readers that never leave a moment without one of them do not keep a writer out.
    for round in 1..=200 {
        let mut elements = array.write().unwrap();
        elements.iter_mut().for_each(|element| *element = round);
    }
    readers.into_iter().for_each(|reader| drop(reader.finish()));
}

fn chunked(chunk_len: usize) -> ChunkedArray<u64> {
    ChunkedArray::create(NAME, ArrayOptions::new(LENGTH).chunk_len(chunk_len)).unwrap()
}

/// So many elements that passes take long enough for some kills.
const MANY: usize = 200_000;

/// Changes every element in each pass. Argument: the number of passes.
fn filler() {
    let (_orders, passes): (_, u32) = (Orders::listen(), argument(0));
    let array = ChunkedArray::<u64>::open(NAME).unwrap();
    println!("there");
    for pass in 1..=passes {
        for mut chunk in array.split(pass).unwrap() {
            let first = chunk.range().start as u64;
            for (index, element) in (first..).zip(chunk.iter_mut()) {
                let done = fill(u64::from(pass), index);
                let before = fill(u64::from(pass) - 1, index);
                assert!(
                    *element == before || *element == done,
                    "what no pass before left"
                );
                *element = done;
            }
        }
        assert_eq!(array.done(pass).unwrap(), MANY);
    }
}

fn fill(pass: u64, index: u64) -> u64 {
    match pass {
        0 => 0,
        _ => pass << 32 | index,
    }
}

fn chunks_of_the_killed_are_done_by_others() {
    const PASSES: u32 = 3000;
    let options = ArrayOptions::new(MANY).chunk_len(512);
    let array = ChunkedArray::<u64>::create(NAME, options).unwrap();
    let mut random = StdRng::seed_from_u64(1);
    let fillers = [(); 2].map(|()| Child::start("arrays::filler", &[&PASSES]));
    let mut kills = 0;
    while array.done(PASSES).unwrap() < MANY {
        let mut victim = Child::start("arrays::filler", &[&PASSES]);
        victim.expect("there");
        // Not to wait for anything: the moment is to be a random one.
        thread::sleep(Duration::from_micros(random.random_range(0..3000)));
        victim.kill();
        kills += 1;
    }
    fillers.into_iter().for_each(|filler| drop(filler.ended()));
    let whole = array.take(0..MANY, HANG).unwrap();
    for (index, &element) in (0..).zip(whole.iter()) {
        assert_eq!(element, fill(u64::from(PASSES), index));
    }
    assert!(kills > 0);
    println!("{kills} kills in {PASSES} passes");
}

/// Takes one chunk of pass 1, or the range of the elements given, and keeps it.
fn chunk_holder() {
    let (orders, start, end) = (Orders::listen(), argument(0), argument(1));
    let array = ChunkedArray::<u64>::open(NAME).unwrap();
    let mut chunk = match start < end {
        true => array.take(start..end, HANG).unwrap(),
        false => array.split(1).unwrap().next().unwrap(),
    };
    chunk[0] = 99;
    println!("{}", chunk.range().start);
    if orders.next() == "give up" {
        chunk.give_up();
    }
}

fn hold_chunk(start: usize, end: usize) -> (Child, usize) {
    let mut holder = Child::start("arrays::chunk_holder", &[&start, &end]);
    let first = holder.line().parse().unwrap();
    (holder, first)
}

fn a_pass_ends_for_all_when_the_last_chunk_is_done() {
    let array = chunked(100);
    let (stays, _) = hold_chunk(0, 0);
    let (gives_up, given_up) = hold_chunk(0, 0);
    let (dies, lost) = hold_chunk(0, 0);
    thread::scope(|scope| {
        let mut split = array.split(1).unwrap();
        for _ in 0..7 {
            assert!(!split.next().unwrap().was_left());
        }
        assert_eq!(array.done(1).unwrap(), 700);
        let rest = scope.spawn(move || {
            let rest = split.map(|chunk| {
                assert!(chunk.was_left() && chunk[0] == 99);
                chunk.range().start
            });
            let mut rest: Vec<_> = rest.collect();
            rest.sort();
            rest
        });
        gives_up_and_ends(gives_up);
        dies.kill();
        stays.finish();
        let mut expected = vec![given_up, lost];
        expected.sort();
        assert_eq!(rest.join().unwrap(), expected);
    });
    assert_eq!(array.done(1).unwrap(), LENGTH);
}

fn gives_up_and_ends(mut holder: Child) {
    holder.tell("give up");
    holder.ended();
}

fn a_range_of_the_killed_is_free_and_says_so() {
    let array = chunked(10);
    assert_eq!(array.split(1).unwrap().count(), 100);
    let (holder, _) = hold_chunk(200, 400);
    let process = format!("elements 200..210, which process {} has", holder.id());
    let taken = array.take(0..LENGTH, NOW);
    assert!(
        matches!(&taken, Err(Error::TimedOut { what, .. }) if *what == process),
        "{taken:?}"
    );
    assert!(!array.take(0..200, NOW).unwrap().was_left());
    assert_eq!(array.done(1).unwrap(), LENGTH, "what was done stays so");
    holder.kill();
    let some = array.take(200..400, HANG).unwrap();
    assert!(some.was_left() && some[0] == 99);
    drop(some);
    // What the dead had may be half of anything, so it is to be done again.
    assert_eq!(array.done(1).unwrap(), LENGTH - 200);
    assert_eq!(
        array
            .split(1)
            .unwrap()
            .filter(|chunk| chunk.was_left())
            .count(),
        20
    );
    assert!(!array.take(0..LENGTH, NOW).unwrap().was_left());
}

/// Adds to all elements in turn, and says after each round that it has.
fn adder() {
    let orders = Orders::listen();
    let array = AtomicArray::<f64>::open(NAME).unwrap();
    while !orders.arrived() {
        for element in array.iter() {
            element.fetch_add(1.0);
        }
        println!("round");
    }
}

fn no_addition_is_lost_to_a_kill() {
    let array = AtomicArray::<f64>::create(NAME, ArrayOptions::new(LENGTH)).unwrap();
    let mut last = 0.0;
    for _ in 0..10 {
        let mut adders = [(); 2].map(|()| Child::start("arrays::adder", &[]));
        adders
            .iter_mut()
            .for_each(|adder| (0..10).for_each(|_| adder.expect("round")));
        let [dies, ends] = adders;
        dies.kill();
        ends.finish();
        let sums: Vec<f64> = array.iter().map(|sum| sum.load()).collect();
        // The killed one was in a round: the elements before its last are one ahead.
        assert!(sums.is_sorted_by(|a, b| a >= b));
        assert!(sums[0] - sums[LENGTH - 1] <= last + 1.0);
        assert!(sums[LENGTH - 1] >= 20.0);
        last = sums[0] - sums[LENGTH - 1];
    }
}
