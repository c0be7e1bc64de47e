//! Iterators that say wrongly how many items they have ([`Iterator::size_hint`] is a hint, and safe code may
//! return anything): whatever takes an iterator takes all of its items, and no memory for those that do not come.

use std::collections::BTreeMap;

use millpond::readonly::{DynLookup, LookupBuilder, Place, PublishOptions, ValueType};
use millpond::record::{KeyType, Scalar};
use millpond::workers::{Failure, Start, Worker};
use millpond::{ArrayDict, DictOptions, Lookup, Schema, Task, Trie, Workers, WorkersOptions};

/// What may be said: nothing, less, more, the impossible, and the opposite of what there is.
const HINTS: [(usize, Option<usize>); 8] = [
    (0, None),
    (0, Some(0)),
    (1, Some(1)),
    (5, Some(3)),
    (1 << 40, Some(1 << 40)),
    (usize::MAX, None),
    (usize::MAX, Some(usize::MAX)),
    (usize::MAX, Some(0)),
];

/// Items, and what is said of how many there are.
struct Said<J> {
    items: J,
    hint: (usize, Option<usize>),
}

impl<J: Iterator> Iterator for Said<J> {
    type Item = J::Item;

    fn next(&mut self) -> Option<J::Item> {
        self.items.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.hint
    }
}

/// More than any buffer, chunk or queue takes at once, and no round number.
const ITEMS: u64 = 2999;

fn each_hint(check: impl Fn(Said<std::ops::Range<u64>>)) {
    for hint in HINTS {
        println!("a hint of {hint:?}"); // seen where the test fails
        let items = 0..ITEMS;
        check(Said { items, hint });
    }
}

/// A number that is not the next one.
fn scattered(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

static SQUARE: Task<(), u64, u64> = Task {
    name: "square",
    run: square,
};

fn square(_: &mut Worker<'_, ()>, number: u64) -> Result<u64, Failure> {
    Ok(number * number)
}

fn workers(start: Start) -> Workers {
    Workers::begin(&[&SQUARE]);
    Workers::start(WorkersOptions::new(2).start(start)).unwrap()
}

#[test]
fn workers_give_an_output_for_each_input() {
    let expected: Vec<u64> = (0..ITEMS).map(|number| number * number).collect();
    for start in [Start::Threads, Start::Inline] {
        let workers = workers(start);
        each_hint(|inputs| assert_eq!(workers.map(&SQUARE, inputs).unwrap(), expected));
        each_hint(|inputs| {
            let call = workers.call(&SQUARE).chunk_len(7).in_flight(20);
            assert_eq!(call.map(inputs).unwrap(), expected);
        });
        each_hint(|inputs| {
            let mut outputs = workers.map_unordered(&SQUARE, inputs).unwrap();
            outputs.sort_unstable();
            assert_eq!(outputs, expected);
        });
        each_hint(|inputs| {
            let first = workers.imap(&SQUARE, inputs).unwrap();
            let second = workers.imap(&SQUARE, first.map(Result::unwrap)).unwrap();
            let fourth: Vec<u64> = second.map(Result::unwrap).collect();
            let powers = expected.iter().map(|square| square * square);
            assert!(fourth.into_iter().eq(powers));
        });
    }
}

#[test]
fn one_task_is_given_and_answered_where_one_may_be_in_flight() {
    for start in [Start::Threads, Start::Inline] {
        let workers = workers(start);
        let call = || workers.call(&SQUARE).in_flight(1);
        let pending: Vec<_> = (0..100)
            .map(|number| call().apply_async(number).unwrap())
            .collect();
        for (number, pending) in (0..).zip(pending) {
            assert_eq!(pending.wait().unwrap(), number * number);
        }
    }
}

#[test]
fn a_dictionary_takes_every_pair() {
    let expected: BTreeMap<u64, u64> = (0..ITEMS)
        .map(|number| (scattered(number), number))
        .collect();
    each_hint(|items| {
        let dict = ArrayDict::<u64, u64>::anonymous(DictOptions::new(16)).unwrap();
        dict.extend(Said {
            hint: items.hint,
            items: items.map(|number| (scattered(number), number)),
        })
        .unwrap();
        let read = dict.read().unwrap();
        let found: BTreeMap<u64, u64> = read.iter().map(|(&key, &row)| (key, row)).collect();
        assert_eq!(found, expected);
    });
}

/// The hint is right here: pairs are many, and keys few.
#[test]
fn a_dictionary_makes_room_for_keys_and_not_for_pairs() {
    let dict = ArrayDict::<u64, u64>::anonymous(DictOptions::new(200)).unwrap();
    let before = dict.capacity().unwrap();
    dict.extend((0..1_000_000).map(|number| (number % 100, number)))
        .unwrap();
    assert_eq!(dict.len(), 100);
    assert_eq!(dict.capacity().unwrap(), before);
}

#[test]
fn a_lookup_takes_every_pair() {
    let check = |lookup: Lookup<u64, u64>| {
        assert_eq!(lookup.len(), ITEMS);
        assert!((0..ITEMS).all(|number| lookup.get(&scattered(number)) == Some(&number)));
    };
    let pairs = |items: Said<std::ops::Range<u64>>| Said {
        hint: items.hint,
        items: items.map(|number| (scattered(number), number)),
    };
    each_hint(|items| check(Lookup::publish(Place::Memory, pairs(items)).unwrap()));
    each_hint(|items| {
        let mut builder = LookupBuilder::new(&PublishOptions::new());
        builder.extend(pairs(items)).unwrap();
        check(builder.publish(Place::Memory).unwrap());
    });
    let bytes = |items: Said<std::ops::Range<u64>>| Said {
        hint: items.hint,
        items: items.map(|number| (scattered(number).to_le_bytes(), number.to_le_bytes())),
    };
    each_hint(|items| {
        let value_type = ValueType::Record(Schema::of::<u64>());
        let key_type = KeyType::Integer(Scalar::U64);
        let lookup = DynLookup::build(key_type, value_type, bytes(items)).unwrap();
        assert_eq!(lookup.len(), ITEMS);
        for number in 0..ITEMS {
            let found = lookup.get(&scattered(number).to_le_bytes()).unwrap();
            assert_eq!(found, Some(&number.to_le_bytes()[..]));
        }
    });
}

#[test]
fn a_trie_takes_every_pair() {
    let check = |trie: Trie, key: fn(u64) -> u64| {
        assert_eq!(trie.len() as u64, ITEMS);
        assert!((0..ITEMS).all(|number| trie.get(key(number).to_be_bytes()) == Some(number)));
    };
    each_hint(|items| {
        let hint = items.hint;
        let items = items.map(|number| (number.to_be_bytes(), number));
        check(Trie::of(Said { items, hint }).unwrap(), |number| number);
    });
    each_hint(|items| {
        let hint = items.hint;
        let items = items.map(|number| (scattered(number).to_be_bytes(), number));
        let options = PublishOptions::new();
        let trie = Trie::publish_unsorted(Place::Memory, &options, Said { items, hint });
        check(trie.unwrap(), scattered);
    });
}
