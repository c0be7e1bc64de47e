//! Keys and values without a pattern, and the same ones in each run.

use std::collections::BTreeSet;
use std::fs;

/// How many keys of each kind a test takes.
pub fn count() -> u64 {
    const USUAL: u64 = 100_000;
    match std::env::var("MILLPOND_DATA_KEYS") {
        Ok(text) => text.parse().expect("MILLPOND_DATA_KEYS: a number of keys"),
        Err(_) => USUAL,
    }
}

/// The `number`-th of a sequence of 64-bit numbers that look random and are all different (SplitMix64; Steele, Lea
/// and Flood 2014, "Fast splittable pseudorandom number generators").
pub fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// So many bytes that look random, which `number` stands for.
pub fn bytes(number: u64, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut word = number.rotate_left(17);
    while bytes.len() < length {
        word = scattered(word);
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A length that `number` stands for: mostly a few bytes, at times some kibibytes.
pub fn length(number: u64) -> usize {
    let scattered = scattered(number ^ 0xface) as usize;
    match scattered % 997 {
        0 => scattered / 997 % 9_000,
        _ => scattered / 997 % 40,
    }
}

/// Different keys, by their number.
pub struct Keys {
    pub name: String,
    pub count: u64,
    key: Box<dyn Fn(u64) -> Vec<u8>>,
}

impl Keys {
    fn new(name: &str, count: u64, key: impl Fn(u64) -> Vec<u8> + 'static) -> Self {
        Self {
            name: name.into(),
            count,
            key: Box::new(key),
        }
    }

    /// The same keys in another order: that of `keys`, which are all of them.
    pub fn ordered(self, keys: Vec<Vec<u8>>) -> Self {
        let (name, count) = (self.name.clone(), self.count);
        Self::new(&name, count, move |number| {
            match keys.get(number as usize) {
                Some(key) => key.clone(),
                None => self.key(number),
            }
        })
    }

    /// The `number`-th key. Those from `count` on are keys that a test does not take.
    pub fn key(&self, number: u64) -> Vec<u8> {
        (self.key)(number)
    }
}

/// All kinds of keys: made here, and the words of the files that `MILLPOND_DATA_WORDS` names.
pub fn kinds() -> Vec<Keys> {
    let digits = |number| format!("{:016x}", scattered(number)).into_bytes();
    let irregular = |number| {
        let mut key = bytes(number, length(number));
        key.extend_from_slice(&scattered(number).to_be_bytes()); // which makes it different
        key
    };
    let mut kinds = vec![
        Keys::new("16 hexadecimal digits", count(), digits),
        Keys::new("bytes of any length", count(), irregular),
    ];
    let files = std::env::var("MILLPOND_DATA_WORDS").unwrap_or_default();
    for file in files.split(':').filter(|file| !file.is_empty()) {
        kinds.push(words(file));
    }
    kinds
}

/// The words of a file, one in a line.
fn words(file: &str) -> Keys {
    let text = fs::read(file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let lines = text.split(|&byte| byte == b'\n');
    let words: BTreeSet<Vec<u8>> = lines.map(<[u8]>::to_vec).collect();
    let words = Vec::from_iter(words);
    let count = words.len() as u64;
    Keys::new(file, count, move |number| {
        match words.get(number as usize) {
            Some(word) => word.clone(),
            None => format!("no word {number}\n").into_bytes(),
        }
    })
}
