//! Types that the macro does not know by name, and the trait bound refuses.

use millpond::Record;

type Flag = bool;

#[derive(Clone, Copy)]
#[repr(C)]
struct Position {
    x: f32,
    y: f32,
}

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    position: Position,
    done: Flag,
}

fn main() {}
