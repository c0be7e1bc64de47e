//! Finds the padding that `#[repr(C)]` puts into a struct, where the sizes are known by name.
//!
//! Counts with the natural alignment of each number, as on every 64-bit target. On a 32-bit one
//! that aligns an `f64` to 4 bytes, this refuses a little more than the compiler must, so that a
//! record is the same on both.

use crate::input::{Field, Record};
use crate::types::Layout;
use syn::Error;

/// An error for each gap, up to the first field of unknown size.
pub fn check(record: &Record, layouts: &[Option<Layout>]) -> Vec<Error> {
    let mut errors = Vec::new();
    let (mut end, mut widest) = (0_u64, 1);
    for (i, layout) in layouts.iter().enumerate() {
        let Some(layout) = layout else {
            return errors;
        };
        if let Some(before) = i.checked_sub(1) {
            let gap = gap(end, layout.align);
            errors.extend((gap > 0).then(|| between(record, &record.fields[before], gap)));
            end += gap;
        }
        widest = layout.align.max(widest);
        end = match end.checked_add(layout.size) {
            Some(end) if end < 1 << 62 => end,
            _ => return errors,
        };
    }
    let gap = gap(end, widest);
    let last = record.fields.last().filter(|_| gap > 0);
    errors.extend(last.map(|field| at_end(record, field, gap)));
    errors
}

/// The number of bytes from `end` to the next multiple of `align`.
fn gap(end: u64, align: u64) -> u64 {
    end.next_multiple_of(align) - end
}

fn between(record: &Record, field: &Field, gap: u64) -> Error {
    let message = format!(
        "{} of padding after field `{}` of `{}`: order the fields from widest to narrowest or \
         fill the gap with a field such as `{}: [u8; {gap}]`",
        bytes(gap),
        field.name(),
        record.ident,
        free_name(record),
    );
    Error::new(field.ident.span(), message)
}

fn at_end(record: &Record, field: &Field, gap: u64) -> Error {
    let message = format!(
        "{} of padding at the end of `{}`, after field `{}`: fill the gap with a last field such \
         as `{}: [u8; {gap}]`",
        bytes(gap),
        record.ident,
        field.name(),
        free_name(record),
    );
    Error::new(field.ident.span(), message)
}

/// The message for a gap that only the compiler finds, and whose size the macro cannot say.
pub fn unknown(record: &Record, field: &Field) -> String {
    format!(
        "padding after field `{}` of `{}`: order the fields from widest to narrowest or fill the \
         gap with a field such as `{}: [u8; 3]`, of as many bytes as are missing",
        field.name(),
        record.ident,
        free_name(record),
    )
}

fn bytes(n: u64) -> String {
    match n {
        1 => "1 byte".to_owned(),
        n => format!("{n} bytes"),
    }
}

/// A name for a field of padding that no field has yet.
fn free_name(record: &Record) -> String {
    let names = (2..).map(|n| format!("_padding{n}"));
    std::iter::once("_padding".to_owned())
        .chain(names)
        .find(|name| record.fields.iter().all(|field| field.name() != *name))
        .unwrap_or_default()
}
