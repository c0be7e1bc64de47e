//! Creators at the same time: one wins, the others are told, openers see a whole segment or none,
//! and nobody leaves anything behind.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use millpond::{ArrayDict, Board, BoardOptions, DictOptions, Error, Pool, PoolOptions};

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN, check_batch};
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub const PART: Part = Part {
    name: "creation",
    trials: named![
        one_of_two_creators_wins,
        one_of_four_creators_wins,
        whoever_opens_or_creates_meets_the_others,
        a_creator_killed_half_way_leaves_nothing,
        a_name_that_is_removed_and_created_again_is_opened_whole,
    ],
    roles: named![creator, opener, joiner, large_creator, replacer],
    ..Part::EMPTY
};

/// Its version is the number of the round; all begin when it is raised.
const ROUNDS: &str = "rounds";
/// So large that another creator may come while one is at work.
const CAPACITY: usize = 4000;
const HANG: Duration = Duration::from_secs(20);

fn one_of_two_creators_wins() {
    let (seen, missed) = race(2, 200);
    println!("openers saw {seen} segments after {missed} times none");
}

fn one_of_four_creators_wins() {
    let (seen, missed) = race(4, 100);
    println!("openers saw {seen} segments after {missed} times none");
}

/// Lets creators race beside two openers. Says how often openers saw a segment, and how often none.
fn race(creators: u64, rounds: u64) -> (u64, u64) {
    let signal = Board::<u64>::create(ROUNDS, BoardOptions::new(1)).unwrap();
    let mut creators: Vec<_> = (0..creators)
        .map(|number| Child::start("creation::creator", &[&number, &rounds]))
        .collect();
    let mut openers = [(); 2].map(|()| Child::start("creation::opener", &[&rounds]));
    for child in creators.iter_mut().chain(&mut openers) {
        child.expect("ready");
    }
    let mut missed = 0;
    for round in 1..=rounds {
        assert_eq!(signal.publish(&[0]).unwrap(), round);
        let said: Vec<String> = creators.iter_mut().map(Child::line).collect();
        let count = |what: &str| said.iter().filter(|line| *line == what).count();
        assert_eq!(count("created"), 1, "{said:?}");
        assert_eq!(count("exists"), creators.len() - 1, "{said:?}");
        for opener in &mut openers {
            missed += opener.line().parse::<u64>().unwrap();
        }
        millpond::unlink(&name_of(round)).unwrap();
        creators
            .iter_mut()
            .chain(&mut openers)
            .for_each(|child| child.tell("next"));
    }
    creators
        .into_iter()
        .chain(openers)
        .for_each(|child| drop(child.ended()));
    assert_eq!(millpond::list(None).unwrap().len(), 1);
    assert_eq!(files(), [".lock", "rounds.pond"]);
    (2 * rounds, missed)
}

fn name_of(round: u64) -> String {
    format!("race/run-{round}/pool")
}

