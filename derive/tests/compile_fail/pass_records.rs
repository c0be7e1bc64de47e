//! All that a record may be; this one compiles.

#![deny(warnings, missing_docs, unsafe_code)]

use millpond::{Record, Schema};

const STATES: usize = 3;

type Reward = f32;

/// A record with every kind of field.
#[derive(Clone, Copy, Record)]
#[repr(C)]
pub struct Everything {
    /// Wide numbers first.
    pub wide: [u64; 2],
    signed: i64,
    double: f64,
    images: [[[u8; 2]; 2]; 2],
    grid: [[f32; STATES]; 2 * 2],
    sum: [f32; STATES - 1],
    reward: Reward,
    number: u32,
    r#type: i32,
    short: u16,
    small: i16,
    byte: i8,
    _padding: [u8; 7],
}

/// Names that the generated code must not confuse with its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Record)]
#[repr(C)]
struct Field {
    record: f32,
    field0: f32,
    size: u32,
}

#[allow(non_upper_case_globals)]
const record: f32 = 0.0;

/// A record from a declarative macro.
macro_rules! pair {
    ($name:ident of $number:ty) => {
        /// Two numbers.
        #[derive(Clone, Copy, Record)]
        #[repr(C)]
        struct $name {
            first: $number,
            second: [$number; 1],
        }
    };
}

pair!(Pair of f64);

/// In the body of a function, where the generated code is too.
fn local() -> Schema {
    #[derive(Clone, Copy, Record)]
    #[repr(C)]
    struct Local {
        number: [u8; 5],
    }
    Schema::of::<Local>()
}

fn main() {
    assert_eq!(local().to_string(), "size 5 align 1\nnumber u8[5] @0\n");
    let schema = Schema::of::<Everything>();
    assert_eq!(schema.size(), size_of::<Everything>());
    assert_eq!(schema.field("type").unwrap().offset(), 104);
    assert_eq!(schema.field("grid").unwrap().shape(), [4, 3]);
    assert_eq!(Schema::of::<Pair>().to_string(), "size 16 align 8\nfirst f64 @0\nsecond f64[1] @8\n");
    assert_eq!(Field::FIELDS.len(), 3);
    assert_eq!(Field::default().record, record);
}
