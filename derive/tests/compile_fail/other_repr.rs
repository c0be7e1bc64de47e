//! Another `repr` than `repr(C)`.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C, packed)]
struct Packed {
    done: u8,
    reward: f32,
}

#[derive(Clone, Copy, Record)]
#[repr(transparent)]
struct Transparent {
    reward: f32,
}

#[derive(Clone, Copy, Record)]
#[repr(C)]
#[repr(align(64))]
struct Aligned {
    observation: [f32; 16],
}

fn main() {}
