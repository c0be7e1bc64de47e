//! Arrays with chunks, in one process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use millpond::{ArrayOptions, ChunkedArray, Record};

use crate::panicking;

const NOW: Duration = Duration::ZERO;
const HANG: Duration = Duration::from_secs(20);

fn array<T: Record>(len: usize, chunk_len: usize) -> ChunkedArray<T> {
    ChunkedArray::anonymous(ArrayOptions::new(len).chunk_len(chunk_len)).unwrap()
}

#[test]
fn one_pass_covers_every_element_once() {
    for (len, chunk_len) in [(1, 1), (10, 3), (12, 3), (1000, 7), (5, 100)] {
        let array = array::<u32>(len, chunk_len);
        for pass in 1..=3 {
            let mut covered = vec![0; len];
            for mut chunk in array.split(pass).unwrap() {
                assert!(!chunk.was_left());
                chunk.iter_mut().for_each(|element| *element += 1);
                covered[chunk.range()].fill(1);
            }
            assert_eq!(covered, vec![1; len]);
            assert_eq!(array.done(pass).unwrap(), len);
            let whole = array.take(0..len, NOW).unwrap();
            assert!(whole.iter().all(|&element| element == pass));
        }
        assert_eq!(array.done(4).unwrap(), 0);
        // A pass that is over gives nothing more.
        assert_eq!(array.split(2).unwrap().count(), 0);
    }
}

#[test]
fn threads_share_the_chunks_of_each_pass_and_end_together() {
    const LENGTH: usize = 10_000;
    let array = array::<u64>(LENGTH, 16);
    let given = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for pass in 1..=50u32 {
                    for mut chunk in array.split(pass).unwrap() {
                        given.fetch_add(1, Ordering::Relaxed);
                        for element in chunk.iter_mut() {
                            assert_eq!(
                                *element,
                                u64::from(pass) - 1,
                                "a pass begins when the last is done"
                            );
                            *element += 1;
                        }
                    }
                    assert_eq!(array.done(pass).unwrap(), LENGTH);
                }
            });
        }
    });
    assert_eq!(given.into_inner(), 50 * LENGTH / 16);
}

#[test]
fn who_collects_chunks_gets_all_that_are_free_and_does_not_wait_for_itself() {
    let array = array::<u8>(100, 10);
    let held = array.take(30..50, NOW).unwrap();
    let chunks: Vec<_> = array.split(1).unwrap().collect();
    assert_eq!(chunks.len(), 8);
    assert_eq!(array.done(1).unwrap(), 0);
    drop(chunks);
    assert_eq!(array.done(1).unwrap(), 80);
    drop(held);
    assert_eq!(array.split(1).unwrap().count(), 2);
}

#[test]
fn an_iteration_waits_for_chunks_of_others_and_gets_what_they_leave() {
    let array = array::<u8>(100, 10);
    let mut held: Vec<_> = array.split(1).unwrap().take(3).collect();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let left: Vec<bool> = array
                .split(1)
                .unwrap()
                .map(|chunk| chunk.was_left())
                .collect();
            assert_eq!(array.done(1).unwrap(), 100);
            left
        });
        held.pop().unwrap().give_up();
        held.pop();
        held.pop();
        let left = other.join().unwrap();
        assert_eq!(left.len(), 8);
        assert_eq!(left.iter().filter(|&&left| left).count(), 1);
    });
}

#[test]
fn what_a_panic_leaves_is_given_out_again_and_says_so() {
    let array = array::<u8>(30, 10);
    panicking(|| {
        let mut split = array.split(1).unwrap();
        drop(split.next());
        let mut chunk = split.next().unwrap();
        chunk[0] = 9;
        std::panic::resume_unwind(Box::new("half way"));
    });
    assert_eq!(array.done(1).unwrap(), 10);
    let left: Vec<_> = array
        .split(1)
        .unwrap()
        .map(|c| (c.was_left(), c[0]))
        .collect();
    assert_eq!(left.len(), 2);
    assert!(
        left.contains(&(true, 9)) && left.contains(&(false, 0)),
        "{left:?}"
    );
    assert_eq!(array.done(1).unwrap(), 30);
}

#[test]
fn a_range_that_was_taken_stays_as_done_as_it_was() {
    let array = array::<u16>(40, 10);
    let first = array.split(1).unwrap().next().unwrap().range();
    for range in [first, 0..40] {
        let mut some = array.take(range.clone(), NOW).unwrap();
        assert_eq!(some.range(), range);
        some.fill(3);
        drop(some);
        assert_eq!(array.done(1).unwrap(), 10);
    }
    assert_eq!(array.split(1).unwrap().count(), 3);
}

#[test]
fn who_wants_a_range_waits_until_it_is_free() {
    let array = array::<u16>(40, 10);
    let held = array.take(20..30, NOW).unwrap();
    thread::scope(|scope| {
        let other = scope.spawn(|| array.take(0..40, HANG).unwrap().len());
        drop(held);
        assert_eq!(other.join().unwrap(), 40);
    });
}

#[test]
fn a_default_chunk_is_whole_cache_lines_and_there_are_not_too_many() {
    for len in [1, 100, 1 << 20, 100_000_000] {
        let array = ChunkedArray::<f32>::anonymous(ArrayOptions::new(len)).unwrap();
        assert!(array.chunk_len().is_multiple_of(16));
        assert!(len.div_ceil(array.chunk_len()) <= 1024, "{len}");
    }
    // Elements that fill no cache line.
    let odd = ChunkedArray::<[u8; 3]>::anonymous(ArrayOptions::new(1000)).unwrap();
    assert_eq!(odd.split(1).unwrap().count(), 1);
}
