//! Padding that the compiler alone can see, behind a constant and an alias.

use millpond::Record;

const STATES: usize = 3;

type Reward = f32;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Middle {
    state: [u8; STATES],
    reward: Reward,
}

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct End {
    reward: Reward,
    state: [u8; STATES],
}

fn main() {}
