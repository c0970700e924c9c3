//! Delimited text in every style it can be asked for.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Date32Array, Int64Array, StringArray};
use dray_model::value::{ValueType, days_from_civil, timestamps};
use proptest::prelude::*;

use super::{read, write_with};
use crate::{Format, FormulaGuard, LineEnd, QuoteStyle, ReadOptions, TextStyle, WriteOptions};

fn styled(text: TextStyle) -> WriteOptions {
    WriteOptions { text, ..WriteOptions::default() }
}

fn texts(cells: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(cells.to_vec()))
}

fn write(format: Format, options: &WriteOptions) -> String {
    let day = days_from_civil(2024, 2, 9).map(|day| i32::try_from(day).unwrap());
    let columns: [(&str, ValueType, ArrayRef); 5] = [
        ("name", ValueType::Text, texts(&[Some("Ana"), Some("Bo;b, \"x\""), None])),
        ("age", ValueType::Integer, Arc::new(Int64Array::from(vec![Some(-5), None, Some(7)]))),
        ("amount", ValueType::Decimal, texts(&[Some("1.50"), Some("2"), None])),
        ("born", ValueType::Date, Arc::new(Date32Array::from(vec![day, None, day]))),
        ("active", ValueType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
    ];
    String::from_utf8(write_with(format, &columns, options).unwrap()).unwrap()
}

#[test]
fn delimiters_quotes_and_line_ends_are_as_asked() {
    assert_eq!(
        write(Format::Csv, &WriteOptions::default()),
        "name,age,amount,born,active\nAna,-5,1.50,2024-02-09,true\n\"Bo;b, \"\"x\"\"\",,2,,\n,7,,2024-02-09,false\n"
    );
    assert_eq!(
        write(Format::Tsv, &WriteOptions { header: false, ..WriteOptions::default() }),
        "Ana\t-5\t1.50\t2024-02-09\ttrue\n\"Bo;b, \"\"x\"\"\"\t\t2\t\t\n\t7\t\t2024-02-09\tfalse\n"
    );
    let text = TextStyle {
        delimiter: Some(b';'),
        quotes: QuoteStyle::All,
        byte_order_mark: true,
        line_end: LineEnd::CarriageReturnLineFeed,
        encoding: None,
    };
    assert_eq!(
        write(Format::Csv, &styled(text)),
        "\u{feff}\"name\";\"age\";\"amount\";\"born\";\"active\"\r\n\
         \"Ana\";\"-5\";\"1.50\";\"2024-02-09\";\"true\"\r\n\"Bo;b, \"\"x\"\"\";;\"2\";;\r\n;\"7\";;\"2024-02-09\";\"false\"\r\n"
    );
    let text = TextStyle { quotes: QuoteStyle::Text, delimiter: Some(b'-'), ..TextStyle::default() };
    assert_eq!(
        write(Format::Csv, &styled(text)),
        "\"name\"-\"age\"-\"amount\"-\"born\"-\"active\"\n\"Ana\"-\"-5\"-1.50-\"2024-02-09\"-true\n\
         \"Bo;b, \"\"x\"\"\"--2--\n-7--\"2024-02-09\"-false\n"
    );
    for delimiter in *b"\"\r\n\xE9" {
        let text = TextStyle { delimiter: Some(delimiter), ..TextStyle::default() };
        let error = write_with(Format::Csv, &[], &styled(text)).unwrap_err();
        assert!(error.to_string().starts_with("the delimiter must be"), "{error}");
    }
}

#[test]
fn dates_are_written_as_asked() {
    let write = |format: &str| {
        let days = [(2024, 2, 9), (1999, 12, 31)].map(|(y, m, d)| days_from_civil(y, m, d).unwrap());
        let times = days.map(|day| Some((day * 86_400 + 13 * 3600 + 5 * 60 + 9) * 1_000_000));
        let days: Vec<i32> = days.iter().map(|&day| i32::try_from(day).unwrap()).collect();
        let columns: [(&str, ValueType, ArrayRef); 2] = [
            ("day", ValueType::Date, Arc::new(Date32Array::from(days))),
            ("time", ValueType::DateTime, timestamps(times.to_vec())),
        ];
        let options =
            WriteOptions { date_format: Some(format.to_owned()), header: false, ..WriteOptions::default() };
        write_with(Format::Csv, &columns, &options).map(|text| String::from_utf8(text).unwrap())
    };
    assert_eq!(write("%d.%m.%Y").unwrap(), "09.02.2024,09.02.2024\n31.12.1999,31.12.1999\n");
    assert_eq!(
        write("%B %e, %y %I:%M:%S %p").unwrap(),
        "\"February  9, 24 12:00:00 AM\",\"February  9, 24 01:05:09 PM\"\n\
         \"December 31, 99 12:00:00 AM\",\"December 31, 99 01:05:09 PM\"\n"
    );
    assert_eq!(
        write("%b/%j 100%% %H").unwrap(),
        "Feb/040 100% 00,Feb/040 100% 13\nDec/365 100% 00,Dec/365 100% 13\n"
    );
    let error = write("%d %Q").unwrap_err();
    assert_eq!(error.to_string(), "the date format `%d %Q` has `%Q`, which is not known");
    assert!(write("50%").is_err());
}

#[test]
fn text_is_written_in_any_encoding() {
    let columns = [("Straße", ValueType::Text, texts(&[Some("Köln"), None, Some("a,b")]))];
    let write = |encoding: &str, byte_order_mark: bool| {
        let text = TextStyle { encoding: Some(encoding.to_owned()), byte_order_mark, ..TextStyle::default() };
        write_with(Format::Csv, &columns, &styled(text))
    };
    assert_eq!(write("windows-1252", false).unwrap(), b"Stra\xDFe\nK\xF6ln\n\"\"\n\"a,b\"\n");
    assert_eq!(write("utf-16le", true).unwrap()[..6], *b"\xFF\xFES\0t\0");
    assert_eq!(write("utf-16be", false).unwrap()[..4], *b"\0S\0t");
    assert_eq!(write("utf-8", true).unwrap()[..4], *b"\xEF\xBB\xBFS");
    assert_eq!(write("windows-1252", true).unwrap_err().to_string(), "windows-1252 has no byte-order mark");
    assert_eq!(write("utf-7", false).unwrap_err().to_string(), "there is no encoding `utf-7`");
    for encoding in ["utf-16le", "utf-16be", "utf-32le", "macintosh", "gb18030", "iso-8859-15"] {
        let options = ReadOptions { encoding: Some(encoding.to_owned()), ..ReadOptions::default() };
        let contents = read("x.csv", &write(encoding, false).unwrap(), &options);
        assert_eq!(contents.header, ["Straße"], "{encoding}");
        assert_eq!(contents.rows[0][0].as_deref(), Some("Köln"));
    }
}

#[test]
fn json_is_written_as_utf8_only() {
    let options =
        |encoding: &str| styled(TextStyle { encoding: Some(encoding.to_owned()), ..TextStyle::default() });
    let columns = [("a", ValueType::Text, texts(&[Some("é")]))];
    let error = write_with(Format::Jsonl, &columns, &options("utf-16le")).unwrap_err();
    assert_eq!(error.to_string(), "the option `write-encoding` means nothing for jsonl");
}

#[test]
fn a_character_the_encoding_does_not_have_is_named_with_its_place() {
    let write = |name: &str, rows: usize, cell: &str| {
        let mut cells = vec![Some("plain"); rows];
        cells.push(Some(cell));
        let columns = [
            ("a", ValueType::Text, texts(&vec![Some("x"); rows + 1])),
            (name, ValueType::Text, texts(&cells)),
        ];
        let text = TextStyle { encoding: Some("windows-1252".to_owned()), ..TextStyle::default() };
        write_with(Format::Csv, &columns, &styled(text)).unwrap_err().to_string()
    };
    assert_eq!(
        write("city", 2, "in 東京"),
        "row 3, column `city` has the character `東` (U+6771), which windows-1252 does not have"
    );
    assert!(
        write("city", 100_000, "€ ≠ $")
            .starts_with("row 100001, column `city` has the character `≠` (U+2260)")
    );
    assert!(write("Ł", 1, "").starts_with("the header has the character `Ł`"));
}

fn cell() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-z;|,\t\"' \n\r.é=-]{1,8}")
}

