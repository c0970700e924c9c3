//! Workbooks that are damaged, are something else or mean harm: a sentence, no panic, little memory.

use std::io::Write;
use std::time::{Duration, Instant};

use super::excel::{Book, archive, show_book, show_source};
use super::{open, read_all};
use crate::{Format, ReadLimits, ReadOptions};

fn refusal(bytes: &[u8]) -> String {
    let begun = Instant::now();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let result = crate::excel::open("x.xlsx", file, Format::Xlsx, &ReadOptions::default(), Vec::new())
        .and_then(|mut source| read_all(source.as_mut()));
    assert!(begun.elapsed() < Duration::from_secs(30), "an answer comes soon");
    let error = result.expect_err("it is refused");
    assert!(error.hint.is_some(), "{error} has a hint");
    error.to_string()
}

fn refusal_of(rows: &str) -> String {
    refusal(&Book::of_rows(rows).bytes())
}

fn good_book() -> Vec<u8> {
    let mut rows = "<row><c t=\"s\"><v>0</v></c></row>".to_owned();
    for number in 0..300 {
        rows += &format!("<row><c><v>{number}</v></c></row>");
    }
    Book::of_rows(&rows).strings("<si><t>number</t></si>").bytes()
}

#[test]
fn other_files_are_named() {
    for (bytes, expected) in [
        (&b""[..], "`x.xlsx` is empty"),
        (b"  \n", "`x.xlsx` is empty"),
        (b"a,b\n1,2\n", "`x.xlsx` is text with the name of a workbook"),
        (b"<html><body><table>", "`x.xlsx` is a web page with the name of a workbook"),
        (
            b"<?xml?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">",
            "`x.xlsx` is an XML spreadsheet of 2003",
        ),
        (b"\x89PNG\r\n\x1A\n\0\0", "`x.xlsx` is no workbook"),
        (b"PK\x03\x04 nothing", "`x.xlsx` is damaged: its end is missing"),
    ] {
        assert_eq!(refusal(bytes), expected);
    }
    let zip = |name: &str| archive(&[(name.to_owned(), b"text".to_vec())]);
    assert_eq!(refusal(&zip("data.csv")), "`x.xlsx` is a zip archive, not a workbook");
    assert_eq!(refusal(&zip("word/document.xml")), "`x.xlsx` is a text document, not a workbook");
    assert_eq!(refusal(&zip("ppt/presentation.xml")), "`x.xlsx` is a presentation, not a workbook");
}

/// A compound file whose directory has these names.
fn compound(names: &[&str]) -> Vec<u8> {
    let mut bytes = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    bytes.resize(1536, 0xFF);
    bytes[30..32].copy_from_slice(&9_u16.to_le_bytes());
    bytes[48..52].copy_from_slice(&1_u32.to_le_bytes());
    bytes[76..80].copy_from_slice(&0_u32.to_le_bytes());
    // The second sector is the directory; the table in the first says that nothing follows it.
    for (index, name) in names.iter().enumerate() {
        let entry = &mut bytes[1024 + index * 128..][..128];
        entry.fill(0);
        for (place, unit) in entry.chunks_exact_mut(2).zip(name.encode_utf16()) {
            place.copy_from_slice(&unit.to_le_bytes());
        }
        entry[64..66].copy_from_slice(&(name.len() as u16 * 2 + 2).to_le_bytes());
    }
    bytes
}

#[test]
fn passwords_are_named() {
    assert_eq!(
        refusal(&compound(&["Root Entry", "EncryptedPackage", "EncryptionInfo"])),
        "`x.xlsx` is protected with a password"
    );
    assert_eq!(
        refusal(&compound(&["Root Entry", "WordDocument"])),
        "`x.xlsx` is an older Office document, not a workbook"
    );
    assert_eq!(refusal(&compound(&[])[..600]), "`x.xlsx` is damaged: its list of parts is missing or broken");
}

#[test]
fn cut_off_and_changed_files_never_panic() {
    let whole = good_book();
    for length in (0..whole.len()).step_by(7) {
        refusal(&whole[..length]);
    }
    let mut refused = 0;
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        let result = open("x.xlsx", &changed, &ReadOptions::default());
        refused += usize::from(result.and_then(|mut source| read_all(source.as_mut())).is_err());
    }
    assert!(refused > whole.len() / 4, "{refused} of {}", whole.len());
}