/// Everything in the segment directory, sorted.
fn files() -> Vec<String> {
    let directory = PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"));
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Waits for the signal of a round.
fn wait_for(signal: &Board<u64>, round: u64) {
    assert_eq!(signal.wait_newer(round - 1, HANG).unwrap(), round);
}

fn creator() {
    let (orders, number, rounds): (_, u64, u64) = (Orders::listen(), argument(0), argument(1));
    let signal = Board::<u64>::open(ROUNDS).unwrap();
    println!("ready");
    for round in 1..=rounds {
        wait_for(&signal, round);
        let created = Pool::<Experience>::create(&name_of(round), PoolOptions::new(CAPACITY));
        match &created {
            Ok(pool) => {
                let record = |sequence| Experience::new(UNKNOWN, number, sequence);
                pool.insert_batch(&[record(0), record(1)]).unwrap();
                println!("created");
            }
            Err(Error::AlreadyExists { name }) if *name == name_of(round) => println!("exists"),
            Err(error) => panic!("{error}"),
        }
        orders.next();
    }
}

/// Opens without waiting until there is something, says how often there was nothing, and then draws
/// from what it opened.
fn opener() {
    let (orders, rounds): (_, u64) = (Orders::listen(), argument(0));
    let signal = Board::<u64>::open(ROUNDS).unwrap();
    println!("ready");
    for round in 1..=rounds {
        wait_for(&signal, round);
        let (began, mut missed) = (Instant::now(), 0);
        let pool = loop {
            match Pool::<Experience>::open(&name_of(round)) {
                Ok(pool) => break pool,
                Err(Error::NotFound { .. }) if began.elapsed() < HANG => missed += 1,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(pool.capacity(), CAPACITY);
        pool.verify().unwrap();
        pool.wait_for_len(2, HANG).unwrap();
        check_batch(&pool.sample(2, &mut StdRng::seed_from_u64(round)).unwrap());
        println!("{missed}");
        orders.next();
    }
}

fn whoever_opens_or_creates_meets_the_others() {
    let signal = Board::<u64>::create(ROUNDS, BoardOptions::new(1)).unwrap();
    let mut joiners = [(); 4].map(|()| Child::start("creation::joiner", &[&50]));
    joiners.iter_mut().for_each(|child| child.expect("ready"));
    for round in 1..=50 {
        signal.publish(&[0]).unwrap();
        joiners.iter_mut().for_each(|child| child.expect("met"));
        assert_eq!(millpond::unlink_all("race").unwrap(), 1);
        joiners.iter_mut().for_each(|child| child.tell("next"));
        assert_eq!(signal.version(), round);
    }
}

fn joiner() {
    let (orders, rounds): (_, u64) = (Orders::listen(), argument(0));
    let signal = Board::<u64>::open(ROUNDS).unwrap();
    println!("ready");
    for round in 1..=rounds {
        wait_for(&signal, round);
        let options = PoolOptions::new(CAPACITY);
        let pool = Pool::<Experience>::open_or_create(&name_of(round), options).unwrap();
        pool.insert(&Experience::new(UNKNOWN, 0, 0)).unwrap();
        pool.wait_for_len(4, HANG).unwrap();
        println!("met");
        orders.next();
    }
}

fn a_creator_killed_half_way_leaves_nothing() {
    let run = PathBuf::from(env::var_os("MILLPOND_DIR").unwrap()).join("large");
    let mut unfinished = 0;
    for round in 0..30 {
        let creator = Child::start("creation::large_creator", &[]);
        // Its directory is there before its file, and its file before its name. A directory that is left empty is
        // in no process's way, and stays.
        let has_file = || fs::read_dir(&run).is_ok_and(|mut files| files.next().is_some());
        let began = Instant::now();
        while !has_file() {
            assert!(began.elapsed() < HANG, "nothing was created");
            std::hint::spin_loop();
        }
        // Not to wait for anything: the moments are to differ.
        thread::sleep(Duration::from_millis(round));
        creator.kill();
        let is_whole = run.join("pool.pond").exists();
        unfinished += u32::from(!is_whole);

        let listed = millpond::list(None).unwrap();
        assert_eq!(listed.len(), usize::from(is_whole), "{listed:?}");
        assert_eq!(millpond::unlink_all("large").unwrap(), listed.len());
        assert_eq!(files(), [".lock"], "round {round}");
    }
    assert!(unfinished > 0, "every creator was killed too late");
    println!("{unfinished} of 30 creators were killed half way");
}

/// Creates a pool of 40 MB, which takes some milliseconds.
fn large_creator() {
    let orders = Orders::listen();
    let _pool = Pool::<Experience>::create("large/pool", PoolOptions::new(80_000)).unwrap();
    orders.next();
}

const REPLACED: &str = "replaced/dict";
/// What the replaced dictionaries hold, from `FIRST` on: the number of each.
const FIRST: u64 = 1000;

/// A structure of several files, which stays until it is unlinked and is opened without a lock.
fn a_name_that_is_removed_and_created_again_is_opened_whole() {
    let mut replacer = Child::start("creation::replacer", &[]);
    replacer.expect("ready");
    let (mut opened, mut missed, mut newest) = (0, 0, 0);
    while opened < 2000 {
        match ArrayDict::<u64, u64>::open(REPLACED) {
            Ok(dict) => {
                opened += 1;
                // Nothing, or what this dictionary was given.
                let Some(number) = dict.get(&0).unwrap() else {
                    continue;
                };
                assert!(number >= newest, "{number} after {newest}");
                newest = number;
                for key in 1..FIRST {
                    assert!(
                        dict.get(&key)
                            .unwrap()
                            .is_none_or(|found| found == number + key)
                    );
                }
                let before = dict.insert(FIRST, &number).unwrap();
                assert!(before.is_none_or(|found| found == number));
            }
            Err(Error::NotFound { name, .. }) if name == REPLACED => missed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    replacer.finish();
    assert!(newest > 0);
    println!("opened {opened} dictionaries, and found none {missed} times");
    millpond::unlink_all("replaced").unwrap();
    assert_eq!(files(), [".lock"]);
}

/// Creates dictionaries of one name, one after another, and unlinks each.
fn replacer() {
    let orders = Orders::listen();
    println!("ready");
    for number in 1.. {
        let dict = ArrayDict::<u64, u64>::create(REPLACED, DictOptions::new(8)).unwrap();
        for key in 0..30 {
            dict.insert(key, &(number + key)).unwrap();
        }
        if orders.arrived() {
            return;
        }
        millpond::unlink(REPLACED).unwrap();
    }
}
