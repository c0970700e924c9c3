//! What is done with one input that was made up, for each kind of input: [`super::fuzz`] makes some in
//! every run of the tests. The crate in `fuzz` includes this file too and makes many more, so it takes
//! from its parent all it uses of this crate.

use std::io::{Cursor, Write};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use dray_model::value::ValueType;
use zip::write::SimpleFileOptions;

use super::contract::{Row, Sink, check_reader, read_all, small_limits};
use super::{
    Format, FormulaGuard, LineEnd, OutputColumn, QuoteStyle, ReadOptions, TextStyle, WriteOptions,
    open_reader, writer,
};

fn options() -> ReadOptions {
    ReadOptions { limits: small_limits(), ..ReadOptions::default() }
}

/// Delimited text, found out and put right, and taken by the letter.
pub fn csv(bytes: &[u8]) {
    for strict in [false, true] {
        check_reader("a.csv", bytes, &ReadOptions { format: Some(Format::Csv), strict, ..options() });
    }
}

/// A JSON document, or objects on lines.
pub fn json(bytes: &[u8]) {
    for format in [Format::Json, Format::Jsonl] {
        for flatten in [false, true] {
            check_reader("a", bytes, &ReadOptions { format: Some(format), flatten, ..options() });
        }
    }
}

/// What stands between two parts of a workbook that is given in parts.
pub const PART_END: u8 = 0x1E;

/// A workbook as it lies, or its parts, which are put into an archive here: so the parts are reached
/// although archives have checksums.
pub fn xlsx(bytes: &[u8]) {
    if bytes.starts_with(b"PK") {
        return check_reader("a.xlsx", bytes, &options());
    }
    const PARTS: [(&str, &str); 4] = [
        ("xl/worksheets/sheet1.xml", ""),
        ("xl/sharedStrings.xml", "<sst><si><t>a</t></si></sst>"),
        (
            "xl/styles.xml",
            "<styleSheet><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>",
        ),
        (
            "xl/workbook.xml",
            "<workbook><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"1\"/></sheets></workbook>",
        ),
    ];
    const LINKS: &str = "<Relationships><Relationship Id=\"1\" Type=\"/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"2\" Type=\"/sharedStrings\" Target=\"sharedStrings.xml\"/><Relationship Id=\"3\" Type=\"/styles\" Target=\"styles.xml\"/></Relationships>";
    let mut given = bytes.split(|&byte| byte == PART_END);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, content: &[u8]| {
        let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file(name, stored).unwrap();
        archive.write_all(content).unwrap();
    };
    for (name, usual) in PARTS {
        add(name, given.next().unwrap_or(usual.as_bytes()));
    }
    add("xl/_rels/workbook.xml.rels", given.next().unwrap_or(LINKS.as_bytes()));
    check_reader("a.xlsx", &archive.finish().unwrap().into_inner(), &options());
}

/// Parquet.
pub fn parquet(bytes: &[u8]) {
    check_reader("a.parquet", bytes, &options());
}

/// Anything: packed, in any encoding, in any format.
pub fn decode(bytes: &[u8]) {
    const ENCODINGS: [&str; 8] =
        ["utf-8", "utf-16le", "utf-16", "utf-32be", "windows-1252", "shift_jis", "gb18030", "iso-2022-jp"];
    check_reader("a", bytes, &options());
    let encoding = ENCODINGS.get(bytes.len() % ENCODINGS.len()).map(|&name| name.to_owned());
    check_reader("a", bytes, &ReadOptions { encoding, ..options() });
}

/// What stands between two cells of a table that is given as bytes; and a cell that is null.
pub const CELL_END: u8 = 0x1F;
const NULL: &str = "\u{1D}";

/// A table of any text is written as CSV in some style and read by the letter: it is the same. The first
/// byte is the number of columns, the second the style, the rest the cells, without what no store can hold.
pub fn round_trip_csv(bytes: &[u8]) {
    let [columns, style, cells @ ..] = bytes else { return };
    let columns = usize::from(*columns) % 5 + 1;
    let cells: Vec<Option<String>> = cells
        .split(|&byte| byte == CELL_END)
        .map(|cell| String::from_utf8_lossy(cell).replace('\0', ""))
        .map(|cell| Some(cell).filter(|cell| cell != NULL))
        .collect();
    let rows: Vec<Row> = cells.chunks_exact(columns).map(<[_]>::to_vec).collect();

    let choose = |shift: u32, among: usize| usize::from(style >> shift) % among;
    let delimiter = b",;\t|"[choose(0, 4)];
    let formula_guard = [FormulaGuard::Off, FormulaGuard::LookAlikes, FormulaGuard::On][choose(2, 4).min(2)];
    let text = TextStyle {
        delimiter: Some(delimiter),
        quotes: [QuoteStyle::Needed, QuoteStyle::All, QuoteStyle::Text][choose(4, 4).min(2)],
        byte_order_mark: choose(6, 2) == 1,
        line_end: [LineEnd::LineFeed, LineEnd::CarriageReturnLineFeed][choose(7, 2)],
        encoding: None,
    };
    let written = write_csv(&rows, columns, &WriteOptions { text, formula_guard, ..WriteOptions::default() });

    let options = ReadOptions {
        format: Some(Format::Csv),
        delimiter: Some(char::from(delimiter).to_string()),
        encoding: Some("utf-8".to_owned()),
        strict: true,
        unguard: formula_guard != FormulaGuard::Off,
        ..options()
    };
    let mut source = open_reader("a.csv", Box::new(Cursor::new(written)), &options).unwrap();
    let contents = read_all(source.as_mut()).unwrap();
    // To delimited text, nothing and an empty text are the same.
    let expected: Vec<Row> = rows
        .into_iter()
        .map(|row| row.into_iter().map(|cell| cell.filter(|cell| !cell.is_empty())).collect())
        .collect();
    assert_eq!(contents.rows, expected, "what is written is read");
}

fn write_csv(rows: &[Row], columns: usize, options: &WriteOptions) -> Vec<u8> {
    let names: Vec<String> = (1..=columns).map(|number| format!("c{number}")).collect();
    let output = names.iter().map(|name| OutputColumn::new(name, ValueType::Text)).collect();
    let fields: Vec<Field> =
        names.iter().map(|name| Field::new(name, ValueType::Text.arrow(), true)).collect();
    let column = |index: usize| -> ArrayRef {
        Arc::new(rows.iter().map(|row| row.get(index).cloned().flatten()).collect::<StringArray>())
    };
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), (0..columns).map(column).collect());
    let sink = Sink::default();
    let mut writer = writer(Format::Csv, output, options, Box::new(sink.clone())).unwrap();
    writer.write(&batch.unwrap()).unwrap();
    writer.finish().unwrap();
    sink.taken()
}
