//! A full file system is an error that says how much was asked and how much there is; never a
//! signal later, and nothing is left behind.
//!
//! Each trial mounts a small tmpfs in a mount namespace of its own. Where neither root nor a user
//! namespace may do that, the trials are ignored.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use millpond::readonly::{LookupBuilder, Place, PublishOptions};
use millpond::{ArrayDict, Board, BoardOptions, DictOptions, Error, Pool, PoolOptions};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::child::Child;
use crate::experience::{Experience, UNKNOWN, check_batch};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "full",
    obstacle,
    trials: named![
        a_pool_that_does_not_fit_is_an_error_and_a_smaller_one_works,
        a_file_system_filled_to_the_last_byte_disturbs_nobody,
        the_first_segment_on_a_full_file_system_is_an_error,
        a_file_system_with_too_few_files_is_an_error_at_every_step,
        a_dictionary_that_cannot_grow_keeps_what_it_has_and_goes_on_with_more_room,
        what_does_not_fit_is_told_what_makes_it_smaller,
    ],
    roles: named![fitting, filled, first, counted, growing, advised],
    ..Part::EMPTY
};

/// The size of the file system.
const ROOM: u64 = 2 << 20;
/// How many files and names there may be in it, where that is not to be the limit.
const FILES: u32 = 1000;

/// `unshare` with a mount namespace: as root, else as the root of a user namespace.
const WAYS: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];

