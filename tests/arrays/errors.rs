//! Bad input: every mistake is an error that says what was expected, what was found, and what to do.

use std::time::Duration;

use millpond::{
    ArrayOptions, AtomicArray, AtomicValue, ChunkedArray, Error, SharedArray, SharedValue,
    ValueOptions, unlink,
};

use crate::refuse;

/// A name of this test's own, in the directory of the user's segments.
struct Name(String);

impl Name {
    fn new(test: &str) -> Self {
        Self(format!("array-errors-{}/{test}", std::process::id()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = unlink(&self.0);
    }
}

const NOW: Duration = Duration::ZERO;

#[test]
fn an_array_of_other_elements_is_refused_with_both() {
    let name = Name::new("elements");
    let _array = SharedArray::<f32>::create(&name.0, ArrayOptions::new(10)).unwrap();
    let error = refuse(
        SharedArray::<f64>::open(&name.0),
        &["other records", "f32", "f64", "use the same record type"],
    );
    assert!(matches!(error, Error::WrongRecord { .. }));
    refuse(ChunkedArray::<i32>::open(&name.0), &["f32", "i32"]);
    refuse(AtomicArray::<u32>::open(&name.0), &["f32", "u32"]);
}

#[test]
fn an_array_for_another_way_of_access_is_refused_with_both() {
    let name = Name::new("access");
    let locked = SharedArray::<u32>::create(&name.0, ArrayOptions::new(10)).unwrap();
    let words = [
        "access by",
        "lock (`SharedArray`, `SharedValue`)",
        "`ChunkedArray`",
    ];
    let error = refuse(ChunkedArray::<u32>::open(&name.0), &words);
    assert!(matches!(error, Error::WrongOption { .. }));
    refuse(
        AtomicArray::<u32>::open(&name.0),
        &["lock", "atomics (`AtomicArray`"],
    );
    let other = AtomicArray::<u32>::open_or_create(&name.0, ArrayOptions::new(10));
    refuse(other, &["lock", "atomics"]);
    unlink(&name.0).unwrap();
    drop(locked);
    let _chunked = ChunkedArray::<u32>::create(&name.0, ArrayOptions::new(10)).unwrap();
    refuse(
        SharedArray::<u32>::open(&name.0),
        &["chunks (`ChunkedArray`)", "lock"],
    );
}

#[test]
fn a_segment_that_is_no_array_is_refused() {
    let name = Name::new("kind");
    let options = millpond::BoardOptions::new(10);
    let _board = millpond::Board::<f32>::create(&name.0, options).unwrap();
    let error = refuse(
        SharedArray::<f32>::open(&name.0),
        &["a board", "not a array"],
    );
    assert!(matches!(error, Error::WrongKind { .. }));
    assert!(matches!(
        refuse(SharedValue::<f32>::open("array-errors/nowhere"), &[]),
        Error::NotFound { .. }
    ));
}

#[test]
fn other_lengths_are_refused_by_who_opens_or_creates() {
    let name = Name::new("lengths");
    let options = ArrayOptions::new(10).chunk_len(5);
    let _array = ChunkedArray::<u8>::create(&name.0, options.clone()).unwrap();
    ChunkedArray::<u8>::open_or_create(&name.0, options.clone()).unwrap();
    ChunkedArray::<u8>::open_or_create(&name.0, ArrayOptions::new(10)).unwrap();
    let longer = ArrayOptions::new(11);
    refuse(
        ChunkedArray::<u8>::open_or_create(&name.0, longer),
        &["length 10, not 11"],
    );
    let finer = options.chunk_len(2);
    refuse(
        ChunkedArray::<u8>::open_or_create(&name.0, finer),
        &["chunks of 5, not 2"],
    );
}

#[test]
fn a_value_is_an_array_of_one_element_and_of_no_more() {
    let name = Name::new("value");
    let array = SharedArray::<u64>::create(&name.0, ArrayOptions::new(1)).unwrap();
    SharedValue::<u64>::open(&name.0).unwrap().set(5).unwrap();
    assert_eq!(array.read().unwrap()[0], 5);
    refuse(AtomicValue::<u64>::open(&name.0), &["lock", "atomics"]);
    drop(array);
    unlink(&name.0).unwrap();
    let _array = AtomicArray::<u64>::create(&name.0, ArrayOptions::new(2)).unwrap();
    refuse(AtomicValue::<u64>::open(&name.0), &["length 2, not 1"]);
    let options = ValueOptions::new();
    refuse(
        AtomicValue::<u64>::open_or_create(&name.0, options),
        &["length 2, not 1"],
    );
}

#[test]
fn options_that_cannot_be_are_refused() {
    let none = ArrayOptions::new(0);
    refuse(
        SharedArray::<u8>::anonymous(none.clone()),
        &["length of an array is 0", "1 or more"],
    );
    refuse(AtomicArray::<u8>::anonymous(none.clone()), &["1 or more"]);
    refuse(ChunkedArray::<u8>::anonymous(none), &["1 or more"]);
    let options = ArrayOptions::new(1 << 22);
    refuse(
        ChunkedArray::<u8>::anonymous(options.clone().chunk_len(0)),
        &["4 or more"],
    );
    let tiny = options.clone().chunk_len(3);
    refuse(
        ChunkedArray::<u8>::anonymous(tiny),
        &["chunk is 3", "4 or more", "1048576 chunks"],
    );
    ChunkedArray::<u8>::anonymous(options.chunk_len(4)).unwrap();
    let huge = ArrayOptions::new(usize::MAX).chunk_len(usize::MAX);
    refuse(
        ChunkedArray::<f64>::anonymous(huge.clone()),
        &["larger than the address space"],
    );
    refuse(
        SharedArray::<f64>::anonymous(huge.clone()),
        &["larger than the address space"],
    );
    refuse(
        AtomicArray::<u64>::anonymous(huge),
        &["larger than the address space"],
    );
    let crowd = ArrayOptions::new(1).participants(2000);
    refuse(SharedArray::<u8>::anonymous(crowd), &["1 to 1022"]);
}

#[test]
fn ranges_outside_across_or_held_are_refused() {
    let array = ChunkedArray::<u8>::anonymous(ArrayOptions::new(95).chunk_len(10)).unwrap();
    for outside in [0..96, 90..100, 100..110, 200..usize::MAX] {
        refuse(array.take(outside, NOW), &["the range", "a part of 0..95"]);
    }
    #[expect(clippy::reversed_empty_ranges, reason = "a mistake, on purpose")]
    for empty in [0..0, 95..95, 20..10] {
        refuse(array.take(empty, NOW), &["not empty"]);
    }
    for across in [1..10, 0..9, 15..25, 90..94] {
        refuse(array.take(across, NOW), &["chunks of 10 elements"]);
    }
    let last = array.take(90..95, NOW).unwrap();
    assert_eq!(last.len(), 5);
    let process = format!("process {}", std::process::id());
    for overlapping in [90..95, 0..95, 80..95] {
        let error = refuse(array.take(overlapping, NOW), &["elements 90..95", &process]);
        assert!(matches!(error, Error::TimedOut { .. }));
    }
    // What could be had in vain is free again.
    array.take(0..90, NOW).unwrap();
    refuse(array.split(0), &["the pass is 0", "1 or more"]);
    refuse(array.done(0), &["1 or more"]);
}
