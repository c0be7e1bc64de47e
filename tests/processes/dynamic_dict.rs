//! One dictionary, which one process has by types and another by what its segment says of its keys and rows.

use std::collections::BTreeMap;
use std::thread;

use millpond::dict::{DynArrayDict, Key};
use millpond::record::{KeyType, Scalar};
use millpond::{ArrayDict, DictOptions, Error, Record, Schema};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dynamic_dict",
    trials: named![
        keys_of_every_type_are_the_same_with_and_without_it,
        a_killed_owner_without_types_is_told_of,
        a_checkout_and_a_reader_outlive_their_handle_and_move_to_other_threads,
        #[cfg(unix)]
        what_the_parent_checked_out_is_not_its_forked_childs,
        other_keys_and_other_rows_are_refused,
        bytes_of_another_length_are_refused,
        a_process_that_knows_no_type_prints_a_dictionary,
    ],
    roles: named![typed, owner],
    ..Part::EMPTY
};

const NAME: &str = "dynamic/dict";
/// More than an index has at first, so that it grows under both; and no power of two.
const KEYS: u64 = 3_001;
const ROUNDS: u64 = 5;

#[derive(Clone, Copy, Record, Debug, PartialEq)]
#[repr(C)]
struct Row {
    count: u64,
    weights: [[f32; 3]; 2],
    flags: u16,
    kind: u8,
    _padding: [u8; 5],
}

fn schema() -> Schema {
    Schema::builder()
        .field("count", Scalar::U64, &[])
        .field("weights", Scalar::F32, &[2, 3])
        .field("flags", Scalar::U16, &[])
        .field("kind", Scalar::U8, &[])
        .build()
        .unwrap()
}

