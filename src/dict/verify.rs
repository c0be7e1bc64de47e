//! Checking a dictionary: what can be derived against what it is derived from.

use std::sync::atomic::Ordering;

use super::bucket::{Slots, with_bucket};
use super::index::LIVE;
use super::table::Probe;
use super::write::Writer;
use crate::error::Result;

impl Writer<'_> {
    /// An error for the first contradiction.
    pub(super) fn verify(&self) -> Result<()> {
        let wrong = with_bucket!(self.index().width(), B => self.find_wrong_slot::<B>()?);
        let wrong = match wrong {
            None => self.find_wrong_row()?,
            found => found,
        };
        wrong.map_or(Ok(()), |reason| Err(self.damaged(reason)))
    }

    /// Every live slot leads to a row that has its key, and is found by it.
    fn find_wrong_slot<B: Slots>(&self) -> Result<Option<String>> {
        let counts = self.counts()?;
        let table = self.index().table::<B>();
        let mut live = 0;
        for (slot, words, row) in table.live() {
            live += 1;
            if row as u64 >= counts.filled {
                return Ok(Some(format!("slot {slot} leads to row {row}")));
            }
            let sought = self.inner().sought(&self.index().keys().to_vec(row));
            let found = self.find::<B>(&sought)?;
            let is_found = matches!(found, Probe::Live(other) if other.slot == slot);
            if sought.words != words || !is_found {
                return Ok(Some(format!(
                    "slot {slot} leads to row {row}, of another key"
                )));
            }
        }
        let used = table.used();
        let wrong = live != counts.len || used != counts.used;
        Ok(wrong
            .then(|| format!("of {used} slots in use {live} have keys, and it says {counts:?}")))
    }

    /// Every row is live or free; the free ones are zero and in the list of free rows, once each.
    fn find_wrong_row(&self) -> Result<Option<String>> {
        let counts = self.counts()?;
        let filled = counts.filled as usize;
        let state = |row: usize| self.index().states()[row].load(Ordering::Relaxed);
        let live = (0..filled).filter(|&row| state(row) == LIVE).count();
        if live as u64 != counts.len {
            let len = counts.len;
            return Ok(Some(format!("{live} rows are live of {len} keys")));
        }
        let (mut next, mut free) = (counts.free, 0);
        while next != 0 {
            let row = next as usize - 1;
            if row >= filled || state(row) == LIVE || free == filled {
                return Ok(Some(format!("row {row} cannot be a free one")));
            }
            let (key, record) = (self.index().keys().to_vec(row), self.rows().to_vec(row));
            if key.iter().chain(&record).any(|&byte| byte != 0) {
                return Ok(Some(format!("row {row} is free and not zero")));
            }
            next = u64::from(state(row));
            free += 1;
        }
        let odd = |row: &usize| self.parts().stripe(*row).load(Ordering::Relaxed) % 2 == 1;
        if let Some(row) = (0..filled).find(odd) {
            return Ok(Some(format!("row {row} is being changed, by nobody")));
        }
        let wrong = live + free != filled;
        Ok(wrong.then(|| format!("of {filled} rows {live} are live and {free} free")))
    }
}
