//! Going through a whole table: all its pairs, and whether they are where a search finds them.

use super::format::Format;
use super::table::Table;

impl<F: Format, D: AsRef<[u8]>> Table<F, D> {
    /// All pairs. Ends early where the heap is damaged.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + '_ {
        let mut cursor = Cursor::default();
        std::iter::from_fn(move || self.advance(&mut cursor))
    }

    /// The next pair as bytes: in the order of the slots, or of the heap.
    #[inline]
    fn advance(&self, cursor: &mut Cursor) -> Option<(&[u8], &[u8])> {
        let pair = self.format.pair();
        if !pair.in_slots {
            let start = cursor.at.next_multiple_of(pair.align);
            let (key, value, size) = pair.parse(self.heap().get(start..)?)?;
            cursor.at = start + size;
            return Some((key, value));
        }
        while (cursor.at as u64) < self.layout.slots {
            let slot = cursor.at as u64;
            cursor.at += 1;
            if self.has_its_own(slot) {
                return self.pair(slot, None);
            }
        }
        None
    }

    /// Whether the pair in a slot is no copy of another's.
    #[inline]
    fn has_its_own(&self, slot: u64) -> bool {
        slot >= self.layout.regular
            || self.hash_in(slot).and_then(|hash| self.slot(hash)) == Some(slot)
    }

    /// Says what is wrong: every pair is found by its key, there are as many as there should be, and there is
    /// nothing else.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let mut cursor = Cursor::default();
        let mut count = 0u64;
        while let Some((key, value)) = self.advance(&mut cursor) {
            if !self.format.holds(key, value) {
                return Err(format!("pair {count} is none of the types"));
            }
            // The very same one: no key comes twice.
            if !self
                .get(key, Some)
                .is_some_and(|found| std::ptr::eq(found, value))
            {
                return Err(format!("pair {count} is not found by its key"));
            }
            count += 1;
        }
        if count != self.layout.len {
            return Err(format!(
                "it has {count} pairs, and says {}",
                self.layout.len
            ));
        }
        match self.format.pair().in_slots {
            true => self.verify_copies(),
            false => self.verify_words(cursor.at),
        }
    }

    /// A pair that is not found in its slot is a copy of one that is.
    fn verify_copies(&self) -> Result<(), String> {
        for slot in 0..self.layout.regular {
            let own = self.hash_in(slot).and_then(|hash| self.slot(hash));
            if own.and_then(|own| self.bytes_of(own)) != self.bytes_of(slot) {
                return Err(format!("slot {slot} has a pair that is not found"));
            }
        }
        Ok(())
    }

    /// The heap ends with a pair, and no slot leads to a place where none begins.
    fn verify_words(&self, end: usize) -> Result<(), String> {
        if end != self.layout.heap {
            return Err(format!(
                "the pairs end at {end}, not at {}",
                self.layout.heap
            ));
        }
        let words = (0..self.layout.slots).filter(|&slot| {
            let word = self.bytes_of(slot).unwrap_or_default();
            word.iter().any(|&byte| byte != 0)
        });
        match words.count() as u64 == self.layout.len {
            true => Ok(()),
            false => Err("some slots lead to no pair of their own".into()),
        }
    }
}

/// How far one has come: the next slot, or the end of the last pair in the heap.
#[derive(Default)]
struct Cursor {
    at: usize,
}
