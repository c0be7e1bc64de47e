//! No `Copy`.

use millpond::Record;

#[derive(Record)]
#[repr(C)]
struct Transition {
    reward: f32,
}

fn main() {}
