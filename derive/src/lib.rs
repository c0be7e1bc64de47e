//! The derive macros of `millpond`: `#[derive(Record)]` and `#[derive(Open)]`.
//!
//! The macro for records refuses what it can see to be wrong, with a message that says what to write instead.
//! It sees only names, though, so nothing depends on that: the code it generates makes the
//! compiler prove, from the real types and offsets, all that its `unsafe impl`s claim.
//!
//! Use it through `millpond`, which the generated code refers to as `::millpond`.

mod expand;
mod input;
mod open;
mod padding;
mod types;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct of numbers a `millpond::Record`, which several processes can share.
///
/// ```
/// use millpond::Record;
///
/// #[derive(Clone, Copy, Record)]
/// #[repr(C)]
/// struct Transition {
///     observation: [f32; 4],
///     reward: f32,
///     done: u8,
///     _padding: [u8; 3],
/// }
/// ```
///
/// The struct is `Clone`, `Copy` and `#[repr(C)]`, has neither lifetimes nor type parameters, and
/// its fields have names. Each field is a number (`u8` to `u64`, `i8` to `i64`, `f32`, `f64`) or a
/// fixed-size array of such numbers, also a nested one. No byte is padding: order the fields from
/// the widest to the narrowest, and fill what remains with a field such as `_padding: [u8; 3]`.
/// Everything else is a compile error that says what to write instead.
///
/// The macro implements `millpond::Record`, and what that requires: `bytemuck::Pod` and
/// `bytemuck::Zeroable`. Deriving these as well is an error, as they would be implemented twice.
/// The crate needs no dependency on `bytemuck`, but it must not `forbid(unsafe_code)`, since the
/// implementations are `unsafe impl`s; `deny(unsafe_code)` is fine.
#[proc_macro_derive(Record)]
pub fn derive_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    input::check(&input)
        .map(|record| expand::expand(&record))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a struct of structures a `millpond::Open`, which opens all of them by one name; described there.
///
/// Each field is opened under the struct's name, a `/`, and its own name, or `#[open(name = "…")]`.
#[proc_macro_derive(Open, attributes(open))]
pub fn derive_open(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    open::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
