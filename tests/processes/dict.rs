//! Dictionaries across processes: what several of them do at once, and one after another, is as on a plain
//! map; who has one checked out, or reads it, may be killed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{env, fs, thread};

use millpond::{ArrayDict, DictOptions, Lifetime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dict",
    trials: named![
        what_many_processes_do_at_once_is_all_there,
        what_processes_do_in_turn_is_as_on_a_map,
        each_process_has_its_dictionaries_to_itself_and_then_all_see_all,
        a_killed_owner_is_told_of_and_its_changes_are_there,
        a_killed_reader_keeps_no_writer_out,
        who_has_the_smaller_dictionary_moves_over,
        an_unlinked_dictionary_goes_on_growing,
        a_dictionary_for_the_attached_leaves_no_files,
        #[cfg(unix)]
        the_parents_dictionary_is_an_error_in_a_forked_child,
    ],
    roles: named![scribe, servant, owner, victim],
    ..Part::EMPTY
};

type Row = [u64; 6];
type Dict = ArrayDict<u64, Row>;

const NAME: &str = "dict/words";

fn create() -> Dict {
    Dict::create(NAME, DictOptions::new(0)).unwrap()
}

fn open() -> Dict {
    Dict::open(NAME).unwrap()
}

fn row(key: u64, version: u64) -> Row {
    [key, version, key ^ version, key + version, !key, !version]
}

/// Everything in a dictionary, each row of which must be whole.
fn contents(dict: &Dict) -> HashMap<u64, Row> {
    dict.verify().unwrap();
    let view = dict.read().unwrap();
    let all: HashMap<u64, Row> = view.iter().map(|(&key, &row)| (key, row)).collect();
    assert_eq!((all.len(), all.len()), (view.len(), dict.len()));
    for (key, found) in &all {
        assert_eq!(dict.get(key).unwrap(), Some(*found));
    }
    all
}

/// What one process does to keys of its own: each step is a key, and its new version or none.
fn steps(number: u64) -> impl Iterator<Item = (u64, Option<u64>)> {
    let mut random = StdRng::seed_from_u64(number);
    (1..=20_000).map(move |version| {
        let key = (number << 32) + random.random_range(0..4000);
        (key, random.random_bool(0.7).then_some(version))
    })
}

/// Keys that all processes count up.
const COMMON: u64 = 5;

/// Inserts, changes and removes. Argument: its number.
fn scribe() {
    let (dict, number) = (open(), argument(0));
    for (at, (key, version)) in steps(number).enumerate() {
        let version = version.map(|version| row(key, version));
        match (version, at % 3) {
            (None, _) => drop(dict.remove(&key).unwrap()),
            (Some(row), 0) => drop(dict.insert(key, &row).unwrap()),
            (Some(row), 1) => {
                if !dict.update(&key, |old| *old = row).unwrap() {
                    dict.insert(key, &row).unwrap();
                }
            }
            (Some(row), _) => {
                let mut checkout = dict.checkout().unwrap();
                let entry = checkout.entry(key).and_modify(|old| *old = row);
                entry.or_insert(row).unwrap();
            }
        }
        if at % 10 == 0 {
            let common = u64::MAX - at as u64 / 10 % COMMON;
            assert!(dict.update(&common, |row| row[0] += 1).unwrap());
        }
    }
}

fn what_many_processes_do_at_once_is_all_there() {
    const SCRIBES: u64 = 3;
    let dict = create();
    let common = u64::MAX - COMMON + 1..=u64::MAX;
    dict.extend(common.map(|key| (key, [0; 6]))).unwrap();
    let scribes: Vec<Child> = (1..=SCRIBES)
        .map(|number| Child::start("dict::scribe", &[&number]))
        .collect();
    scribes.into_iter().for_each(|scribe| drop(scribe.ended()));
    let mut expected = HashMap::new();
    for (key, version) in (1..=SCRIBES).flat_map(steps) {
        match version {
            Some(version) => drop(expected.insert(key, row(key, version))),
            None => drop(expected.remove(&key)),
        }
    }
    for key in u64::MAX - COMMON + 1..=u64::MAX {
        expected.insert(key, [SCRIBES * 2000 / COMMON, 0, 0, 0, 0, 0]);
    }
    assert!(contents(&dict) == expected);
    assert!(dict.capacity().unwrap() > 4000);
}