proptest! {
    #[test]
    fn every_style_comes_back(
        rows in prop::collection::vec((cell(), cell(), prop::option::of(any::<i64>())), 1..20),
        delimiter in prop::sample::select(b",;\t| -:5".to_vec()),
        quotes in prop::sample::select(vec![QuoteStyle::Needed, QuoteStyle::All, QuoteStyle::Text]),
        line_end in prop::sample::select(vec![LineEnd::LineFeed, LineEnd::CarriageReturnLineFeed]),
        encoding in prop::sample::select(vec!["utf-8", "utf-16le", "utf-16be", "utf-32be", "windows-1252", "gb18030"]),
        mark in any::<bool>(),
        guard in any::<bool>(),
    ) {
        let columns: [(&str, ValueType, ArrayRef); 3] = [
            ("first", ValueType::Text, Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>())),
            ("second", ValueType::Text, Arc::new(rows.iter().map(|row| row.1.as_deref()).collect::<StringArray>())),
            ("third", ValueType::Integer, Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ];
        let text = TextStyle {
            delimiter: Some(delimiter),
            quotes,
            byte_order_mark: mark && encoding.starts_with("utf"),
            line_end,
            encoding: Some(encoding.to_owned()),
        };
        let options = WriteOptions { formula_guard: if guard { FormulaGuard::On } else { FormulaGuard::LookAlikes }, ..styled(text) };
        let written = write_with(Format::Csv, &columns, &options).unwrap();
        let options = ReadOptions {
            delimiter: Some(char::from(delimiter).to_string()),
            encoding: Some(encoding.to_owned()),
            strict: true,
            ..ReadOptions::default()
        };
        let contents = read("x.csv", &written, &options);
        prop_assert_eq!(&contents.header, &["first", "second", "third"]);
        prop_assert_eq!(contents.problems, []);
        let expected: Vec<Vec<Option<String>>> =
            rows.into_iter().map(|(a, b, c)| vec![a, b, c.map(|number| number.to_string())]).collect();
        prop_assert_eq!(contents.rows, expected);
    }
}
