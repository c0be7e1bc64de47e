//! Lookups that one process has by types and another by schemas, of every kind of key and of value.

mod cases;
mod samples;

use std::path::PathBuf;
use std::time::Duration;

use millpond::readonly::{
    DynLookup, DynLookupBuilder, Handle, OpenOptions, PublishOptions, ValueType,
};
use millpond::record::{KeyType, Scalar};
use millpond::{Board, BoardOptions, Error, Lookup, Open};

use crate::child::Child;
use crate::damage::assert_says;
use crate::orders::Orders;
use crate::stage::{Part, named};
use cases::{Case, cases};
use samples::{Row, numbers, row_type};

pub const PART: Part = Part {
    name: "dynamic_lookup",
    trials: named![
        a_process_without_types_reads_what_one_with_types_published,
        a_process_with_types_reads_what_one_without_types_published,
        a_killed_publisher_without_types_leaves_a_whole_version,
        other_types_are_errors_that_show_both,
        a_lookup_of_any_types_stays_one_of_its_types,
        bytes_that_are_no_key_or_no_value_are_refused,
        a_program_sees_the_types_of_what_it_opens_by_name,
    ],
    roles: named![without_types, with_types, publisher],
    ..Part::EMPTY
};

const NAME: &str = "dynamic/lookup";

/// The names of all cases.
fn named_cases() -> impl Iterator<Item = (String, Case)> {
    let cases = cases().into_iter().enumerate();
    cases.map(|(number, case)| (format!("{NAME}/{number}"), case))
}

/// Compares the first version of each case, and publishes the second, by schemas.
fn without_types() {
    let orders = Orders::listen();
    for (name, case) in named_cases() {
        case.check_by_schema(&DynLookup::open(&name).unwrap(), 1);
        case.publish_by_schema(&name, 2);
    }
    println!("published");
    orders.next();
}

fn a_process_without_types_reads_what_one_with_types_published() {
    for (name, case) in named_cases() {
        (case.publish_by_types)(&name, 1);
    }
    let mut child = Child::start("dynamic_lookup::without_types", &[]);
    child.expect("published");
    for (name, case) in named_cases() {
        (case.check_by_types)(&name, 2);
    }
}

/// Compares the first version of each case, and publishes the second, by types.
fn with_types() {
    let orders = Orders::listen();
    for (name, case) in named_cases() {
        (case.check_by_types)(&name, 1);
        (case.publish_by_types)(&name, 2);
    }
    println!("published");
    orders.next();
}

fn a_process_with_types_reads_what_one_without_types_published() {
    let published = named_cases().map(|(name, case)| (case.publish_by_schema(&name, 1), case));
    let published = Vec::from_iter(published);
    let mut child = Child::start("dynamic_lookup::with_types", &[]);
    child.expect("published");
    for (mut lookup, case) in published {
        case.check_by_schema(&lookup, 1);
        assert_eq!(lookup.wait_newer(Duration::ZERO).unwrap(), 2);
        assert!(lookup.refresh().unwrap());
        case.check_by_schema(&lookup, 2);
    }
}

/// Publishes again and again, until it is stopped.
fn publisher() {
    let orders = Orders::listen();
    let case = &cases()[0];
    let mut version = 1;
    while !orders.arrived() {
        let before = DynLookup::open(NAME).map_or(0, |lookup| lookup.version());
        version = version.max(before + 1);
        case.publish_by_schema(NAME, version);
        println!("{version}");
    }
}

fn a_killed_publisher_without_types_leaves_a_whole_version() {
    let case = &cases()[0];
    for round in 0..8 {
        let mut publisher = Child::start("dynamic_lookup::publisher", &[]);
        let mut last = 0;
        // Somewhere in the middle of the one after these.
        for _ in 0..=round % 3 {
            last = publisher.line().parse().unwrap();
        }
        publisher.kill();
        let lookup = DynLookup::open(NAME).unwrap();
        assert!(lookup.version() >= last);
        case.check_by_schema(&lookup, lookup.version());
        (case.check_by_types)(NAME, lookup.version());
    }
}

fn other_types_are_errors_that_show_both() {
    let key_type = KeyType::Integer(Scalar::I16);
    let row = Row::default();
    let pairs = [([1, 0], bytemuck::bytes_of(&row))];
    DynLookup::publish(NAME, key_type, row_type(), pairs).unwrap();
    let refused = Lookup::<u16, Row>::open(NAME).unwrap_err();
    assert!(matches!(refused, Error::WrongContent { .. }));
    assert_says(&refused, &[NAME, "value u16 @0", "value i16 @0"]);
    let refused = Lookup::<i16, [f32; 5]>::open(NAME).unwrap_err();
    assert_says(&refused, &["f32[5]", "image u8[5,3,2] @0", "stamp u64 @96"]);
    let refused = Lookup::<str, Row>::open(NAME).unwrap_err();
    assert_says(&refused, &["key str", "value i16 @0"]);

    // Nothing is read of what cannot be published.
    let pairs = std::iter::from_fn(|| -> Option<(Vec<u8>, Vec<u8>)> { panic!("asked for pairs") });
    let refused = DynLookup::publish(NAME, key_type, ValueType::Str, pairs).unwrap_err();
    assert!(matches!(refused, Error::WrongContent { .. }));
    assert_says(&refused, &[NAME, "value str", "kind i16 @30"]);
    let pairs = [(1i16, "one")];
    let refused = Lookup::<i16, str>::publish(NAME, pairs).unwrap_err();
    assert_says(&refused, &[NAME, "value str", "kind i16 @30"]);

    millpond::unlink(NAME).unwrap();
    Board::<f32>::create(NAME, BoardOptions::new(1)).unwrap();
    let refused = DynLookup::open(NAME).unwrap_err();
    assert!(matches!(refused, Error::WrongKind { .. }));
    assert_says(&refused, &[NAME, "holds a board, not a lookup"]);
}