/// Does what it is told, to the dictionary that it is told of, and says what came of it.
fn servant() {
    let orders = Orders::listen();
    let mut dict = None;
    loop {
        let order = orders.next();
        let words: Vec<&str> = order.split(' ').collect();
        let number = |at: usize| -> u64 { words[at].parse().unwrap() };
        if let ["open", name] = words[..] {
            dict = Some(Dict::open(name).unwrap());
            println!("opened");
            continue;
        }
        let dict = dict.as_ref().expect("a dictionary");
        let said = match words[0] {
            "insert" => format!(
                "{:?}",
                dict.insert(number(1), &row(number(1), number(2))).unwrap()
            ),
            "update" => {
                let new = row(number(1), number(2));
                format!("{}", dict.update(&number(1), |old| *old = new).unwrap())
            }
            "remove" => format!("{:?}", dict.remove(&number(1)).unwrap()),
            "get" => format!("{:?}", dict.get(&number(1)).unwrap()),
            "extend" => {
                let mut checkout = dict.checkout().unwrap();
                let keys = number(1)..number(1) + number(2);
                checkout
                    .extend(keys.map(|key| (key, row(key, number(3)))))
                    .unwrap();
                format!("{}", checkout.len())
            }
            "reserve" => format!("{:?}", dict.reserve(number(1) as usize).unwrap()),
            "clear" => format!("{:?}", dict.clear().unwrap()),
            _ => return,
        };
        println!("{said}");
    }
}

/// An order for a servant, which also says what it does to a map.
#[derive(Clone, Debug)]
enum Order {
    Insert(u64, u64),
    Update(u64, u64),
    Remove(u64),
    Get(u64),
    Extend(u64, u64, u64),
    Reserve(u64),
    Clear,
}

fn order() -> impl Strategy<Value = Order> {
    let key = || 0..60u64;
    let version = || 0..1000u64;
    prop_oneof![
        6 => (key(), version()).prop_map(|(key, version)| Order::Insert(key, version)),
        4 => (key(), version()).prop_map(|(key, version)| Order::Update(key, version)),
        4 => key().prop_map(Order::Remove),
        6 => key().prop_map(Order::Get),
        2 => (key(), 0..40u64, version()).prop_map(|(key, more, version)| Order::Extend(key, more, version)),
        1 => (0..300u64).prop_map(Order::Reserve),
        1 => Just(Order::Clear),
    ]
}

impl Order {
    /// The order in words, and what is to be said.
    fn give(&self, map: &mut HashMap<u64, Row>) -> (String, String) {
        match *self {
            Self::Insert(key, version) => {
                let old = map.insert(key, row(key, version));
                (format!("insert {key} {version}"), format!("{old:?}"))
            }
            Self::Update(key, version) => {
                let mine = map.get_mut(&key);
                let there = mine.map(|mine| *mine = row(key, version)).is_some();
                (format!("update {key} {version}"), there.to_string())
            }
            Self::Remove(key) => (format!("remove {key}"), format!("{:?}", map.remove(&key))),
            Self::Get(key) => (format!("get {key}"), format!("{:?}", map.get(&key))),
            Self::Extend(key, more, version) => {
                map.extend((key..key + more).map(|key| (key, row(key, version))));
                (
                    format!("extend {key} {more} {version}"),
                    map.len().to_string(),
                )
            }
            Self::Reserve(rows) => (format!("reserve {rows}"), "()".into()),
            Self::Clear => {
                map.clear();
                ("clear".into(), "()".into())
            }
        }
    }
}

fn what_processes_do_in_turn_is_as_on_a_map() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 40,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let servants = [(); 3].map(|()| Child::start("dict::servant", &[]));
    let servants = std::cell::RefCell::new(servants);
    let ran = runner.run(&vec((0..3usize, order()), 1..80), |orders| {
        let dict = create();
        let servants = &mut *servants.borrow_mut();
        for servant in servants.iter_mut() {
            servant.tell(&format!("open {NAME}"));
            servant.expect("opened");
        }
        let mut map = HashMap::new();
        for (which, order) in orders {
            let (words, said) = order.give(&mut map);
            servants[which].tell(&words);
            servants[which].expect(&said);
        }
        assert!(contents(&dict) == map);
        millpond::unlink(NAME).unwrap();
        Ok(())
    });
    ran.unwrap_or_else(|found| panic!("{found}"));
}

/// Has every third of some dictionaries to itself, and fills it. Arguments: how many dictionaries there are,
/// and which third. Afterwards says the contents of all.
fn owner() {
    let (orders, count, third) = (Orders::listen(), argument(0), argument(1));
    let open = |number| Dict::open(&format!("dict/many-{number}")).unwrap();
    let dicts: Vec<Dict> = (0..count).map(open).collect();
    let mine: Vec<usize> = (third..count).step_by(3).collect();
    let mut owned: Vec<_> = mine
        .iter()
        .map(|&at| dicts[at].checkout().unwrap())
        .collect();
    println!("owner");
    orders.next();
    for (number, checkout) in mine.iter().zip(&mut owned) {
        let keys = 0..1000 + *number as u64;
        checkout
            .extend(keys.map(|key| (key, row(key, *number as u64))))
            .unwrap();
    }
    drop(owned);
    println!("given back");
    orders.next();
    for dict in &dicts {
        let sum: u64 = contents(dict).values().map(|row| row[0] + row[1]).sum();
        println!("{} {sum}", dict.len());
    }
}

