//! Dictionaries whose files were changed by somebody, or are not all there: each is an error that says what
//! was found, or an answer, and none is a panic, a crash or a wait without end.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::{env, fs};

use millpond::{ArrayDict, DictOptions, Error};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::damage::assert_says;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dict_damage",
    trials: named![
        a_missing_or_short_file_is_an_error,
        every_damaged_word_of_a_dictionarys_segment_harms_nobody,
        every_damaged_word_of_a_dictionarys_index_harms_nobody,
        a_dictionary_of_random_words_harms_nobody,
        a_journal_that_nobody_wrote_is_an_error,
        a_generation_that_is_none_is_an_error,
        a_sequence_number_that_stays_odd_is_an_error_until_its_row_is_written,
    ],
    ..Part::EMPTY
};

const NAME: &str = "damaged";
/// Where a segment's header ends and its schema begins.
const HEADER: usize = 640;

type Dict = ArrayDict<u64, [u32; 3]>;

/// The files of a dictionary: the segment's own, the rows, and two indexes.
#[derive(Clone)]
struct Image([(PathBuf, Vec<u8>); 4]);

impl Image {
    /// Of a dictionary that has grown, with keys that were removed.
    fn take() -> Self {
        let dict = Dict::create(NAME, DictOptions::new(0).participants(2)).unwrap();
        dict.extend((0..40).map(|key| (key, [key as u32; 3])))
            .unwrap();
        for key in 10..20 {
            dict.remove(&key).unwrap();
        }
        drop(dict);
        let root = PathBuf::from(env::var_os("MILLPOND_DIR").expect("a directory"));
        let mut paths: Vec<PathBuf> = fs::read_dir(&root)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with(".lock"))
            .collect();
        // The companions' names begin with a dot, and end in their numbers.
        paths.sort();
        paths.rotate_right(1);
        let files: Vec<_> = paths
            .into_iter()
            .map(|path| {
                let bytes = fs::read(&path).unwrap();
                (path, bytes)
            })
            .collect();
        Self(files.try_into().expect("four files"))
    }

    fn path(&self, file: usize) -> &Path {
        &self.0[file].0
    }

    /// A word of the segment's own file.
    fn word_at(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[0].1[at..at + 8].try_into().unwrap())
    }

    fn write(&self) {
        for (path, bytes) in &self.0 {
            fs::write(path, bytes).unwrap();
        }
    }

    /// The same with another word in one file.
    fn with_word(&self, file: usize, at: usize, word: u64) -> Self {
        let mut other = self.clone();
        other.0[file].1[at..at + 8].copy_from_slice(&word.to_le_bytes());
        other
    }
}

/// Does everything with the dictionary that may be damaged; errors are as good as results.
fn use_all_of(dict: &Dict) {
    let _ = (dict.len(), dict.capacity(), dict.participants());
    let read = || {
        for key in 0..60 {
            let _ = (dict.get(&key), dict.row_of(&key));
        }
        let _ = dict.get_many(&[1, 2, 30, 100], &mut [[0; 3]; 4]);
        if let Ok(view) = dict.read() {
            let _ = (view.len(), view.row_of(&3), view.get(&30).copied());
            let _ = view.rows().iter().map(|row| u64::from(row[0])).sum::<u64>();
            let _ = view.keys().iter().fold(0, |all, key| all ^ key);
            let _ = view.iter().count();
        }
    };
    read();
    let _ = dict.verify();
    let _ = dict.insert(5, &[1; 3]);
    let _ = dict.update(&30, |row| row[0] += 1);
    let _ = dict.remove(&31);
    let _ = dict.insert(100, &[2; 3]);
    if let Ok(mut checkout) = dict.checkout() {
        let _ = checkout
            .entry(7)
            .and_modify(|row| row[1] = 3)
            .or_insert([0; 3]);
        let _ = checkout.extend((200..300).map(|key| (key, [4; 3])));
    }
    read();
    let _ = dict.verify();
    let _ = dict.reserve(500);
    let _ = dict.clear();
    let _ = dict.insert(1, &[1; 3]);
    read();
}

