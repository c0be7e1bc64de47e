//! One array, with a lock or in chunks, which one process has by a type and another by a schema; and what the latter
//! has of it, which owns its handle.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use millpond::array::{DynArray, DynChunkedArray};
use millpond::record::Scalar;
use millpond::{ArrayOptions, ChunkedArray, Error, Record, Schema, SharedArray};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dynamic_arrays",
    trials: named![
        a_locked_array_is_the_same_with_and_without_its_type,
        an_array_in_chunks_is_the_same_with_and_without_its_type,
        other_elements_are_refused,
        a_killed_process_with_a_guard_that_owns_its_handle_leaves_word_of_it,
        guards_outlive_their_handles_and_end_in_other_threads,
        chunks_outlive_their_handles_and_end_in_other_threads,
        chunks_that_a_killed_process_owned_are_given_out_again,
    ],
    roles: named![typed, holder],
    ..Part::EMPTY
};

const LOCKED: &str = "dynamic/locked";
const CHUNKED: &str = "dynamic/chunked";
const LENGTH: usize = 1_003;
const CHUNK: usize = 77;

#[derive(Clone, Copy, Record, Debug, PartialEq)]
#[repr(C)]
struct Cell {
    height: f64,
    flow: [[i16; 3]; 2],
    kind: u8,
    _padding: [u8; 3],
}

fn schema() -> Schema {
    Schema::builder()
        .field("height", Scalar::F64, &[])
        .field("flow", Scalar::I16, &[2, 3])
        .field("kind", Scalar::U8, &[])
        .build()
        .unwrap()
}

fn cell(index: usize, round: u64) -> Cell {
    let scattered = (index as u64 + 1)
        .wrapping_mul(round)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Cell {
        height: scattered as f64,
        flow: [[scattered as i16, -1, index as i16]; 2],
        kind: round as u8,
        _padding: [0; 3],
    }
}

/// Compares what is there with round 1, and makes it round 2.
fn typed() {
    let orders = Orders::listen();
    let locked = SharedArray::<Cell>::open(LOCKED).unwrap();
    let chunked = ChunkedArray::<Cell>::open(CHUNKED).unwrap();
    for (index, element) in locked.write().unwrap().iter_mut().enumerate() {
        assert_eq!(*element, cell(index, 1));
        *element = cell(index, 2);
    }
    for mut chunk in chunked.split(2).unwrap() {
        for (index, element) in chunk.range().zip(chunk.iter_mut()) {
            assert_eq!(*element, cell(index, 1));
            *element = cell(index, 2);
        }
    }
    println!("changed");
    orders.next();
}

/// Both arrays, one of which was made by the type.
fn arrays(locked_is_typed: bool) -> (DynArray, DynChunkedArray) {
    let (locked, chunked) = (
        ArrayOptions::new(LENGTH),
        ArrayOptions::new(LENGTH).chunk_len(CHUNK),
    );
    match locked_is_typed {
        true => {
            let _typed = SharedArray::<Cell>::create(LOCKED, locked).unwrap();
            let chunked = DynChunkedArray::create(CHUNKED, &schema(), chunked).unwrap();
            (DynArray::open(LOCKED).unwrap(), chunked)
        }
        false => {
            let _typed = ChunkedArray::<Cell>::create(CHUNKED, chunked).unwrap();
            let locked = DynArray::create(LOCKED, &schema(), locked).unwrap();
            (locked, DynChunkedArray::open(CHUNKED).unwrap())
        }
    }
}

fn fill(locked: &DynArray, chunked: &DynChunkedArray) {
    let size = schema().size();
    let write = |bytes: &mut [u8], first: usize| {
        for (at, element) in bytes.chunks_mut(size).enumerate() {
            element.copy_from_slice(bytemuck::bytes_of(&cell(first + at, 1)));
        }
    };
    write(&mut locked.write().unwrap(), 0);
    for mut chunk in chunked.split(1).unwrap() {
        let first = chunk.range().start;
        write(&mut chunk, first);
    }
    assert_eq!(chunked.done(1).unwrap(), LENGTH);
}

fn change(locked_is_typed: bool) -> (DynArray, DynChunkedArray, Vec<Cell>) {
    let (locked, chunked) = arrays(locked_is_typed);
    assert_eq!((locked.schema(), chunked.schema()), (&schema(), &schema()));
    fill(&locked, &chunked);
    let mut child = Child::start("dynamic_arrays::typed", &[]);
    child.expect("changed");
    child.kill();
    let expected = (0..LENGTH).map(|index| cell(index, 2)).collect();
    (locked, chunked, expected)
}

fn a_locked_array_is_the_same_with_and_without_its_type() {
    for locked_is_typed in [true, false] {
        let (locked, _chunked, expected) = change(locked_is_typed);
        let elements = locked.read().unwrap();
        assert!(!elements.is_damaged());
        assert_eq!(elements[..], *bytemuck::cast_slice::<_, u8>(&expected));
        drop(elements);
        millpond::unlink_all("dynamic").unwrap();
    }
}

fn an_array_in_chunks_is_the_same_with_and_without_its_type() {
    for locked_is_typed in [true, false] {
        let (_locked, chunked, expected) = change(locked_is_typed);
        assert_eq!(chunked.done(2).unwrap(), LENGTH);
        let all = chunked.take(0..LENGTH, Duration::ZERO).unwrap();
        assert_eq!(all[..], *bytemuck::cast_slice::<_, u8>(&expected));
        drop(all);
        let some = chunked.take(CHUNK..3 * CHUNK, Duration::ZERO).unwrap();
        assert_eq!(some.len(), 2 * CHUNK * schema().size());
        drop(some);
        millpond::unlink_all("dynamic").unwrap();
    }
}

