//! What searches find, one by one.

use std::iter::FusedIterator;

use fst::automaton::AlwaysMatch;
use fst::map::{Stream, StreamWithState};
use fst::raw::{Fst, Node, Output};
use fst::{Automaton, IntoStreamer, Map, Streamer};

use super::fuzzy::{Near, Nearby};
use super::{Bytes, step};

/// The keys of a [`Trie`](super::Trie) that a search finds, with their numbers, in order.
///
/// The iterator gives each key as a vector of its own; [`next_entry`](Self::next_entry) lends it, which is
/// faster.
#[must_use = "it searches as it is asked for the next"]
pub struct Entries<'a, A: Automaton = AlwaysMatch> {
    stream: Stream<'a, A>,
}

impl<'a, A: Automaton> Entries<'a, A> {
    pub(super) fn new(stream: Stream<'a, A>) -> Self {
        Self { stream }
    }

    /// The next key, lent until the one after is asked for.
    pub fn next_entry(&mut self) -> Option<(&[u8], u64)> {
        self.stream.next()
    }
}

impl<A: Automaton> Iterator for Entries<'_, A> {
    type Item = (Vec<u8>, u64);

    fn next(&mut self) -> Option<(Vec<u8>, u64)> {
        self.next_entry()
            .map(|(key, number)| (key.to_vec(), number))
    }
}

impl<A: Automaton> FusedIterator for Entries<'_, A> {}

/// The keys of a [`Trie`](super::Trie) that are like a word, in order, each with its number and its distance.
#[must_use = "it searches as it is asked for the next"]
pub struct Fuzzy<'a> {
    stream: StreamWithState<'a, Nearby>,
    length: usize,
}

impl<'a> Fuzzy<'a> {
    pub(super) fn new(map: &'a Map<Bytes>, nearby: Nearby) -> Self {
        Self {
            length: nearby.length(),
            stream: map.search_with_state(nearby).into_stream(),
        }
    }

    /// The next key, lent until the one after is asked for, with its number and its distance.
    pub fn next_entry(&mut self) -> Option<(&[u8], u64, usize)> {
        let (key, number, near): (_, _, Near) = self.stream.next()?;
        Some((key, number, near.distance(self.length)?))
    }
}

impl Iterator for Fuzzy<'_> {
    type Item = (Vec<u8>, u64, usize);

    fn next(&mut self) -> Option<(Vec<u8>, u64, usize)> {
        self.next_entry()
            .map(|(key, number, distance)| (key.to_vec(), number, distance))
    }
}

impl FusedIterator for Fuzzy<'_> {}

/// The keys of a [`Trie`](super::Trie) that a text begins with, the shortest first: the length of each in
/// bytes, and its number.
#[must_use = "it searches as it is asked for the next"]
pub struct Prefixes<'a> {
    fst: &'a Fst<Bytes>,
    text: &'a [u8],
    /// Where the walk stands: after how many bytes, where, and with which sum. `None` at its end.
    stand: Option<(usize, Node<'a>, Output)>,
}

impl<'a> Prefixes<'a> {
    pub(super) fn new(fst: &'a Fst<Bytes>, text: &'a [u8]) -> Self {
        let stand = Some((0, fst.root(), Output::zero()));
        Self { fst, text, stand }
    }
}

impl Iterator for Prefixes<'_> {
    type Item = (usize, u64);

    fn next(&mut self) -> Option<(usize, u64)> {
        while let Some((length, node, sum)) = self.stand {
            self.stand = self.text.get(length).and_then(|&byte| {
                let (node, sum) = step(self.fst, &node, sum, byte)?;
                Some((length + 1, node, sum))
            });
            if node.is_final() {
                return Some((length, sum.cat(node.final_output()).value()));
            }
        }
        None
    }
}

impl FusedIterator for Prefixes<'_> {}
