//! Bytes that nobody would write: seeds are changed for a second or two for each reader, always in the
//! same order, and what was found that way stays here. The crate in `fuzz` looks for longer.
//!
//! `DRAY_FUZZ_SECONDS` is how long each reader is tried; a failure names the input, and says what it is.
//! `DRAY_FUZZ_CORPUS` is a folder that gets the seeds, for libFuzzer to begin with.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use dray_model::value::ValueType;

use super::{targets, write_with};
use crate::{Compression, Format, WriteOptions};

/// Numbers that look the same wherever the tests run.
struct Dice(u64);

impl Dice {
    fn new(number: u64) -> Self {
        Self(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `count`, or 0.
    fn below(&mut self, count: usize) -> usize {
        (self.next() >> 11) as usize % count.max(1)
    }

    /// A stretch of `bytes`, short as a rule.
    fn stretch<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let from = self.below(bytes.len() + 1);
        let most = if self.below(4) == 0 { bytes.len() } else { 16 };
        let count = self.below((bytes.len() - from).min(most) + 1);
        &bytes[from..from + count]
    }
}

/// What has a meaning to one reader or another.
const TOKENS: [&[u8]; 40] = [
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\t",
    b"|",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\xFF",
    b"\xEF\xBB\xBF",
    b"\xC3",
    b"'",
    b"\\",
    b"\\u",
    b"\\uD83D",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"null",
    b"1e999",
    b"-",
    b"{\"a\":",
    b"<c r=\"B2\">",
    b"</c>",
    b"<v>",
    b"&lt;",
    b"&#0;",
    b"<![CDATA[",
    b"t=\"s\"",
    b"s=\"1\"",
    b"<row r=\"9\">",
    b"<mergeCell ref=\"A1:B2\"/>",
    &[targets::PART_END],
    &[targets::CELL_END],
    b"PAR1",
    b"PK\x05\x06",
];

/// Lengths and numbers at the edges.
const NUMBERS: [u64; 10] =
    [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, i64::MAX as u64, u64::MAX];

/// The seeds' descendant of this number.
fn changed(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut dice = Dice::new(number);
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(9) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            2 if at < bytes.len() => bytes[at] = dice.next() as u8,
            3 if at < bytes.len() => {
                let number = NUMBERS[dice.below(NUMBERS.len())].to_le_bytes();
                let count = [1, 2, 4, 8][dice.below(4)].min(bytes.len() - at);
                bytes[at..at + count].copy_from_slice(&number[..count]);
            }
            4 => bytes.truncate(at),
            5 => {
                let end = at + dice.stretch(&bytes[at..]).len();
                drop(bytes.drain(at..end));
            }
            6 => {
                let again = dice.stretch(&bytes).to_vec();
                drop(bytes.splice(at..at, again));
            }
            7 => {
                let other = dice.below(seeds.len());
                let part = dice.stretch(&seeds[other]).to_vec();
                drop(bytes.splice(at..at, part));
            }
            _ => {
                let token = TOKENS[dice.below(TOKENS.len())];
                drop(bytes.splice(at..at, token.iter().copied()));
            }
        }
    }
    bytes
}

/// Says which input it was when a check fails.
struct Input<'a> {
    number: u64,
    bytes: &'a [u8],
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("input {}: b\"{}\"", self.number, self.bytes.escape_ascii());
        }
    }
}

/// Tries the seeds, and what can be made of them until the time is up.
fn try_out(name: &str, target: fn(&[u8]), seeds: &[Vec<u8>]) {
    if let Some(folder) = std::env::var_os("DRAY_FUZZ_CORPUS") {
        let folder = Path::new(&folder).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed_{number}")), seed).unwrap();
        }
    }
    let seconds = std::env::var("DRAY_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1.5);
    let begun = Instant::now();
    let inputs = seeds.iter().cloned().chain((0..).map(|number| changed(seeds, number)));
    for (number, bytes) in (0..).zip(inputs) {
        let one = Instant::now();
        let _input = Input { number, bytes: &bytes };
        target(&bytes);
        assert!(one.elapsed() < Duration::from_secs(60), "an answer comes soon");
        if number >= seeds.len() as u64 && begun.elapsed() > Duration::from_secs_f64(seconds) {
            return;
        }
    }
}

