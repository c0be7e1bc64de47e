//! Names that the schema's text has no room for.

use millpond::Record;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Transition {
    größe: f32,
    a_name_that_goes_on_and_on_until_it_is_too_long_for_the_header_of_a_segment: f32,
}

fn main() {}
