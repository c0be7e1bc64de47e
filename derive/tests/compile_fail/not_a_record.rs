//! Types that are not records where one is asked for.

use millpond::Record;

struct Transition {
    reward: f32,
}

fn record<R: Record>() {}

fn main() {
    record::<Transition>();
    record::<[bool; 3]>();
}
