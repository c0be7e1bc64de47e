//! Checks that the input is a struct of the right form, and takes it apart.
//!
//! Finds all mistakes before it gives up, so that one compilation shows all of them.

use crate::{padding, types};
use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DataStruct, DeriveInput, Error, Fields, Generics, Ident, Type};

/// The longest name of a field, in bytes.
const MAX_NAME: usize = 64;

/// A struct that looks like a record.
pub struct Record<'a> {
    pub ident: &'a Ident,
    pub fields: Vec<Field<'a>>,
}

/// A field of it; all fields of a record have names.
pub struct Field<'a> {
    pub ident: &'a Ident,
    pub ty: &'a Type,
}

impl Field<'_> {
    /// The name of the field, as in the schema: without `r#`.
    pub fn name(&self) -> String {
        self.ident.unraw().to_string()
    }
}

/// Takes the input apart, or returns all its errors.
pub fn check(input: &DeriveInput) -> Result<Record<'_>, Error> {
    let mut errors = Errors::default();
    let data = struct_data(input)?;
    errors.note(check_generics(&input.generics));
    errors.note(check_repr(&input.ident, &input.attrs));
    let fields = named_fields(&input.ident, data)?;
    for field in &fields {
        errors.note(check_name(field));
    }
    let layouts: Vec<_> = fields
        .iter()
        .map(|field| errors.note(types::inspect(field.ty)).flatten())
        .collect();
    let record = Record {
        ident: &input.ident,
        fields,
    };
    if errors.is_empty() {
        padding::check(&record, &layouts)
            .into_iter()
            .for_each(|error| errors.push(error));
    }
    errors.into_result().map(|()| record)
}

/// The errors found so far, as one.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            none => *none = Some(error),
        }
    }

    /// The value, or `None` after taking note of the error.
    fn note<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    fn into_result(self) -> Result<(), Error> {
        self.0.map_or(Ok(()), Err)
    }
}

fn struct_data(input: &DeriveInput) -> Result<&DataStruct, Error> {
    match &input.data {
        Data::Struct(data) => Ok(data),
        Data::Enum(data) => Err(Error::new(
            data.enum_token.span,
            "an enum cannot be a record, since not all bytes are one of its values: \
             write a struct, and keep the enum in it as a number (`u8`, `self as u8`)",
        )),
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            "a union cannot be a record, since nothing says which of its fields holds: \
             write a struct with a field for each",
        )),
    }
}

fn check_generics(generics: &Generics) -> Result<(), Error> {
    if let Some(lifetime) = generics.lifetimes().next() {
        return Err(Error::new(
            lifetime.span(),
            "a record has no lifetimes, since a reference means nothing in another process: \
             keep the value itself, in an array such as `[f32; 4]`",
        ));
    }
    match generics.params.first() {
        None => Ok(()),
        Some(param) => Err(Error::new(
            param.span(),
            "a record has no type or const parameters, since all processes must know its layout: \
             write one struct for each type, or use a constant as in `[f32; OBSERVATION]`",
        )),
    }
}

/// Accepts only `#[repr(C)]`, without further arguments.
fn check_repr(ident: &Ident, attrs: &[Attribute]) -> Result<(), Error> {
    let mut is_c = false;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
        attr.parse_nested_meta(|meta| {
            let name = meta.path.require_ident()?.to_string();
            skip_argument(&meta)?;
            is_c |= name == "C";
            refuse_repr(&name, meta.path.span())
        })?;
    }
    match is_c {
        true => Ok(()),
        false => Err(Error::new(
            ident.span(),
            format!(
                "add `#[repr(C)]` to `{ident}`: without it the compiler chooses the order of the \
                 fields, and may choose another one for another process",
            ),
        )),
    }
}

/// Skips the `(8)` of `align(8)`.
fn skip_argument(meta: &ParseNestedMeta) -> Result<(), Error> {
    if meta.input.peek(syn::token::Paren) {
        let argument;
        syn::parenthesized!(argument in meta.input);
        argument.parse::<TokenStream>()?;
    }
    Ok(())
}

fn refuse_repr(name: &str, span: Span) -> Result<(), Error> {
    let instead = match name {
        "C" => return Ok(()),
        "packed" => {
            "a packed struct has fields at unaligned addresses: write `#[repr(C)]`, order the \
             fields from widest to narrowest and fill gaps with a field such as `_padding: [u8; 3]`"
        }
        "transparent" => "write `#[repr(C)]`: a struct of one field has the same layout with it",
        "align" => {
            "records lie one after another, each aligned as its widest number: write `#[repr(C)]` \
             without `align`"
        }
        _ => "write `#[repr(C)]`: the layout of a record is that of a struct in C",
    };
    Err(Error::new(span, instead))
}

fn named_fields<'a>(ident: &Ident, data: &'a DataStruct) -> Result<Vec<Field<'a>>, Error> {
    match &data.fields {
        Fields::Named(fields) if !fields.named.is_empty() => Ok(fields
            .named
            .iter()
            .filter_map(|field| {
                Some(Field {
                    ident: field.ident.as_ref()?,
                    ty: &field.ty,
                })
            })
            .collect()),
        Fields::Unnamed(fields) => Err(Error::new(
            fields.span(),
            "the fields of a record need names, as other processes know them by name: \
             write a struct such as `{ x: f32, y: f32 }`",
        )),
        Fields::Named(_) | Fields::Unit => Err(Error::new(
            ident.span(),
            format!("`{ident}` has no fields: a record has at least one, such as `value: f32`"),
        )),
    }
}

/// `Field::of` in millpond asserts the same; here the error is at the name itself.
fn check_name(field: &Field) -> Result<(), Error> {
    let name = field.name();
    match name.is_ascii() && name.len() <= MAX_NAME {
        true => Ok(()),
        false => Err(Error::new(
            field.ident.span(),
            "the name of a field in a record is at most 64 ASCII letters, digits and underscores: \
             write a shorter or simpler one",
        )),
    }
}