fn each_process_has_its_dictionaries_to_itself_and_then_all_see_all() {
    const COUNT: usize = 8;
    let create =
        |number| Dict::create(&format!("dict/many-{number}"), DictOptions::new(0)).unwrap();
    let dicts: Vec<Dict> = (0..COUNT).map(create).collect();
    let mut owners = [0, 1, 2].map(|third| Child::start("dict::owner", &[&COUNT, &third]));
    for owner in &mut owners {
        owner.expect("owner");
    }
    // All have theirs at once, and whoever only looks is not kept out.
    for dict in &dicts {
        assert_eq!((dict.len(), dict.get(&1).unwrap()), (0, None));
    }
    owners.iter_mut().for_each(|owner| owner.tell("fill"));
    owners
        .iter_mut()
        .for_each(|owner| owner.expect("given back"));
    owners.iter_mut().for_each(|owner| owner.tell("look"));
    for owner in owners {
        let expected = (0..COUNT as u64).map(|number| {
            let keys = 1000 + number;
            format!("{keys} {}", keys * (keys - 1) / 2 + keys * number)
        });
        assert_eq!(owner.ended(), expected.collect::<Vec<_>>());
    }
}

/// Has the dictionary to itself, or reads it, and says so; changes it until it is killed, and says each
/// change that is made. Arguments: `checkout` or `read`, and the first key.
fn victim() {
    let (_orders, dict) = (Orders::listen(), open());
    if argument::<String>(0) == "read" {
        let view = dict.read().unwrap();
        println!("reading {}", view.len());
        loop {
            thread::park();
        }
    }
    let mut checkout = dict.checkout().unwrap();
    for key in argument::<u64>(1).. {
        checkout.insert(key, &row(key, 1)).unwrap();
        checkout.update(&key, |old| *old = row(key, 2)).unwrap();
        if key % 3 == 0 {
            checkout.remove(&(key / 3 * 2)).unwrap();
        }
        println!("{key}");
    }
}

fn a_killed_owner_is_told_of_and_its_changes_are_there() {
    let dict = create();
    let mut random = StdRng::seed_from_u64(1);
    let mut first = 0;
    for _ in 0..30 {
        let mut victim = Child::start("dict::victim", &[&"checkout", &first]);
        let lines = random.random_range(1..60);
        let last = (0..lines).map(|_| victim.line()).last().expect("a line");
        victim.kill();
        let mut checkout = dict.checkout().unwrap();
        assert!(checkout.was_interrupted());
        // What it said is there; it may have done more, without a gap, and half of its last step.
        let last: u64 = last.parse().unwrap();
        let newest = *checkout.keys().iter().max().unwrap();
        assert!(last <= newest, "{last} is lost");
        checkout
            .update(&newest, |old| *old = row(newest, 2))
            .unwrap();
        if newest % 3 == 0 {
            checkout.remove(&(newest / 3 * 2)).unwrap();
        }
        let removed = |key: u64| key % 2 == 0 && key / 2 * 3 <= newest;
        for key in 0..=newest {
            let expected = (!removed(key)).then(|| row(key, 2));
            assert_eq!(checkout.get(&key), expected.as_ref(), "{key} of {newest}");
        }
        drop(checkout);
        assert!(!dict.checkout().unwrap().was_interrupted());
        contents(&dict);
        first = newest + 1;
    }
}

fn a_killed_reader_keeps_no_writer_out() {
    let dict = create();
    for round in 0..5 {
        let mut reader = Child::start("dict::victim", &[&"read", &0]);
        reader.expect(&format!("reading {round}"));
        thread::scope(|scope| {
            let writer = scope.spawn(|| dict.insert(round, &row(round, 1)).unwrap());
            reader.kill();
            assert_eq!(writer.join().unwrap(), None);
        });
    }
    assert_eq!(contents(&dict).len(), 5);
}

