//! The newest first, or the oldest: by keys, which are insertion numbers.

use std::sync::atomic::Ordering;

use super::{Odds, Select, SoFar};
use crate::error::Result;
use crate::pool::parts::Parts;
use crate::pool::slot::Slot;
use crate::pool::table::Table;
use crate::tree::Draw;

/// Records in the order of their keys.
///
/// In a ring the keys of the last lap are looked at one by one. Where that is not all there is (records
/// that writers passed over stay for longer) or the pool is no ring, one pass over the slots finds the
/// others.
pub(in crate::pool) struct Age<'a> {
    parts: &'a Parts,
    table: &'a Table,
    newest: bool,
    /// The keys of the last lap that were not looked at.
    keys: std::ops::Range<u64>,
    /// Found by a pass over the slots: keys and slots, the next one last.
    swept: Option<Vec<(u64, u32)>>,
    given: usize,
}

impl<'a> Age<'a> {
    pub(in crate::pool) fn new(parts: &'a Parts, table: &'a Table, newest: bool) -> Self {
        let control = parts.control();
        let next = control.next_key.load(Ordering::Relaxed);
        let lap = next.saturating_sub(parts.capacity() as u64);
        let oldest = control.oldest.load(Ordering::Relaxed).min(next);
        let keys = match parts.shape.remover.follows_the_ring() {
            true => oldest.max(lap)..next,
            false => next..next,
        };
        Self {
            parts,
            table,
            newest,
            keys,
            swept: None,
            given: 0,
        }
    }

    /// The next slot by the keys of the last lap.
    fn next_of_lap(&mut self) -> Option<usize> {
        let control = self.parts.control();
        loop {
            let from_start = self.keys.start;
            let key = match self.newest {
                true => self.keys.next_back()?,
                false => self.keys.next()?,
            };
            let slot = self.parts.slot_of(key);
            let word = self.parts.words[slot].load(Ordering::Relaxed);
            match Slot::from_word(word) {
                Slot::Committed(found) if found == key && !self.table.is_exhausted(slot) => {
                    return Some(slot);
                }
                Slot::Committed(found) if found <= key => {}
                // Nobody will ever find this key: the next time need not begin before it.
                Slot::Committed(found) | Slot::Removed(found) if found >= key && !self.newest => {
                    let oldest = &control.oldest;
                    let _ = oldest.compare_exchange(
                        from_start,
                        key + 1,
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    );
                }
                _ => {}
            }
        }
    }

    /// Finds the next `count` records by a pass over all slots.
    fn sweep(&self, count: usize, so_far: &SoFar) -> Vec<(u64, u32)> {
        let words = self.parts.words.iter().enumerate();
        let mut found: Vec<(u64, u32)> = words
            .filter_map(
                |(slot, word)| match Slot::from_word(word.load(Ordering::Relaxed)) {
                    Slot::Committed(key) => Some((key, slot)),
                    _ => None,
                },
            )
            .filter(|&(_, slot)| so_far.is_open(slot) && !self.table.is_exhausted(slot))
            .map(|(key, slot)| (if self.newest { key } else { !key }, slot as u32))
            .collect();
        if found.len() > count {
            let at = found.len() - count;
            found.select_nth_unstable(at);
            found.drain(..at);
        }
        found.sort_unstable();
        found
    }
}

impl Select for Age<'_> {
    fn is_stratified(&self, _round: usize) -> bool {
        false
    }

    fn propose(&mut self, draws: &mut [Draw], so_far: &SoFar) -> Result<Odds> {
        let wanted = draws.len();
        for (at, draw) in draws.iter_mut().enumerate() {
            let mut next = self.next_of_lap();
            if next.is_none() {
                let swept = match &mut self.swept {
                    Some(swept) => swept,
                    None => {
                        let found = self.sweep(wanted - at, so_far);
                        self.swept.insert(found)
                    }
                };
                next = swept.pop().map(|(_, slot)| slot as usize);
            }
            match next {
                Some(slot) => draw.index = slot as u32,
                None if at == 0 => return Err(so_far.too_few(so_far.count - wanted)),
                None => draw.index = Draw::LOST,
            }
            self.given += usize::from(next.is_some());
        }
        Ok(Odds::Certain)
    }
}
