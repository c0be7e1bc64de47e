//! Fuzzes the opening of read-only structures; see `tests/fuzz/volume.rs`.
#![no_main]

#[path = "../../tests/fuzz/image.rs"]
#[allow(dead_code)]
mod image;
#[path = "../../tests/fuzz/volume.rs"]
mod volume;

use std::sync::LazyLock;

static GOOD: LazyLock<Vec<Vec<u8>>> = LazyLock::new(volume::images);

libfuzzer_sys::fuzz_target!(|input: &[u8]| volume::run(input, &GOOD));
