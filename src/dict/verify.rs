//! Checking a dictionary: what can be derived against what it is derived from.

use std::sync::atomic::Ordering;

use super::index::{LIVE, Probe};
use super::key::Key;
use super::write::Writer;
use crate::error::Result;
use crate::record::Record;

impl<K: Key, T: Record> Writer<'_, K, T> {
    /// An error for the first contradiction.
    pub(super) fn verify(&self) -> Result<()> {
        let wrong = match self.find_wrong_slot()? {
            None => self.find_wrong_row()?,
            found => found,
        };
        wrong.map_or(Ok(()), |reason| Err(self.damaged(reason)))
    }

    /// Every live slot leads to a row that has its key, and is found by it.
    fn find_wrong_slot(&self) -> Result<Option<String>> {
        let counts = self.counts()?;
        let mut live = 0;
        for (slot, words, row) in self.index().live() {
            live += 1;
            if row as u64 >= counts.filled {
                return Ok(Some(format!("slot {slot} leads to row {row}")));
            }
            let key = self.index().keys().load(row);
            let (of_row, found) = self.find(&key)?;
            let is_found = matches!(found, Probe::Live(other) if other.slot == slot);
            if of_row != words || !is_found {
                return Ok(Some(format!(
                    "slot {slot} leads to row {row}, of another key"
                )));
            }
        }
        let used = self.index().used();
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
            let (key, record) = (self.index().keys().load(row), self.rows().load(row));
            let mut bytes = bytemuck::bytes_of(&key)
                .iter()
                .chain(bytemuck::bytes_of(&record));
            if bytes.any(|&byte| byte != 0) {
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
