//! Ordered keys with numbers, in a volume: what the `fst` crate writes, read in place.
//!
//! The data is a finite state transducer as `fst` 0.4 lays it out, with its own checksum at the end; how many
//! keys it has is among the volume's parameters too. `fst` is safe Rust throughout: where bytes
//! are wrong in spite of two checksums, it may panic or answer wrongly, and nothing worse. Imports the volume;
//! knows no other structure.

mod build;
mod entries;
mod fuzzy;
mod regex;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{Bound, RangeBounds};

use fst::raw::{Fst, Node, Output};
use fst::{Automaton, IntoStreamer, Map};

use crate::error::Result;
use crate::volume::{Content, Expected, Place, PublishOptions, Published, Volume, volume_methods};
pub use entries::{Entries, Fuzzy, Prefixes};
use fuzzy::Nearby;
use regex::Whole;

/// Bytes of the smallest transducer, which has no key: version, type, number of keys, root, checksum.
const SMALLEST: usize = 36;
/// The version of the format that this program reads and writes.
const VERSION: u64 = fst::raw::VERSION;

/// Ordered keys, each a string of bytes with a 64-bit number, which all processes of a machine search in place:
/// by key, by prefix, by range, by likeness, by regular expression.
///
/// Keys share their beginnings and their ends. How small a trie is depends on the numbers: those of one word list
/// took 31.8 % of the keys' bytes where each number was the key's place in the order, and 126.8 % where the numbers
/// were scattered. So what belongs to a key goes into another structure, by row, with the row's number here, and
/// rows in the order of the keys.
///
/// All searches give what they find in the order of the keys' bytes, one by one as the iterator is asked; text
/// in UTF-8 is in the order of its characters. A trie has no memory of its own, whatever its size.
pub struct Trie {
    published: Published<Transducer>,
}

/// What `fst` reads.
struct Transducer {
    map: Map<Bytes>,
}

threads_may_share!(Trie);

/// A volume, as `fst` wants it.
#[derive(Clone)]
struct Bytes(Volume);

impl AsRef<[u8]> for Bytes {
    #[inline(always)]
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl fmt::Debug for Trie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trie").field("keys", &self.len()).finish()
    }
}

impl Trie {
    /// Publishes keys with their numbers, which come in the order of the keys' bytes: under a name (`&str`), where
    /// they become the newest version, or as a plain file (`&Path`), which they replace. Of pairs with the same key
    /// the last one counts, unless [`PublishOptions::unique_keys`] refuses them.
    ///
    /// Takes some MB of memory, however many keys there are. Who has an older version keeps it. A process that
    /// is killed meanwhile leaves the older version in place.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where a key is less than the one before, or
    /// comes twice and must not, naming both; [`Error::NoSpace`](crate::Error::NoSpace);
    /// [`Error::InvalidName`](crate::Error::InvalidName); [`Error::System`](crate::Error::System).
    ///
    /// ```
    /// use millpond::Trie;
    ///
    /// Trie::publish("trie-example", [("do", 1), ("dog", 2), ("dose", 3)])?;
    ///
    /// // In any other process:
    /// let words = Trie::open("trie-example")?;
    /// assert_eq!(words.get("dog"), Some(2));
    /// assert_eq!(words.prefix("do").count(), 3);
    /// assert_eq!(words.fuzzy("doze", 1)?.count(), 1);
    /// # millpond::unlink("trie-example")?;
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn publish<K: AsRef<[u8]>>(
        place: impl Into<Place>,
        pairs: impl IntoIterator<Item = (K, u64)>,
    ) -> Result<Self> {
        Self::publish_with(place, &PublishOptions::new(), pairs)
    }

