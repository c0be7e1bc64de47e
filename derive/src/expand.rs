//! Generates the implementations for a record, and the proofs that they are right.
//!
//! The claims of the `unsafe impl`s do not rest on what the macro has seen in the source: another
//! macro may change the struct after this one has read it, and a name may mean anything. The
//! generated constants fail to compile unless the claims are true of the struct as it is.

use crate::input::{Field, Record};
use crate::padding;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

/// The implementations of `Zeroable`, `Pod` and `Record` for a struct.
pub fn expand(record: &Record) -> TokenStream {
    let ident = record.ident;
    let fields = record.fields.iter().map(|field| description(record, field));
    let types = types_are_as_written(record);
    let offsets = record
        .fields
        .windows(2)
        .map(|pair| no_gap_between(record, &pair[0], &pair[1]));
    let (begin, end) = (no_gap_at_begin(record), no_gap_at_end(record));
    let implementations = implementations(record);
    quote! {
        #[allow(unsafe_code, deprecated, trivial_bounds, clippy::undocumented_unsafe_blocks)]
        const _: () = {
            const __FIELDS: &[::millpond::__private::Field] = &[#(#fields),*];
            #implementations
            #types
            #begin
            #(#offsets)*
            #end
            const _: () = ::millpond::__private::check(__FIELDS, ::core::mem::align_of::<#ident>());
        };
    }
}

/// The `unsafe impl`s.
fn implementations(record: &Record) -> TokenStream {
    let ident = record.ident;
    // Asked for by `Pod` anyway, but said here it makes for one short error if it is missing.
    let is_copy = quote_spanned!(ident.span()=> #ident: ::core::marker::Copy);
    quote! {
        // SAFETY: all fields are numbers or arrays of numbers, for which zeros are valid:
        // `Field::of` takes no other type, and `types_are_as_written` proves that the types given
        // to it are those of the fields, and that there are no fields besides.
        #[automatically_derived]
        unsafe impl ::millpond::__private::bytemuck::Zeroable for #ident {}

        // SAFETY: for the same reason all bytes are valid in each field, there are no pointers and
        // nothing can be changed through a shared reference. There is no padding: the first field
        // is at offset 0, each other where the one before it ends, and the last ends with the
        // struct, as `no_gap_at_begin`, `no_gap_between` and `no_gap_at_end` prove. That makes the
        // layout the one of `repr(C)`, whatever the attributes. The compiler checks that the
        // struct is `Copy` and `'static`, as these are supertraits of `Pod`.
        #[automatically_derived]
        unsafe impl ::millpond::__private::bytemuck::Pod for #ident where #is_copy {}

        // SAFETY: the fields are described by their own types and by the offsets that the compiler
        // gave them. That these leave no gap is proved as above; it also makes their order that of
        // their offsets. The compiler refuses a name twice, the macro a struct without fields, and
        // `check` too many of them and an alignment wider than all of them.
        #[automatically_derived]
        unsafe impl ::millpond::__private::Record for #ident where #is_copy {
            const FIELDS: &'static [::millpond::__private::Field] = __FIELDS;
        }
    }
}

/// The `Field` of a field. The bound on its type is the one that a wrong type fails.
fn description(record: &Record, field: &Field) -> TokenStream {
    let (ident, ty, name) = (field.ident, field.ty, field.name());
    let record = record.ident;
    quote_spanned! {ident.span()=>
        ::millpond::__private::Field::of::<#ty>(#name, ::core::mem::offset_of!(#record, #ident))
    }
}

/// Proves that the struct has exactly these fields, and that they have exactly these types: they
/// are taken by value, since a reference to another type might be coerced to the one written.
fn types_are_as_written(record: &Record) -> TokenStream {
    let names: Vec<_> = (0..record.fields.len())
        .map(|i| format_ident!("__field{i}"))
        .collect();
    let idents = record.fields.iter().map(|field| field.ident);
    let types = record.fields.iter().map(|field| field.ty);
    let record = record.ident;
    quote! {
        const _: fn(#record) = |__record| {
            let #record { #(#idents: #names),* } = __record;
            #(let _: #types = #names;)*
        };
    }
}

fn no_gap_at_begin(record: &Record) -> TokenStream {
    let ident = record.ident;
    let first = record.fields[0].ident;
    quote! {
        const _: () = ::core::assert!(::core::mem::offset_of!(#ident, #first) == 0);
    }
}

fn no_gap_between(record: &Record, field: &Field, next: &Field) -> TokenStream {
    let message = padding::unknown(record, field);
    let (ident, ty, next) = (field.ident, field.ty, next.ident);
    let record = record.ident;
    quote_spanned! {ident.span()=>
        const _: () = ::core::assert!(
            ::core::mem::offset_of!(#record, #ident) + ::core::mem::size_of::<#ty>()
                == ::core::mem::offset_of!(#record, #next),
            #message
        );
    }
}

fn no_gap_at_end(record: &Record) -> TokenStream {
    let field = &record.fields[record.fields.len() - 1];
    let message = padding::unknown(record, field);
    let (ident, ty, record) = (field.ident, field.ty, record.ident);
    quote_spanned! {ident.span()=>
        const _: () = ::core::assert!(
            ::core::mem::offset_of!(#record, #ident) + ::core::mem::size_of::<#ty>()
                == ::core::mem::size_of::<#record>(),
            #message
        );
    }
}
