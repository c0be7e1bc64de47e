//! `bool`, also in an array.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    reward: f32,
    done: bool,
    flags: [bool; 3],
}

fn main() {}