/// The first of the ways that works here.
fn find_way() -> Option<&'static [&'static str]> {
    WAYS.into_iter().find(|way| {
        let mut command = Command::new("unshare");
        command.args(*way).args(["mount", "-t", "tmpfs", "none"]);
        let tried = command.arg(env::temp_dir()).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

fn obstacle() -> Option<String> {
    match find_way() {
        Some(_) => None,
        None => {
            Some("`unshare` may not mount a tmpfs, neither as root nor in a user namespace".into())
        }
    }
}

/// Plays a role in a small file system of its own.
fn play_on_a_small_file_system(role: &str, files: u32) {
    let options = format!("size={ROOM},nr_inodes={files},mode=0700");
    play_on(
        &format!("-t tmpfs -o {options}"),
        find_way().expect("a way"),
        role,
    );
}

/// Plays a role in a file system of its own, which `mount` makes of these arguments in the given `way`.
pub fn play_on(mount: &str, way: &[&str], role: &str) {
    let place = root().with_file_name("mounted");
    fs::create_dir(&place).unwrap();
    let script = format!("mount {mount} none \"$0\" && exec \"$@\"");
    let mut command = Command::new("unshare");
    command
        .args(way)
        .args(["sh", "-c", &script])
        .arg(&place)
        .arg(env::current_exe().unwrap())
        .env("MILLPOND_DIR", place.join("pond"));
    for line in Child::start_by(command, role, &[]).ended() {
        println!("{line}");
    }
}

fn a_pool_that_does_not_fit_is_an_error_and_a_smaller_one_works() {
    play_on_a_small_file_system("full::fitting", FILES);
}

fn a_file_system_filled_to_the_last_byte_disturbs_nobody() {
    play_on_a_small_file_system("full::filled", FILES);
}

fn the_first_segment_on_a_full_file_system_is_an_error() {
    play_on_a_small_file_system("full::first", FILES);
}

fn a_file_system_with_too_few_files_is_an_error_at_every_step() {
    play_on_a_small_file_system("full::counted", 20);
}

fn a_dictionary_that_cannot_grow_keeps_what_it_has_and_goes_on_with_more_room() {
    play_on_a_small_file_system("full::growing", FILES);
}

fn what_does_not_fit_is_told_what_makes_it_smaller() {
    play_on_a_small_file_system("full::advised", FILES);
}

fn root() -> PathBuf {
    PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"))
}

fn create(capacity: usize) -> Result<Pool<Experience>, Error> {
    let options = PoolOptions::new(capacity).participants(4).leases(256);
    Pool::create("run/pool", options)
}

/// Writes all of a pool's memory, and reads all of its records.
fn use_up(pool: &Pool<Experience>) {
    let insert = |sequence| pool.insert(&Experience::new(UNKNOWN, 0, sequence)).unwrap();
    let keys: Vec<u64> = (0..3 * pool.capacity() as u64).map(insert).collect();
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..20 {
        let batch = pool.sample(200, &mut random).unwrap();
        check_batch(&batch);
        pool.update_priorities(batch.keys(), &[2.0; 200]).unwrap();
    }
    for &key in &keys[2 * pool.capacity()..] {
        pool.get(key).unwrap().expect("a record").check(key);
    }
    pool.verify().unwrap();
}

/// Fails unless there was no room; gives what was asked and what was free.
#[track_caller]
fn refused<T>(created: Result<T, Error>) -> (u64, u64) {
    let error = created.err().expect("an error");
    let text = error.to_string();
    let Error::NoSpace {
        directory,
        asked,
        free: Some(free),
        ..
    } = error
    else {
        panic!("another error: {text}");
    };
    assert!(directory.starts_with(root()), "{text}");
    assert!(text.contains(&directory.display().to_string()), "{text}");
    assert!(text.contains(&format!("({asked} bytes)")), "{text}");
    assert!(text.contains("MILLPOND_DIR"), "{text}");
    assert!(free < asked && free <= ROOM, "{text}");
    assert_eq!(everything_below(&root()), [root().join(".lock")]);
    (asked, free)
}

/// All files and directories, sorted.
fn everything_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_below(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

/// Takes all the room that is left.
fn fill_up() -> PathBuf {
    let path = root().with_file_name("ballast");
    let mut file = File::create(&path).unwrap();
    for size in [1 << 16, 1 << 12, 1] {
        let full = loop {
            if let Err(error) = file.write_all(&vec![1; size]) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }
    path
}

fn fitting() {
    let (asked, free) = refused(create(20_000));
    assert!(asked > 4 * ROOM && free > ROOM / 2);
    // The largest that fits is used to its last page.
    let capacities = (1000..6000).rev().step_by(7);
    let mut refusals = 0;
    let pool = capacities.into_iter().find_map(|capacity| {
        let created = create(capacity);
        if created.is_err() {
            refused(created);
            refusals += 1;
            return None;
        }
        created.ok()
    });
    let pool = pool.expect("a pool that fits");
    assert!(refusals > 0);
    use_up(&pool);
    println!(
        "after {refusals} refusals {} records fit into {ROOM} bytes",
        pool.capacity()
    );
}

fn filled() {
    let pool = create(1000).unwrap();
    let ballast = fill_up();
    use_up(&pool);
    let second = Pool::<Experience>::open("run/pool").unwrap();
    use_up(&second);
    assert_eq!(pool.participants().unwrap().len(), 2);
    let board = || Board::<u64>::create("weights", BoardOptions::new(1000));
    let error = board().unwrap_err();
    assert!(
        matches!(error, Error::NoSpace { free: Some(0), .. }),
        "{error}"
    );

    assert_eq!(millpond::list(None).unwrap().len(), 1);
    millpond::unlink("run/pool").unwrap();
    use_up(&pool);
    let (_, free) = refused(create(1000));
    assert_eq!(free, 0);
    fs::remove_file(ballast).unwrap();
    board().unwrap().publish(&[7; 1000]).unwrap();
    use_up(&pool);
}

fn first() {
    let ballast = fill_up();
    let (_, free) = refused(create(1000));
    assert_eq!(free, 0);
    fs::remove_file(ballast).unwrap();
    use_up(&create(1000).unwrap());
}

/// Takes all the files that there may be, and then tries with one more at a time.
fn counted() {
    let place = root().with_file_name("ballast");
    fs::create_dir(&place).unwrap();
    let mut ballast = Vec::new();
    let full = loop {
        let path = place.join(ballast.len().to_string());
        match File::create(&path) {
            Ok(_) => ballast.push(path),
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    let mut refusals = 0;
    let pool = loop {
        let error = match create(1000) {
            Ok(pool) => break pool,
            Err(error) => error,
        };
        let text = error.to_string();
        assert!(text.contains(root().to_str().unwrap()), "{text}");
        assert!(text.contains("may be no more files"), "{text}");
        // The root directory and the file of its lock stay, once they are there.
        let left = match root().is_dir() {
            true => everything_below(&root()),
            false => Vec::new(),
        };
        assert!(
            left.iter().all(|path| *path == root().join(".lock")),
            "{left:?}"
        );
        refusals += 1;
        fs::remove_file(ballast.pop().expect("success with all files")).unwrap();
    };
    use_up(&pool);
    assert_eq!(millpond::list(None).unwrap().len(), 1);
    millpond::unlink("run/pool").unwrap();
    println!("creating was refused {refusals} times for want of a file");
}

/// Fills a dictionary until it cannot grow; it works on, and grows when there is room again.
fn growing() {
    let row = |key: u64| [key; 8];
    let dict = ArrayDict::<u64, [u64; 8]>::create("words", DictOptions::new(0)).unwrap();
    let ballast = root().with_file_name("ballast");
    fs::write(&ballast, vec![1; ROOM as usize / 2]).unwrap();
    let full = |error: Error| {
        let text = error.to_string();
        assert!(matches!(error, Error::NoSpace { .. }), "{text}");
        assert!(
            text.contains("has no room for") && text.contains("MILLPOND_DIR"),
            "{text}"
        );
    };
    let keys = (0..).find(|&key| match dict.insert(key, &row(key)) {
        Ok(_) => false,
        Err(error) => {
            full(error);
            true
        }
    });
    let keys = keys.expect("a full file system");
    let check = |absent: u64| {
        dict.verify().unwrap();
        assert_eq!(dict.len() as u64, keys - u64::from(absent < keys));
        for key in (0..keys).filter(|key| *key != absent) {
            assert_eq!(dict.get(&key).unwrap(), Some(row(key)));
        }
        assert_eq!(dict.get(&keys).unwrap(), None);
    };
    check(keys);
    for _ in 0..3 {
        full(dict.insert(keys, &row(keys)).unwrap_err());
        full(dict.reserve(10 * keys as usize).unwrap_err());
        let mut checkout = dict.checkout().unwrap();
        full(checkout.extend([(keys, row(keys))]).unwrap_err());
        assert!(!checkout.was_interrupted());
    }
    check(keys);
    // What is there can be changed and removed.
    assert!(dict.update(&0, |row| row[0] = 7).unwrap());
    assert_eq!(dict.insert(0, &row(0)).unwrap().unwrap()[0], 7);
    assert_eq!(dict.remove(&1).unwrap(), Some(row(1)));
    check(1);
    let second = ArrayDict::<u64, [u64; 8]>::open("words").unwrap();
    fs::remove_file(ballast).unwrap();
    second.extend([(1, row(1)), (keys, row(keys))]).unwrap();
    assert!(second.capacity().unwrap() as u64 > keys);
    for key in 0..=keys {
        assert_eq!(dict.get(&key).unwrap(), Some(row(key)));
    }
    dict.verify().unwrap();
    println!("{keys} rows fitted, and then one more");
}

/// The advice is that of what is refused.
fn advised() {
    let text = refused_text(create(100_000));
    assert!(
        text.contains("make it smaller, or set MILLPOND_DIR"),
        "{text}"
    );
    #[cfg(feature = "workers")]
    {
        let text = refused_text(millpond::Workers::start(millpond::WorkersOptions::new(3)));
        for part in [
            "`WorkersOptions::memory`",
            "the number of workers",
            "MILLPOND_DIR",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("capacity"), "{text}");
    }
    let publish = |place: Place, options: PublishOptions| -> Result<(), Error> {
        let mut builder = LookupBuilder::<u64, u64>::new(&options);
        builder.extend((0..200_000).map(|key| (key, key)))?;
        builder.publish(place).map(|_| ())
    };
    let text = refused_text(publish("table".into(), PublishOptions::new()));
    assert!(text.contains("MILLPOND_DIR"), "{text}");
    let path = root().with_file_name("table");
    let text = refused_text(publish(path.as_path().into(), PublishOptions::new()));
    assert!(
        text.contains("choose a path") && !text.contains("MILLPOND_DIR"),
        "{text}"
    );
    let scratch = PublishOptions::new().scratch(root()).memory(1 << 16);
    let text = refused_text(publish(path.as_path().into(), scratch));
    assert!(text.contains("PublishOptions::scratch"), "{text}");
    assert_eq!(everything_below(&root()), [root().join(".lock")]);
}

/// What an error says that there is no room.
#[track_caller]
fn refused_text<T>(done: Result<T, Error>) -> String {
    let error = done.err().expect("an error");
    let text = error.to_string();
    assert!(
        matches!(error, Error::NoSpace { .. }),
        "another error: {text}"
    );
    text
}
