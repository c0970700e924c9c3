//! The rows of a batch as JSON, one object each: what a rejected row is given back as.

use arrow_array::{Array, StringArray};
use dray_model::batch::RawRows;

use super::scalar::is_literal;
use super::schema::{Column, Shape};
use crate::cells::CellFault;
use crate::json::{append_json_string, needs_json_escapes};

/// How the cells of a column are written.
enum Style {
    /// As they are: numbers, truth values and JSON.
    Literal,
    /// Within quotes, as they are.
    Clean,
    /// Within quotes and perhaps with escapes.
    Text,
}

/// Writes every row as an object. A cell that was refused comes back as it was found.
pub(super) fn raw_rows(
    columns: &[Column],
    header: &[String],
    texts: &[StringArray],
    faults: &[CellFault],
) -> RawRows {
    let rows = texts.first().map_or(0, StringArray::len);
    let mut prefixes = Vec::with_capacity(columns.len());
    for (index, name) in header.iter().enumerate() {
        let mut prefix = if index > 0 { vec![b','] } else { vec![b'{'] };
        append_json_string(name, &mut prefix);
        prefix.push(b':');
        prefixes.push(prefix);
    }
    let styles: Vec<Style> = columns.iter().zip(texts).map(|(column, texts)| style(column, texts)).collect();
    let cells: usize = texts.iter().map(|texts| texts.value_data().len() + 6 * rows).sum();
    let names: usize = prefixes.iter().map(Vec::len).sum();
    let mut bytes = Vec::with_capacity(cells + rows * (names + 1));
    let mut ranges = Vec::with_capacity(rows);
    let mut faults = faults.iter().peekable();
    for row in 0..rows {
        let begin = bytes.len();
        for (index, ((prefix, style), texts)) in prefixes.iter().zip(&styles).zip(texts).enumerate() {
            bytes.extend_from_slice(prefix);
            let fault = faults.next_if(|fault| fault.index == row * columns.len() + index);
            if let Some(CellFault { value: Some(found), .. }) = fault {
                append_json_string(found, &mut bytes);
            } else if texts.is_null(row) {
                bytes.extend_from_slice(b"null");
            } else {
                let text = texts.value(row);
                match style {
                    Style::Literal => bytes.extend_from_slice(text.as_bytes()),
                    Style::Clean => {
                        bytes.push(b'"');
                        bytes.extend_from_slice(text.as_bytes());
                        bytes.push(b'"');
                    }
                    Style::Text => append_json_string(text, &mut bytes),
                }
            }
        }
        bytes.push(b'}');
        ranges.push(begin..bytes.len());
    }
    RawRows { bytes, ranges }
}

fn style(column: &Column, texts: &StringArray) -> Style {
    match &column.shape {
        Shape::Leaf(leaf) if is_literal(*leaf, &column.data_type) => Style::Literal,
        Shape::Leaf(super::scalar::Leaf::Json) => Style::Literal,
        Shape::Leaf(_) if needs_json_escapes(texts.value_data()) => Style::Text,
        Shape::Leaf(_) => Style::Clean,
        _ => Style::Literal,
    }
}
