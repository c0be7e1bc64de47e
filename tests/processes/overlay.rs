//! Segments in the lower layer of an overlay, as a container finds them that an image was made with.
//!
//! A file of the lower layer is copied up when it is first opened for writing; a descriptor from before stays with
//! the lower one. Each trial runs in a mount namespace of its own. Where neither root nor a user namespace may mount
//! an overlay, the trials are ignored.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use millpond::board::BoardReader;
use millpond::{Board, BoardOptions, Lookup};

use crate::child::Child;
use crate::orders::argument;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "overlay",
    obstacle,
    trials: named![
        a_reader_of_a_board_in_the_lower_layer_sees_what_is_published,
        a_lookup_in_the_lower_layer_is_read_and_replaced,
    ],
    roles: named![board, lookup],
    ..Part::EMPTY
};

const NAME: &str = "run/board";
const TABLE: &str = "run/table";
const LENGTH: usize = 3000;

/// `unshare` with a mount namespace: as root, else as the root of a user namespace.
const WAYS: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];

/// Mounts an overlay at `$0/merged` over `$0/lower`, and goes on as what comes after.
const MOUNT: &str = "mount -t tmpfs -o mode=0700 none \"$0/upper\" && cd \"$0/upper\" && mkdir files work && \
    mount -t overlay -o \"lowerdir=$0/lower,upperdir=files,workdir=work\" none \"$0/merged\" && exec \"$@\"";

/// Directories for the layers in `place`, and the command that mounts them in the first way that works here.
fn overlay(place: &Path) -> Option<Command> {
    for directory in ["lower", "upper", "merged"] {
        fs::create_dir_all(place.join(directory)).unwrap();
    }
    let command = |way: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(way).args(["sh", "-c", MOUNT]).arg(place);
        command
    };
    let works = |way: &&&[&str]| {
        let tried = command(way).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    WAYS.iter().find(works).map(|way| command(way))
}

fn obstacle() -> Option<String> {
    let place = env::temp_dir().join(format!("millpond-overlay-{}", std::process::id()));
    let found = overlay(&place);
    let _ = fs::remove_dir_all(&place);
    match found {
        Some(_) => None,
        None => Some(
            "`unshare` may not mount an overlay, neither as root nor in a user namespace".into(),
        ),
    }
}

fn value(version: u64) -> Vec<u64> {
    (0..LENGTH as u64).map(|at| version << 32 | at).collect()
}

/// Moves the segments of this trial into a lower layer, and plays `role` over it.
fn play_over_the_segments(role: &str) {
    let root = PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"));
    let place = root.with_file_name("layers");
    let mut command = overlay(&place).expect("a way");
    fs::rename(&root, place.join("lower/pond")).unwrap();
    command
        .arg(env::current_exe().unwrap())
        .env("MILLPOND_DIR", place.join("merged/pond"));
    Child::start_by(command, role, &[&3]).ended();
}

fn a_reader_of_a_board_in_the_lower_layer_sees_what_is_published() {
    let board = Board::<u64>::create(NAME, BoardOptions::new(LENGTH)).unwrap();
    board.publish(&value(1)).unwrap();
    drop(board);
    play_over_the_segments("overlay::board");
}

/// Reads the board before anybody writes to it, and then what is published. Argument: up to which version.
fn board() {
    let reader = BoardReader::<u64>::open(NAME).unwrap();
    let mut found = vec![0; LENGTH];
    assert_eq!(reader.fetch(&mut found).unwrap(), 1);
    let board = Board::<u64>::open(NAME).unwrap();
    for version in 2..=argument(0) {
        board.publish(&value(version)).unwrap();
        let newest = reader.wait_newer(version - 1, Duration::from_secs(5));
        assert_eq!(newest.unwrap(), version);
        assert_eq!(reader.fetch(&mut found).unwrap(), version);
        assert!(found == value(version), "torn");
    }
}

/// A table in which every value has the same stamp.
fn pairs(stamp: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..100_000).map(move |key| (key, key ^ stamp))
}

fn a_lookup_in_the_lower_layer_is_read_and_replaced() {
    Lookup::<u64, u64>::publish(TABLE, pairs(1)).unwrap();
    play_over_the_segments("overlay::lookup");
}

/// Opens a table, has it replaced, and moves over. Argument: the last version.
fn lookup() {
    let mut table = Lookup::<u64, u64>::open(TABLE).unwrap();
    for version in 2..=argument(0) {
        Lookup::<u64, u64>::publish(TABLE, pairs(version)).unwrap();
        assert_eq!(table.version(), version - 1);
        assert!(table.refresh().unwrap());
        for (key, value) in pairs(version) {
            assert_eq!(table.get(&key), Some(&value));
        }
    }
}
