//! More types that are not in records, each with what to write instead.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    index: usize,
    id: u128,
    letter: char,
    pair: (f32, f32),
    action: Option<u8>,
    age: std::time::Duration,
    version: std::num::NonZeroU32,
    none: [f32; 0],
}

fn main() {}
