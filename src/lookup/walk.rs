//! Going through a whole table: all its pairs, and whether they are where a search finds them.

use std::iter::FusedIterator;

use super::shape::Pair;
use super::stored::{LookupKey, LookupValue};
use super::table::Table;

/// All pairs of a [`Lookup`](crate::Lookup), in no order that means anything.
pub struct Pairs<'a, K: LookupKey + ?Sized, V: LookupValue + ?Sized> {
    /// The slots, or the heap.
    data: &'a [u8],
    /// Where the next pair begins.
    at: usize,
    types: std::marker::PhantomData<(fn(&'a K), fn(&'a V))>,
}

impl<'a, K: LookupKey + ?Sized, V: LookupValue + ?Sized> Pairs<'a, K, V> {
    /// The next pair as bytes, with those of its slot or of the heap's rest.
    #[inline]
    fn advance(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        self.at = self.at.next_multiple_of(Pair::<K, V>::ALIGN);
        let (key, value, size) = Pair::<K, V>::parse(self.data.get(self.at..)?)?;
        match Pair::<K, V>::SLOT {
            0 => self.at += size,
            slot => self.at += slot,
        }
        Some((key, value))
    }

    /// The key of the slot that comes next, where pairs lie in slots.
    fn following(&self) -> Option<&'a [u8]> {
        match Pair::<K, V>::SLOT {
            0 => None,
            _ => Some(Pair::<K, V>::parse(self.data.get(self.at..)?)?.0),
        }
    }
}

impl<'a, K: LookupKey + ?Sized, V: LookupValue + ?Sized> Iterator for Pairs<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (key, value) = self.advance()?;
            if self.following() != Some(key) {
                return Some((K::seen_in(key)?, V::seen_in(value)?));
            }
        }
    }
}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized> FusedIterator for Pairs<'_, K, V> {}

impl<K: LookupKey + ?Sized, V: LookupValue + ?Sized, D: AsRef<[u8]>> Table<K, V, D> {
    /// All pairs.
    pub(crate) fn iter(&self) -> Pairs<'_, K, V> {
        let data = match Pair::<K, V>::SLOT {
            0 => self.heap(),
            _ => self.data.as_ref(),
        };
        Pairs {
            data,
            at: 0,
            types: std::marker::PhantomData,
        }
    }

    /// Says what is wrong: every pair is found by its key, there are as many as there should be, and nothing
    /// else.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let found = match Pair::<K, V>::SLOT {
            0 => self.verify_heap()?,
            slot => self.verify_slots(slot)?,
        };
        match found == self.shape.len {
            true => Ok(()),
            false => Err(format!("it has {found} pairs instead of {}", self.shape.len)),
        }
    }

    /// How many pairs are in the slots.
    fn verify_slots(&self, size: usize) -> Result<u64, String> {
        let mut count = 0;
        let mut before: Option<(&[u8], u64, &[u8])> = None;
        for (number, slot) in self.data.as_ref().chunks_exact(size).enumerate() {
            let seen = Self::see(slot).and_then(|(key, value)| Some((key, V::seen_in(value)?)));
            let (key, value) = seen.ok_or_else(|| format!("slot {number} has no pair"))?;
            let hash = key.hash(self.shape.seed);
            let now = (slot, hash, key.as_bytes());
            let is_copy = before.is_some_and(|before| before == now);
            if before.is_some_and(|before| (before.1, before.2) >= (now.1, now.2)) && !is_copy {
                return Err(format!("slot {number} is out of order"));
            }
            let found = self.find(key, hash);
            if found.is_none_or(|found| found.as_bytes() != value.as_bytes()) {
                return Err(format!("the pair in slot {number} is not found"));
            }
            count += u64::from(!is_copy);
            before = Some(now);
        }
        Ok(count)
    }

    /// How many pairs are in the heap.
    fn verify_heap(&self) -> Result<u64, String> {
        let mut count = 0;
        let mut pairs = self.iter();
        while let Some((key, value)) = pairs.advance() {
            let pair = K::seen_in(key).zip(V::seen_in(value));
            let (key, value) = pair.ok_or_else(|| format!("pair {count} is no pair"))?;
            let found = self.find(key, key.hash(self.shape.seed));
            // The very same one: no key comes twice.
            if found.is_none_or(|found| !std::ptr::eq(found.as_bytes(), value.as_bytes())) {
                return Err(format!("pair {count} is not found"));
            }
            count += 1;
        }
        if pairs.at < self.heap().len() {
            return Err(format!("pair {count} is not whole"));
        }
        let words = self.words().unwrap_or_default();
        let used = words.iter().filter(|&&word| word != 0).count() as u64;
        match used == count {
            true => Ok(count),
            false => Err(format!("{used} words of the index lead to {count} pairs")),
        }
    }
}