fn scatter(number: u64, round: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ round.wrapping_mul(0xd1b5);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn row(number: u64, round: u64) -> Row {
    let scattered = scatter(number, round);
    Row {
        count: scattered,
        weights: [[scattered as f32, 0.5, -1.0], [1e-30, round as f32, 3.0]],
        flags: scattered as u16,
        kind: round as u8,
        _padding: [0; 5],
    }
}

/// A key that a number stands for.
trait Numbered: Key {
    fn of(number: u64) -> Self;
}

macro_rules! integers {
    ($($integer:ident)*) => {$(
        impl Numbered for $integer {
            fn of(number: u64) -> Self {
                scatter(number, 0) as $integer
            }
        }
    )*};
}

/// Words that have most of their bytes in common, as names have.
macro_rules! byte_strings {
    ($($length:literal)*) => {$(
        impl Numbered for [u8; $length] {
            fn of(number: u64) -> Self {
                let text = format!("{number:x}");
                let mut bytes = [b'.'; $length];
                let shown = text.len().min($length);
                bytes[$length - shown..].copy_from_slice(&text.as_bytes()[text.len() - shown..]);
                bytes
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 i8 i16 i32 i64);
byte_strings!(1 3 8 11 16 24 32);

/// Evaluates an expression in which a name stands for the type of keys that a text names.
macro_rules! with_key {
    ($name:expr, $key:ident => $body:expr, $($type:ty)*) => {
        match $name {
            $(stringify!($type) => {
                type $key = $type;
                $body
            })*
            other => panic!("no key is `{other}`"),
        }
    };
    ($name:expr, $key:ident => $body:expr) => {
        with_key!(
            $name, $key => $body,
            u8 u16 u32 u64 i8 i16 i32 i64 [u8; 1] [u8; 3] [u8; 8] [u8; 11] [u8; 16] [u8; 24] [u8; 32]
        )
    };
}

const NAMES: [&str; 15] = [
    "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "[u8; 1]", "[u8; 3]", "[u8; 8]",
    "[u8; 11]", "[u8; 16]", "[u8; 24]", "[u8; 32]",
];

type Contents = BTreeMap<Vec<u8>, Row>;

/// What a round does with key number `number`.
enum Change {
    Insert,
    Update,
    Remove,
}

fn change(number: u64, round: u64) -> Change {
    match scatter(number, round) >> 60 {
        0..8 => Change::Insert,
        8..12 => Change::Update,
        _ => Change::Remove,
    }
}

/// What the dictionary holds after so many rounds.
fn expected<K: Numbered>(rounds: u64) -> Contents {
    let mut contents = Contents::new();
    for round in 1..=rounds {
        for number in 0..KEYS {
            let key = bytemuck::bytes_of(&K::of(number)).to_vec();
            match change(number, round) {
                Change::Insert => drop(contents.insert(key, row(number, round))),
                Change::Update => drop(contents.get_mut(&key).map(|old| old.count += 1)),
                Change::Remove => drop(contents.remove(&key)),
            }
        }
    }
    contents
}

/// Does the second and the fourth round, each after it has compared what is there.
fn typed() {
    let (name, orders) = (argument::<String>(0), Orders::listen());
    with_key!(&name[..], K => typed_rounds::<K>(&orders));
}

fn typed_rounds<K: Numbered>(orders: &Orders) {
    let dict = ArrayDict::<K, Row>::open(NAME).unwrap();
    for round in (2..=ROUNDS).step_by(2) {
        let expected = expected::<K>(round - 1);
        let view = dict.read().unwrap();
        let found = view
            .iter()
            .map(|(key, row)| (bytemuck::bytes_of(key).to_vec(), *row));
        assert!(found.collect::<Contents>() == expected, "before {round}");
        drop(view);
        for number in 0..KEYS {
            let (key, row) = (K::of(number), row(number, round));
            match change(number, round) {
                Change::Insert => drop(dict.insert(key, &row).unwrap()),
                Change::Update => drop(dict.update(&key, |old| old.count += 1).unwrap()),
                Change::Remove => drop(dict.remove(&key).unwrap()),
            }
        }
        println!("changed");
        orders.next();
    }
}

/// Compares what is there with `expected`, in every way of reading.
fn compare(dict: &DynArrayDict, expected: &Contents) {
    let reader = dict.read().unwrap();
    assert_eq!(reader.len(), expected.len());
    let mut found = Contents::new();
    for (key, row) in reader.iter() {
        assert_eq!(reader.get(key).unwrap(), Some(row));
        found.insert(key.to_vec(), *bytemuck::from_bytes(row));
    }
    assert!(found == *expected, "the reader has other rows");
    drop(reader);
    let mut row = [0; size_of::<Row>()];
    for (key, expected) in expected {
        assert!(dict.get(key, &mut row).unwrap());
        assert_eq!(row, bytemuck::bytes_of(expected));
    }
    dict.verify().unwrap();
}

/// A round by single calls, or in a checkout.
fn dynamic_round<K: Numbered>(dict: &DynArrayDict, round: u64, checked_out: bool) {
    let mut checkout = checked_out.then(|| dict.checkout().unwrap());
    for number in 0..KEYS {
        let (key, row) = (K::of(number), row(number, round));
        let (key, row) = (bytemuck::bytes_of(&key), bytemuck::bytes_of(&row));
        let count = |row: &mut [u8]| bytemuck::from_bytes_mut::<Row>(row).count += 1;
        match (change(number, round), &mut checkout) {
            (Change::Insert, None) => drop(dict.insert(key, row).unwrap()),
            (Change::Insert, Some(checkout)) => drop(checkout.insert(key, row).unwrap()),
            (Change::Update, None) => drop(dict.update(key, count).unwrap()),
            (Change::Update, Some(checkout)) => drop(checkout.update(key, count).unwrap()),
            (Change::Remove, None) => drop(dict.remove(key).unwrap()),
            (Change::Remove, Some(checkout)) => drop(checkout.remove(key).unwrap()),
        }
    }
}

fn keys_of_every_type_are_the_same_with_and_without_it() {
    for (at, name) in NAMES.into_iter().enumerate() {
        with_key!(name, K => {
            let key_type = KeyType::from_name(name).unwrap();
            let options = DictOptions::new(0);
            // By the types, or by what says them.
            let dict = match at % 2 {
                0 => DynArrayDict::create(NAME, key_type, &schema(), options).unwrap(),
                _ => {
                    drop(ArrayDict::<K, Row>::create(NAME, options).unwrap());
                    DynArrayDict::open(NAME).unwrap()
                }
            };
            assert_eq!((dict.key_type(), dict.schema()), (key_type, &schema()));
            dynamic_round::<K>(&dict, 1, false);
            let mut child = Child::start("dynamic_dict::typed", &[&name]);
            for round in (2..=ROUNDS).step_by(2) {
                child.expect("changed");
                compare(&dict, &expected::<K>(round));
                dynamic_round::<K>(&dict, round + 1, round == 2);
                compare(&dict, &expected::<K>(round + 1));
                child.tell("next");
            }
            child.ended();
            many::<K>(&dict);
        });
        millpond::unlink(NAME).unwrap();
    }
}

/// Empties the dictionary, fills it by one call, and asks for all keys and some that are not there by another.
fn many<K: Numbered>(dict: &DynArrayDict) {
    dict.clear().unwrap();
    let (mut contents, mut keys, mut rows) = (Contents::new(), vec![], vec![]);
    for number in 0..KEYS / 2 {
        let (key, row) = (K::of(number), row(number, 9));
        keys.extend_from_slice(bytemuck::bytes_of(&key));
        rows.extend_from_slice(bytemuck::bytes_of(&row));
        contents.insert(bytemuck::bytes_of(&key).to_vec(), row);
    }
    dict.extend(&keys, &rows).unwrap();
    compare(dict, &contents);
    let asked: Vec<K> = (0..KEYS).map(K::of).collect();
    let mut found = vec![0xaa; asked.len() * size_of::<Row>()];
    let missing = dict.get_many(bytemuck::cast_slice(&asked), &mut found);
    let missing = missing.unwrap();
    for (at, (key, found)) in asked.iter().zip(found.chunks(size_of::<Row>())).enumerate() {
        match contents.get(bytemuck::bytes_of(key)) {
            Some(row) => assert_eq!(found, bytemuck::bytes_of(row)),
            // Left as it was.
            None => assert!(missing.contains(&at) && found.iter().all(|&byte| byte == 0xaa)),
        }
    }
    let there = |key: &&K| contents.contains_key(bytemuck::bytes_of(*key));
    assert_eq!(
        missing.len(),
        KEYS as usize - asked.iter().filter(there).count()
    );
}

fn create() -> DynArrayDict {
    let key_type = KeyType::Integer(Scalar::U64);
    DynArrayDict::create(NAME, key_type, &schema(), DictOptions::new(0)).unwrap()
}

/// Has the dictionary to itself and inserts until it is killed.
fn owner() {
    let (_orders, dict) = (Orders::listen(), DynArrayDict::open(NAME).unwrap());
    let mut checkout = dict.checkout().unwrap();
    drop(dict);
    for number in 0u64.. {
        let row = row(number, 1);
        let (key, row) = (bytemuck::bytes_of(&number), bytemuck::bytes_of(&row));
        checkout.insert(key, row).unwrap();
        println!("{number}");
    }
}

fn a_killed_owner_without_types_is_told_of() {
    let dict = create();
    for lines in [1, 40, 300] {
        let mut child = Child::start("dynamic_dict::owner", &[]);
        let last = (0..lines).map(|_| child.line()).last().expect("a line");
        child.kill();
        let checkout = dict.checkout().unwrap();
        assert!(checkout.was_interrupted());
        for number in 0..=last.parse::<u64>().unwrap() {
            let found = checkout.get(&number.to_ne_bytes()).unwrap();
            assert_eq!(found, Some(bytemuck::bytes_of(&row(number, 1))));
        }
        drop(checkout);
        assert!(!dict.checkout().unwrap().was_interrupted());
        dict.verify().unwrap();
    }
}

fn a_checkout_and_a_reader_outlive_their_handle_and_move_to_other_threads() {
    let dict = create();
    let other = DynArrayDict::open(NAME).unwrap();
    let mut checkout = dict.checkout().unwrap();
    drop(dict);
    let given = thread::spawn(move || {
        checkout.insert(&[7; 8], &[1; size_of::<Row>()]).unwrap();
        checkout
    });
    drop(given.join().unwrap());
    let reader = other.read().unwrap();
    drop(other);
    let found = thread::spawn(move || reader.get(&[7; 8]).unwrap().map(<[u8]>::to_vec));
    assert_eq!(found.join().unwrap(), Some(vec![1; size_of::<Row>()]));
    // Both gave back what they had.
    DynArrayDict::open(NAME).unwrap().clear().unwrap();
}

#[cfg(unix)]
fn what_the_parent_checked_out_is_not_its_forked_childs() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use crate::fork::fork_and;
    use nix::sys::wait::{WaitStatus, waitpid};

    let dict = create();
    dict.insert(&[7; 8], &[1; size_of::<Row>()]).unwrap();
    let mut checkout = dict.checkout().unwrap();
    let child = fork_and(|| {
        let looked = catch_unwind(AssertUnwindSafe(|| checkout.rows().len()));
        assert!(looked.is_err());
        let refused = checkout.remove(&[7; 8]);
        assert!(matches!(refused, Err(Error::Forked { .. })));
        assert!(matches!(dict.read().err(), Some(Error::Forked { .. })));
        drop(checkout);
    });
    assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
}

fn other_keys_and_other_rows_are_refused() {
    let _dict = create();
    let says = |error: Error, words: [&str; 2]| {
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    says(
        ArrayDict::<i64, Row>::open(NAME).unwrap_err(),
        ["u64", "i64"],
    );
    says(
        ArrayDict::<u64, u16>::open(NAME).unwrap_err(),
        ["weights", "value"],
    );
    let other = KeyType::FixedBytes(8);
    let options = || DictOptions::new(0);
    let refused = DynArrayDict::open_or_create(NAME, other, &schema(), options());
    says(refused.unwrap_err(), ["u64", "[u8; 8]"]);
    let number = KeyType::Integer(Scalar::U64);
    let refused = DynArrayDict::open_or_create(NAME, number, &Schema::of::<u16>(), options());
    says(refused.unwrap_err(), ["weights", "value"]);
    for key_type in [
        KeyType::Str,
        KeyType::Bytes,
        KeyType::FixedBytes(33),
        KeyType::FixedBytes(0),
        KeyType::Integer(Scalar::F32),
    ] {
        let refused = DynArrayDict::anonymous(key_type, &schema(), options()).unwrap_err();
        says(refused, [&key_type.to_string(), "an integer"]);
    }
}

fn bytes_of_another_length_are_refused() {
    let dict = create();
    let (row, mut found) = ([0; size_of::<Row>()], [0; size_of::<Row>()]);
    let is_refused = |refused: Option<Error>| match refused {
        Some(Error::InvalidArgument {
            found, expected, ..
        }) => {
            assert!(found != expected && expected.chars().any(|digit| digit.is_ascii_digit()));
        }
        other => panic!("{other:?}"),
    };
    is_refused(dict.insert(&[0; 7], &row).err());
    is_refused(dict.insert(&[0; 8], &row[1..]).err());
    is_refused(dict.get(&[0; 9], &mut found).err());
    is_refused(dict.get(&[0; 8], &mut found[1..]).err());
    is_refused(dict.update(&[], |_| panic!("of no key")).err());
    is_refused(dict.remove(&[0; 4]).err());
    is_refused(dict.row_of(&[0; 4]).err());
    is_refused(dict.read().unwrap().get(&[0; 4]).err());
    is_refused(dict.extend(&[0; 15], &row).err());
    is_refused(dict.extend(&[0; 16], &row).err());
    is_refused(dict.get_many(&[0; 8], &mut found[1..]).err());
    assert_eq!(dict.len(), 0);
}

fn a_process_that_knows_no_type_prints_a_dictionary() {
    let typed = ArrayDict::<i16, Row>::create(NAME, DictOptions::new(0)).unwrap();
    typed.insert(-3, &row(5, 1)).unwrap();
    let info = millpond::info(NAME).unwrap();
    assert_eq!(info.kind, "dictionary");
    let any = DynArrayDict::open(NAME).unwrap();
    let reader = any.read().unwrap();
    let shown: Vec<String> = reader
        .iter()
        .map(|(_, row)| any.schema().show(row).to_string())
        .collect();
    assert!(
        shown[0].contains("weights") && shown[0].contains("-1"),
        "{shown:?}"
    );
}
