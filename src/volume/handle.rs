//! A handle: what travels to another process in place of the data.

use super::place::Place;

/// Where a read-only structure lies, and which version was meant: small, and (with the feature `serde`)
/// serialisable, so that it can be sent to another process, which opens by it.
///
/// Opening gives that version, or a newer one if it was replaced meanwhile.
///
/// ```
/// use millpond::readonly::Handle;
///
/// let handle = Handle::new("spam/words", 3);
/// assert_eq!(handle.version(), 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Handle {
    place: Place,
    version: u64,
}

impl Handle {
    /// What [`Lookup::handle`](crate::Lookup::handle) and its like give.
    pub fn new(place: impl Into<Place>, version: u64) -> Self {
        Self {
            place: place.into(),
            version,
        }
    }

    /// Where it lies.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Which version it was.
    pub fn version(&self) -> u64 {
        self.version
    }
}
