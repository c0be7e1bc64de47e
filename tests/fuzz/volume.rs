//! Opens read-only structures in files of arbitrary bytes, and in good ones with some bytes changed, under right
//! checksums where they believe nothing that they read; and uses what opens: each call is right or an error, and
//! none panics, hangs or leaves its mapping.

use std::borrow::Borrow;
use std::fs;
use std::path::PathBuf;

use millpond::Lookup;
use millpond::readonly::{DynLookup, LookupKey, LookupValue};

use crate::image::{changed, mend_header};

/// Where the header's numbers say where the data begins, and what its checksum is.
const START: usize = 72 + 33 * 8;
const CHECKSUM: usize = 72 + 35 * 8;

type Numbers = Lookup<u64, [u64; 2]>;
type Words = Lookup<str, str>;

fn path() -> PathBuf {
    std::env::temp_dir().join(format!("millpond-volume-{}.pond", std::process::id()))
}

/// The bytes of two tables, one with its pairs in its slots and one with a heap; and (with the features) of an
/// archive and a trie, which are there to be opened, and not to be believed.
pub fn images() -> Vec<Vec<u8>> {
    let take = || fs::read(path()).expect("the file that was published");
    let words = || (0..200u64).map(|n| (format!("word {n}"), "x".repeat(n as usize % 7)));
    let mut images = Vec::new();
    Numbers::publish(path(), (0..500).map(|n: u64| (n * n, [n, 7]))).expect("a table");
    images.push(take());
    Words::publish(path(), words()).expect("a table");
    images.push(take());
    #[cfg(feature = "archive")]
    {
        let map = words().collect::<std::collections::HashMap<_, _>>();
        millpond::Archive::publish(path(), &map).expect("an archive");
        images.push(take());
    }
    #[cfg(feature = "trie")]
    {
        let pairs = words().zip(0..).map(|((word, _), number)| (word, number));
        let options = millpond::readonly::PublishOptions::new();
        millpond::Trie::publish_unsorted(path(), &options, pairs).expect("a trie");
        images.push(take());
    }
    images
}

/// The first byte says what the rest is: a whole file, or changes to a good one, as an offset of 3 bytes and 8
/// bytes that go there, each; and whether the header and the checksum are put in order after that.
pub fn run(input: &[u8], good: &[Vec<u8>]) {
    let Some((&kind, rest)) = input.split_first() else {
        return;
    };
    let number = usize::from(kind % 16);
    let mut image = match good.get(number) {
        Some(good) => changed(good, rest),
        None => rest.to_vec(),
    };
    // An archive and a trie believe what has a right checksum.
    if kind >= 128 && number < 2 {
        mend(&mut image);
    }
    fs::write(path(), &image).expect("room for a small file");
    if let Ok(table) = Numbers::open(path()) {
        use_table(&table, &[0u64, 1, 4, 499 * 499, u64::MAX, 3]);
    }
    if let Ok(table) = Words::open(path()) {
        use_table(&table, &["word 0", "word 199", "word", "", "nothing"]);
    }
    if let Ok(table) = DynLookup::open(path()) {
        use_untyped_table(&table);
    }
    #[cfg(feature = "archive")]
    if let Ok(map) = millpond::Archive::<std::collections::HashMap<String, String>>::open(path()) {
        let lengths = map.iter().map(|(key, value)| key.len() + value.len());
        std::hint::black_box(lengths.sum::<usize>());
        std::hint::black_box(map.get("word 7").map(|found| found.len()));
    }
    #[cfg(feature = "trie")]
    if let Ok(trie) = millpond::Trie::open(path()) {
        std::hint::black_box(trie.iter().count() + trie.prefix("word 1").count());
        std::hint::black_box(trie.get("word 7"));
    }
    let _ = fs::remove_file(path());
}

/// Gives the data the checksum that it should have, and the header what belongs to both.
fn mend(image: &mut [u8]) {
    if image.len() > CHECKSUM + 8 {
        let start = u64::from_le_bytes(image[START..START + 8].try_into().expect("eight bytes"));
        let data = image.get(start as usize..).unwrap_or_default();
        let checksum = u64::from(crc32fast::hash(data));
        image[CHECKSUM..CHECKSUM + 8].copy_from_slice(&checksum.to_le_bytes());
    }
    mend_header(image);
}

/// Everything that can be done with a table of any types, once.
fn use_untyped_table(table: &DynLookup) {
    let keys: [&[u8]; 5] = [b"word 7", b"", &4u64.to_le_bytes(), &[1], &[0xff; 16]];
    for key in keys {
        if let Ok(found) = table.get(key) {
            let mut again = None;
            let asked = table.get_many(&[key], |_, found| again = found);
            assert!(asked.is_ok() && again == found);
        }
    }
    std::hint::black_box(table.iter().count());
    let _ = table.verify();
    std::hint::black_box((table.len(), table.key_type(), table.value_type().size()));
}

/// Everything that can be done with a table, once.
fn use_table<K, V, Q>(table: &Lookup<K, V>, keys: &[Q])
where
    K: LookupKey + ?Sized,
    V: LookupValue + ?Sized,
    Q: Borrow<K>,
{
    let found = keys.iter().filter(|key| table.contains((*key).borrow()));
    std::hint::black_box(found.count());
    let mut many = 0;
    table.get_many(keys, |_, value| many += usize::from(value.is_some()));
    // A file says how many slots it has, but they must lie in it.
    std::hint::black_box(many + table.iter().count());
    let _ = table.verify();
    let _ = table.len();
}
