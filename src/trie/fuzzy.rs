//! An automaton for the words within some changes of one, character by character.
//!
//! It keeps sets of places in the word, as bits: bit `i` of set `j` says that the first `i` characters of the
//! word become what was read by at most `j` changes (Wu and Manber 1992). `fst` has an automaton of its own for
//! this, which takes 20 MB for a long word, and misses keys as soon as a character of the word is not ASCII (fst
//! issues 38 and 160): `the_automaton_of_fst_would_not_do` in the tests.

use fst::Automaton;

use crate::error::{Error, Result};

/// The greatest distance.
const FARTHEST: usize = 8;
/// The most characters of a word: one bit less than a set has.
const LONGEST: usize = 127;

/// Accepts what lies within a distance of a word.
pub(super) struct Nearby {
    /// Each character of the word once, with the places before which it stands.
    places: Vec<(char, u128)>,
    length: usize,
    distance: usize,
}

/// How the word and what was read compare.
#[derive(Clone, Copy)]
pub(super) struct Near {
    /// By at most so many changes: which beginnings of the word.
    sets: [u128; FARTHEST + 1],
    /// A character of which only some bytes were read.
    partial: Partial,
}

/// The beginning of a character in UTF-8: its bits so far, and how many bytes are missing.
#[derive(Clone, Copy)]
struct Partial {
    bits: u32,
    missing: u32,
}

const WHOLE: Partial = Partial {
    bits: 0,
    missing: 0,
};

impl Nearby {
    pub(super) fn new(word: &str, distance: usize) -> Result<Self> {
        let length = word.chars().count();
        if length > LONGEST {
            let expected = format!("at most {LONGEST}");
            return Error::invalid(
                "the word's number of characters",
                length.to_string(),
                expected,
            );
        }
        if distance > FARTHEST {
            let expected = format!("at most {FARTHEST}");
            return Error::invalid("the distance", distance.to_string(), expected);
        }
        let mut places: Vec<(char, u128)> = Vec::new();
        for (place, character) in word.chars().enumerate() {
            match places.iter_mut().find(|(known, _)| *known == character) {
                Some((_, bits)) => *bits |= 1 << place,
                None => places.push((character, 1 << place)),
            }
        }
        Ok(Self {
            places,
            length,
            distance,
        })
    }

    /// How many characters the word has.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// After another character.
    fn after(&self, near: &Near, character: char) -> Near {
        let known = self.places.iter().find(|(known, _)| *known == character);
        let same = known.map_or(0, |(_, bits)| *bits);
        let all = u128::MAX >> (LONGEST - self.length);
        let mut sets = [0; FARTHEST + 1];
        sets[0] = (near.sets[0] & same) << 1;
        for changes in 1..=self.distance {
            let fewer = near.sets[changes - 1];
            let (kept, inserted, replaced) = ((near.sets[changes] & same) << 1, fewer, fewer << 1);
            let removed = sets[changes - 1] << 1;
            sets[changes] = (kept | inserted | replaced | removed) & all;
        }
        Near {
            sets,
            partial: WHOLE,
        }
    }

    fn nowhere(&self) -> Near {
        Near {
            sets: [0; FARTHEST + 1],
            partial: WHOLE,
        }
    }
}

impl Near {
    /// How many changes the whole word of `length` characters takes, if few enough.
    pub(super) fn distance(&self, length: usize) -> Option<usize> {
        match self.partial.missing {
            0 => self.sets.iter().position(|set| set >> length & 1 == 1),
            _ => None,
        }
    }
}

impl Automaton for Nearby {
    type State = Near;

    fn start(&self) -> Near {
        let mut near = self.nowhere();
        let all = u128::MAX >> (LONGEST - self.length);
        for (changes, set) in near.sets[..=self.distance].iter_mut().enumerate() {
            *set = ((2 << changes) - 1) & all; // as many characters of the word are removed
        }
        near
    }

    fn is_match(&self, near: &Near) -> bool {
        near.distance(self.length).is_some()
    }

    fn can_match(&self, near: &Near) -> bool {
        near.sets[self.distance] != 0 // it contains those of fewer changes
    }

    fn accept(&self, near: &Near, byte: u8) -> Near {
        let Some(partial) = near.partial.with(byte) else {
            return self.nowhere();
        };
        match (partial.missing, char::from_u32(partial.bits)) {
            (1.., _) => Near { partial, ..*near },
            (0, Some(character)) => self.after(near, character),
            (0, None) => self.nowhere(),
        }
    }
}

impl Partial {
    /// With another byte; `None` where that is not UTF-8.
    fn with(self, byte: u8) -> Option<Self> {
        let begun = |bits: u8, missing| Self {
            bits: bits.into(),
            missing,
        };
        match (self.missing, byte) {
            (0, 0x00..=0x7f) => Some(begun(byte, 0)),
            (0, 0xc0..=0xdf) => Some(begun(byte & 0x1f, 1)),
            (0, 0xe0..=0xef) => Some(begun(byte & 0x0f, 2)),
            (0, 0xf0..=0xf7) => Some(begun(byte & 0x07, 3)),
            (1.., 0x80..=0xbf) => Some(Self {
                bits: self.bits << 6 | u32::from(byte & 0x3f),
                missing: self.missing - 1,
            }),
            _ => None,
        }
    }
}
