//! Raw pointers and function pointers.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    observation: *const f32,
    next: *mut Transition,
    policy: fn(f32) -> f32,
}

fn main() {}
