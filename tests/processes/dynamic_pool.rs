//! One pool, which one process has by a type and another by a schema that it finds in the segment.

use millpond::board::DynBoard;
use millpond::pool::{Column, DynPool, InputColumn};
use millpond::{Board, BoardOptions, Error, Pool, PoolOptions, Record, Schema};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dynamic_pool",
    trials: named![
        a_process_that_knows_no_type_uses_a_pool_of_one,
        a_process_that_knows_the_type_uses_a_pool_that_was_made_of_a_schema,
        other_records_are_refused_with_both_schemas,
        a_process_that_knows_nothing_prints_what_a_segment_holds,
    ],
    roles: named![typed, printer],
    ..Part::EMPTY
};

const POOL: &str = "dynamic/pool";
const RECORDS: u64 = 300;

#[derive(Clone, Copy, Record)]
#[repr(C)]
struct Everything {
    number: u64,
    float: f64,
    signed: i64,
    small: [[f32; 3]; 2],
    counts: [u32; 2],
    differences: [i32; 2],
    short: [i16; 3],
    shorts: [[[u16; 2]; 1]; 2],
    letters: [u8; 5],
    sign: i8,
    _padding: [u8; 4],
}

/// As a user writes it who has no such type.
const SCHEMA: &str = "size 88 align 8
number u64 @0
float f64 @8
signed i64 @16
small f32[2,3] @24
counts u32[2] @48
differences i32[2] @56
short i16[3] @64
shorts u16[2,1,2] @70
letters u8[5] @78
sign i8 @83
_padding u8[4] @84
";

fn schema() -> Schema {
    Schema::parse(SCHEMA).unwrap()
}

/// What record number `number` holds.
fn everything(number: u64) -> Everything {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Everything {
        number,
        float: scattered as f64 / 3.0,
        signed: scattered as i64,
        small: [[scattered as f32, 0.1, -1.0], [1e-30, 7.0, number as f32]],
        counts: [scattered as u32, number as u32],
        differences: [scattered as i32, -1],
        short: [scattered as i16, i16::MIN, 3],
        shorts: [[[scattered as u16, 1]], [[2, 3]]],
        letters: *b"known",
        sign: scattered as i8,
        _padding: [0; 4],
    }
}

/// Has the pool by the type. Says what it finds wrong; inserts and samples.
fn typed() {
    let orders = Orders::listen();
    let pool = Pool::<Everything>::open(POOL).unwrap();
    let found = pool.len() as u64;
    for key in 0..found {
        let record = pool.get(key).unwrap().expect("a record");
        assert_eq!(
            bytemuck::bytes_of(&record),
            bytemuck::bytes_of(&everything(key))
        );
    }
    for number in found..found + RECORDS {
        pool.insert(&everything(number)).unwrap();
    }
    let batch = pool.sample(64, &mut rand::rng()).unwrap();
    for record in batch.records() {
        let expected = everything(record.number);
        assert_eq!(bytemuck::bytes_of(record), bytemuck::bytes_of(&expected));
    }
    println!("inserted");
    orders.next();
}

/// Compares all records of the pool with what they were made of; takes them as bytes and as columns.
fn check(pool: &DynPool) {
    let mut bytes = vec![0; pool.schema().size()];
    for key in 0..pool.len() as u64 {
        assert!(pool.get(key, &mut bytes).unwrap());
        assert_eq!(bytes, bytemuck::bytes_of(&everything(key)));
    }
    let batch = pool.sample(128, &mut rand::rng()).unwrap();
    let (mut numbers, mut shorts) = ([0u64; 128], [[[[0u16; 2]; 1]; 2]; 128]);
    let (number, short) = (
        Column::new("number", &mut numbers),
        Column::new("shorts", &mut shorts),
    );
    batch.gather(&mut [number, short]).unwrap();
    for (number, short) in numbers.iter().zip(shorts) {
        assert_eq!(short, everything(*number).shorts);
    }
}