/// Uses each damaged dictionary; says which of them made it panic.
fn assert_harmless(images: impl Iterator<Item = (String, Image)>) {
    let mut harmful = Vec::new();
    for (what, image) in images {
        image.write();
        let used = catch_unwind(|| Dict::open(NAME).map(|dict| use_all_of(&dict)));
        if used.is_err() {
            harmful.push(what);
        }
    }
    let some: Vec<_> = harmful.iter().take(20).collect();
    assert!(harmful.is_empty(), "{} panics: {some:#?}", harmful.len());
}

/// Images of which one word is another one; every word of those from `start` on, in steps.
fn damaged_words(
    image: &Image,
    file: usize,
    start: usize,
    step: usize,
) -> impl Iterator<Item = (String, Image)> + '_ {
    let mut random = StdRng::seed_from_u64(1);
    let end = image.0[file].1.len() / 8 * 8;
    (start..end).step_by(8 * step).flat_map(move |at| {
        let old = u64::from_le_bytes(image.0[file].1[at..at + 8].try_into().unwrap());
        let values = [
            0,
            1,
            old.wrapping_add(1),
            old ^ 64,
            u64::MAX,
            41,
            1 << 32 | 3,
        ];
        let values = values.into_iter().chain([random.random()]);
        values.map(move |value| {
            let what = format!("{value:#x} at byte {at} of file {file}");
            (what, image.with_word(file, at, value))
        })
    })
}

fn a_missing_or_short_file_is_an_error() {
    let image = Image::take();
    for file in 1..4 {
        image.write();
        fs::remove_file(image.path(file)).unwrap();
        let error = Dict::open(NAME).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        let path = image.path(file).display().to_string();
        assert_says(&error, &[NAME, &path, "is missing", "unlink it"]);
    }
    // It has grown an odd number of times or an even one: one of the indexes is in use.
    let mut errors = 0;
    for file in 1..4 {
        let mut short = image.clone();
        short.0[file].1.truncate(100);
        short.write();
        let path = image.path(file).display().to_string();
        let dict = Dict::open(NAME).unwrap();
        let says = [NAME, &path, "has 100 bytes, not", "unlink it"];
        for error in [
            dict.get(&1).err(),
            dict.insert(1, &[0; 3]).err(),
            dict.read().err(),
            dict.verify().err(),
        ] {
            errors += usize::from(error.is_some());
            error
                .into_iter()
                .for_each(|error| assert_says(&error, &says));
        }
    }
    assert_eq!(errors, 8);
}

/// Where the words of the structure begin: behind the header, the schema, a lock, and three participants.
fn structure(image: &Image) -> usize {
    let schema = image.word_at(584) as usize;
    (HEADER + schema).next_multiple_of(64) + 64 + 2 * 320
}

fn every_damaged_word_of_a_dictionarys_segment_harms_nobody() {
    let image = Image::take();
    // Who is there, the readers, the generation, the books: all of them. Not the lock: it is believed where it
    // names a participant who lives.
    let stripes = stripes_at(&image);
    let mut first = image.clone();
    let rest = first.0[0].1.split_off(stripes);
    let whole = |(what, mut bad): (String, Image)| {
        bad.0[0].1.extend(&rest);
        (what, bad)
    };
    assert_harmless(damaged_words(&first, 0, structure(&image) - 2 * 320, 1).map(whole));
    // Of a thousand sequence numbers, those of the first rows and some others.
    let mut rows = image.clone();
    let rest = rows.0[0].1.split_off(stripes + 8 * 30);
    let whole = |(what, mut bad): (String, Image)| {
        bad.0[0].1.extend(&rest);
        (what, bad)
    };
    assert_harmless(damaged_words(&rows, 0, stripes, 7).map(whole));
    assert_harmless(damaged_words(&image, 0, stripes + 8 * 30, 197));
}

fn every_damaged_word_of_a_dictionarys_index_harms_nobody() {
    let image = Image::take();
    for file in 2..4 {
        assert_harmless(damaged_words(&image, file, 0, 3));
    }
}

