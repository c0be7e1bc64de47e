//! References.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    observation: &'static [f32],
    name: &'static str,
}

fn main() {}
