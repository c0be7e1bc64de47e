//! Keys and values of many types, by numbers that stand for them.

use millpond::readonly::ValueType;
use millpond::record::Scalar;
use millpond::{Record, Schema};

/// Several ranks, and padding in the middle and at the end. It lies beside a short key in the table.
#[derive(Clone, Copy, Record, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Row {
    image: [[[u8; 2]; 3]; 5],
    kind: i16,
    weights: [[f32; 3]; 5],
    _padding: [u8; 4],
    stamp: u64,
    done: u8,
    _padding2: [u8; 7],
}

pub fn row_type() -> ValueType {
    let schema = Schema::builder()
        .field("image", Scalar::U8, &[5, 3, 2])
        .field("kind", Scalar::I16, &[])
        .field("weights", Scalar::F32, &[5, 3])
        .field("stamp", Scalar::U64, &[])
        .field("done", Scalar::U8, &[])
        .build();
    ValueType::Record(schema.unwrap())
}

pub fn numbers(scalar: Scalar, shape: &[usize]) -> ValueType {
    ValueType::Record(Schema::of_numbers(scalar, shape).unwrap())
}

fn scattered(number: u64) -> u64 {
    (number + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(29)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// A key or a value that a number stands for.
pub trait Sample {
    fn sample(number: u64) -> Self;
    fn bytes(&self) -> &[u8];
}

macro_rules! records {
    ($($record:ty: $number:ident => $value:expr;)*) => {$(
        impl Sample for $record {
            fn sample($number: u64) -> Self {
                $value
            }

            fn bytes(&self) -> &[u8] {
                bytemuck::bytes_of(self)
            }
        }
    )*};
}

records! {
    u8: n => scattered(n) as u8;
    u16: n => scattered(n) as u16;
    u32: n => scattered(n) as u32;
    u64: n => scattered(n);
    i8: n => scattered(n) as i8;
    i16: n => scattered(n) as i16;
    i32: n => scattered(n) as i32;
    i64: n => scattered(n) as i64;
    [u8; 1]: n => [scattered(n) as u8];
    [u8; 16]: n => std::array::from_fn(|at| scattered(n + at as u64) as u8);
    [u8; 33]: n => std::array::from_fn(|at| scattered(n * 7 + at as u64) as u8);
    [f32; 7]: n => std::array::from_fn(|at| scattered(n + at as u64) as f32);
    [f64; 3]: n => [n as f64, -0.5, scattered(n) as f64];
    Row: n => Row {
        image: [[[scattered(n) as u8, 1], [2, 3], [n as u8, 5]]; 5],
        kind: scattered(n) as i16,
        weights: [[scattered(n) as f32, 0.5, n as f32]; 5],
        _padding: [0; 4],
        stamp: scattered(n),
        done: n as u8,
        _padding2: [0; 7],
    };
}

impl Sample for String {
    fn sample(number: u64) -> Self {
        let length = scattered(number) as usize % 23;
        format!("{number:x}é{}", "ß".repeat(length))
    }

    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Sample for Vec<u8> {
    fn sample(number: u64) -> Self {
        let word = scattered(number);
        word.to_le_bytes().repeat(word as usize % 30)[..word as usize % 30].to_vec()
    }

    fn bytes(&self) -> &[u8] {
        self
    }
}
