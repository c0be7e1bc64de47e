//! An array of too many dimensions.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    deep: [[[[[[[[[u8; 1]; 1]; 1]; 1]; 1]; 1]; 1]; 1]; 1],
}

fn main() {}
