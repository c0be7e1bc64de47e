//! Against `BTreeMap` and the plain ways to compare and match.

use std::collections::BTreeMap;
use std::ops::Bound;

use fst::Automaton;
use fst::automaton::{Levenshtein, Str, Subsequence};
use proptest::prelude::*;

use super::build::{sort, write};
use super::{Transducer, Trie, after_all_with};
use crate::error::{Error, Result};
use crate::volume::{Content, PARAMETERS, PublishOptions, Volume};

fn written<K: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (K, u64)>,
) -> Result<(Vec<u8>, [u64; PARAMETERS])> {
    let mut data = Vec::new();
    let options = PublishOptions::new().unique_keys(true);
    let parameters = write(pairs.into_iter().map(Ok), &options, &mut data)?;
    Ok((data, parameters))
}

fn trie<K: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, u64)>) -> Trie {
    Trie::of(pairs).unwrap()
}

fn of_words(words: &[&str]) -> Trie {
    trie((0..).zip(words).map(|(number, word)| (word, number)))
}

fn keys(entries: impl Iterator<Item = (Vec<u8>, u64)>) -> Vec<String> {
    entries
        .map(|(key, _)| String::from_utf8(key).unwrap())
        .collect()
}

/// Keys of few different bytes, so that they share beginnings and ends.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![8 => b'a'..=b'd', 1 => Just(0u8), 1 => Just(255u8), 1 => any::<u8>()];
    prop::collection::vec(byte, 0..8)
}

fn model() -> impl Strategy<Value = BTreeMap<Vec<u8>, u64>> {
    let number = prop_oneof![0..20u64, any::<u64>(), Just(u64::MAX)];
    prop::collection::btree_map(key(), number, 0..60)
}

/// Words of few different characters, of one to four bytes each.
fn word() -> impl Strategy<Value = String> {
    let character = prop::sample::select(vec!['a', 'b', 'é', 'è', 'ß', '水', '火', '🦆', '🦢']);
    prop::collection::vec(character, 0..7).prop_map(|characters| characters.into_iter().collect())
}

/// Levenshtein's distance by its definition.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, character) in one.chars().enumerate() {
        let mut next = vec![above + 1];
        for (index, &found) in other.iter().enumerate() {
            let replaced = row[index] + usize::from(found != character);
            next.push(replaced.min(row[index + 1] + 1).min(next[index] + 1));
        }
        row = next;
    }
    row[other.len()]
}

