//! PDF: how many pages there are, which fonts are in them, and what is refused. What the pages look like
//! is seen by looking at them; how text is set is tested beside the modules.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use dray_model::Result;
use dray_model::value::ValueType;

use super::Sink;
use crate::{Format, OutputColumn, WriteOptions, writer};

fn write_pdf(
    columns: Vec<OutputColumn>,
    options: &WriteOptions,
    batches: &[Vec<ArrayRef>],
) -> Result<Vec<u8>> {
    let sink = Sink::default();
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(&column.name, column.value_type.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let mut writer = writer(Format::Pdf, columns, options, Box::new(sink.clone()))?;
    for batch in batches {
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), batch.clone()).unwrap())?;
    }
    writer.finish()?;
    Ok(sink.taken())
}

fn texts(texts: &[&str]) -> Vec<ArrayRef> {
    vec![Arc::new(StringArray::from_iter_values(texts))]
}

fn text_column() -> Vec<OutputColumn> {
    vec![OutputColumn::new("text", ValueType::Text)]
}

fn count(pdf: &[u8], what: &[u8]) -> usize {
    memchr::memmem::find_iter(pdf, what).count()
}

fn pages(pdf: &[u8]) -> usize {
    assert!(pdf.starts_with(b"%PDF-1.7"), "it is a PDF");
    assert!(pdf.trim_ascii_end().ends_with(b"%%EOF"), "it is complete");
    count(pdf, b"/Type/Page") - count(pdf, b"/Type/Pages")
}

#[test]
fn a_table_goes_on_over_pages() {
    let columns = || {
        vec![
            OutputColumn::new("id", ValueType::Integer),
            OutputColumn::new("name", ValueType::Text),
            OutputColumn::new("day", ValueType::Date),
        ]
    };
    let batch = |rows: i32| -> Vec<ArrayRef> {
        let names = (0..rows).map(|row| (row % 5 > 0).then(|| format!("name of row {row}")));
        vec![
            Arc::new(Int64Array::from_iter_values(0..i64::from(rows))),
            Arc::new(names.collect::<StringArray>()),
            Arc::new(Date32Array::from_iter_values(0..rows)),
        ]
    };
    let options = WriteOptions { title: Some("Names".into()), ..WriteOptions::default() };
    for (rows, expected) in [(0, 1), (1, 1), (37, 1), (38, 2), (60, 2), (400, 11)] {
        assert_eq!(pages(&write_pdf(columns(), &options, &[batch(rows)]).unwrap()), expected, "{rows} rows");
    }
    assert_eq!(pages(&write_pdf(columns(), &options, &[]).unwrap()), 1);
    let many: Vec<Vec<ArrayRef>> = (0..10).map(|_| batch(500)).collect();
    assert_eq!(pages(&write_pdf(columns(), &options, &many).unwrap()), 129);
}

#[test]
fn a_row_taller_than_a_page_goes_on_on_the_next() {
    let long = "word ".repeat(1900);
    let pdf = write_pdf(text_column(), &WriteOptions::default(), &[texts(&["a", &long, "b"])]).unwrap();
    assert!(pages(&pdf) > 1);
    let lines = "line\n".repeat(3000);
    let pdf = write_pdf(text_column(), &WriteOptions::default(), &[texts(&["a", &lines, &lines])]).unwrap();
    // Of a cell at most 10,000 characters are shown, which are 2,000 lines here.
    assert!((60..80).contains(&pages(&pdf)), "{}", pages(&pdf));
}

#[test]
fn any_text_can_be_written() {
    let cells = [
        "",
        " ",
        "\n\n",
        "\0\u{1}\u{7f}\t\r",
        "Zoë Ωμέγα Привет",
        "日本語 한국어 中文",
        "السلام عليكم (12 abc)",
        "שלום",
        "नमस्ते สวัสดี",
        "👩‍👩‍👧 🇫🇷 👍🏽",
        "e\u{301}\u{301}\u{301}",
        "\u{301}",
        "\u{202e}\u{2067}x\u{200d}",
        "\u{1FFFE}\u{E000}",
    ];
    for cell in cells {
        let columns = vec![OutputColumn::new(cell, ValueType::Text)];
        let options = WriteOptions {
            title: Some(cell.to_owned()),
            description: Some(cell.to_owned()),
            ..WriteOptions::default()
        };
        assert_eq!(pages(&write_pdf(columns, &options, &[texts(&[cell, cell])]).unwrap()), 1, "{cell:?}");
    }
}

#[test]
fn fonts_that_are_none_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let font = folder.path().join("noto.ttf");
    std::fs::write(&font, b"no font at all").unwrap();
    let missing = folder.path().join("missing.ttf");
    for (path, says) in [
        (&font, format!("`{}` is no font", font.display())),
        (&missing, format!("there is no font `{}`", missing.display())),
        (&folder.path().to_owned(), format!("`{}` is no font", folder.path().display())),
    ] {
        let options = WriteOptions { fonts: vec![path.clone()], ..WriteOptions::default() };
        let error = write_pdf(text_column(), &options, &[texts(&["a"])]).unwrap_err();
        assert_eq!(error.to_string(), says);
    }
    // Beside a font in its folder, what is none does no harm.
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/fonts/DejaVuSans.ttf");
    std::fs::copy(good, folder.path().join("good.ttf")).unwrap();
    let options = WriteOptions { fonts: vec![folder.path().to_owned()], ..WriteOptions::default() };
    let pdf = write_pdf(text_column(), &options, &[texts(&["\u{1FFFE}"])]).unwrap();
    assert_eq!(pages(&pdf), 1);
}

#[test]
fn what_cannot_be_drawn_is_refused_at_once() {
    let refused = |columns: Vec<OutputColumn>, options: &WriteOptions| {
        writer(Format::Pdf, columns, options, Box::new(Sink::default())).map(|_| ()).unwrap_err().to_string()
    };
    let plain = WriteOptions::default();
    assert_eq!(refused(vec![], &plain), "a table on pages needs a column");
    let wide = (0..41).map(|index| OutputColumn::new(index.to_string(), ValueType::Text)).collect();
    assert_eq!(refused(wide, &plain), "41 columns have no room on a page; at most 40 do");
    let odd_date = WriteOptions { date_format: Some("%Q".into()), ..WriteOptions::default() };
    assert_eq!(refused(text_column(), &odd_date), "the date format `%Q` has `%Q`, which is not known");
}

#[test]
fn a_file_that_is_given_up_is_not_written() {
    let sink = Sink::default();
    let mut writer =
        writer(Format::Pdf, text_column(), &WriteOptions::default(), Box::new(sink.clone())).unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("text", arrow_schema::DataType::Utf8, true)]));
    writer.write(&RecordBatch::try_new(schema, texts(&["a"])).unwrap()).unwrap();
    drop(writer);
    assert!(sink.taken().is_empty());
}