fn a_process_that_knows_no_type_uses_a_pool_of_one() {
    let typed = Pool::<Everything>::create(POOL, PoolOptions::new(1000)).unwrap();
    let mut child = Child::start("dynamic_pool::typed", &[]);
    child.expect("inserted");
    let pool = DynPool::open(POOL).unwrap();
    assert_eq!(pool.schema(), &schema());
    check(&pool);
    let numbers: Vec<_> = (RECORDS..2 * RECORDS).map(everything).collect();
    let mut keys = Vec::new();
    pool.insert_batch(bytemuck::cast_slice(&numbers), None, &mut keys)
        .unwrap();
    child.finish();
    let mut other = Child::start("dynamic_pool::typed", &[]);
    other.expect("inserted");
    check(&pool);
    other.kill();
    typed.verify().unwrap();
}

fn a_process_that_knows_the_type_uses_a_pool_that_was_made_of_a_schema() {
    let pool = DynPool::create(POOL, &schema(), PoolOptions::new(1000)).unwrap();
    let first: Vec<_> = (0..100).map(everything).collect();
    let (floats, shorts): (Vec<_>, Vec<_>) = first.iter().map(|one| (one.float, one.short)).unzip();
    let mut slots = pool.reserve(first.len()).unwrap();
    assert!(slots.keys().iter().copied().eq(0..100));
    for (index, record) in first.iter().enumerate() {
        slots
            .get_mut(index)
            .copy_from_slice(bytemuck::bytes_of(record));
    }
    // Columns that lack fields are refused, and nothing is changed.
    let few = &mut [
        InputColumn::new("float", &floats),
        InputColumn::new("short", &shorts),
    ];
    assert!(matches!(
        slots.write_columns(few),
        Err(Error::WrongColumn { .. })
    ));
    slots.commit(None).unwrap();
    let mut child = Child::start("dynamic_pool::typed", &[]);
    child.expect("inserted");
    check(&pool);
    child.kill();
    assert_eq!(pool.len() as u64, 100 + RECORDS);
    pool.verify().unwrap();
}

fn other_records_are_refused_with_both_schemas() {
    let pool = DynPool::create(POOL, &schema(), PoolOptions::new(10)).unwrap();
    let refused = Pool::<[f32; 2]>::open(POOL).unwrap_err().to_string();
    assert!(
        refused.contains("value") && refused.contains("shorts"),
        "{refused}"
    );
    let other = Schema::of::<[f32; 2]>();
    let refused = DynPool::open_or_create(POOL, &other, PoolOptions::new(10)).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("value") && refused.contains("shorts"),
        "{refused}"
    );
    drop(pool);
}

/// Prints the records of a segment, or the elements of its value. Argument: its name.
fn printer() {
    let name: String = argument(0);
    match millpond::info(&name).unwrap().kind.as_str() {
        "pool" => {
            let pool = DynPool::open(&name).unwrap();
            let mut bytes = vec![0; pool.schema().size()];
            for key in 0..pool.len() as u64 {
                assert!(pool.get(key, &mut bytes).unwrap());
                println!("{}", pool.schema().show(&bytes));
            }
        }
        "board" => {
            let board = DynBoard::open(&name).unwrap();
            let value = board.lease().unwrap();
            for element in value.chunks(board.schema().size()) {
                println!("{}", board.schema().show(element));
            }
        }
        other => panic!("a segment of kind {other}"),
    }
}

fn a_process_that_knows_nothing_prints_what_a_segment_holds() {
    let print = |name: &str| Child::start("dynamic_pool::printer", &[&name]).ended();
    let pool = Pool::<Everything>::create(POOL, PoolOptions::new(10)).unwrap();
    pool.insert_batch(&[everything(0), everything(1)]).unwrap();
    let printed = print(POOL);
    assert_eq!(
        printed[0],
        "number 0, float 0.0, signed 0, small [[0.0, 0.1, -1.0], [1e-30, 7.0, 0.0]], counts [0, 0], differences \
         [0, -1], short [0, -32768, 3], shorts [[[0, 1]], [[2, 3]]], letters [107, 110, 111, 119, 110], sign 0"
    );
    assert!(printed[1].starts_with("number 1, float 3.8"), "{printed:?}");
    assert_eq!(printed.len(), 2);
    let board = Board::<[f32; 2]>::create("dynamic/value", BoardOptions::new(3)).unwrap();
    board
        .publish(&[[0.5, -1.0], [2.0, 3.25], [f32::INFINITY, 0.0]])
        .unwrap();
    let expected = ["value [0.5, -1.0]", "value [2.0, 3.25]", "value [inf, 0.0]"];
    assert_eq!(print("dynamic/value"), expected);
}