fn a_lookup_of_any_types_stays_one_of_its_types() {
    let root = PathBuf::from(std::env::var_os("MILLPOND_DIR").expect("a directory"));
    let file = root.with_file_name("lookup");
    Lookup::<u8, str>::publish(&file, [(1, "one")]).unwrap();
    let mut lookup = DynLookup::open(&file).unwrap();
    if cfg!(unix) {
        // On Windows no file is replaced that a process has mapped.
        Lookup::<u8, str>::publish(&file, [(1, "eins")]).unwrap();
        assert!(lookup.refresh().unwrap());
        Lookup::<u8, [u8]>::publish(&file, [(1, [1])]).unwrap();
        let refused = lookup.refresh().unwrap_err();
        assert_says(&refused, &["value str", "value [u8]"]);
        assert_eq!(lookup.get(&[1]).unwrap(), Some("eins".as_bytes()));
        assert_eq!(lookup.value_type(), &ValueType::Str);
        assert_eq!(
            DynLookup::open(&file).unwrap().value_type(),
            &ValueType::Bytes
        );
    }
}

fn bytes_that_are_no_key_or_no_value_are_refused() {
    let options = PublishOptions::new();
    let builder = |key_type, value_type| DynLookupBuilder::new(key_type, value_type, &options);
    let no_key = KeyType::Integer(Scalar::F32);
    assert_says(&builder(no_key, ValueType::Str).unwrap_err(), &["f32"]);
    let no_key = KeyType::FixedBytes(0);
    assert_says(&builder(no_key, ValueType::Str).unwrap_err(), &["[u8; 0]"]);

    let integers = KeyType::Integer(Scalar::U32);
    let mut records = builder(integers, row_type()).unwrap();
    let row = bytemuck::bytes_of(&Row::default()).to_vec();
    assert_says(
        &records.insert(&[1; 3], &row).unwrap_err(),
        &["3 bytes", "4 bytes"],
    );
    let refused = records.insert(&[1; 4], &row[1..]).unwrap_err();
    assert_says(&refused, &["111 bytes", "112 bytes"]);
    records.insert(&[1; 4], &row).unwrap();
    let published = records.publish(NAME).unwrap();
    assert_eq!(published.len(), 1, "what was refused is not there");
    for refused in [
        published.get(&[1; 5]).map(drop),
        published.contains(&[]).map(drop),
        published.get_many(&[&[1; 4][..], &[1; 8]], |_, _| {
            panic!("found, before all were checked")
        }),
    ] {
        assert_says(&refused.unwrap_err(), &["4 bytes long, as each `u32` is"]);
    }

    let mut texts = builder(KeyType::Str, ValueType::Str).unwrap();
    assert_says(
        &texts.insert(b"\xff", b"").unwrap_err(),
        &["a key", "UTF-8"],
    );
    assert_says(
        &texts.insert(b"", b"\xc3").unwrap_err(),
        &["a value", "UTF-8"],
    );
    texts.extend([("", "é"), ("ß", "")]).unwrap();
    let texts = texts.publish(millpond::readonly::Place::Memory).unwrap();
    assert_eq!(texts.get("ß".as_bytes()).unwrap(), Some(&b""[..]));
    assert_says(&texts.get(b"\xc3").unwrap_err(), &["UTF-8"]);

    let twice = [([7, 0], [1]), ([7, 0], [2])];
    let options = PublishOptions::new().unique_keys(true);
    let key_type = KeyType::Integer(Scalar::I16);
    let twice =
        DynLookup::publish_with("twice", &options, key_type, numbers(Scalar::U8, &[]), twice);
    assert_says(&twice.unwrap_err(), &["7, twice"]);
}

fn a_program_sees_the_types_of_what_it_opens_by_name() {
    let text = "lookup 1, hash 1\nkey size 2 align 2\nvalue u16 @0\nvalue str\n";
    let first = Lookup::<u16, str>::publish(NAME, [(1, "one")]).unwrap();
    let info = millpond::info(NAME).unwrap();
    assert_eq!((&*info.kind, &*info.types), ("lookup", text));
    let opened = DynLookup::open_by_name(NAME).unwrap();
    assert!(format!("{opened:?}").contains("value u16"), "{opened:?}");
    let handle = first.handle().unwrap();
    assert_eq!(
        DynLookup::open_handle(&handle)
            .unwrap()
            .get(&[1, 0])
            .unwrap(),
        Some(&b"one"[..])
    );
    let newer = DynLookup::open_handle(&Handle::new(NAME, 2)).unwrap_err();
    assert!(matches!(newer, Error::WrongOption { .. }));
    let missing = DynLookup::open_with("missing", &OpenOptions::new()).unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }));
}