    /// As [`publish`](Self::publish), with options.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_with<K: AsRef<[u8]>>(
        place: impl Into<Place>,
        options: &PublishOptions,
        pairs: impl IntoIterator<Item = (K, u64)>,
    ) -> Result<Self> {
        let (place, pairs) = (place.into(), pairs.into_iter().map(Ok));
        let published = Published::publish(place, options, &Transducer::schema(), |draft| {
            build::write(pairs, options, draft)
        })?;
        Ok(published.into())
    }

    /// As [`publish_with`](Self::publish_with), of keys in any order: they are sorted first, in the memory and
    /// the temporary files that the options say.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    ///
    /// ```
    /// use millpond::readonly::{Place, PublishOptions};
    /// use millpond::Trie;
    ///
    /// let pairs = [("second", 2), ("first", 1)];
    /// let words = Trie::publish_unsorted(Place::Memory, &PublishOptions::new(), pairs)?;
    /// assert_eq!(words.iter().next(), Some((b"first".to_vec(), 1)));
    /// # Ok::<(), millpond::Error>(())
    /// ```
    pub fn publish_unsorted<K: AsRef<[u8]>>(
        place: impl Into<Place>,
        options: &PublishOptions,
        pairs: impl IntoIterator<Item = (K, u64)>,
    ) -> Result<Self> {
        let (place, schema) = (place.into(), Transducer::schema());
        Published::<Transducer>::check_place(&place, options, &schema)?;
        let sorted = build::sort(pairs, options)?;
        let published = Published::publish(place, options, &schema, |draft| {
            build::write(sorted, options, draft)
        })?;
        Ok(published.into())
    }

    /// Keys without a name, in memory, for this process; as [`publish`](Self::publish).
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn of<K: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (K, u64)>) -> Result<Self> {
        Self::publish(Place::Memory, pairs)
    }

    volume_methods!(Expected::Text(&Transducer::schema()));

    #[inline(always)]
    fn map(&self) -> &Map<Bytes> {
        &self.published.content.map
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.map().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.map().is_empty()
    }

    /// A key's number.
    ///
    /// Takes as many steps as the key has bytes, however many keys there are.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<u64> {
        self.map().get(key)
    }

    /// Whether a key is there.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.map().contains_key(key)
    }

    /// All keys, in order.
    pub fn iter(&self) -> Entries<'_> {
        Entries::new(self.map().stream())
    }

    /// The keys that begin with `prefix`, itself included, in order.
    pub fn prefix(&self, prefix: impl AsRef<[u8]>) -> Entries<'_> {
        let prefix = prefix.as_ref();
        let stream = self.map().range().ge(prefix);
        let stream = match after_all_with(prefix) {
            Some(end) => stream.lt(end),
            None => stream,
        };
        Entries::new(stream.into_stream())
    }

    /// The keys of a range, such as `"a".."c"` or `b"k".as_slice()..=b"kz".as_slice()`, in order. A range that
    /// ends before it begins has none.
    pub fn range<K: AsRef<[u8]>>(&self, range: impl RangeBounds<K>) -> Entries<'_> {
        let stream = match range.start_bound() {
            Bound::Included(first) => self.map().range().ge(first),
            Bound::Excluded(before) => self.map().range().gt(before),
            Bound::Unbounded => self.map().range(),
        };
        let stream = match range.end_bound() {
            Bound::Included(last) => stream.le(last),
            Bound::Excluded(end) => stream.lt(end),
            Bound::Unbounded => stream,
        };
        Entries::new(stream.into_stream())
    }

    /// The keys that become `word` by at most `distance` changes, each of which inserts, removes or replaces a
    /// character (Levenshtein's distance), in order, with how many it takes.
    ///
    /// Characters are Unicode's, not bytes. Keys that are not UTF-8 are not found.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the word has more than 127 characters, or the distance is above 8.
    pub fn fuzzy(&self, word: &str, distance: usize) -> Result<Fuzzy<'_>> {
        let nearby = Nearby::new(word, distance)?;
        Ok(Fuzzy::new(self.map(), nearby))
    }

    /// The keys that a regular expression matches as a whole, from their first byte to their last, in order.
    ///
    /// The syntax is that of the `regex` crate. `.*` before or after finds the expression within keys; one that
    /// begins with something definite is found faster. `(?i)` at the beginning ignores case. For keys that are
    /// not UTF-8, `(?-u)` matches bytes.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the expression is none, has the Unicode word boundary `\b` (`(?-u:\b)`
    /// serves), or needs an automaton of more than 16 MiB.
    pub fn regex(&self, expression: &str) -> Result<Entries<'_, impl Automaton + use<>>> {
        Ok(self.search(Whole::new(expression)?))
    }

    /// The keys that an automaton accepts, in order: those of [`fst::automaton`], combined by
    /// [`union`](Automaton::union), [`intersection`](Automaton::intersection) and
    /// [`complement`](Automaton::complement), or one of your own.
    pub fn search<A: Automaton>(&self, automaton: A) -> Entries<'_, A> {
        Entries::new(self.map().search(automaton).into_stream())
    }

    /// The keys that `text` begins with, the shortest first: the length of each in bytes, and its number.
    pub fn prefixes_of<'a>(&'a self, text: &'a (impl AsRef<[u8]> + ?Sized)) -> Prefixes<'a> {
        Prefixes::new(self.map().as_fst(), text.as_ref())
    }

    /// The longest key that `text` begins with: its length in bytes, and its number. Called again with what
    /// comes after, it cuts a text into keys.
    pub fn longest_prefix_of(&self, text: &(impl AsRef<[u8]> + ?Sized)) -> Option<(usize, u64)> {
        self.prefixes_of(text).last()
    }
}