fn other_elements_are_refused() {
    let _arrays = arrays(false);
    let refused = SharedArray::<u16>::open(LOCKED).unwrap_err().to_string();
    assert!(
        refused.contains("height") && refused.contains("value"),
        "{refused}"
    );
    // The way of access is another.
    assert!(matches!(
        DynArray::open(CHUNKED),
        Err(Error::WrongOption { .. })
    ));
    assert!(matches!(
        DynChunkedArray::open(LOCKED),
        Err(Error::WrongOption { .. })
    ));
    let other = Schema::of::<f32>();
    let options = ArrayOptions::new(LENGTH);
    assert!(matches!(
        DynArray::open_or_create(LOCKED, &other, options),
        Err(Error::WrongRecord { .. })
    ));
}

/// Has the first half of the elements changed under a guard, or one chunk of pass 1 begun, until it ends. It has no
/// handle any more. Argument: which.
fn holder() {
    let orders = Orders::listen();
    if argument::<String>(0) == "guard" {
        let mut elements = DynArray::open(LOCKED).unwrap().write().unwrap();
        let half = elements.len() / 2;
        elements[..half].fill(7);
        println!("half");
        orders.next();
    } else {
        let array = DynChunkedArray::open(CHUNKED).unwrap();
        let mut chunk = array.split(1).unwrap().next().unwrap();
        drop(array);
        chunk[0] = 99;
        println!("{}", chunk.range().start);
        orders.next();
    }
}

fn a_killed_process_with_a_guard_that_owns_its_handle_leaves_word_of_it() {
    let (locked, _chunked) = arrays(true);
    let typed = SharedArray::<Cell>::open(LOCKED).unwrap();
    for _ in 0..5 {
        let mut holder = Child::start("dynamic_arrays::holder", &[&"guard"]);
        holder.expect("half");
        holder.kill();
        let elements = locked.read().unwrap();
        assert!(elements.is_damaged());
        assert_eq!((elements[0], elements[elements.len() - 1]), (7, 0));
        drop(elements);
        assert!(typed.read().unwrap().is_damaged());
        let mut elements = locked.write().unwrap();
        assert!(elements.is_damaged());
        elements.fill(0);
        elements.repaired();
        assert!(!elements.is_damaged());
        drop(elements);
        assert!(!typed.write().unwrap().is_damaged());
        assert!(!locked.read().unwrap().is_damaged());
    }
}

fn guards_outlive_their_handles_and_end_in_other_threads() {
    let (locked, _chunked) = arrays(true);
    let attached = || locked.participants().unwrap().len();
    let mut writing = DynArray::open(LOCKED).unwrap().write().unwrap();
    assert_eq!(attached(), 2, "a guard holds the array as a handle does");
    let (done, ended) = mpsc::channel();
    let reader = locked.clone();
    let waiting = thread::spawn(move || {
        let first = reader.read().unwrap()[0];
        done.send(()).unwrap();
        first
    });
    writing[0] = 1;
    assert!(ended.recv_timeout(Duration::from_millis(50)).is_err());
    let writer = thread::spawn(move || writing[0] += 1);
    writer.join().unwrap();
    assert_eq!(waiting.join().unwrap(), 2);
    assert_eq!(attached(), 1);

    let reading = DynArray::open(LOCKED).unwrap().read().unwrap();
    assert_eq!(attached(), 2);
    assert_eq!(reading[0], 2);
    thread::spawn(move || assert!(!reading.is_damaged()))
        .join()
        .unwrap();
    assert_eq!(attached(), 1);
    assert!(!locked.write().unwrap().is_damaged());
}

fn chunks_outlive_their_handles_and_end_in_other_threads() {
    let (_locked, chunked) = arrays(true);
    let attached = || chunked.participants().unwrap().len();
    let split = DynChunkedArray::open(CHUNKED).unwrap().split(1).unwrap();
    assert_eq!(
        attached(),
        2,
        "an iteration holds the array as a handle does"
    );
    let chunks: Vec<_> = split.collect();
    assert_eq!(
        chunks
            .iter()
            .map(|chunk| chunk.range().len())
            .sum::<usize>(),
        LENGTH
    );
    assert_eq!(attached(), 2, "and so do its chunks");
    assert!(chunked.take(0..CHUNK, Duration::ZERO).is_err());
    let filler = thread::spawn(|| {
        for mut chunk in chunks {
            chunk.fill(3);
        }
    });
    filler.join().unwrap();
    assert_eq!((attached(), chunked.done(1).unwrap()), (1, LENGTH));
    let all = chunked.take(0..LENGTH, Duration::ZERO).unwrap();
    assert!(all.iter().all(|&byte| byte == 3));
}

fn chunks_that_a_killed_process_owned_are_given_out_again() {
    let (_locked, chunked) = arrays(true);
    let mut left = Vec::new();
    for _ in 0..3 {
        let mut holder = Child::start("dynamic_arrays::holder", &[&"chunk"]);
        left.push(holder.line().parse::<usize>().unwrap());
        holder.kill();
    }
    let mut given = Vec::new();
    for chunk in chunked.split(1).unwrap() {
        let was_left = chunk.was_left();
        assert_eq!(chunk[0], if was_left { 99 } else { 0 });
        given.push((chunk.range().start, was_left));
    }
    given.sort();
    let starts = (0..LENGTH).step_by(CHUNK);
    let expected: Vec<_> = starts.map(|start| (start, left.contains(&start))).collect();
    assert_eq!(given, expected);
    assert_eq!(chunked.done(1).unwrap(), LENGTH);
}
