//! Read-only structures across processes: versions that replace each other beside readers, publishers that are
//! killed, and what a reader costs.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use millpond::readonly::{Handle, OpenOptions, PublishOptions};
use millpond::{Board, BoardOptions, Error, Lookup};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "volumes",
    trials: named![
        temporary_files_are_in_no_way_of_a_process_that_collects_garbage,
        a_reader_sees_whole_versions_while_two_publish,
        a_killed_publisher_leaves_a_whole_version_and_no_debris,
        a_version_is_waited_for_and_moved_over_to_in_another_process,
        a_handle_is_all_that_another_process_needs,
        a_table_for_the_attached_goes_with_its_killed_processes,
        #[cfg(target_os = "linux")]
        a_further_reader_has_less_than_two_megabytes_of_its_own,
        #[cfg(target_os = "linux")]
        the_system_is_told_how_each_structure_is_read,
        #[cfg(unix)]
        a_stray_write_traps,
    ],
    roles: named![
        publisher,
        waiter,
        opener,
        holder,
        #[cfg(target_os = "linux")]
        reader,
        #[cfg(unix)]
        stray,
    ],
    ..Part::EMPTY
};

type Table = Lookup<u64, [u64; 2]>;

const NAME: &str = "run/table";
const KEYS: u64 = 20_000;
const HANG: Duration = Duration::from_secs(60);

/// A table in which every value has the same stamp.
fn publish(stamp: u64) -> Table {
    Table::publish(NAME, (0..KEYS).map(|key| (key, [key, stamp]))).unwrap()
}

/// The one stamp of a table.
fn stamp(table: &Table) -> u64 {
    assert_eq!(table.len(), KEYS);
    let mut stamps = BTreeSet::new();
    for key in 0..KEYS {
        let value = table.get(&key).expect("a key that was published");
        assert_eq!(value[0], key);
        stamps.insert(value[1]);
    }
    assert_eq!(stamps.len(), 1, "two versions in one: {stamps:?}");
    stamps.pop_first().expect("one")
}

/// Publishes again and again, until it is stopped. Argument: the first stamp.
fn publisher() {
    let orders = Orders::listen();
    let mut stamp: u64 = argument(0);
    while !orders.arrived() {
        println!("{}", publish(stamp).version());
        stamp += 1;
    }
}

fn a_reader_sees_whole_versions_while_two_publish() {
    let mut publishers = [0u64, 1 << 32].map(|first| Child::start("volumes::publisher", &[&first]));
    let options = OpenOptions::new().wait(HANG);
    let mut table = Table::open_with(NAME, &options).unwrap();
    let (mut version, mut moves) = (table.version(), 0);
    stamp(&table);
    while moves < 40 {
        if !table.refresh().unwrap() {
            table.wait_newer(HANG).unwrap();
            continue;
        }
        stamp(&table);
        assert!(table.version() > version, "versions rise");
        version = table.version();
        moves += 1;
    }
    // Each version was given out once.
    let mut given = BTreeSet::new();
    for publisher in &mut publishers {
        for _ in 0..10 {
            let version: u64 = publisher.line().parse().unwrap();
            assert!(given.insert(version), "{version} twice");
        }
    }
}

fn a_killed_publisher_leaves_a_whole_version_and_no_debris() {
    let mut last = publish(7).version();
    for round in 0..12u64 {
        let mut publisher = Child::start("volumes::publisher", &[&(round << 32)]);
        // Somewhere in the middle of the one after these.
        for _ in 0..1 + round % 3 {
            publisher.line();
        }
        publisher.kill();
        let table = Table::open(NAME).unwrap();
        stamp(&table);
        assert!(table.version() >= last, "no version is lost");
        last = publish(round).version();
        assert!(last > table.version());
    }
    let bytes = millpond::list(None).unwrap()[0].bytes;
    let table = Table::open(NAME).unwrap();
    let one = table.bytes() as u64 + (128 << 10);
    assert!(
        bytes < one,
        "{bytes} bytes, where one version has less than {one}"
    );
    millpond::unlink(NAME).unwrap();
    assert_eq!(stamp(&table), 11, "who has it open keeps it");
    let root = std::env::var_os("MILLPOND_DIR").unwrap();
    let left: Vec<_> = std::fs::read_dir(root).unwrap().flatten().collect();
    let names = left.iter().map(|entry| entry.file_name());
    let names: Vec<_> = names.filter(|name| name != ".lock").collect();
    // On Windows what is mapped keeps a hidden name until it is dropped.
    let hidden = |name: &&std::ffi::OsString| name.to_string_lossy().ends_with(".dead");
    let others = names.iter().filter(|name| !(cfg!(windows) && hidden(name)));
    assert_eq!(others.count(), 0, "{names:?}");
}

