//! The record of most trials: seven cache lines of which every number follows from the first three,
//! so that a record of two halves shows.

use millpond::pool::Column;
use millpond::{Batch, Record};

const NUMBERS: usize = 50;

#[derive(Clone, Copy, PartialEq, Debug, Record)]
#[repr(C)]
pub struct Experience {
    /// The key under which it was inserted, or [`UNKNOWN`].
    pub key: u64,
    pub writer: u64,
    /// Counts what its writer inserted.
    pub sequence: u64,
    numbers: [u64; NUMBERS],
    checksum: u64,
}

/// The key in a record whose writer could not know it.
pub const UNKNOWN: u64 = u64::MAX;

impl Experience {
    pub fn new(key: u64, writer: u64, sequence: u64) -> Self {
        let mut state = key ^ writer.rotate_left(20) ^ sequence.rotate_left(40);
        let numbers = std::array::from_fn(|_| {
            // The generator of Steele, Lea and Flood (2014), "SplitMix".
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed ^ mixed >> 27
        });
        Self {
            key,
            writer,
            sequence,
            numbers,
            checksum: numbers.iter().fold(key, |sum, n| sum.rotate_left(5) ^ n),
        }
    }

    /// Fails unless the record is whole, and that of `key`.
    #[track_caller]
    pub fn check(&self, key: u64) {
        let whole = Self::new(self.key, self.writer, self.sequence);
        assert!(*self == whole, "a torn record under key {key}: {self:?}");
        let known = self.key != UNKNOWN;
        assert!(!known || self.key == key, "the record of another key");
    }
}

/// Checks every record of a batch, in place and as copies of its columns. Gives the copies.
#[track_caller]
pub fn check_batch(batch: &Batch<Experience>) -> Vec<Experience> {
    let count = batch.len();
    let mut keys = vec![0u64; count];
    let (mut writers, mut sequences) = (keys.clone(), keys.clone());
    let (mut numbers, mut checksums) = (vec![[0u64; NUMBERS]; count], keys.clone());
    let gathered = batch.gather(&mut [
        Column::new("key", &mut keys),
        Column::new("writer", &mut writers),
        Column::new("sequence", &mut sequences),
        Column::new("numbers", &mut numbers),
        Column::new("checksum", &mut checksums),
    ]);
    gathered.expect("columns of this record");
    let copy = |index| Experience {
        key: keys[index],
        writer: writers[index],
        sequence: sequences[index],
        numbers: numbers[index],
        checksum: checksums[index],
    };
    let copies: Vec<_> = (0..count).map(copy).collect();
    for ((record, copy), key) in batch.records().zip(&copies).zip(batch.keys()) {
        record.check(*key);
        copy.check(*key);
    }
    copies
}
