//! Records as text, by the schema alone.

use millpond::record::Scalar;
use millpond::{Record, Schema};

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Everything {
    large: u64,
    negative: i64,
    float: f64,
    single: f32,
    unsigned: u32,
    signed: i32,
    short: u16,
    small: i16,
    byte: u8,
    letter: i8,
    _padding: [u8; 6],
}

#[test]
fn every_number_is_shown_as_rust_shows_it() {
    let record = Everything {
        large: u64::MAX,
        negative: i64::MIN,
        float: f64::NAN,
        single: -0.1,
        unsigned: 4_000_000_000,
        signed: -2_000_000_000,
        short: 65_535,
        small: -32_768,
        byte: 255,
        letter: -128,
        _padding: [7; 6],
    };
    let shown = Schema::of::<Everything>()
        .show(bytemuck::bytes_of(&record))
        .to_string();
    let expected = "large 18446744073709551615, negative -9223372036854775808, float NaN, single -0.1, unsigned \
                    4000000000, signed -2000000000, short 65535, small -32768, byte 255, letter -128";
    assert_eq!(shown, expected);
}

#[test]
fn arrays_of_every_rank_are_cut_after_some_numbers() {
    let show = |shape: &[usize]| {
        let schema = Schema::of_numbers(Scalar::U8, shape).unwrap();
        let bytes: Vec<u8> = (0..schema.size()).map(|at| at as u8).collect();
        schema.show(&bytes).to_string()
    };
    assert_eq!(show(&[]), "value 0");
    assert_eq!(show(&[1]), "value [0]");
    assert_eq!(show(&[8]), "value [0, 1, 2, 3, 4, 5, 6, 7]");
    assert_eq!(show(&[9]), "value [0, 1, 2, 3, 4, 5, 6, 7, and 1 more]");
    assert_eq!(show(&[2, 3]), "value [[0, 1, 2], [3, 4, 5]]");
    assert_eq!(
        show(&[4, 3]),
        "value [[0, 1, 2], [3, 4, 5], [6, 7, …], and 3 more]"
    );
    assert_eq!(
        show(&[3, 1, 4]),
        "value [[[0, 1, 2, 3]], [[4, 5, 6, 7]], and 4 more]"
    );
}

#[test]
#[should_panic = "3 bytes are no record of 2"]
fn other_bytes_are_no_record() {
    let _ = Schema::of::<u16>().show(&[0; 3]);
}
