//! The newest first, or the oldest: by keys, which are insertion numbers.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::{Odds, Select, SoFar};
use crate::error::Result;
use crate::pool::layout::parts::Parts;
use crate::pool::layout::slot::Slot;
use crate::pool::layout::table::Table;
use crate::tree::Draw;

/// How many laps of a ring are looked at key by key. A record that was passed over in the last one is found
/// there, before its writer comes to say that there are such.
const LAPS: u64 = 2;

/// Records in the order of their keys.
///
/// In a ring the keys of the last laps are looked at one by one. Records that writers passed over may stay
/// for longer; while there may be any, and where the pool is no ring, a pass over the slots finds them.
pub(crate) struct Age<'a> {
    parts: &'a Parts,
    table: &'a Table,
    newest: bool,
    /// The keys of the last laps; none where the pool is no ring. What was inserted since is not looked at.
    all_keys: Range<u64>,
    /// Those of them that were not looked at.
    keys: Range<u64>,
    /// All of these keys below this one are gone for good.
    gone: u64,
    /// Whether there may be records with lower keys.
    others: bool,
    /// The keys of the last proposal.
    proposed: Vec<u64>,
}

impl<'a> Age<'a> {
    pub(crate) fn new(parts: &'a Parts, table: &'a Table, newest: bool) -> Self {
        let (control, capacity) = (parts.control(), parts.capacity() as u64);
        // Acquire: who used a key below this one had committed all that it inserted before. So no record
        // is found whose predecessor, by the same process, was not yet there.
        let next = control.next_key.load(Ordering::Acquire);
        let passed_over = control.passed_over.load(Ordering::Relaxed);
        let oldest = control.oldest.load(Ordering::Relaxed).min(next);
        let ring = parts.shape.remover.follows_the_ring();
        let all_keys = match ring {
            true => oldest.max(next.saturating_sub(LAPS * capacity))..next,
            false => next..next,
        };
        Self {
            parts,
            table,
            newest,
            gone: all_keys.start,
            keys: all_keys.clone(),
            all_keys,
            others: !ring || passed_over > 0 && next.saturating_sub(passed_over) < LAPS * capacity,
            proposed: Vec::new(),
        }
    }

    /// The next slot by the keys of the last laps.
    fn next_by_key(&mut self, so_far: &SoFar) -> Option<(u64, usize)> {
        loop {
            let key = match self.newest {
                true => self.keys.next_back()?,
                false => self.keys.next()?,
            };
            let slot = self.parts.slot_of(key);
            let word = self.parts.words[slot].load(Ordering::Relaxed);
            let state = Slot::from_word(word);
            if state == Slot::Committed(key) {
                if so_far.is_open(slot) && self.table.is_open(slot) {
                    return Some((key, slot));
                }
                continue;
            }
            // Nobody will ever find this key: the next time need not begin before it.
            if let Slot::Committed(found) | Slot::Removed(found) = state
                && found >= key
                && self.gone == key
            {
                self.gone = key + 1;
                let oldest = &self.parts.control().oldest;
                oldest.fetch_max(self.gone, Ordering::Relaxed);
            }
        }
    }

    /// The first `count` slots with records from before the last laps, by a pass over all.
    fn sweep(&self, count: usize, so_far: &SoFar) -> Vec<(u64, usize)> {
        if !self.others {
            return Vec::new();
        }
        let words = self.parts.words.iter().enumerate();
        let order = |&(key, _): &(u64, usize)| if self.newest { !key } else { key };
        let mut found: Vec<(u64, usize)> = words
            .filter_map(|(slot, word)| {
                let key = match Slot::from_word(word.load(Ordering::Relaxed)) {
                    Slot::Committed(key) if key < self.all_keys.start => key,
                    _ => return None,
                };
                let open = so_far.is_open(slot) && self.table.is_open(slot);
                open.then_some((key, slot))
            })
            .collect();
        if found.len() > count {
            found.select_nth_unstable_by_key(count, order);
            found.truncate(count);
        }
        found.sort_unstable_by_key(order);
        found
    }
}

impl Select for Age<'_> {
    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds> {
        // What was lost before may be had now; and others may have taken old records, and left newer ones.
        *self = Self::new(self.parts, self.table, self.newest);
        let wanted = draws.len();
        let mut slots = match self.newest {
            true => Vec::new(),
            false => self.sweep(wanted, so_far),
        };
        while slots.len() < wanted
            && let Some(next) = self.next_by_key(so_far)
        {
            slots.push(next);
        }
        if self.newest && slots.len() < wanted {
            slots.extend(self.sweep(wanted - slots.len(), so_far));
        }
        self.proposed.extend(slots.iter().map(|&(key, _)| key));
        so_far.fill(draws, slots.into_iter().map(|(_, slot)| (slot, 1.0)))?;
        Ok(Odds::OfKey)
    }

    fn keys(&self) -> &[u64] {
        &self.proposed
    }
}
