//! Types that own memory elsewhere.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    observation: Vec<f32>,
    name: String,
    next: Option<Box<u64>>,
}

fn main() {}
