// The record layer: the requirements on a type whose values several processes share.
//
// A `Record` is plain bytes: numbers and arrays of numbers, every byte in exactly one field,
// any bytes a valid value. A `Schema` is the same knowledge as data, so that it can be written
// into a segment and compared with what another process expects.
//
// This layer knows nothing of segments, files or memory mappings, and has no unsafe code other
// than the `unsafe impl`s for the number types.

mod builder;
mod difference;
mod element;
mod field;
mod key_type;
mod number;
mod schema;
mod shown;

pub use builder::SchemaBuilder;
pub use difference::Difference;
pub use element::Element;
pub use field::{Field, Scalar};
pub use key_type::KeyType;
pub use number::Number;
pub use schema::Schema;
pub use shown::ShownRecord;

/// The most fields that a record may have.
pub(crate) const MAX_FIELDS: usize = 128;

/// A type whose values processes can share: a struct of numbers and arrays of numbers.
///
/// Derive it; the derive macro checks everything that the trait promises. It needs `Clone`, `Copy`
/// and `#[repr(C)]` next to it, and it implements [`bytemuck::Pod`] and [`bytemuck::Zeroable`] too
/// (so do not derive these as well: the implementations would conflict).
///
/// ```
/// use millpond::Record;
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Transition {
///     observation: [f32; 4],
///     reward: f32,
///     action: u16,
///     done: u8,
///     _padding: [u8; 1],
/// }
///
/// let names: Vec<_> = Transition::FIELDS.iter().map(|field| field.name()).collect();
/// assert_eq!(names, ["observation", "reward", "action", "done", "_padding"]);
/// ```
///
/// The numbers themselves, and arrays of them, are records of one field named `value`:
///
/// ```
/// use millpond::Record;
///
/// assert_eq!(<[f32; 3]>::FIELDS[0].to_string(), "value f32[3] @0");
/// ```
///
/// # Safety
///
/// An implementation by hand promises, besides the requirements of [`bytemuck::Pod`], that
/// [`FIELDS`](Record::FIELDS) describes the type as it lies in memory: the fields are in the order
/// of their offsets, the first begins at 0, each of the others begins where the one before it
/// ends, and the last ends at the end of the type. There are at least one and at most 128 fields,
/// no two of one name, and the type's alignment is at most the size of its widest number.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a record",
    label = "`Record` is not implemented for `{Self}`",
    note = "records are the numbers u8 to u64, i8 to i64, f32 and f64, fixed-size arrays of them, and structs of these with `#[derive(Clone, Copy, Record)]` and `#[repr(C)]`",
    note = "write `u8` instead of `bool`, `u64` instead of `usize`, `u32` instead of `char`, and an array such as `[f32; 4]` instead of a `Vec` or a slice"
)]
pub unsafe trait Record: bytemuck::Pod {
    /// The fields, in the order in which they lie in memory.
    const FIELDS: &'static [Field];
}

// SAFETY: an array of numbers is `Pod`, and all of it is one field, at offset 0.
unsafe impl<E: Element, const N: usize> Record for [E; N] {
    const FIELDS: &'static [Field] = &[Field::of::<Self>("value", 0)];
}

/// Items for the code that `#[derive(Record)]` generates; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use super::{Field, Record};
    pub use bytemuck;

    /// Proves the promises of [`Record`] about the number of fields and the alignment.
    pub const fn check(fields: &[Field], align: usize) {
        assert!(
            fields.len() <= super::MAX_FIELDS,
            "a record has at most 128 fields: gather those that belong together into arrays",
        );
        let (mut widest, mut i) = (0, 0);
        while i < fields.len() {
            let size = fields[i].scalar().size();
            widest = if size > widest { size } else { widest };
            i += 1;
        }
        assert!(
            align <= widest,
            "records lie one after another, each aligned as its widest number: write `#[repr(C)]` \
             without `align`",
        );
    }
}