/// Waits for version 2 of what is there, moves over, and says its stamp.
fn waiter() {
    let mut table = Table::open_with(NAME, &OpenOptions::new().wait(HANG)).unwrap();
    println!("{}", stamp(&table));
    assert_eq!(table.wait_newer(HANG).unwrap(), 2);
    assert!(table.refresh().unwrap());
    println!("{}", stamp(&table));
}

fn a_version_is_waited_for_and_moved_over_to_in_another_process() {
    let mut waiter = Child::start("volumes::waiter", &[]);
    publish(10);
    waiter.expect("10");
    publish(20);
    waiter.expect("20");
    waiter.ended();
}

/// Opens by a handle. Arguments: what it is made of.
fn opener() {
    let handle = Handle::new(argument::<String>(0), argument(1));
    println!("{}", stamp(&Table::open_handle(&handle).unwrap()));
}

fn a_handle_is_all_that_another_process_needs() {
    publish(1);
    let handle = publish(2).handle().unwrap();
    let mut opener = Child::start("volumes::opener", &[&NAME, &handle.version()]);
    opener.expect("2");
    opener.ended();
    let newer = Handle::new(NAME, 3);
    let error = Table::open_handle(&newer).err().unwrap();
    assert!(matches!(error, Error::WrongOption { .. }), "{error}");
}

/// Keeps a table open.
fn holder() {
    let orders = Orders::listen();
    let table = Table::open(NAME).unwrap();
    println!("open");
    orders.next();
    drop(table);
}

fn a_table_for_the_attached_goes_with_its_killed_processes() {
    let options = PublishOptions::new().lifetime(millpond::Lifetime::WhileAttached);
    let table = Table::publish_with(NAME, &options, [(1, [1, 1])]).unwrap();
    let mut holder = Child::start("volumes::holder", &[]);
    holder.expect("open");
    drop(table);
    assert_eq!(millpond::list(None).unwrap().len(), 1, "one has it still");
    holder.kill();
    assert_eq!(millpond::list(None).unwrap(), []);
    assert!(matches!(Table::open(NAME), Err(Error::NotFound { .. })));
}

/// Reads all of a table, and says how much memory is its own, in KiB, before and after.
#[cfg(target_os = "linux")]
fn reader() {
    let own = || {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let fields = text
            .lines()
            .filter_map(|line| line.strip_prefix("Private_"));
        let numbers = fields.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        numbers.sum::<u64>()
    };
    let orders = Orders::listen();
    println!("{}", own());
    let table = Lookup::<u64, [u64; 8]>::open(NAME).unwrap();
    let sum = table
        .iter()
        .fold(0u64, |sum, (key, value)| sum.wrapping_add(key ^ value[7]));
    std::hint::black_box(sum);
    println!("read");
    orders.next();
    println!("{}", own());
}

#[cfg(target_os = "linux")]
fn a_further_reader_has_less_than_two_megabytes_of_its_own() {
    let pairs = (0..1_000_000u64).map(|key| (key, [key; 8]));
    let table = Lookup::<u64, [u64; 8]>::publish(NAME, pairs).unwrap();
    assert!(table.bytes() > 64 << 20);
    assert_eq!(table.iter().count(), 1_000_000); // so that no page is a reader's alone
    let mut readers = [(); 2].map(|()| Child::start("volumes::reader", &[]));
    let before = readers
        .each_mut()
        .map(|reader| reader.line().parse::<u64>().unwrap());
    readers.iter_mut().for_each(|reader| reader.expect("read"));
    for (mut reader, before) in readers.into_iter().zip(before) {
        reader.tell("say");
        let after: u64 = reader.line().parse().unwrap();
        assert!(after < before + 2048, "{before} KiB became {after}");
    }
}

