//! Padding at the end, where the macro knows all the sizes.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    value: f64,
    reward: f32,
    action: [[u8; 3]; 1],
}

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Padded {
    value: u16,
    _padding: u8,
}

fn main() {}
