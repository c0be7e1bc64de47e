//! Fuzzes the opening of segments; see `tests/fuzz/open.rs`.
#![no_main]

#[path = "../../tests/fuzz/image.rs"]
#[allow(dead_code)]
mod image;
#[path = "../../tests/fuzz/open.rs"]
mod open;

use std::sync::LazyLock;

static GOOD: LazyLock<[Vec<u8>; 2]> = LazyLock::new(image::images);

libfuzzer_sys::fuzz_target!(|input: &[u8]| open::run(input, &GOOD));