#[test]
fn cells_far_away_are_no_reason_for_memory() {
    let far = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>a</t></is></c></row><row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>";
    let shown = show_book(Book::of_rows(far), &ReadOptions::default());
    assert!(shown.contains("too_many_cells@1048576"), "{shown}");
    let beyond = "`x.xlsx` has a cell beyond row 1048576 or column 16384, where no sheet has one";
    assert_eq!(refusal_of("<row r=\"1048577\"><c><v>1</v></c></row>"), beyond);
    assert_eq!(refusal_of("<row><c r=\"XFE1\"><v>1</v></c></row>"), beyond);
    assert_eq!(
        refusal_of("<row r=\"4294967296\"><c r=\"ZZZZZZZZZ1\"><v>1</v></c></row><row r=\"1\"/>"),
        "`x.xlsx` is damaged: its rows do not stand in order"
    );
    let wide: String = (0..5000).map(|number| format!("<c><v>{number}</v></c>")).collect();
    assert_eq!(refusal_of(&format!("<row>{wide}</row>")), "the header of `x.xlsx` has 5000 columns");
}

#[test]
fn cells_in_disorder_are_refused() {
    assert_eq!(
        refusal_of("<row><c r=\"B1\"><v>1</v></c><c r=\"A1\"><v>1</v></c></row>"),
        "`x.xlsx` is damaged: the cells of a row do not stand in order"
    );
    assert_eq!(
        refusal_of("<row r=\"2\"><c><v>1</v></c></row><row r=\"2\"><c><v>1</v></c></row>"),
        "`x.xlsx` is damaged: its rows do not stand in order"
    );
}

#[test]
fn cells_that_do_not_open_and_close_are_refused() {
    let cell = "<c><v>1</v></c>";
    for rows in [
        format!("<row>{cell}<d><v>2</v></c></row>"),
        format!("<row><c><v>1</v></row><row>{cell}</row>"),
        format!("<row><c>{cell}</c></row>"),
        format!("<row>{cell}<row>{cell}</row></row>"),
        format!("<row>{cell}</row>{cell}"),
    ] {
        assert_eq!(refusal_of(&rows), "`x.xlsx` is damaged: a text of its cells is not XML", "{rows}");
    }
}

#[test]
fn a_cell_of_endless_values_is_refused() {
    let limits = ReadLimits { max_record_bytes: 1000, ..ReadLimits::default() };
    let rows = format!("<row><c>{}</c></row>", "<v>12345</v>".repeat(500));
    let shown = show_book(Book::of_rows(&rows), &ReadOptions { limits, ..ReadOptions::default() });
    assert!(shown.starts_with("row 1 of `x.xlsx` is larger than 1000 bytes"), "{shown}");
}

#[test]
fn shared_texts_that_do_not_exist_are_refused() {
    assert_eq!(
        refusal_of("<row><c r=\"A1\" t=\"s\"><v>4294967295</v></c></row>"),
        "`x.xlsx` is damaged: the text of the cell A1 is missing"
    );
}

#[test]
fn entities_are_never_expanded() {
    let declared = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><worksheet><sheetData><row><c><v>&x;</v></c></row></sheetData></worksheet>";
    let book = |name: &str, text: &str| {
        let rows = "<row><c t=\"s\"><v>0</v></c></row>";
        let mut bytes = Book::of_rows(rows);
        if name.ends_with("sheet2.xml") {
            bytes = Book::new().sheet("A", "", "<sheetData/>").sheet("B", "", "");
        }
        bytes.part(name, text).bytes()
    };
    assert_eq!(
        refusal(&book("xl/sharedStrings.xml", declared)),
        "`x.xlsx` declares a document type, which no workbook does"
    );
    assert_eq!(
        refusal_of("<row><c><v>&lol9;</v></c></row>"),
        "`x.xlsx` is damaged: a text of its cells is not XML"
    );
}

#[test]
fn parts_in_other_encodings_are_refused() {
    let utf16: Vec<u8> = "\u{feff}<sst/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let book = Book::of_rows("<row><c><v>1</v></c></row>").part("xl/sharedStrings.xml", utf16);
    assert_eq!(refusal(&book.bytes()), "the parts of `x.xlsx` are UTF-16 text, which no workbook is");
    let book = Book::of_rows("<row><c><v>1</v></c></row>")
        .part("xl/sharedStrings.xml", b"<sst><si><t>\xFF</t></si></sst>".to_vec());
    assert!(open("x.xlsx", &book.bytes(), &ReadOptions::default()).is_ok(), "nobody uses the text");
    let book = Book::of_rows("<row><c t=\"s\"><v>0</v></c></row>")
        .part("xl/sharedStrings.xml", b"<sst><si><t>\xFF</t></si></sst>".to_vec());
    assert_eq!(refusal(&book.bytes()), "`x.xlsx` is damaged: a text of its cells is not UTF-8");
}

#[test]
fn names_that_come_twice_are_refused() {
    let book = Book::of_rows("<row><c><v>1</v></c></row>").part("XL/Worksheets/SHEET1.xml", "<worksheet/>");
    assert_eq!(refusal(&book.bytes()), "`x.xlsx` has two parts with the same name");
}

