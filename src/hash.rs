//! The hash of keys. The hash is part of the formats: every process that opens a dictionary or a table must
//! compute the same one, also one of another version.
//!
//! Computes only.

/// The seed of the hash of one structure. Without read access to the structure, a process cannot choose keys that
/// collide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed([u64; 2]);

impl Seed {
    /// Makes a seed from a random number that is stored beside the keys.
    pub(crate) fn of(nonce: u64) -> Self {
        let first = scramble(nonce);
        Self([first, scramble(first) | 1])
    }

    /// Returns the hash of a key of a fixed number of words. The upper bits are of better quality.
    ///
    /// Each step multiplies to 128 bits and folds the halves together, as in wyhash (Wang Yi,
    /// <https://github.com/wangyi-fudan/wyhash>). After that, keys in a sequence are still in a sequence, and with some
    /// factors a few parts of an index get most of them. So the upper bits are mixed once more.
    #[inline(always)]
    pub(crate) fn hash(self, words: &[u64]) -> u64 {
        let mut state = self.0[0];
        for &word in words {
            state = self.step(state, word);
        }
        finish(state)
    }

    /// Returns the hash of a byte string of any length: of its words, the last one padded with
    /// zeros, and of its length.
    #[inline]
    pub(crate) fn hash_bytes(self, bytes: &[u8]) -> u64 {
        let mut state = self.0[0];
        let (words, rest) = bytes.as_chunks();
        for word in words {
            state = self.step(state, u64::from_le_bytes(*word));
        }
        let mut filled = [0; 8];
        filled[..rest.len()].copy_from_slice(rest);
        state = self.step(state, u64::from_le_bytes(filled));
        finish(self.step(state, bytes.len() as u64))
    }

    #[inline(always)]
    fn step(self, state: u64, word: u64) -> u64 {
        let product = u128::from(state ^ word) * u128::from(self.0[1]);
        product as u64 ^ (product >> 64) as u64
    }
}

#[inline(always)]
fn finish(state: u64) -> u64 {
    (state ^ state >> 32).wrapping_mul(MIXER)
}

/// The first factor of SplitMix64.
const MIXER: u64 = 0xbf58_476d_1ce4_e5b9;

/// A step of SplitMix64 (Steele, Lea and Flood 2014): it maps close numbers to distant ones.
fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(MIXER);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
