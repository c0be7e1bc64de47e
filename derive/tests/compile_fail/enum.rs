//! An enum.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(u8)]
enum Action {
    Left,
    Right,
}

fn main() {}
