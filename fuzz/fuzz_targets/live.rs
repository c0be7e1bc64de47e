//! Fuzzes a pool whose bytes are changed while it is used; see `tests/fuzz/live.rs`.
#![no_main]

#[path = "../../tests/fuzz/image.rs"]
#[allow(dead_code)]
mod image;
#[path = "../../tests/fuzz/live.rs"]
mod live;
#[path = "../../tests/fuzz/open.rs"]
#[allow(dead_code)]
mod open;

libfuzzer_sys::fuzz_target!(|input: &[u8]| live::run(input));