#[test]
fn bombs_are_refused() {
    let too_much = "`x.xlsx` unpacks to far more than its size allows";
    let rows = format!("<row>{}</row>", " ".repeat(1000)).repeat(100_000);
    assert_eq!(refusal_of(&rows), too_much);
    let text = format!("<si><t>{}</t></si>", "x".repeat(80 << 20));
    let one_text = Book::of_rows("<row><c t=\"s\"><v>0</v></c></row>").strings(&text);
    let refused = refusal(&one_text.bytes());
    assert!(refused == too_much || refused.ends_with("is larger than 67108864 bytes"), "{refused}");
    let texts = "<si/>".repeat(16 << 20);
    assert_eq!(
        refusal(&Book::of_rows("<row><c t=\"s\"><v>0</v></c></row>").strings(&texts).bytes()),
        too_much
    );
}

#[test]
fn a_text_that_is_shared_a_million_times_is_refused() {
    let text = format!("<si><t>{}</t></si>", "some long text ".repeat(2000));
    let rows = "<row><c t=\"s\"><v>0</v></c></row>".repeat(200_000);
    let refused = refusal(&Book::of_rows(&rows).strings(&text).bytes());
    assert_eq!(refused, "`x.xlsx` unpacks to far more than its size allows");
}

#[test]
fn texts_beyond_the_limits_are_told_or_refused() {
    let limits = ReadLimits { max_cell_bytes: 10, max_record_bytes: 100_000, ..ReadLimits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let rows = "<row><c t=\"inlineStr\"><is><t>a</t></is></c></row><row><c t=\"inlineStr\"><is><t>01234567890</t></is></c></row>";
    let shown = show_book(Book::of_rows(rows), &options);
    assert!(shown.contains("cell_too_large@2 a: the cell A2 has 11 bytes; at most 10 are read"), "{shown}");
    let cell = format!("<c t=\"inlineStr\"><is><t>{}</t></is></c>", "x".repeat(60_000));
    let error = show_book(Book::of_rows(&format!("<row>{cell}{cell}</row>")), &options);
    assert!(error.starts_with("row 1 of `x.xlsx` is larger than 100000 bytes"), "{error}");
    let pieces = "<r><t>0123456789</t></r>".repeat(20_000);
    let error =
        show_book(Book::of_rows(&format!("<row><c t=\"inlineStr\"><is>{pieces}</is></c></row>")), &options);
    assert!(error.starts_with("row 1 of `x.xlsx` is larger than 100000 bytes"), "{error}");
    let strings = format!("<si><t>{}</t></si>", "0123456789 and so on ".repeat(100));
    let limits = ReadLimits { max_worker_bytes: 1, ..ReadLimits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let book = Book::of_rows("<row><c><v>1</v></c></row>").strings(&strings);
    assert!(open("x.xlsx", &book.bytes(), &options).is_ok(), "there is a smallest limit");
}

#[test]
fn a_sheet_full_of_errors_is_told_in_part() {
    let names: String = (0..100).map(|_| "<c t=\"inlineStr\"><is><t>a</t></is></c>").collect();
    let errors = "<c t=\"e\"><v>#N/A</v></c>".repeat(100);
    let book = Book::of_rows(&format!("<row>{names}</row><row>{errors}</row><row>{errors}</row>"));
    let options = ReadOptions { header_row: Some(crate::HeaderRow::Row(1)), ..ReadOptions::default() };
    let contents = read_all(open("x.xlsx", &book.bytes(), &options).unwrap().as_mut()).unwrap();
    assert_eq!((contents.rows.len(), contents.problems.len()), (2, 40));
}

#[test]
fn targets_outside_of_the_file_are_never_followed() {
    let links = "<Relationships><Relationship Id=\"rId1\" Type=\"x/worksheet\" Target=\"http://127.0.0.1:1/a\" TargetMode=\"External\"/></Relationships>";
    let parts = [
        ("xl/workbook.xml", "<workbook><sheets><sheet name=\"A\" r:id=\"rId1\"/></sheets></workbook>"),
        ("xl/_rels/workbook.xml.rels", links),
    ];
    let parts: Vec<_> =
        parts.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    assert_eq!(refusal(&archive(&parts)), "`x.xlsx` is empty");
    let links =
        links.replace("http://127.0.0.1:1/a", "../../../../etc/passwd").replace("External", "Internal");
    let parts = [parts[0].clone(), ("xl/_rels/workbook.xml.rels".to_owned(), links.into_bytes())];
    assert_eq!(refusal(&archive(&parts)), "`x.xlsx` is damaged: the part `etc/passwd` is missing");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn no_sheet_makes_it_panic(inside in "(<(row|c|v|f|is|t|mergeCell|sheetData|/row|/c|/v|/t|c t=\"s\"|c r=\"B9\"|row r=\"7\")>|[0-9a-z#&;]){0,40}") {
        let bytes = Book::new().sheet("A", "", &format!("<sheetData>{inside}</sheetData>")).bytes();
        if let Ok(mut source) = open("x.xlsx", &bytes, &ReadOptions::default()) {
            let _ = show_source(source.as_mut());
        }
    }
}