fn a_dictionary_of_random_words_harms_nobody() {
    let image = Image::take();
    let (start, generation) = (structure(&image), generation_at(&image));
    let random = (0..600).map(|seed| {
        let mut bad = image.clone();
        let mut random = StdRng::seed_from_u64(seed);
        match seed % 3 {
            0 => random.fill_bytes(&mut bad.0[0].1[start..]),
            // With a generation that is right.
            1 => {
                random.fill_bytes(&mut bad.0[0].1[start..]);
                let word = image.word_at(generation);
                bad = bad.with_word(0, generation, word);
            }
            _ => bad.0[2..]
                .iter_mut()
                .for_each(|(_, bytes)| random.fill_bytes(bytes)),
        }
        (format!("seed {seed}"), bad)
    });
    assert_harmless(random);
}

/// Where the word of the generation is: behind the words of readers, those of two participants. The books
/// follow on the next line: four counts, and four words of the journal.
fn generation_at(image: &Image) -> usize {
    structure(image) + 64 + 64 + 2 * 64
}

/// Where the sequence numbers are: behind the books, which take two lines.
fn stripes_at(image: &Image) -> usize {
    generation_at(image) + 64 + 128
}

fn a_journal_that_nobody_wrote_is_an_error() {
    let image = Image::take();
    let books = generation_at(&image) + 64;
    assert_eq!(image.word_at(books), 30, "the layout has changed");
    let dirty = structure(&image) - 2 * 320 - 64 + 8;
    for (operation, slot, row) in [(9, 0, 0), (1, 1 << 40, 0), (2, 0, 1 << 40), (3, 0, 56_000)] {
        let mut bad = image.with_word(0, dirty, 1);
        for (at, word) in [(32, operation), (40, slot), (48, row)] {
            bad = bad.with_word(0, books + at, word);
        }
        bad.write();
        let dict = Dict::open(NAME).unwrap();
        let journal = format!("its journal says {operation} {slot} {row}");
        let says = ["is damaged", &journal, "unlink it and create it again"];
        assert_says(&dict.insert(1, &[0; 3]).unwrap_err(), &says);
        assert_says(&dict.checkout().err().unwrap(), &says);
        assert_says(&dict.read().err().unwrap(), &says);
        // Who only looks up needs no journal.
        assert_eq!(dict.get(&30).unwrap(), Some([30; 3]));
    }
    // The counts, forged under a journal that is in order.
    for (at, word) in [
        (0, 31),
        (0, 0),
        (8, 29),
        (8, 5000),
        (16, 5000),
        (24, 5),
        (24, 5000),
    ] {
        image.with_word(0, books + at, word).write();
        let error = Dict::open(NAME).unwrap().verify().unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}

fn a_generation_that_is_none_is_an_error() {
    let image = Image::take();
    let at = generation_at(&image);
    let right = image.word_at(at);
    for word in [0, 1, 31, 30, right ^ 32, u64::MAX, 29] {
        image.with_word(0, at, word).write();
        let dict = Dict::open(NAME).unwrap();
        for error in [
            dict.get(&1).err(),
            dict.insert(1, &[0; 3]).err(),
            dict.capacity().err(),
            dict.read().err(),
        ] {
            let error = error.expect("an error");
            assert!(matches!(error, Error::Damaged { .. }), "{word}: {error}");
        }
    }
    image.write();
    assert_eq!(Dict::open(NAME).unwrap().get(&30).unwrap(), Some([30; 3]));
}

fn a_sequence_number_that_stays_odd_is_an_error_until_its_row_is_written() {
    let image = Image::take();
    let mut bad = image.clone();
    // Those of the rows that are live.
    for stripe in (0..10).chain(20..40) {
        bad = bad.with_word(0, stripes_at(&image) + 8 * stripe, 1);
    }
    bad.write();
    let dict = Dict::open(NAME).unwrap();
    for key in (0..10).chain(20..40) {
        let error = dict.get(&key).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert_eq!(dict.get(&(key + 100)).unwrap(), None);
        // Who writes the row makes the number even.
        assert!(dict.update(&key, |row| row[1] = 7).unwrap());
        let row = [key as u32, 7, key as u32];
        assert_eq!(dict.get(&key).unwrap(), Some(row));
    }
    dict.verify().unwrap();
}
