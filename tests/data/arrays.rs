//! Arrays of each kind, of several mebibytes.

use std::time::Duration;

use millpond::{ArrayOptions, AtomicArray, ChunkedArray, SharedArray};

use crate::keys::{count, scattered};
use crate::place::Place;

/// Of a size that fits no line and no page.
type Element = [u8; 37];

fn element(number: u64) -> Element {
    crate::keys::bytes(number, 37).try_into().unwrap()
}

/// All places of an array of so many, without an order, each once.
fn places(len: usize) -> impl Iterator<Item = usize> {
    let mut places = Vec::from_iter(0..len);
    places.sort_by_key(|&place| scattered(place as u64));
    places.into_iter()
}

fn len() -> usize {
    count() as usize | 1
}

#[test]
fn a_locked_array_is_the_vector_that_it_was_filled_from() {
    let (place, len) = (Place::new(), len());
    let name = place.name("locked");
    let writer = SharedArray::<Element>::create(&name, ArrayOptions::new(len)).unwrap();
    let reader = SharedArray::<Element>::open(&name).unwrap();
    let mut expected = vec![[0; 37]; len];
    let mut elements = writer.write().unwrap();
    for (number, place) in (0..).zip(places(len)) {
        elements[place] = element(number);
        expected[place] = element(number);
    }
    drop(elements);
    assert!(reader.read().unwrap()[..] == expected);
}

#[test]
fn an_atomic_array_is_the_vector_that_it_was_filled_from() {
    let (place, len) = (Place::new(), 4 * len());
    let name = place.name("atomic");
    let writer = AtomicArray::<u64>::create(&name, ArrayOptions::new(len)).unwrap();
    let reader = AtomicArray::<u64>::open(&name).unwrap();
    let mut expected = vec![0; len];
    for (number, place) in (0..).zip(places(len)) {
        writer[place].store(scattered(number));
        expected[place] = scattered(number);
    }
    for (found, expected) in reader.iter().zip(&expected) {
        assert_eq!(found.load(), *expected);
    }
    assert_eq!(reader.len(), len);
}

#[test]
fn an_array_in_chunks_is_the_vector_that_it_was_filled_from() {
    let (place, len) = (Place::new(), len());
    let name = place.name("chunked");
    let options = ArrayOptions::new(len).chunk_len(1013);
    let writer = ChunkedArray::<Element>::create(&name, options).unwrap();
    let reader = ChunkedArray::<Element>::open(&name).unwrap();
    for mut chunk in writer.split(1).unwrap() {
        for (place, found) in chunk.range().zip(chunk.iter_mut()) {
            *found = element(place as u64);
        }
    }
    let chunk_len = reader.chunk_len();
    assert!(!len.is_multiple_of(chunk_len), "the last one is shorter");
    for start in (0..len).step_by(chunk_len) {
        let range = start..(start + chunk_len).min(len);
        let chunk = reader.take(range.clone(), Duration::from_secs(10)).unwrap();
        assert_eq!(chunk.range(), range);
        for (place, found) in range.zip(chunk.iter()) {
            assert!(*found == element(place as u64), "element {place}");
        }
    }
}
