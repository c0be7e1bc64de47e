//! Padding in the middle, where the macro knows all the sizes.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    reward: f32,
    done: u8,
    observation: [f32; 4],
}

fn main() {}