fn table() -> [(&'static str, ValueType, ArrayRef); 4] {
    let dates = StringArray::from(vec![Some("2024-02-29"), None, Some("x, \"y\"\n")]);
    [
        ("id", ValueType::Integer, Arc::new(Int64Array::from(vec![1, -20, 300]))),
        ("name", ValueType::Text, Arc::new(StringArray::from(vec![Some("Müller"), Some("=1+1"), None]))),
        ("note", ValueType::Text, Arc::new(dates)),
        ("ok", ValueType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
    ]
}

fn written(format: Format, compression: Option<Compression>) -> Vec<u8> {
    let options = WriteOptions { compression, ..WriteOptions::default() };
    write_with(format, &table(), &options).unwrap()
}

fn texts<const COUNT: usize>(texts: [&str; COUNT]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn csv_seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts([
        "id;name;note\n1;Müller;\"a;b\"\n2;\"say \"\"hi\"\"\";\n3;x\ny;z\n",
        "Report of May\n\nid,name,date\n1,a,2024-01-02\n2,b,2024-01-03,surplus\n3\n\nid,name\n4,c\n",
        "a\tb\r\n1\t'x'\r\n2\t\"open\r\n3\t4\r\n",
        "name|1.234,50|x\nname|2.000,00|y\\\"z\n",
        "'a','b'\n'it\\'s','c'\n'd, e',f\n",
    ]);
    seeds.push(written(Format::Csv, None));
    seeds
}

fn json_seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts([
        "{\"total\":2,\"items\":[{\"id\":1,\"a\":{\"b\":[1,2],\"c\":null}},{\"id\":2.50,\"a\":\"\\u00e9\\n\"}]}",
        "[{\"a\":1,\"a\":2,\"b\":true},{\"c\":\"\\ud83d\\ude00\"},[1],\"x\",null]",
        "{\"a\":1}\n{\"a\":\"x\",\"b\":{\"c\":{}}}\n\n{\"a\":[]} {\"a\":-0.1e5}\nnot json\n{\"a\":1\n",
    ]);
    seeds.extend([written(Format::Json, None), written(Format::Jsonl, None)]);
    seeds
}

fn xlsx_seeds() -> Vec<Vec<u8>> {
    let part = char::from(targets::PART_END);
    let sheet = "<worksheet><dimension ref=\"A1:B4\"/><cols><col min=\"2\" max=\"2\" hidden=\"1\"/></cols><sheetData>\
        <row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"inlineStr\"><is><t>b</t></is></c></row>\
        <row r=\"2\" hidden=\"1\"><c r=\"A2\" s=\"1\"><v>45000.5</v></c><c r=\"B2\" t=\"b\"><v>1</v></c></row>\
        <row><c><v>1E-5</v></c><c t=\"e\"><v>#N/A</v></c></row><row r=\"9\"><c t=\"str\"><f>A1</f><v>x&amp;y</v></c></row>\
        </sheetData><mergeCells><mergeCell ref=\"A1:A2\"/></mergeCells></worksheet>";
    let strings = "<sst count=\"2\"><si><t>a</t></si><si><r><t xml:space=\"preserve\"> x_x000D_</t></r><rPh><t>y</t></rPh></si></sst>";
    let styles = "<styleSheet><numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm;[h]:mm\"/></numFmts><cellXfs><xf numFmtId=\"164\"/><xf numFmtId=\"22\"/></cellXfs></styleSheet>";
    let mut seeds =
        texts([sheet, &format!("{sheet}{part}{strings}"), &format!("{sheet}{part}{strings}{part}{styles}")]);
    seeds.push(written(Format::Xlsx, None));
    seeds
}

fn parquet_seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet");
    let fixture = |name: &str| std::fs::read(folder.join(name).with_extension("parquet")).unwrap();
    let mut seeds: Vec<Vec<u8>> =
        ["types", "nested", "int96", "odd_values", "delta_v2", "no_rows"].map(fixture).to_vec();
    seeds.push(written(Format::Parquet, None));
    seeds
}

fn decode_seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [Compression::Gzip, Compression::Zip, Compression::Zstd]
        .map(|compression| written(Format::Csv, Some(compression)))
        .to_vec();
    let text = "id,name\n1,Müller\n2,Groß\n3,plain\n";
    let mut snappy = snap::write::FrameEncoder::new(Vec::new());
    snappy.write_all(text.as_bytes()).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bzip2.write_all(text.as_bytes()).unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(text.as_bytes()).unwrap();
    seeds.extend([snappy.into_inner().unwrap(), bzip2.finish().unwrap(), xz.finish().unwrap()]);
    seeds.push(text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    seeds.push(format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect());
    seeds.push(text.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect());
    seeds.push(text.chars().map(|letter| letter as u8).collect());
    seeds.push(b"a,b\n\x1B$B4A;z\x1B(B,1\n\x82\xA0,\x93\xFA\x96{\n".to_vec());
    seeds.push(written(Format::Jsonl, Some(Compression::Gzip)));
    seeds
}

#[test]
fn csv_of_any_bytes() {
    try_out("csv", targets::csv, &csv_seeds());
}

#[test]
fn json_of_any_bytes() {
    try_out("json", targets::json, &json_seeds());
}

#[test]
fn xlsx_of_any_bytes() {
    try_out("xlsx", targets::xlsx, &xlsx_seeds());
}

#[test]
fn parquet_of_any_bytes() {
    try_out("parquet", targets::parquet, &parquet_seeds());
}

#[test]
fn packed_and_encoded_files_of_any_bytes() {
    try_out("decode", targets::decode, &decode_seeds());
}

#[test]
fn tables_of_any_text() {
    let seeds = texts([
        "\u{1}\0a\u{1f}b\u{1f}=1\u{1f}'=1\u{1f}\u{1d}\u{1f}",
        "\u{2} \"\u{1f} \n\u{1f},;\t|\u{1f}'\u{1f}é\r\u{1f}",
    ]);
    try_out("round_trip_csv", targets::round_trip_csv, &seeds);
}

#[test]
fn csv_that_batches_of_another_size_changed() {
    for text in [
        // A row that was put right, in a dialect whose rows are given back with commas.
        "\r\n1\t'x'\r\n2a\tb\r\n1\t'x'\r\n2\t\"open\r\n3\t\r\n3\t4R\n4R\n",
        // Short rows of a second table, which is not read.
        "title\nid,name\n1,a\nid,name\n2,b\n3\n",
        // A blank line at the end of a batch, and another table below it.
        "Report of May\n\n)d,name,dte\n1,a,2024-01-02\n2,b,2024-05-03,surplus\n31,a,202\n\nid,name\n4,c\n",
    ] {
        targets::csv(text.as_bytes());
    }
}

#[test]
fn a_table_of_control_characters_is_text_where_the_encoding_was_named() {
    targets::round_trip_csv(
        b"\x01|\x01=\x02\x07\x00\x01|\x01=\x02\x07\x00\x9f\x1d0\xff\x06UUUUUUUU\x802.\x1f\x05",
    );
}