/// The least string that is greater than all that begin with `prefix`; `None` where there is none.
fn after_all_with(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

impl From<Published<Transducer>> for Trie {
    fn from(published: Published<Transducer>) -> Self {
        Self { published }
    }
}

impl Transducer {
    /// The types and the version of the format, as text.
    fn schema() -> String {
        format!("bytes to 64-bit numbers; fst format {VERSION}")
    }
}

impl Content for Transducer {
    const KIND: &'static str = "trie";
    const IS_READ_AT_RANDOM: bool = true;

    fn place(volume: Volume) -> std::result::Result<Self, String> {
        check_ends(volume.bytes(), volume.parameters()[0])?;
        let map = Map::new(Bytes(volume)).map_err(|error| build::explained(&error))?;
        Ok(Self { map })
    }

    fn verify(&self) -> std::result::Result<(), String> {
        let outcome = self.map.as_fst().verify();
        outcome.map_err(|error| build::explained(&error))
    }
}

/// Whether what `fst` reads first is as it writes it: it looks at less itself.
fn check_ends(bytes: &[u8], keys: u64) -> std::result::Result<(), String> {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let length = bytes.len();
    if length < SMALLEST {
        return Err(format!(
            "it has {length} bytes, and at least {SMALLEST} are needed"
        ));
    }
    let [version, counted, root] = [word(0), word(length - 20), word(length - 12)];
    if version != VERSION {
        return Err(format!("its fst format is {version}, not {VERSION}"));
    }
    if counted != keys {
        return Err(format!(
            "it has {counted} keys by itself, and {keys} by the header"
        ));
    }
    // The root is the last node, and its address that of its last byte; 0 stands for a node without any byte.
    match (root, length) {
        (0, SMALLEST) => Ok(()),
        (1.., _) if root == length as u64 - 21 => Ok(()),
        _ => Err(format!("its root is said to be at {root} of {length}")),
    }
}

/// A step from a node by a byte.
#[inline(always)]
fn step<'a>(
    fst: &'a Fst<Bytes>,
    node: &Node<'a>,
    sum: Output,
    byte: u8,
) -> Option<(Node<'a>, Output)> {
    let transition = node.transition(node.find_input(byte)?);
    Some((fst.node(transition.addr), sum.cat(transition.out)))
}
