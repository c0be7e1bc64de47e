//! What can be a key or a value of a lookup, and how it becomes bytes and is seen in them.
//!
//! Computes only. Bytes that are not a value are `None`, never trusted.

use crate::lookup::ValueType;
use crate::record::{KeyType, Record, Scalar, Schema};

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
pub trait LookupKey: Eq + LookupValue + sealed::Key {}

/// What can be a value of a [`Lookup`](crate::Lookup): every [`Record`], which numbers and arrays of numbers are,
/// too, and `str` and `[u8]`. Nothing else can implement the trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a value of a lookup",
    note = "values are types that implement `Record`, `str` and `[u8]`"
)]
pub trait LookupValue: sealed::Stored + Send + Sync {}

mod sealed {
    use crate::lookup::ValueType;
    use crate::record::KeyType;

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
        /// The type, as data.
        fn value_type() -> ValueType;
    }

    /// A value that can be searched for.
    pub trait Key {
        /// The type, as data.
        const TYPE: KeyType;
    }
}

pub(in crate::lookup) use sealed::{Key, Stored};

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

    fn value_type() -> ValueType {
        ValueType::Record(Schema::of::<T>())
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

    fn value_type() -> ValueType {
        ValueType::Str
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

    fn value_type() -> ValueType {
        ValueType::Bytes
    }
}

macro_rules! integers {
    ($($integer:ident $scalar:ident,)*) => {$(
        impl LookupKey for $integer {}

        impl Key for $integer {
            const TYPE: KeyType = KeyType::Integer(Scalar::$scalar);
        }
    )*};
}

integers!(u8 U8, u16 U16, u32 U32, u64 U64, i8 I8, i16 I16, i32 I32, i64 I64,);

impl<const N: usize> LookupKey for [u8; N] {}

impl<const N: usize> Key for [u8; N] {
    const TYPE: KeyType = KeyType::FixedBytes(N);
}

impl LookupKey for str {}

impl Key for str {
    const TYPE: KeyType = KeyType::Str;
}

impl LookupKey for [u8] {}

impl Key for [u8] {
    const TYPE: KeyType = KeyType::Bytes;
}