fn entries(model: &BTreeMap<Vec<u8>, u64>, takes: impl Fn(&[u8]) -> bool) -> Vec<(Vec<u8>, u64)> {
    let taken = model.iter().filter(|(key, _)| takes(key));
    taken.map(|(key, &number)| (key.clone(), number)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn it_holds_what_a_map_holds(model in model(), sought in prop::collection::vec(key(), 20)) {
        let trie = trie(model_pairs(&model));
        prop_assert_eq!((trie.len(), trie.is_empty()), (model.len(), model.is_empty()));
        prop_assert_eq!(trie.iter().collect::<Vec<_>>(), entries(&model, |_| true));
        for key in model.keys().chain(&sought) {
            prop_assert_eq!(trie.get(key), model.get(key).copied());
            prop_assert_eq!(trie.contains(key), model.contains_key(key));
        }
    }

    #[test]
    fn prefixes_are_those_of_a_map(model in model(), sought in prop::collection::vec(key(), 20)) {
        let trie = trie(model_pairs(&model));
        for text in &sought {
            for end in 0..=text.len() {
                let prefix = &text[..end];
                let expected = entries(&model, |key| key.starts_with(prefix));
                prop_assert_eq!(trie.prefix(prefix).collect::<Vec<_>>(), expected);
            }
            let begun = entries(&model, |key| text.starts_with(key));
            let begun: Vec<_> = begun.into_iter().map(|(key, number)| (key.len(), number)).collect();
            prop_assert_eq!(trie.longest_prefix_of(text), begun.last().copied());
            prop_assert_eq!(trie.prefixes_of(text).collect::<Vec<_>>(), begun);
        }
    }

    #[test]
    fn ranges_are_those_of_a_map(model in model(), bounds in prop::collection::vec((bound(), bound()), 20)) {
        let trie = trie(model_pairs(&model));
        for bounds in bounds {
            let inside = entries(&model, |key| {
                let after = match &bounds.0 {
                    Bound::Included(first) => key >= &first[..],
                    Bound::Excluded(before) => key > &before[..],
                    Bound::Unbounded => true,
                };
                after && match &bounds.1 {
                    Bound::Included(last) => key <= &last[..],
                    Bound::Excluded(end) => key < &end[..],
                    Bound::Unbounded => true,
                }
            });
            prop_assert_eq!(trie.range(bounds).collect::<Vec<_>>(), inside);
        }
    }

    #[test]
    fn fuzzy_matches_are_those_of_the_plain_distance(
        words in prop::collection::btree_set(word(), 0..60),
        sought in word(),
        most in 0..5usize,
    ) {
        let trie = trie((0..).zip(&words).map(|(number, word)| (word, number)));
        let numbered = (0..).zip(&words).map(|(number, word)| (number, word, distance(word, &sought)));
        let expected: Vec<_> = numbered
            .filter(|(.., distance)| *distance <= most)
            .map(|(number, word, distance)| (word.clone().into_bytes(), number, distance))
            .collect();
        prop_assert_eq!(trie.fuzzy(&sought, most).unwrap().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn unsorted_keys_make_the_same_trie(model in model(), seed in any::<u64>()) {
        let (expected, parameters) = written(model_pairs(&model)).unwrap();
        let mut pairs = model_pairs(&model);
        pairs.sort_by_key(|(key, number)| (crc32fast::hash(key) as u64 ^ seed).wrapping_mul(seed | 1) ^ number);
        let mut data = Vec::new();
        let options = PublishOptions::new().memory(200);
        let sorted = sort(pairs, &options).unwrap();
        let found = write(sorted, &options, &mut data).unwrap();
        prop_assert_eq!((data, found), (expected, parameters));
    }
}

fn model_pairs(model: &BTreeMap<Vec<u8>, u64>) -> Vec<(Vec<u8>, u64)> {
    entries(model, |_| true)
}

fn bound() -> impl Strategy<Value = Bound<Vec<u8>>> {
    prop_oneof![
        3 => key().prop_map(Bound::Included),
        3 => key().prop_map(Bound::Excluded),
        1 => Just(Bound::Unbounded),
    ]
}

#[test]
fn a_range_can_be_said_in_plain_words() {
    let trie = of_words(&["ant", "bee", "cat", "dog"]);
    assert_eq!(keys(trie.range("b".."d")), ["bee", "cat"]);
    assert_eq!(keys(trie.range("bee"..="cat")), ["bee", "cat"]);
    assert_eq!(keys(trie.range("c"..)), ["cat", "dog"]);
    assert_eq!(keys(trie.range(.."b".to_string())), ["ant"]);
    assert_eq!(keys(trie.range::<&str>(..)).len(), 4);
}

#[test]
fn a_lent_key_is_the_one_that_the_iterator_gives() {
    let trie = of_words(&["ant", "bee"]);
    let mut entries = trie.iter();
    assert_eq!(entries.next_entry(), Some((&b"ant"[..], 0)));
    assert_eq!(entries.next(), Some((b"bee".to_vec(), 1)));
    assert_eq!(entries.next_entry(), None);
    assert_eq!(entries.next(), None);
    let mut near = trie.fuzzy("aft", 1).unwrap();
    assert_eq!(near.next_entry(), Some((&b"ant"[..], 0, 1)));
}

#[test]
fn a_text_is_cut_into_the_longest_keys() {
    let trie = of_words(&["new", "new york", "york", "yorkshire"]);
    let mut text = "new yorkshirenew york";
    let mut cut = Vec::new();
    while !text.is_empty() {
        let length = trie.longest_prefix_of(text).map_or(1, |(length, _)| length);
        cut.push(&text[..length]);
        text = &text[length..];
    }
    assert_eq!(cut, ["new york", "s", "h", "i", "r", "e", "new york"]);
}

#[test]
fn the_automaton_of_fst_would_not_do() {
    let trie = of_words(&["è", "é"]);
    assert_eq!(trie.fuzzy("é", 1).unwrap().count(), 2);
    let theirs = Levenshtein::new("é", 1).unwrap();
    assert_eq!(
        trie.search(&theirs).count(),
        1,
        "then our own is not needed any more"
    );
}

#[test]
fn keys_that_are_not_utf_8_are_not_like_any_word() {
    let trie = trie([
        (&b"ab\x80"[..], 1),
        (b"ab\xc3", 2),
        (b"ab\xc3b", 3),
        (b"ab\xed\xa0\x80", 4),
        (b"ab\xff", 5),
    ]);
    assert_eq!(trie.fuzzy("ab", 3).unwrap().count(), 0);
}

#[test]
fn the_longest_word_and_the_farthest_distance_are_found() {
    let word = "ab".repeat(63) + "a";
    let missing: String = word.chars().skip(8).collect();
    let mut words = [word.as_str(), &missing, "zzz"];
    words.sort_unstable();
    let trie = of_words(&words);
    let found: Vec<_> = trie
        .fuzzy(&word, 8)
        .unwrap()
        .map(|(key, _, distance)| (key.len(), distance))
        .collect();
    assert_eq!(found, [(119, 8), (127, 0)]);
    assert_eq!(keys(trie.search(Str::new("zzz"))), ["zzz"]);

    let error = trie.fuzzy(&(word + "b"), 1).err().unwrap().to_string();
    assert_eq!(
        error,
        "the word's number of characters is 128; it must be at most 127"
    );
    let error = trie.fuzzy("word", 9).err().unwrap().to_string();
    assert_eq!(error, "the distance is 9; it must be at most 8");
}

#[test]
fn regular_expressions_match_keys_as_a_whole() {
    let trie = of_words(&["", "a", "ab", "abab", "abc", "Äpfel", "äpfel", "水", "水火"]);
    let matched = |expression| keys(trie.regex(expression).unwrap());
    assert_eq!(matched("a|ab"), ["a", "ab"]);
    assert_eq!(matched("(ab)*"), ["", "ab", "abab"]);
    assert_eq!(matched("a.*?"), ["a", "ab", "abab", "abc"]);
    assert_eq!(matched("(?i)ÄPFEL"), ["Äpfel", "äpfel"]);
    assert_eq!(matched("."), ["a", "水"]);
    assert_eq!(matched("^a$"), ["a"]);
    assert_eq!(matched(r"\w+火"), ["水火"]);
    assert_eq!(matched(r"(?-u:[\x80-\xff]+)"), ["水", "水火"]);
    assert_eq!(matched(".*b.*"), ["ab", "abab", "abc"]);
    assert_eq!(matched("x"), [""; 0]);
}

#[test]
fn an_expression_that_cannot_be_searched_for_is_an_error_that_says_why() {
    let trie = of_words(&["a"]);
    let error = |expression| trie.regex(expression).err().unwrap().to_string();
    let unclosed = error("(");
    assert!(
        unclosed.starts_with("the regular expression is `(`; it must be one that"),
        "{unclosed}"
    );
    assert!(unclosed.contains("unclosed group"), "{unclosed}");
    assert!(
        error(r"\bword").contains("word bound"),
        "{}",
        error(r"\bword")
    );
    assert!(
        error(r"(?s).*a.{30}").contains("limit"),
        "{}",
        error(r"(?s).*a.{30}")
    );
}

#[test]
fn automata_are_combined() {
    let trie = of_words(&["ant", "anteater", "bear", "bee"]);
    let both = Str::new("an")
        .starts_with()
        .intersection(Subsequence::new("ate"));
    assert_eq!(keys(trie.search(both)), ["anteater"]);
    let either = Str::new("bee").union(Str::new("ant"));
    assert_eq!(keys(trie.search(&either)), ["ant", "bee"]);
}

#[test]
fn keys_out_of_order_or_twice_are_an_error_that_names_both() {
    let message = |pairs: &[(&str, u64)]| written(pairs.iter().copied()).unwrap_err().to_string();
    assert_eq!(
        message(&[("ant", 1), ("cat", 2), ("bee", 3)]),
        "a key of the trie is `bee` after `cat`; it must be greater than the one before: sort the keys by \
         their bytes, or have them sorted"
    );
    assert_eq!(
        message(&[("ant", 1), ("ant", 2)]),
        "a key of the trie is `ant` after `ant`; it must be another than the one before: give each key once, or \
         have the last one count (`PublishOptions::unique_keys`)"
    );
    assert!(message(&[("a", 1), ("", 2)]).contains("`` after `a`"));
    let bytes = written([(&b"\xff"[..], 1), (&b"\xfe\n"[..], 2)])
        .unwrap_err()
        .to_string();
    assert!(bytes.contains(r"`\xfe\n` after `\xff`"), "{bytes}");
    let long = "x".repeat(1000);
    let error = message(&[(&long, 1), (&long, 2)]);
    assert!(
        error.contains("x…` (1000 bytes)") && error.len() < 400,
        "{error}"
    );
}

#[test]
fn an_error_of_the_pairs_or_of_the_file_is_the_result() {
    let pairs = [Ok(("a", 1)), Err(Error::NothingPublished)];
    let options = PublishOptions::new();
    let outcome = write(pairs, &options, &mut Vec::new());
    assert!(matches!(outcome, Err(Error::NothingPublished)));
    let mut room = [0; 30];
    let outcome = write([Ok(("a", 1))], &options, &mut &mut room[..]);
    assert!(matches!(outcome, Err(Error::System { .. })), "{outcome:?}");
}

#[test]
fn an_empty_prefix_is_in_every_key_and_the_last_one_has_none_after() {
    assert_eq!(after_all_with(b""), None);
    assert_eq!(after_all_with(b"\xff\xff"), None);
    assert_eq!(after_all_with(b"a\xff"), Some(b"b".to_vec()));
}

#[test]
fn every_changed_byte_is_an_error() {
    let words = ["", "ant", "anteater", "bear", "bee", "beer", "水"];
    let (data, parameters) = written(
        (40..)
            .step_by(70)
            .zip(words)
            .map(|(number, word)| (word, number)),
    )
    .unwrap();
    for index in 0..data.len() {
        for change in [0x01, 0x10, 0x80, 0xff] {
            let mut damaged = data.clone();
            damaged[index] ^= change;
            let placed = Transducer::place(Volume::of(&damaged, parameters).unwrap());
            let verified = placed.and_then(|trie| trie.verify());
            assert!(verified.is_err(), "byte {index} of {}", data.len());
        }
    }
}

#[test]
fn a_truncated_trie_is_an_error() {
    let (data, parameters) = written([("ant", 1), ("bee", 2)]).unwrap();
    for length in 0..data.len() {
        let volume = Volume::of(&data[..length], parameters).unwrap();
        let placed = Transducer::place(volume).and_then(|trie| trie.verify());
        assert!(placed.is_err(), "{length} of {}", data.len());
    }
}

#[test]
fn ends_that_cannot_be_are_errors_at_once() {
    let (data, parameters) = written([("ant", 1), ("bee", 2)]).unwrap();
    let error = |data: &[u8], parameters| {
        Transducer::place(Volume::of(data, parameters).unwrap())
            .err()
            .unwrap()
    };
    assert_eq!(
        error(&[0; 20], parameters),
        "it has 20 bytes, and at least 36 are needed"
    );
    assert_eq!(
        error(&[9; 50], parameters),
        format!("its fst format is {}, not 3", u64::from_le_bytes([9; 8]))
    );
    let mut other = parameters;
    other[0] = 3;
    assert_eq!(
        error(&data, other),
        "it has 2 keys by itself, and 3 by the header"
    );
    let mut damaged = data.clone();
    damaged[data.len() - 12] ^= 1;
    assert!(error(&damaged, parameters).starts_with("its root is said to be at"));
}
