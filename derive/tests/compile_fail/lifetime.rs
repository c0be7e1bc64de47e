//! A lifetime.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition<'a> {
    observation: &'a f32,
}

fn main() {}
