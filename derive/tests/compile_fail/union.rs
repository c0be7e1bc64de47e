//! A union.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
union Action {
    discrete: u32,
    continuous: f32,
}

fn main() {}
