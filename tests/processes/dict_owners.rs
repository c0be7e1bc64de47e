//! Dictionaries that one process has to itself, or reads in place, while others wait, and what becomes of them
//! when it is killed; dictionaries that grow under those who are attached, with a name or without.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{env, fs, thread};

use millpond::{DictOptions, Lifetime};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::child::Child;
use crate::dict::{Dict, NAME, contents, create, open, row};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dict_owners",
    trials: named![
        each_process_has_its_dictionaries_to_itself_and_then_all_see_all,
        a_killed_owner_is_told_of_and_its_changes_are_there,
        a_killed_reader_keeps_no_writer_out,
        who_has_the_smaller_dictionary_moves_over,
        an_unlinked_dictionary_goes_on_growing,
        a_dictionary_for_the_attached_leaves_no_files,
        #[cfg(unix)]
        the_parents_dictionary_is_an_error_in_a_forked_child,
    ],
    roles: named![owner, victim],
    ..Part::EMPTY
};

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
    let mut owners = [0, 1, 2].map(|third| Child::start("dict_owners::owner", &[&COUNT, &third]));
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
        if key.is_multiple_of(3) {
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
        let mut victim = Child::start("dict_owners::victim", &[&"checkout", &first]);
        let lines = random.random_range(1..60);
        let last = (0..lines).map(|_| victim.line()).last().expect("a line");
        victim.kill();
        // Another writer in between takes nothing of it away.
        if random.random() {
            dict.update(&u64::MAX, |_| panic!("of no key")).unwrap();
        }
        let mut checkout = dict.checkout().unwrap();
        assert!(checkout.was_interrupted());
        // What it said is there; it may have done more, without a gap, and half of its last step.
        let last: u64 = last.parse().unwrap();
        let newest = *checkout.keys().iter().max().unwrap();
        assert!(last <= newest, "{last} is lost");
        checkout
            .update(&newest, |old| *old = row(newest, 2))
            .unwrap();
        if newest.is_multiple_of(3) {
            checkout.remove(&(newest / 3 * 2)).unwrap();
        }
        let removed = |key: u64| key.is_multiple_of(2) && key / 2 * 3 <= newest;
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
        let mut reader = Child::start("dict_owners::victim", &[&"read", &0]);
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
    let mut reader = Child::start("dict_owners::victim", &[&"read", &0]);
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
    use crate::dict::Row;
    use millpond::Error;
    use millpond::dict::Checkout;
    use nix::libc;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    let dict = create();
    dict.insert(1, &row(1, 1)).unwrap();
    let mut checkout = dict.checkout().unwrap();
    let in_the_child = |checkout: &mut Checkout<'_, u64, Row>| {
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
        forked(checkout.insert(2, &[0; 6]).unwrap_err());
        forked(checkout.update(&1, |_| ()).unwrap_err());
        forked(checkout.remove(&1).unwrap_err());
        forked(checkout.clear().unwrap_err());
        forked(checkout.reserve(1000).unwrap_err());
        forked(checkout.extend([]).unwrap_err());
        // What gives no errors panics.
        let panics = |act: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(act)).is_err());
        panics(&mut || _ = checkout.entry(2));
        panics(&mut || _ = checkout.rows().len());
        panics(&mut || _ = checkout.get(&1).copied());
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
            let failed = catch_unwind(AssertUnwindSafe(|| in_the_child(&mut checkout))).is_err();
            // SAFETY: ends this process, with nothing of the parent's run or flushed twice.
            unsafe { libc::_exit(i32::from(failed)) }
        }
    }
    // The child dropped nothing of the parent's.
    checkout.insert(2, &row(2, 2)).unwrap();
    drop(checkout);
    assert_eq!(contents(&dict).len(), 2);
}
