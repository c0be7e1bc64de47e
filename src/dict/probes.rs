//! How far from their homes keys lie, whatever the keys are. Counted in buckets, not in time.

use super::ArrayDict;
use super::bucket::Slots;
use super::key::Key;
use super::options::DictOptions;
use super::table::Probe;

const KEYS: u64 = 20_000;

/// The buckets that are looked at for all keys of a full index: in all, and at most for one.
fn count<K: Key>(key: impl Fn(u64) -> K) -> (usize, usize) {
    let dict = ArrayDict::<K, u8>::anonymous(DictOptions::new(0)).unwrap();
    dict.extend((0..KEYS).map(|number| (key(number), number as u8)))
        .unwrap();
    assert_eq!(dict.len() as u64, KEYS, "two keys are the same");
    // Up to the last key before it grows.
    let full = dict.capacity().unwrap() as u64;
    dict.extend((KEYS..full).map(|number| (key(number), number as u8)))
        .unwrap();
    assert_eq!(dict.capacity().unwrap() as u64, full);
    let writer = dict.inner.write().unwrap();
    let (size, buckets) = (writer.generation.size, writer.generation.size.buckets());
    let (mut all, mut most) = (0, 0);
    for number in 0..full {
        let sought = dict.inner.sought_typed(&key(number));
        let found = writer.find::<K::Bucket>(&sought).unwrap();
        let Probe::Live(found) = found else {
            panic!("key {number} is lost");
        };
        let bucket = found.slot / <K::Bucket as Slots>::SLOTS;
        let looked_at = 1 + (bucket + buckets - size.home(sought.hash)) % buckets;
        all += looked_at;
        most = most.max(looked_at);
    }
    (all * 100 / full as usize, most)
}

/// At most 1.4 buckets a key where the index is as full as can be, and 90 for the worst key of all: with keys at
/// random it is 1.15 to 1.33, and seldom more than 50.
#[track_caller]
fn assert_few<K: Key>(key: impl Fn(u64) -> K) {
    // Each dictionary hashes in another way, of which one in a hundred could be a bad one.
    for _ in 0..20 {
        let (percent, most) = count(&key);
        assert!(percent <= 140 && most <= 90, "{percent} %, at most {most}");
    }
}

#[test]
fn numbers_in_sequence_are_near_their_homes() {
    assert_few(|number| number);
    assert_few(|number| number as u32);
    assert_few(|number| u64::MAX - number);
    assert_few(|number| number as i64 - 10_000);
    assert_few(|number| 1_000_003 * number);
}

#[test]
fn multiples_of_powers_of_two_are_near_their_homes() {
    for shift in [8, 16, 31, 32, 33, 47] {
        assert_few(|number| number << shift);
    }
    // 2^16 of them there are.
    assert_few(|number| number << 48);
}

#[test]
fn bit_reversed_numbers_are_near_their_homes() {
    assert_few(|number| number.reverse_bits());
    assert_few(|number| (number as u32).reverse_bits());
    assert_few(|number| number.swap_bytes());
}

#[test]
fn numbers_with_equal_halves_are_near_their_homes() {
    assert_few(|number| number << 32 | number);
    assert_few(|number| 0xdead_beef_0000_0000 | number);
    assert_few(|number| number << 32 | 0xdead_beef);
    assert_few(|number| number << 32 | !number & 0xffff_ffff);
}

/// A string of bytes with a number at a place.
fn string<const LENGTH: usize>(number: u64, at: usize) -> [u8; LENGTH] {
    let mut bytes = [b'a'; LENGTH];
    bytes[at..at + 4].copy_from_slice(&(number as u32).to_be_bytes());
    bytes
}

#[test]
fn strings_that_differ_in_few_bytes_are_near_their_homes() {
    assert_few(|number| string::<5>(number, 1));
    assert_few(|number| string::<16>(number, 0));
    assert_few(|number| string::<16>(number, 12));
    assert_few(|number| string::<24>(number, 10));
    assert_few(|number| string::<32>(number, 0));
    assert_few(|number| string::<32>(number, 28));
    // The same word twice, and four times.
    assert_few(|number| -> [u8; 16] { bytemuck::cast([number; 2]) });
    assert_few(|number| -> [u8; 32] { bytemuck::cast([number; 4]) });
}
