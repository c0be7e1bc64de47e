//! What a process has of arrays and values without their types is not its forked child's: guards and chunks that own
//! their handle, too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use millpond::array::{DynArray, DynAtomicArray, DynChunkedArray, DynValue};
use millpond::record::{Number, Scalar};
use millpond::{ArrayOptions, Schema, ValueOptions};

use crate::fork::{assert_forked, in_a_forked_child};
use crate::forking::{fork_once, is_forked, with_a_child};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "forked_dynamic",
    trials: named![
        guards_that_own_their_handle_are_the_parents,
        chunks_that_own_their_handle_are_the_parents,
        a_value_of_the_parent_is_an_error_in_a_forked_child,
        atomics_of_the_parent_are_the_same_in_a_forked_child,
        a_change_of_a_value_that_forks_is_an_error_in_the_child,
    ],
    ..Part::EMPTY
};

const HANG: Duration = Duration::from_secs(20);
/// So long a trial waits to see that a thread is kept waiting.
const A_WHILE: Duration = Duration::from_millis(50);

fn bytes() -> Schema {
    Schema::of::<u8>()
}

fn panics(act: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

fn guards_that_own_their_handle_are_the_parents() {
    let create = || DynArray::create("forked/array", &bytes(), ArrayOptions::new(10)).unwrap();
    let array = create();
    // No handle of the reader is left.
    let mut reading = Some(DynArray::open("forked/array").unwrap().read().unwrap());
    in_a_forked_child(|| {
        assert!(panics(|| assert_eq!(reading.as_ref().unwrap()[0], 0)));
        assert!(!reading.as_ref().unwrap().is_damaged());
        drop(reading.take());
        assert_forked(array.read());
        assert_forked(array.write());
        assert_forked(array.participants());
    });
    // The reader is still inside.
    let (done, ended) = mpsc::channel();
    let writer = array.clone();
    let thread = thread::spawn(move || {
        writer.write().unwrap()[0] = 7;
        done.send(()).unwrap();
    });
    assert_eq!(reading.as_ref().unwrap()[0], 0);
    assert!(ended.recv_timeout(A_WHILE).is_err());
    drop(reading.take());
    thread.join().unwrap();

    let mut writing = Some(DynArray::open("forked/array").unwrap().write().unwrap());
    in_a_forked_child(|| {
        assert!(panics(|| writing.as_mut().unwrap()[0] = 1));
        writing.as_mut().unwrap().repaired();
        drop(writing.take());
    });
    let writer = array.clone();
    let thread = thread::spawn(move || writer.write().unwrap()[0] += 1);
    writing.take().unwrap()[0] = 20;
    thread.join().unwrap();
    let elements = array.read().unwrap();
    assert!(!elements.is_damaged());
    assert_eq!(elements[0], 21);
}

fn chunks_that_own_their_handle_are_the_parents() {
    let options = ArrayOptions::new(10).chunk_len(5);
    let array = DynChunkedArray::create("forked/chunked", &bytes(), options).unwrap();
    let mut split = DynChunkedArray::open("forked/chunked")
        .unwrap()
        .split(1)
        .unwrap();
    let mut chunk = split.next();
    in_a_forked_child(|| {
        assert!(panics(|| chunk.as_mut().unwrap()[0] = 1));
        drop(chunk.take());
        assert!(split.next().is_none());
        assert_forked(array.split(1));
        assert_forked(array.take(0..10, HANG));
    });
    assert!(array.take(0..10, Duration::ZERO).is_err());
    chunk.take().unwrap().fill(9);
    assert_eq!(array.done(1).unwrap(), 5);
    assert_eq!(split.count(), 1);
    assert_eq!(array.done(1).unwrap(), 10);
}

fn a_value_of_the_parent_is_an_error_in_a_forked_child() {
    let value = DynValue::create("forked/value", &bytes(), ValueOptions::new()).unwrap();
    in_a_forked_child(|| {
        assert_forked(value.get(&mut [0]));
        assert_forked(value.set(&[1]));
        assert_forked(value.update(|_| panic!("it is not called")));
        assert_forked(value.read());
        assert_forked(value.write());
        assert_forked(value.participants());
    });
    value.set(&[3]).unwrap();
    assert_eq!(*value.read().unwrap(), [3]);
}

fn atomics_of_the_parent_are_the_same_in_a_forked_child() {
    let options = ArrayOptions::new(2);
    let array = DynAtomicArray::create("forked/atomics", Scalar::F32, options).unwrap();
    in_a_forked_child(|| {
        array.fetch_add(1, Number::F32(0.5)).unwrap();
        assert_forked(array.participants());
    });
    assert_eq!(array.load(1).unwrap(), Number::F32(0.5));
}

fn a_change_of_a_value_that_forks_is_an_error_in_the_child() {
    let value = DynValue::create("forks/value", &bytes(), ValueOptions::new()).unwrap();
    let change = || {
        value.update(|value| {
            if !fork_once() {
                value[0] += 1;
            }
            value[0]
        })
    };
    assert_eq!(with_a_child(change, is_forked).unwrap(), 1);
    assert_eq!(value.update(|value| value[0]).unwrap(), 1);
}
