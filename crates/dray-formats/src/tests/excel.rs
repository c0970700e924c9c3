//! Workbooks as people send them: what is read from an xlsx file, part by part.

use std::io::{Cursor, Write};

use dray_model::flow::RowSource;
use zip::write::SimpleFileOptions;

use super::{Contents, open, read_all};
use crate::{HeaderRow, ReadOptions};

/// An xlsx workbook, written part by part.
pub(super) struct Book {
    parts: Vec<(String, Vec<u8>)>,
    sheets: String,
    sheet_count: usize,
    properties: &'static str,
}

const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

impl Book {
    pub(super) fn new() -> Self {
        Self { parts: Vec::new(), sheets: String::new(), sheet_count: 0, properties: "" }
    }

    /// A workbook of one sheet with these rows.
    pub(super) fn of_rows(rows: &str) -> Self {
        Self::new().sheet("Kunden", "", &format!("<sheetData>{rows}</sheetData>"))
    }

    pub(super) fn part(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.parts.push((name.to_owned(), content.into()));
        self
    }

    pub(super) fn sheet(mut self, name: &str, state: &str, inside: &str) -> Self {
        self.sheet_count += 1;
        let number = self.sheet_count;
        self.sheets += &format!("<sheet name=\"{name}\" sheetId=\"{number}\" {state} r:id=\"rId{number}\"/>");
        let xml = format!("<?xml version=\"1.0\"?>\n<worksheet>{inside}</worksheet>");
        self.part(&format!("xl/worksheets/sheet{number}.xml"), xml)
    }

    pub(super) fn strings(self, strings: &str) -> Self {
        self.part("xl/sharedStrings.xml", format!("<sst count=\"4294967295\">{strings}</sst>"))
    }

    /// Number formats for the styles 1, 2 and so on.
    fn formats(self, codes: &[&str]) -> Self {
        let mut formats = String::new();
        let mut styles = "<xf numFmtId=\"0\"/>".to_owned();
        for (index, code) in codes.iter().enumerate() {
            let id = 164 + index;
            formats += &format!("<numFmt numFmtId=\"{id}\" formatCode=\"{}\"/>", code.replace('"', "&quot;"));
            styles += &format!("<xf numFmtId=\"{id}\"/>");
        }
        let count = codes.len();
        self.part(
            "xl/styles.xml",
            format!(
                "<styleSheet><numFmts count=\"{count}\">{formats}</numFmts><cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs><cellXfs>{styles}</cellXfs></styleSheet>"
            ),
        )
    }

    pub(super) fn bytes(mut self) -> Vec<u8> {
        let mut links = String::new();
        let mut link = |id: &str, kind: &str, target: &str| {
            links +=
                &format!("<Relationship Id=\"{id}\" Type=\"{RELATIONSHIPS}/{kind}\" Target=\"{target}\"/>");
        };
        for number in 1..=self.sheet_count {
            link(&format!("rId{number}"), "worksheet", &format!("worksheets/sheet{number}.xml"));
        }
        link("rIdA", "sharedStrings", "/xl/sharedStrings.xml");
        link("rIdB", "styles", "styles.xml");
        let workbook = format!(
            "<workbook xmlns:r=\"{RELATIONSHIPS}\">{}<sheets>{}</sheets></workbook>",
            self.properties, self.sheets
        );
        self = self
            .part("xl/workbook.xml", workbook)
            .part("xl/_rels/workbook.xml.rels", format!("<Relationships>{links}</Relationships>"));
        archive(&self.parts)
    }
}

