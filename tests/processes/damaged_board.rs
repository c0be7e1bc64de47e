//! Boards whose bytes are wrong: each is an error that says so, or harms nobody.

use std::fs;
use std::time::Duration;

use millpond::board::{BoardLease, BoardReader};
use millpond::{Board, BoardOptions, Error};

use crate::damage::{
    NAME, assert_harmless, assert_says, damaged_words, forge_checksum, path, take_image,
};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "damaged_board",
    trials: named![
        every_damaged_word_of_a_board_harms_nobody,
        a_board_that_contradicts_itself_is_an_error,
        a_board_of_impossible_numbers_is_an_error,
    ],
    ..Part::EMPTY
};

fn image_of_a_board() -> Vec<u8> {
    let board = Board::<u64>::create(NAME, BoardOptions::new(10).participants(2)).unwrap();
    board.publish(&[7; 10]).unwrap();
    drop(board);
    take_image()
}

fn every_damaged_word_of_a_board_harms_nobody() {
    assert_harmless(damaged_words(&image_of_a_board()), |image| {
        fs::write(path(), image).unwrap();
        if let Ok(board) = Board::<u64>::open(NAME) {
            let _ = board.fetch(&mut [0; 10]);
            let _ = board.wait_newer(3, Duration::ZERO);
            let _ = board.participants();
            let lease = board.lease();
            let sum = |lease: &BoardLease<u64>| lease.iter().fold(0, |sum, n| sum ^ n);
            let before = lease.as_ref().map(sum);
            for _ in 0..5 {
                let _ = board.publish(&[8; 10]);
                let _ = board.fetch(&mut [0; 10]);
            }
            if let (Ok(before), Ok(lease)) = (before, &lease) {
                assert_eq!(sum(lease), before, "a leased value changed");
            }
        }
        if let Ok(reader) = BoardReader::<u64>::open(NAME) {
            let _ = reader.fetch(&mut [0; 10]);
        }
    });
}

/// The newest value is in a buffer that there is not, or is not where it should be.
fn a_board_that_contradicts_itself_is_an_error() {
    let image = image_of_a_board();
    // Version 1 in buffer 1: the word of the newest, then the stamps of four buffers.
    let words: Vec<u8> = [1 << 6 | 1, 0, 1, 0, 0u64].map(u64::to_le_bytes).concat();
    let mut found = image.windows(words.len()).enumerate();
    let (at, _) = found.find(|(_, bytes)| *bytes == words).expect("the words");
    let changes = [
        (0, 1 << 6 | 4, "in buffer 4 of 4"),
        (0, 1 << 6 | 63, "in buffer 63 of 4"),
        (0, 9 << 6 | 1, "version 9 is not in its place"),
        (2, 7, "version 1 is not in its place"),
    ];
    for (word, value, says) in changes {
        let mut bad = image.clone();
        bad[at + 8 * word..][..8].copy_from_slice(&u64::to_le_bytes(value));
        fs::write(path(), bad).unwrap();
        let board = Board::<u64>::open(NAME).unwrap();
        let reader = BoardReader::<u64>::open(NAME).unwrap();
        let errors = [
            board.fetch(&mut [0; 10]).unwrap_err(),
            board.lease().unwrap_err(),
            reader.fetch(&mut [0; 10]).unwrap_err(),
        ];
        for error in &errors {
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert_says(error, &[NAME, says]);
        }
        if says.contains("buffer") {
            let error = board.publish(&[8; 10]).unwrap_err();
            assert_says(&error, &[NAME, says]);
        }
    }
    // And the largest version has no next one.
    let mut bad = image.clone();
    bad[at..][..8].copy_from_slice(&u64::to_le_bytes(u64::MAX << 6 | 1));
    fs::write(path(), bad).unwrap();
    let board = Board::<u64>::open(NAME).unwrap();
    let error = board.publish(&[8; 10]).unwrap_err();
    assert_says(&error, &[NAME, "its version is the largest there is"]);
}

/// The header lies, and has the right checksum for it.
fn a_board_of_impossible_numbers_is_an_error() {
    /// Where the numbers stand: the length, and how many buffers.
    const NUMBERS: usize = 72;
    let image = image_of_a_board();
    let lies = [
        (0, 0, "its length is 0"),
        (0, 1 << 60, "larger than the address space"),
        (0, 1000, "bytes are not the"),
        (1, 0, "it has 0 buffers"),
        (1, 1, "it has 1 buffers"),
        (1, 65, "a board has 2 to 64"),
        (1, u64::MAX, "a board has 2 to 64"),
        (1, 5, "bytes are not the"),
    ];
    for (number, value, says) in lies {
        let mut bad = image.clone();
        bad[NUMBERS + 8 * number..][..8].copy_from_slice(&u64::to_le_bytes(value));
        forge_checksum(&mut bad);
        fs::write(path(), bad).unwrap();
        let errors = [
            Board::<u64>::open(NAME).unwrap_err(),
            BoardReader::<u64>::open(NAME).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert_says(&error, &[NAME, says]);
        }
    }
}
