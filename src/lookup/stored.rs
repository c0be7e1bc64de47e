//! What can be a key or a value of a lookup, and how it becomes bytes and is seen in them.
//!
//! Computes only. Bytes that are not a value are `None`, never trusted.

use crate::hash::Seed;
use crate::record::{Record, Schema};
use crate::volume::shown;

/// What can be a key of a [`Lookup`](crate::Lookup): the integers `u8` to `u64` and `i8` to `i64`, byte strings
/// of a fixed length such as `[u8; 16]`, and `str` and `[u8]` of any. Nothing else can implement the trait.
///
/// ```
/// use millpond::Lookup;
///
/// let ages = Lookup::<str, u32>::build([("Ada", 36), ("Grace", 85)])?;
/// assert_eq!(ages.get("Grace"), Some(&85));
/// # Ok::<(), millpond::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a lookup",
    note = "keys are u8 to u64, i8 to i64, byte strings such as `[u8; 16]`, `str` and `[u8]`"
)]
pub trait LookupKey: Eq + LookupValue + sealed::Hashed {}

/// What can be a value of a [`Lookup`](crate::Lookup): every [`Record`], which numbers and arrays of numbers are,
/// too, and `str` and `[u8]`. Nothing else can implement the trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value of a lookup",
    note = "values are types that implement `Record`, `str` and `[u8]`"
)]
pub trait LookupValue: sealed::Stored + Send + Sync {}

mod sealed {
    use crate::hash::Seed;

    /// A value as bytes.
    pub trait Stored {
        /// How many bytes each takes; `None` where that differs.
        const SIZE: Option<usize>;
        /// At what multiples it must lie.
        const ALIGN: usize;
        /// The bytes of it.
        fn as_bytes(&self) -> &[u8];
        /// The value that the bytes are, in place, if they are one.
        fn seen_in(bytes: &[u8]) -> Option<&Self>;
        /// The type, for a person and for comparison.
        fn schema() -> String;
    }

    /// A value that can be searched for.
    pub trait Hashed {
        /// The hash of it, which is part of the format.
        #[doc(hidden)]
        #[allow(private_interfaces)]
        fn hash(&self, seed: Seed) -> u64;
        /// The key that the bytes are, for people.
        #[doc(hidden)]
        fn shown(bytes: &[u8]) -> String;
    }
}

pub(super) use sealed::{Hashed, Stored};

impl<T: Record> LookupValue for T where T: Send + Sync {}

impl<T: Record> Stored for T {
    const SIZE: Option<usize> = Some(size_of::<T>());
    const ALIGN: usize = align_of::<T>();

    #[inline(always)]
    fn as_bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    #[inline(always)]
    fn seen_in(bytes: &[u8]) -> Option<&Self> {
        bytemuck::try_from_bytes(bytes).ok()
    }

    fn schema() -> String {
        Schema::of::<T>().to_string()
    }
}

impl LookupValue for str {}

impl Stored for str {
    const SIZE: Option<usize> = None;
    const ALIGN: usize = 1;

    #[inline(always)]
    fn as_bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    #[inline]
    fn seen_in(bytes: &[u8]) -> Option<&Self> {
        std::str::from_utf8(bytes).ok()
    }

    fn schema() -> String {
        "str\n".into()
    }
}

impl LookupValue for [u8] {}

impl Stored for [u8] {
    const SIZE: Option<usize> = None;
    const ALIGN: usize = 1;

    #[inline(always)]
    fn as_bytes(&self) -> &[u8] {
        self
    }

    #[inline(always)]
    fn seen_in(bytes: &[u8]) -> Option<&Self> {
        Some(bytes)
    }

    fn schema() -> String {
        "[u8]\n".into()
    }
}

macro_rules! integers {
    ($($integer:ident)*) => {$(
        impl LookupKey for $integer {}

        impl Hashed for $integer {
            #[inline(always)]
            #[allow(private_interfaces)]
            fn hash(&self, seed: Seed) -> u64 {
                seed.hash(&[*self as u64])
            }

            fn shown(bytes: &[u8]) -> String {
                let key = bytemuck::try_pod_read_unaligned::<Self>(bytes);
                key.map_or_else(|_| shown(bytes), |key| key.to_string())
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 i8 i16 i32 i64);

impl<const N: usize> LookupKey for [u8; N] {}

impl<const N: usize> Hashed for [u8; N] {
    #[inline(always)]
    #[allow(private_interfaces)]
    fn hash(&self, seed: Seed) -> u64 {
        seed.hash_bytes(self)
    }

    fn shown(bytes: &[u8]) -> String {
        shown(bytes)
    }
}

impl LookupKey for str {}

impl Hashed for str {
    #[inline(always)]
    #[allow(private_interfaces)]
    fn hash(&self, seed: Seed) -> u64 {
        seed.hash_bytes(self.as_bytes())
    }

    fn shown(bytes: &[u8]) -> String {
        shown(bytes)
    }
}

impl LookupKey for [u8] {}

impl Hashed for [u8] {
    #[inline(always)]
    #[allow(private_interfaces)]
    fn hash(&self, seed: Seed) -> u64 {
        seed.hash_bytes(self)
    }

    fn shown(bytes: &[u8]) -> String {
        shown(bytes)
    }
}