fn who_has_the_smaller_dictionary_moves_over() {
    let dict = create();
    dict.insert(1, &row(1, 1)).unwrap();
    let mut guest = Child::start("dict::servant", &[]);
    guest.tell(&format!("open {NAME}"));
    guest.expect("opened");
    let mut reader = Child::start("dict::victim", &[&"read", &0]);
    reader.expect("reading 1");
    thread::scope(|scope| {
        // Waits for the reader.
        let writer = scope.spawn(|| {
            dict.extend((2..5000).map(|key| (key, row(key, key))))
                .unwrap();
        });
        // Who only looks up waits for neither.
        guest.tell("get 1");
        guest.expect(&format!("{:?}", Some(row(1, 1))));
        reader.kill();
        writer.join().unwrap();
    });
    for key in [1, 2, 4999, 5000] {
        let expected = dict.get(&key).unwrap();
        guest.tell(&format!("get {key}"));
        guest.expect(&format!("{expected:?}"));
    }
    guest.tell("update 3 77");
    guest.expect("true");
    assert_eq!(dict.get(&3).unwrap(), Some(row(3, 77)));
    guest.tell("reserve 50000");
    guest.expect("()");
    assert!(dict.capacity().unwrap() >= 50_000);
    assert_eq!(contents(&dict).len(), 4999);
}

/// The files below the directory of the segments.
fn files() -> Vec<PathBuf> {
    fn below(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .flat_map(|path| match path.is_dir() {
                true => below(&path),
                false => vec![path],
            })
            .filter(|path| !path.ends_with(".lock"))
            .collect()
    }
    below(Path::new(
        &env::var_os("MILLPOND_DIR").expect("a directory"),
    ))
}

fn an_unlinked_dictionary_goes_on_growing() {
    let dict = create();
    let mut guest = Child::start("dict::servant", &[]);
    guest.tell(&format!("open {NAME}"));
    guest.expect("opened");
    assert_eq!(files().len(), 4);
    millpond::unlink(NAME).unwrap();
    if cfg!(unix) {
        assert_eq!(files(), [] as [PathBuf; 0]);
    }
    dict.extend((0..3000).map(|key| (key, row(key, 1))))
        .unwrap();
    guest.tell("extend 3000 9000 2");
    guest.expect("12000");
    guest.tell("get 77");
    guest.expect(&format!("{:?}", Some(row(77, 1))));
    assert_eq!(dict.get(&11_999).unwrap(), Some(row(11_999, 2)));
    assert_eq!(contents(&dict).len(), 12_000);
    guest.finish();
    // Another one by this name has nothing of it.
    assert_eq!(contents(&create()), HashMap::new());
}

fn a_dictionary_for_the_attached_leaves_no_files() {
    let options = DictOptions::new(0).lifetime(Lifetime::WhileAttached);
    for kill in [false, true] {
        let dict = Dict::create(NAME, options.clone()).unwrap();
        let mut guest = Child::start("dict::servant", &[]);
        guest.tell(&format!("open {NAME}"));
        guest.expect("opened");
        guest.tell("extend 0 5000 1");
        guest.expect("5000");
        drop(dict);
        assert_eq!(open().len(), 5000);
        match kill {
            true => guest.kill(),
            false => drop(guest.finish()),
        }
        // Who looks finds what the killed have left.
        assert_eq!(millpond::list(None).unwrap(), []);
        assert_eq!(files(), [] as [PathBuf; 0]);
    }
}

#[cfg(unix)]
fn the_parents_dictionary_is_an_error_in_a_forked_child() {
    use millpond::Error;
    use nix::libc;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let dict = create();
    dict.insert(1, &row(1, 1)).unwrap();
    let mut checkout = dict.checkout().unwrap();
    let in_the_child = || {
        let forked = |error: Error| assert!(matches!(error, Error::Forked { .. }), "{error}");
        forked(dict.get(&1).unwrap_err());
        forked(dict.get_many(&[1], &mut [[0; 6]]).unwrap_err());
        forked(dict.row_of(&1).unwrap_err());
        forked(dict.insert(2, &[0; 6]).unwrap_err());
        forked(dict.update(&1, |_| ()).unwrap_err());
        forked(dict.remove(&1).unwrap_err());
        forked(dict.clear().unwrap_err());
        forked(dict.reserve(1000).unwrap_err());
        forked(dict.extend([]).unwrap_err());
        forked(dict.checkout().err().unwrap());
        forked(dict.read().err().unwrap());
        forked(dict.verify().unwrap_err());
        // Attached by itself, it reads what the parent has checked out.
        assert_eq!(open().get(&1).unwrap(), Some(row(1, 1)));
    };
    // SAFETY: this process has no other thread that holds a lock: only the one that waits for the trial's
    // time to be over.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => {
            assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
        }
        ForkResult::Child => {
            let failed = catch_unwind(AssertUnwindSafe(in_the_child)).is_err();
            // SAFETY: ends this process, with nothing of the parent's run or flushed twice.
            unsafe { libc::_exit(i32::from(failed)) }
        }
    }
    // The child dropped nothing of the parent's.
    checkout.insert(2, &row(2, 2)).unwrap();
    drop(checkout);
    assert_eq!(contents(&dict).len(), 2);
}
