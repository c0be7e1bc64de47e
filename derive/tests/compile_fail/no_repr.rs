//! No `repr(C)`.

use millpond::Record;

#[derive(Clone, Copy, Record)]
struct Transition {
    reward: f32,
    done: u32,
}

fn main() {}