/// Writes to a value of a table.
#[cfg(unix)]
fn stray() {
    let table = Table::open(NAME).unwrap();
    let address = table.get(&1).unwrap().as_ptr().expose_provenance();
    println!("writing");
    // SAFETY: none: it is what must not be done, by a process that is there to be ended for it.
    unsafe { std::ptr::with_exposed_provenance_mut::<u64>(address).write_volatile(7) };
    println!("written");
}

#[cfg(unix)]
fn a_stray_write_traps() {
    use std::os::unix::process::ExitStatusExt;

    publish(1);
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.env(crate::stage::ROLE, "volumes::stray");
    command.stdout(std::process::Stdio::piped());
    let ended = crate::stage::spawn(&mut command)
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim(), "writing");
    let signal = ended.status.signal().unwrap_or(0);
    let traps = [nix::libc::SIGSEGV, nix::libc::SIGBUS];
    assert!(traps.contains(&signal), "{:?}", ended.status);
    assert_eq!(stamp(&Table::open(NAME).unwrap()), 1);
}

/// In the segment directory, temporary files have the names of what is removed there.
fn temporary_files_are_in_no_way_of_a_process_that_collects_garbage() {
    let root = PathBuf::from(env::var_os("MILLPOND_DIR").unwrap());
    Board::<u64>::create("run/board", BoardOptions::new(1)).unwrap();
    let options = PublishOptions::new().memory(1 << 16).scratch(root);
    thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            for version in 1..=60 {
                let pairs = (0..20_000_u64).map(|key| (key, key * version));
                let lookup = Lookup::publish_with("run/table", &options, pairs).unwrap();
                assert_eq!(lookup.get(&19_999), Some(&(19_999 * version)));
                Lookup::build((0..10_u64).map(|key| (key, key))).unwrap();
            }
        });
        while !publisher.is_finished() {
            millpond::list(None).unwrap();
        }
    });
}

/// Whether a file is mapped here and nothing is read ahead of what is touched (`rr` in `proc_pid_smaps(5)`).
#[cfg(target_os = "linux")]
fn is_read_at_random(file: &std::path::Path) -> bool {
    let file = file.to_str().expect("text");
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = maps.lines().skip_while(|line| !line.ends_with(file));
    assert!(lines.next().is_some(), "{file} is not mapped");
    let flags = lines.find_map(|line| line.strip_prefix("VmFlags:"));
    flags
        .expect("flags")
        .split_whitespace()
        .any(|flag| flag == "rr")
}

#[cfg(target_os = "linux")]
fn the_system_is_told_how_each_structure_is_read() {
    use millpond::{Archive, Trie};

    type Values = Archive<Vec<u64>>;
    let root = std::env::var_os("MILLPOND_DIR").expect("a directory");
    let path = |name| std::path::Path::new(&root).with_file_name(name);
    let (table, words, values) = (path("table"), path("words"), path("values"));
    let made = (
        Table::publish(&table, (0..KEYS).map(|key| (key, [key; 2]))).unwrap(),
        Trie::publish(&words, [("one", 1), ("two", 2)]).unwrap(),
        Values::publish(&values, &vec![7; 100_000]).unwrap(),
    );
    let found = || [&table, &words, &values].map(|file| is_read_at_random(file));
    assert_eq!(found(), [true, true, false], "what was published");
    drop(made);
    let usual = OpenOptions::new();
    for (options, expected) in [
        (usual.clone(), [true, true, false]),
        (usual.clone().random(true), [true; 3]),
        (usual.random(false), [false; 3]),
    ] {
        let opened = (
            Table::open_with(&table, &options).unwrap(),
            Trie::open_with(&words, &options).unwrap(),
            Values::open_with(&values, &options).unwrap(),
        );
        assert_eq!(found(), expected, "{options:?}");
        drop(opened);
    }
    // The next version as well.
    let mut reader = Table::open(&table).unwrap();
    Table::publish(&table, [(1, [1, 1])]).unwrap();
    assert!(reader.refresh().unwrap());
    assert!(is_read_at_random(&table));
}