/// A zip archive of these files.
pub(super) fn archive(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// What a source found out and gives, for people.
pub(super) fn show_source(source: &mut dyn RowSource) -> dray_model::Result<String> {
    let mut out = String::new();
    for detected in source.detected().iter().skip(1) {
        out += &format!("[{}: {}]\n", detected.what, detected.value);
    }
    let mut contents = read_all(source)?;
    for problem in contents.problems.extract_if(.., |problem| problem.row_number == 0) {
        out += &format!("! {}@{} {}\n", problem.code.word(), problem.line, problem.message);
    }
    Ok(out + &super::show(&contents))
}

pub(super) fn show_book(book: Book, options: &ReadOptions) -> String {
    let shown = open("x.xlsx", &book.bytes(), options).and_then(|mut source| show_source(source.as_mut()));
    shown.unwrap_or_else(|error| format!("{error}\n({})", error.hint.as_deref().unwrap_or_default()))
}

pub(super) fn check_book(book: Book, options: &ReadOptions, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let shown = show_book(book, options);
    let shown: Vec<&str> = shown.lines().map(str::trim).collect();
    assert_eq!(shown.join("\n"), expected.join("\n"));
}

fn check(rows: &str, expected: &str) {
    check_book(Book::of_rows(rows), &ReadOptions::default(), expected);
}

fn contents(book: Book) -> Contents {
    read_all(open("x.xlsx", &book.bytes(), &ReadOptions::default()).unwrap().as_mut()).unwrap()
}

/// A header of inline texts in row 1.
fn header(names: &[&str]) -> String {
    let cells: Vec<String> = names.iter().map(|name| text_cell("", name)).collect();
    format!("<row r=\"1\">{}</row>", cells.join(""))
}

fn text_cell(place: &str, text: &str) -> String {
    let place = if place.is_empty() { String::new() } else { format!("r=\"{place}\" ") };
    format!("<c {place}t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>")
}

#[test]
fn cells_of_every_kind() {
    let rows = header(&["id", "name", "ok", "amount"])
        + "<row r=\"2\"><c r=\"A2\"><v>7</v></c><c r=\"B2\" t=\"s\"><v>1</v></c><c r=\"C2\" t=\"b\"><v>1</v></c><c r=\"D2\"><v>0.30000000000000004</v></c></row>\
           <row r=\"4\"><c r=\"A4\"/><c r=\"B4\" t=\"str\"><f>A2</f><v>cached</v></c><c r=\"C4\" t=\"b\"><v>0</v></c><c r=\"D4\"><f>1+1</f><v>2</v></c></row>\
           <row r=\"5\"><c r=\"A5\" s=\"1\"/></row>";
    let strings = "<si><t>unused</t></si><si><r><t>Mü</t></r><r><rPr/><t xml:space=\"preserve\">ller </t></r><rPh><t>reading</t></rPh></si>";
    check_book(
        Book::of_rows(&rows).strings(strings),
        &ReadOptions::default(),
        "[sheet: \"Kunden\" (1 of 1)]
         [header row: row 1]
         id | name | ok | amount
         2: 7 | Müller  | true | 0.3
         4: · | cached | false | 2",
    );
}

#[test]
fn errors_and_formulas_without_values_are_told_by_cell() {
    let rows = header(&["a", "b"])
        + "<row r=\"2\"><c r=\"A2\" t=\"e\"><f>1/0</f><v>#DIV/0!</v></c><c r=\"B2\"><v>1</v></c></row>\
           <row r=\"3\"><c r=\"A3\"><f>B2</f><v></v></c><c r=\"B3\" t=\"str\"><f>\"\"</f><v></v></c></row>\
           <row r=\"4\"><c r=\"B4\" t=\"e\"><v>#N/A</v></c></row>";
    check(
        &rows,
        "[sheet: \"Kunden\" (1 of 1)]
         [header row: row 1]
         a | b
         2: · | 1
         cell_error@2 a: the cell A2 shows the error #DIV/0!; put it right in the spreadsheet program
         3: · | ·
         cell_error@3 a: the formula in the cell A3 was never calculated; open the workbook in a spreadsheet program and save it
         4: · | ·
         cell_error@4 b: the cell B4 shows the error #N/A; put it right in the spreadsheet program",
    );
    let problems = contents(Book::of_rows(&rows)).problems;
    assert_eq!(problems[0].value.as_deref(), Some("#DIV/0!"));
    assert_eq!(problems[2].value.as_deref(), Some("#N/A"));
}

fn dated(properties: &'static str) -> String {
    let rows = header(&["date", "moment", "time", "hours", "share", "iso"])
        + "<row r=\"2\"><c s=\"1\"><v>45352</v></c><c s=\"2\"><v>45352.430902777778</v></c><c s=\"3\"><v>0.430902777777778</v></c><c s=\"4\"><v>1.5</v></c><c s=\"5\"><v>0.25</v></c><c t=\"d\"><v>2024-03-01</v></c></row>\
           <row r=\"3\"><c s=\"1\"><v>60</v></c><c s=\"2\"><v>-3.5</v></c><c s=\"3\"/><c s=\"1\" t=\"inlineStr\"><is><t>soon</t></is></c></row>";
    let mut book =
        Book::of_rows(&rows).formats(&["dd.mm.yyyy", "yyyy-mm-dd hh:mm:ss", "hh:mm", "[h]:mm:ss", "0%"]);
    book.properties = properties;
    show_book(book, &ReadOptions::default()).lines().skip(3).collect::<Vec<_>>().join("\n")
}

#[test]
fn dates_are_dates_in_both_systems() {
    assert_eq!(
        dated(""),
        "2: 2024-03-01 | 2024-03-01T10:20:30 | 10:20:30 | 36:00:00 | 0.25 | 2024-03-01\n\
         3: 1900-02-29 | -3.5 | · | soon | · | ·"
    );
    assert_eq!(
        dated("<workbookPr date1904=\"1\"/>"),
        "2: 2028-03-02 | 2028-03-02T10:20:30 | 10:20:30 | 36:00:00 | 0.25 | 2024-03-01\n\
         3: 1904-03-01 | -3.5 | · | soon | · | ·"
    );
}

#[test]
fn texts_keep_their_characters() {
    let rows = header(&["a"])
        + &format!("<row>{}</row>", text_cell("", " &lt;b&gt; &amp;&#x20AC; "))
        + &format!("<row>{}</row>", text_cell("", "line_x000D_\r\n_x005F_x0041_"))
        + "<row><c t=\"inlineStr\"><is><r><t>one</t></r><r><t xml:space=\"preserve\"> two</t></r><rPh><t>no</t></rPh></is></c></row>"
        + "<row><c t=\"inlineStr\"><is><t><![CDATA[a<b]]></t></is></c></row>"
        + &format!("<row>{}</row>", text_cell("", "say \"hi\", you"));
    let rows = rows
        + "<row><c t=\"inlineStr\"><is><t> trimmed\n</t></is><v>2</v></c></row><row><c><v>1</v><is><t>inline</t></is></c></row>";
    let contents = contents(Book::of_rows(&rows));
    let cells: Vec<&str> = contents.rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(
        cells,
        [" <b> &€ ", "line\r\n_x0041_", "one two", "a<b", "say \"hi\", you", "trimmed", "inline"]
    );
    assert_eq!(contents.raw[4], b"\"say \"\"hi\"\", you\"");
}

fn three_sheets() -> Book {
    let rows = |name: &str| format!("<sheetData>{}<row><c><v>1</v></c></row></sheetData>", header(&[name]));
    Book::new()
        .sheet("Secret", "state=\"hidden\"", &rows("hidden"))
        .sheet("Empty", "", "<sheetData><row><c s=\"1\"/></row></sheetData>")
        .sheet("Kunden", "", &rows("name"))
        .sheet("4", "state=\"veryHidden\"", &rows("four"))
}

fn sheet(name: &str) -> ReadOptions {
    ReadOptions { sheet: Some(name.to_owned()), ..ReadOptions::default() }
}

/// A row of these texts at this place.
fn row_at(number: u32, texts: &[&str]) -> String {
    let cell = |text: &&str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    format!("<row r=\"{number}\">{}</row>", texts.iter().map(cell).collect::<String>())
}

fn sheet_data(rows: &[String]) -> String {
    format!("<sheetData>{}</sheetData>", rows.concat())
}

#[test]
fn a_cover_page_is_not_the_table() {
    let cover = sheet_data(&[row_at(2, &["Report"]), row_at(4, &["by Ann"]), row_at(5, &["Tel", "7"])]);
    let table = sheet_data(&[row_at(1, &["name", "city"]), row_at(2, &["Ann", "Rome"])]);
    check_book(
        Book::new().sheet("Cover", "", &cover).sheet("Data", "", &table).sheet("Notes", "", &cover),
        &ReadOptions::default(),
        "[sheet: \"Data\" (2 of 3)]
         [header row: row 1]
         ! other_sheets@0 the sheet `Data` was read; there are also `Cover`, `Notes`
         name | city
         2: Ann | Rome",
    );
    // A list is a table where there is no better one, and a long one always.
    let list = |rows: u32| sheet_data(&(1..=rows).map(|row| row_at(row, &["x"])).collect::<Vec<_>>());
    for (first, second, expected) in
        [(list(3), list(2), "\"A\" (1"), (list(25), table.clone(), "\"A\" (1"), (list(5), table, "\"B\" (2")]
    {
        let shown =
            show_book(Book::new().sheet("A", "", &first).sheet("B", "", &second), &ReadOptions::default());
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn a_table_goes_on_where_its_sheet_is_full() {
    let header = |number| row_at(number, &["name", "city"]);
    let sheet = |rows: &[String]| sheet_data(rows);
    let book = |first: &[String], second: &[String]| {
        Book::new().sheet("T", "", &sheet(first)).sheet("T 2", "", &sheet(second))
    };
    let full = [header(1), row_at(2, &["Ann", "Rome"]), row_at(1_048_576, &["Bob", "Oslo"])];
    let rest = [header(1), row_at(2, &["Cid", "Bern"])];
    let lines = |book: Book| contents(book).lines;
    assert_eq!(lines(book(&full, &rest)), [2, 1_048_576, 2]);
    assert_eq!(lines(book(&full[..2], &rest)), [2], "the first is not full");
    let other = [row_at(1, &["name", "country"]), row_at(2, &["Cid", "CH"])];
    assert_eq!(lines(book(&full, &other)), [2, 1_048_576], "it has another header");
    assert_eq!(lines(book(&full, &[header(1)])), [2, 1_048_576], "there is nothing more");
}

#[test]
fn sheets_are_found_by_name_and_number() {
    check_book(
        three_sheets(),
        &ReadOptions::default(),
        "[sheet: \"Kunden\" (3 of 4)]
         [header row: row 1]
         ! hidden_sheets@0 the sheets `Secret`, `4` are hidden and were not read
         ! other_sheets@0 the sheet `Kunden` was read; there is also `Empty`
         name
         2: 1",
    );
    for (asked, column) in
        [("Secret", "hidden"), ("kunden", "name"), ("3", "name"), ("4", "four"), ("1", "hidden")]
    {
        let shown = show_book(three_sheets(), &sheet(asked));
        assert!(shown.contains(&format!("\n{column}\n2: 1")), "{asked}: {shown}");
    }
    assert_eq!(
        show_book(three_sheets(), &sheet("Lager")),
        "`x.xlsx` has no sheet `Lager`\n\
         (its sheets are 1 `Secret` (hidden), 2 `Empty`, 3 `Kunden`, 4 `4` (hidden))"
    );
    assert!(show_book(three_sheets(), &sheet("5")).starts_with("`x.xlsx` has no sheet `5`"));
    assert!(show_book(three_sheets(), &sheet("Empty")).starts_with("the sheet `Empty` of `x.xlsx` is empty"));
    let empty = Book::new().sheet("A", "", "<sheetData/>");
    assert!(show_book(empty, &ReadOptions::default()).starts_with("`x.xlsx` is empty"));
}

#[test]
fn a_title_above_the_header_and_a_table_that_begins_in_b() {
    let rows = format!(
        "<row r=\"2\">{}</row><row r=\"4\">{}{}{}</row><row r=\"5\"><c r=\"B5\"><v>1</v></c><c r=\"D5\"><v>3</v></c></row><row r=\"6\"><c r=\"A6\"><v>9</v></c><c r=\"C6\"><v>2</v></c></row>",
        text_cell("B2", "Kundenliste"),
        text_cell("B4", "id"),
        text_cell("C4", "name"),
        text_cell("D4", "amount"),
    );
    let rows_before = rows.replace("<c r=\"A6\"><v>9</v></c>", "");
    check(
        &rows_before,
        "[sheet: \"Kunden\" (1 of 1)]
         [header row: row 4]
         ! skipped_lines@2 row 2 above the header was left out
         id | name | amount
         5: 1 | · | 3
         6: · | 2 | ·",
    );
    // A cell beside the table makes it wider, as there may be more of them.
    check(
        &rows,
        "[sheet: \"Kunden\" (1 of 1)]
         [header row: row 4]
         ! skipped_lines@2 row 2 above the header was left out
         column 1 | id | name | amount
         5: · | 1 | · | 3
         6: 9 | · | 2 | ·",
    );
}

#[test]
fn cells_outside_of_the_table_are_told() {
    let mut rows = header(&["a", "b"]);
    for number in 2..60 {
        rows += &format!("<row r=\"{number}\"><c><v>1</v></c></row>");
    }
    rows +=
        "<row r=\"60\"><c r=\"A60\"><v>1</v></c><c r=\"D60\"><v>4</v></c><c r=\"XFD60\"><v>5</v></c></row>";
    let contents = contents(Book::of_rows(&rows));
    let problem = contents.problems.last().unwrap();
    assert_eq!((problem.row_number, problem.line, problem.code.word()), (59, 60, "too_many_cells"));
    assert_eq!(
        problem.message,
        "the row has 2 cells outside of the table, the first is D60; the table reaches from A60 to B60"
    );
    assert_eq!(contents.raw.last().unwrap(), b"1,,4,5");
}

#[test]
fn the_person_says_where_the_header_is() {
    let rows = header(&["a", "b"])
        + "<row r=\"3\"><c><v>1</v></c><c><v>2</v></c></row><row r=\"4\"><c><v>3</v></c></row>";
    let with = |header_row, skip_lines| {
        let options = ReadOptions { header_row, skip_lines, ..ReadOptions::default() };
        show_book(Book::of_rows(&rows), &options).lines().skip(1).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        with(Some(HeaderRow::Row(3)), 0),
        "[header row: row 3]\n! skipped_lines@1 row 1 above the header was left out\n1 | 2\n4: 3 | ·"
    );
    assert_eq!(
        with(Some(HeaderRow::None), 0),
        "[header row: none]\ncolumn 1 | column 2\n1: a | b\n3: 1 | 2\n4: 3 | ·"
    );
    assert_eq!(
        with(None, 2),
        "[header row: none]\n! no_header@0 no row names the columns; they were given numbers\ncolumn 1 | column 2\n3: 1 | 2\n4: 3 | ·"
    );
    assert_eq!(with(None, 4), "(leave out fewer lines)");
    let deep: String = (1..100).map(|number| format!("<row><c><v>{number}</v></c></row>")).collect();
    let options = ReadOptions { header_row: Some(HeaderRow::Row(98)), ..ReadOptions::default() };
    assert!(show_book(Book::of_rows(&deep), &options).ends_with(
        "[header row: row 98]\n! skipped_lines@1 rows 1 to 97 above the header were left out\n98\n99: 99\n"
    ));
    assert!(with(Some(HeaderRow::Row(2)), 0).starts_with("(give the number"));
}

#[test]
fn hidden_rows_and_merged_cells_are_told_at_the_end() {
    let inside = format!(
        "<cols><col min=\"2\" max=\"16384\" hidden=\"1\"/></cols><sheetData>{}<row r=\"2\" hidden=\"1\"><c><v>1</v></c></row><row r=\"3\"><c><v>2</v></c></row></sheetData>\
         <mergeCells count=\"9\"><mergeCell ref=\"A2:B2\"/><mergeCell ref=\"A3:A5\"/></mergeCells>",
        header(&["a", "b"])
    );
    check_book(
        Book::new().sheet("Kunden", "", &inside),
        &ReadOptions::default(),
        "[sheet: \"Kunden\" (1 of 1)]
         [header row: row 1]
         ! hidden_rows@0 the sheet has 1 row and 1 column that nobody sees; what is in them was read too
         ! merged_cells@2 the table has 2 groups of merged cells, the first is A2:B2; the text belongs to the first cell of each
         a | b
         2: 1 | ·
         3: 2 | ·",
    );
}

#[test]
fn reading_goes_on_in_the_middle() {
    let mut rows = header(&["a"]);
    for number in 2..200 {
        rows += &format!("<row r=\"{number}\"><c><v>{number}</v></c></row>");
    }
    let bytes = Book::of_rows(&rows).bytes();
    for skip_rows in [1, 48, 49, 50, 150, 198, 500] {
        let options = ReadOptions { skip_rows, ..super::tiny(7, 1 << 20, 100) };
        let mut source = open("x.xlsx", &bytes, &options).unwrap();
        let first = source.next_batch().unwrap();
        let expected = (skip_rows < 198).then_some((skip_rows + 1, skip_rows + 2));
        assert_eq!(first.map(|batch| (batch.first_row, batch.lines[0])), expected);
        while source.next_batch().unwrap().is_some() {}
        assert!(source.bytes_read() > 100);
    }
}

#[test]
fn rejected_rows_come_back_as_delimited_text() {
    let rows =
        header(&["id", "note, long"]) + &format!("<row><c><v>1</v></c>{}</row>", text_cell("", "a,\"b\""));
    let mut source = open("x.xlsx", &Book::of_rows(&rows).bytes(), &ReadOptions::default()).unwrap();
    let failed = source.failed_rows();
    let batch = source.next_batch().unwrap().unwrap();
    let mut out = Vec::new();
    failed.begin(&mut out);
    failed.row(batch.raw.row(0), ["1", "", "code", "why"], &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "id,\"note, long\",dray_row,dray_field,dray_code,dray_reason\n1,\"a,\"\"b\"\"\",1,,code,why\n"
    );
}

#[test]
fn prefixes_and_paths_differ_between_programs() {
    let sheet = "<x:worksheet xmlns:x=\"m\"><x:sheetData><x:row><x:c t=\"inlineStr\"><x:is><x:t>a</x:t></x:is></x:c></x:row><x:row><x:c><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>";
    let parts = [
        (
            "_rels/.rels",
            "<Relationships><Relationship Id=\"1\" Type=\"x/officeDocument\" Target=\"/Book/Main.xml\"/></Relationships>",
        ),
        (
            "book\\main.xml",
            "<x:workbook xmlns:x=\"m\"><x:sheets><x:sheet name=\"A &amp; B\" id=\"s\"/></x:sheets></x:workbook>",
        ),
        (
            "book/_rels/main.xml.rels",
            "<Relationships><Relationship Id=\"s\" Type=\"x/worksheet\" Target=\"..\\tables/./one.xml\"/></Relationships>",
        ),
        ("tables/one.xml", sheet),
    ];
    let parts: Vec<_> =
        parts.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    let mut source = open("x.xlsx", &archive(&parts), &ReadOptions::default()).unwrap();
    assert_eq!(
        show_source(source.as_mut()).unwrap(),
        "[sheet: \"A & B\" (1 of 1)]\n[header row: row 1]\na\n2: 1\n"
    );
}
