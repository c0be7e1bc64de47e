//! Structs without fields, or without names for them.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Tuple(f32, f32);

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Unit;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Empty {}

fn main() {}
