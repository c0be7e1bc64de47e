//! Two schemas side by side, as a text table for an error message.
//!
//! Only formats; reads nothing but the two schemas.

use super::{Field, Schema};
use std::fmt;

/// Displays two schemas side by side, field by field, with a `!` at the lines that differ.
///
/// Made by [`Schema::difference`].
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    expected: &'a Schema,
    found: &'a Schema,
}

/// One half of a line: name, type and offset; or nothing, if the other side has one field more.
type Cells = [String; 3];

impl<'a> Difference<'a> {
    pub(super) fn new(expected: &'a Schema, found: &'a Schema) -> Difference<'a> {
        Difference { expected, found }
    }

    /// The lines of the table under its header, each with both halves.
    fn rows(&self) -> Vec<[Cells; 2]> {
        let mut rows = vec![[record_cells(self.expected), record_cells(self.found)]];
        let (mut expected, mut found) = (self.expected.fields(), self.found.fields());
        while let Some(row) = next_row(self, &mut expected, &mut found) {
            rows.push(row.map(field_cells));
        }
        rows
    }
}

/// Takes the next field of one side or of both.
///
/// A field whose name the other side lacks stands alone. So the fields after it stand next to their
/// counterparts again.
fn next_row<'a>(
    difference: &Difference<'a>,
    expected: &mut &'a [Field],
    found: &mut &'a [Field],
) -> Option<[Option<&'a Field>; 2]> {
    let alone = |field: &Field, other: &Schema| other.field(field.name()).is_none();
    match (expected.first(), found.first()) {
        (None, None) => None,
        (Some(left), Some(right)) if left.name() != right.name() => {
            if alone(left, difference.found) && !alone(right, difference.expected) {
                Some([expected.split_off_first(), None])
            } else if alone(right, difference.expected) && !alone(left, difference.found) {
                Some([None, found.split_off_first()])
            } else {
                Some([expected.split_off_first(), found.split_off_first()])
            }
        }
        _ => Some([expected.split_off_first(), found.split_off_first()]),
    }
}

fn record_cells(schema: &Schema) -> Cells {
    let size = format!("{} bytes", schema.size());
    [
        "record".to_owned(),
        size,
        format!("align {}", schema.align()),
    ]
}

fn field_cells(field: Option<&Field>) -> Cells {
    field.map_or_else(Cells::default, |field| {
        [
            field.name().to_owned(),
            field.kind(),
            format!("@{}", field.offset()),
        ]
    })
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let mut widths = [0; 3];
        for cells in rows.iter().flatten() {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.len().max(*width);
            }
        }
        let [name, kind, offset] = widths;
        let half = |[a, b, c]: &Cells| format!("{a:name$} {b:kind$} {c:offset$}");
        writeln!(f, "  {:1$} | found", "expected", name + kind + offset + 2)?;
        for [expected, found] in &rows {
            let mark = if expected == found { ' ' } else { '!' };
            let line = format!("{mark} {} | {}", half(expected), half(found));
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
