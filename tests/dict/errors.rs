//! Bad input: each is an error that says what was found, what is expected and what to do, and the
//! dictionary is as it was before.

use millpond::dict::Key;
use millpond::{ArrayDict, Board, BoardOptions, DictOptions, Error, Lifetime, Record, Result};

use crate::new_name;

#[track_caller]
fn refuse<T>(result: Result<T>, parts: &[&str]) -> Error {
    let error = result.err().expect("an error");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    error
}

fn options() -> DictOptions {
    DictOptions::new(10).lifetime(Lifetime::WhileAttached)
}

fn dict() -> ArrayDict<u64, [f32; 2]> {
    let dict = ArrayDict::anonymous(DictOptions::new(10)).unwrap();
    dict.extend([(1, [0.1; 2]), (2, [0.2; 2])]).unwrap();
    dict
}

#[test]
fn a_key_that_is_not_there_is_no_error() {
    let dict = dict();
    assert_eq!(dict.get(&3).unwrap(), None);
    assert_eq!(dict.row_of(&3).unwrap(), None);
    assert!(!dict.contains(&3).unwrap());
    assert!(!dict.update(&3, |_| panic!("of no key")).unwrap());
    assert_eq!(dict.remove(&3).unwrap(), None);
    assert_eq!(dict.read().unwrap().get(&3), None);
    assert_eq!(dict.len(), 2);
    dict.verify().unwrap();
}

#[test]
fn places_and_keys_that_do_not_match_are_refused() {
    let mut rows = [[7.0; 2]; 3];
    let error = refuse(
        dict().get_many(&[1, 2], &mut rows),
        &["the number of rows to copy to is 3", "as many as keys, 2"],
    );
    assert!(matches!(error, Error::InvalidArgument { .. }));
    assert_eq!(rows, [[7.0; 2]; 3]);
    assert_eq!(dict().get_many(&[], &mut []).unwrap(), []);
}

#[test]
fn more_rows_than_there_can_be_are_refused() {
    let most = ["the number of rows is ", "it must be at most "];
    for rows in [usize::MAX, usize::MAX / 2, 3 << 30] {
        let made = ArrayDict::<u64, u8>::anonymous(DictOptions::new(rows));
        refuse(made, &[most[0], &rows.to_string(), most[1]]);
        let dict = dict();
        let before = dict.capacity().unwrap();
        refuse(dict.reserve(rows), &most);
        refuse(dict.checkout().unwrap().reserve(rows), &most);
        assert_eq!((dict.capacity().unwrap(), dict.len()), (before, 2));
        dict.insert(3, &[0.3; 2]).unwrap();
        dict.verify().unwrap();
    }
}

#[test]
fn options_that_cannot_be_are_refused() {
    let create = |options: DictOptions| ArrayDict::<u64, u8>::create(&new_name(), options);
    refuse(create(options().participants(0)), &["1 to 1022"]);
    refuse(create(options().participants(1023)), &["1 to 1022"]);
    for name in ["", "a//b", "../a", ".a"] {
        refuse(ArrayDict::<u64, u8>::create(name, options()), &[name]);
    }
}

#[test]
fn a_name_that_is_taken_or_not_there_is_refused() {
    let name = new_name();
    refuse(
        ArrayDict::<u64, u8>::open(&name),
        &[&name, "create it first"],
    );
    let _dict = ArrayDict::<u64, u8>::create(&name, options()).unwrap();
    refuse(
        ArrayDict::<u64, u8>::create(&name, options()),
        &[&name, "exists already"],
    );
}

#[test]
fn rows_of_another_type_are_refused() {
    let name = new_name();
    let _dict = ArrayDict::<u64, [f32; 2]>::create(&name, options()).unwrap();
    let says = [
        name.as_str(),
        "holds other records",
        "f32",
        "use the same record type",
    ];
    let error = refuse(ArrayDict::<u64, [f64; 2]>::open(&name), &says);
    assert!(matches!(error, Error::WrongRecord { .. }));
    refuse(
        ArrayDict::<u64, [f32; 3]>::open_or_create(&name, options()),
        &says,
    );
}

/// A dictionary with keys of type `A` is not opened with keys of type `B`.
#[track_caller]
fn refuse_keys<A: Key, B: Key>(a: &str, b: &str) {
    fn open<K: Key, T: Record>(name: &str) -> Result<ArrayDict<K, T>> {
        ArrayDict::open(name)
    }
    let name = new_name();
    let _dict = ArrayDict::<A, u8>::create(&name, options()).unwrap();
    let says = format!("`{name}` was created with keys of type {a}, not {b}");
    let error = refuse(open::<B, u8>(&name), &[&says]);
    assert!(matches!(error, Error::WrongOption { .. }));
    // The keys are looked at first.
    refuse(open::<B, f64>(&name), &[&says]);
}

#[test]
fn keys_of_another_type_are_refused() {
    refuse_keys::<u64, i64>("u64", "i64");
    refuse_keys::<i8, u8>("i8", "u8");
    refuse_keys::<u32, u64>("u32", "u64");
    refuse_keys::<[u8; 16], [u8; 8]>("[u8; 16]", "[u8; 8]");
    refuse_keys::<[u8; 31], [u8; 32]>("[u8; 31]", "[u8; 32]");
    refuse_keys::<[u8; 8], u64>("[u8; 8]", "u64");
}

#[test]
fn another_structure_is_refused() {
    let (board, dict) = (new_name(), new_name());
    let plan = BoardOptions::new(1).lifetime(Lifetime::WhileAttached);
    let _board = Board::<u64>::create(&board, plan).unwrap();
    let _dict = ArrayDict::<u64, u64>::create(&dict, options()).unwrap();
    let error = refuse(
        ArrayDict::<u64, u64>::open(&board),
        &[&board, "holds a board, not a dictionary"],
    );
    assert!(matches!(error, Error::WrongKind { .. }));
    refuse(
        Board::<u64>::open(&dict),
        &[&dict, "holds a dictionary, not a board"],
    );
}
