//! Type and const parameters.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition<T> {
    observation: [T; 4],
}

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Observation<const N: usize> {
    values: [f32; N],
}

fn main() {}
