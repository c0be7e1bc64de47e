//! The newest first, or the oldest: by keys, which are insertion numbers.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::{Odds, Select, SoFar};
use crate::error::Result;
use crate::pool::parts::Parts;
use crate::pool::slot::Slot;
use crate::pool::table::Table;
use crate::tree::Draw;

/// Records in the order of their keys.
///
/// In a ring the keys of the last lap are looked at one by one. Records that writers passed over stay for
/// longer than a lap; while there may be any, and where the pool is no ring, a pass over the slots finds
/// them.
pub(in crate::pool) struct Age<'a> {
    parts: &'a Parts,
    table: &'a Table,
    newest: bool,
    /// The keys of the last lap; none where the pool is no ring.
    lap: Range<u64>,
    /// Those of them that were not looked at.
    keys: Range<u64>,
    /// All keys of the lap below this one are gone for good.
    gone: u64,
    /// Whether there may be records with other keys.
    others: bool,
}

impl<'a> Age<'a> {
    pub(in crate::pool) fn new(parts: &'a Parts, table: &'a Table, newest: bool) -> Self {
        let (control, capacity) = (parts.control(), parts.capacity() as u64);
        let next = control.next_key.load(Ordering::Relaxed);
        let passed_over = control.passed_over.load(Ordering::Relaxed);
        let oldest = control.oldest.load(Ordering::Relaxed).min(next);
        let ring = parts.shape.remover.follows_the_ring();
        let lap = match ring {
            true => oldest.max(next.saturating_sub(capacity))..next,
            false => next..next,
        };
        Self {
            parts,
            table,
            newest,
            gone: lap.start,
            keys: lap.clone(),
            lap,
            others: !ring || passed_over > 0 && next.saturating_sub(passed_over) < capacity,
        }
    }

    /// The next slot by the keys of the last lap.
    fn next_of_lap(&mut self, so_far: &SoFar) -> Option<usize> {
        loop {
            let key = match self.newest {
                true => self.keys.next_back()?,
                false => self.keys.next()?,
            };
            let slot = self.parts.slot_of(key);
            let word = self.parts.words[slot].load(Ordering::Relaxed);
            match Slot::from_word(word) {
                Slot::Committed(found) if found == key => {
                    if so_far.is_open(slot) && !self.table.is_exhausted(slot) {
                        return Some(slot);
                    }
                }
                // Nobody will ever find this key: the next time need not begin before it.
                Slot::Committed(found) | Slot::Removed(found) if found >= key => {
                    if self.gone == key {
                        self.gone = key + 1;
                        let oldest = &self.parts.control().oldest;
                        oldest.fetch_max(self.gone, Ordering::Relaxed);
                    }
                }
                _ => {}
            }
        }
    }

    /// The first `count` slots that are not of the last lap, by a pass over all.
    fn sweep(&self, count: usize, so_far: &SoFar) -> Vec<usize> {
        if !self.others {
            return Vec::new();
        }
        let words = self.parts.words.iter().enumerate();
        let mut found: Vec<(u64, u32)> = words
            .filter_map(|(slot, word)| {
                let key = match Slot::from_word(word.load(Ordering::Relaxed)) {
                    Slot::Committed(key) if !self.lap.contains(&key) => key,
                    _ => return None,
                };
                let open = so_far.is_open(slot) && !self.table.is_exhausted(slot);
                open.then_some((if self.newest { !key } else { key }, slot as u32))
            })
            .collect();
        if found.len() > count {
            found.select_nth_unstable(count);
            found.truncate(count);
        }
        found.sort_unstable();
        found.into_iter().map(|(_, slot)| slot as usize).collect()
    }
}

impl Select for Age<'_> {
    fn is_stratified(&self, _round: usize) -> bool {
        false
    }

    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds> {
        if so_far.is_last {
            // What was lost may be had now.
            self.keys = self.lap.clone();
        }
        let wanted = draws.len();
        let mut slots = match self.newest {
            true => Vec::new(),
            false => self.sweep(wanted, so_far),
        };
        while slots.len() < wanted
            && let Some(slot) = self.next_of_lap(so_far)
        {
            slots.push(slot);
        }
        if self.newest && slots.len() < wanted {
            slots.extend(self.sweep(wanted - slots.len(), so_far));
        }
        so_far.fill(draws, slots)?;
        Ok(Odds::Certain)
    }
}
