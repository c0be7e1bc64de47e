//! Following links: from each sampled record back through its episode, all windows of a batch level by
//! level.
//!
//! # The protocol
//! Every record of a window has a lease of its own, by the protocol of `lease.rs`, and a link is read only
//! once the record that it belongs to is leased and checked. For each level: (1) read the links of the
//! records before, and name the slots of the keys that they lead to; (2) fence, once for all; (3) check that
//! each of those slots still holds the record of that key. Where it does not, the whole window is lost, and
//! drawn again like a record that was claimed between its draw and its lease.
//!
//! Takes no lock. The last round of a draw holds them all, and finds no slot marked.

use crate::pool::read::chains::WindowRecord;
use std::collections::HashSet;
use std::sync::atomic::Ordering;

use crate::error::Error;
use crate::os::cpu::prefetch;
use crate::pool::Inner;
use crate::pool::layout::lease::{is_unchanged, lease_fence};
use crate::pool::layout::link::Lead;
use crate::pool::layout::slot::Slot;
use crate::pool::read::batch::DynBatch;
use crate::pool::read::select::NOTHING;

impl Inner {
    /// Completes the windows whose last records were sampled in this round; those of which a record has left
    /// the pool are added to what the batch has lost. Does nothing for batches of records.
    pub(crate) fn follow_links(&self, batch: &mut DynBatch, chosen: &mut Option<HashSet<u32>>) {
        let length = batch.chains.length;
        if length == 0 {
            return;
        }
        batch.open_windows();
        for back in 1..length {
            self.lease_previous(batch, back);
            if batch.chains.open.is_empty() {
                break;
            }
            lease_fence();
            self.check_previous(batch, back, chosen);
        }
        for window in batch.chains.open.drain(..) {
            batch.chains.lengths[window as usize] = length as u32;
        }
        batch.scratch.lost.sort_unstable();
    }

    /// Reads the links of the records `back - 1` before the last, and names the slots that they lead to.
    fn lease_previous(&self, batch: &mut DynBatch, back: usize) {
        let (parts, count) = (self.parts(), batch.samples.len());
        let mut open = std::mem::take(&mut batch.chains.open);
        open.retain(|&window| {
            let here = *batch.chains.place(window, back - 1);
            let key = match parts.lead(here.slot as usize) {
                Lead::To(key) => key,
                Lead::First => {
                    batch.chains.lengths[window as usize] = back as u32;
                    return false;
                }
                Lead::Departed => {
                    batch.lose(window);
                    return false;
                }
            };
            let slot = parts.slot_of(key) as u32;
            self.lease(&batch.taken, back * count + window as usize, slot);
            *batch.chains.place(window, back) = WindowRecord { key, slot };
            prefetch(&parts.words[slot as usize]);
            true
        });
        batch.chains.open = open;
    }

    /// Keeps the windows whose record `back` before the last is in the pool. A window that is lost to a passing mark
    /// may be drawn again, even if no record may come twice.
    fn check_previous(&self, batch: &mut DynBatch, back: usize, chosen: &mut Option<HashSet<u32>>) {
        let parts = self.parts();
        let mut open = std::mem::take(&mut batch.chains.open);
        open.retain(|&window| {
            let WindowRecord { key, slot } = *batch.chains.place(window, back);
            let word = &parts.words[slot as usize];
            if is_unchanged(word, Slot::Committed(key).to_word()) {
                prefetch(parts.link(slot as usize));
                return true;
            }
            batch.lose(window);
            if let Some(chosen) = chosen
                && let Slot::Marked(here) | Slot::Committed(here) =
                    Slot::from_word(word.load(Ordering::Relaxed))
                && here == key
            {
                chosen.remove(&batch.samples[window as usize].slot);
            }
            false
        });
        batch.chains.open = open;
    }
}

impl DynBatch {
    /// Opens the windows whose last records were found in this round.
    fn open_windows(&mut self) {
        let (chains, lost) = (&mut self.chains, &self.scratch.lost);
        let windows = 0..self.samples.len() as u32;
        let is_new = |&window: &u32| {
            chains.lengths[window as usize] == 0 && lost.binary_search(&window).is_err()
        };
        chains.open.extend(windows.filter(is_new));
        for at in 0..chains.open.len() {
            let window = chains.open[at];
            let last = &self.samples[window as usize];
            *chains.place(window, 0) = WindowRecord {
                key: last.key,
                slot: last.slot,
            };
        }
    }

    /// Gives up a window whose last record was sampled.
    fn lose(&mut self, window: u32) {
        self.chains.broken = true;
        self.scratch.lost.push(window);
        let sample = &mut self.samples[window as usize];
        if std::mem::take(&mut sample.counted) {
            let table = &self.pool.parts().tables[self.table];
            table.take_back(sample.slot as usize);
        }
    }

    /// Why something is lost after the last round.
    pub(crate) fn why_lost(&self) -> Error {
        match self.chains.broken {
            true => Error::TooFewWindows {
                asked: self.samples.len(),
                length: self.chains.length,
                found: self.samples.len() - self.scratch.lost.len(),
            },
            false => NOTHING,
        }
    }
}
