//! CSV: rows, nulls, lines, problems, failed rows, writing.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::{BooleanArray, Date32Array, Int64Array, StringArray};
use dray_model::value::ValueType;

use super::{Trickle, check, open, read, read_all, tiny, write};
use crate::{Format, ReadLimits, ReadOptions, open_reader};

#[test]
fn cells_are_read() {
    check(
        "a.csv",
        "\u{feff} name ,city,,name\nAna,\"Köln, Süd\",1,\"say \"\"hi\"\"\"\r\n\"\", \"x\" ,\0,a\"b\n",
        r#"
        name | city | column 3 | name (2)
        2: Ana | Köln, Süd | 1 | say "hi"
        3: · |  "x"  | � | a"b
          invalid_character@3 column 3: the cell has a NUL character, at offset 64 of the text; take it out
        "#,
    );
}

#[test]
fn every_kind_of_line_end_counts_once() {
    check(
        "a.csv",
        "\n\r\n\ra,b\r1,\"x\r\ny\rz\nw\"\r\n\r\n2,3\n\n\r4,5",
        r"
        a | b
        5: 1 | x\r\ny\rz\nw
        10: 2 | 3
        13: 4 | 5
        ",
    );
}

#[test]
fn short_rows_are_filled_and_long_ones_are_told() {
    check(
        "a.csv",
        "a,b,c\n1\n1,2,3,,\n1,2,3,4\n,,\n",
        "
        a | b | c
          repaired_row@2 1 row has fewer cells than the header, the first on line 2; the missing cells are empty
        2: 1 | · | ·
        3: 1 | 2 | 3
        4: 1 | 2 | 3,4
          too_many_cells@4 the row has 4 cells and the header 3; put cells that contain the delimiter in quotes; as it was read, the rest of it stands in the last cell
        5: · | · | ·
        ",
    );
}

#[test]
fn quotes_that_open_no_cell_are_text() {
    check(
        "a.csv",
        "a,b\n\"x\"y,\"1\"\"2\"3\"4\n",
        r#"
        a | b
        2: "x"y | "1""2"3"4
          stray_quote@2 a quote that opens or closes no cell was taken as text
        "#,
    );
    let strict = ReadOptions { strict: true, ..ReadOptions::default() };
    let by_the_letter = read("a.csv", b"a,b\n\"x\"y,\"1\"\"2\"3\"4\n", &strict);
    assert_eq!(by_the_letter.rows, [[Some("xy".to_owned()), Some("1\"23\"4".to_owned())]]);
}

#[test]
fn an_unclosed_quote_costs_one_row() {
    check(
        "a.csv",
        "a,b\n1,\"x\n2,y\n3,z\n",
        r#"
        a | b
        2: 1 | "x
          stray_quote@2 a quote that opens or closes no cell was taken as text
        3: 2 | y
        4: 3 | z
        "#,
    );
    check(
        "a.csv",
        "a,b\n1,\"",
        "a | b\n2: 1 | \"\n  stray_quote@2 a quote that opens or closes no cell was taken as text",
    );
}

#[test]
fn an_unclosed_quote_is_given_up_at_the_record_limit() {
    let text = format!("a,b\n1,\"x\n{}9,\"y\"\n", "2,y\n".repeat(1000));
    let limits =
        ReadLimits { max_record_bytes: 500, read_bytes: 100, batch_bytes: 300, ..ReadLimits::default() };
    let contents = read("a.csv", text.as_bytes(), &ReadOptions { limits, ..ReadOptions::default() });
    assert_eq!(contents.rows.len(), 1002);
    assert_eq!(contents.lines, (2..1004).collect::<Vec<u64>>());
    assert_eq!(contents.problems.len(), 1);
    assert_eq!(contents.rows[1001][1].as_deref(), Some("y"));
}

#[test]
fn bytes_that_are_no_text_are_told_and_replaced() {
    check(
        "a.csv",
        b"a,b\n1,Andr\xe9\n\"M\xfcller \"\"x\"\"\",2\nok,\xC3\xBC\xC3\xBC\xC3\xBC\n",
        r#"
        a | b
        2: 1 | Andr�
          invalid_encoding@2 b: the byte 0xE9 at offset 10 of the file is no text in UTF-8; correct the text, or name its encoding
        3: M�ller "x" | 2
          invalid_encoding@3 a: the byte 0xFC at offset 14 of the file is no text in UTF-8; correct the text, or name its encoding
        4: ok | üüü
        "#,
    );
}

#[test]
fn large_cells_are_told() {
    let limits = ReadLimits { max_cell_bytes: 10, ..ReadLimits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let contents = read("a.csv", b"a,b\n1,12345678901\n2,1234567890\n", &options);
    assert_eq!(contents.rows[0], [Some("1".to_owned()), None]);
    assert_eq!(contents.rows[1][1].as_deref(), Some("1234567890"));
    assert_eq!(contents.problems[0].code.word(), "cell_too_large");
}

#[test]
fn the_delimiter_is_found() {
    check("a.csv", "a;b\n1,5;2,5\n3,5;4\n", "a | b\n2: 1,5 | 2,5\n3: 3,5 | 4");
    check("a.csv", "a\tb\nx, y\tz\n", "a | b\n2: x, y | z");
    check("a.csv", "a|b\n\"1|2\"|3\n", "a | b\n2: 1|2 | 3");
    check("a.csv", "a\nx\ny\n", "a\n2: x\n3: y");
    check(
        "a.csv",
        "a;b\n1\n2\n",
        "a | b\n  repaired_row@2 2 rows have fewer cells than the header, the first on line 2; the missing cells are empty\n2: 1 | ·\n3: 2 | ·",
    );
    check("a.csv", "\"a,b\";c\n", "a,b | c");
    check(
        "a.csv",
        "a,b,c\n1\n2\n3,4\n",
        "a | b | c\n  repaired_row@2 3 rows have fewer cells than the header, the first on line 2; the missing cells are empty\n2: 1 | · | ·\n3: 2 | · | ·\n4: 3 | 4 | ·",
    );
}

#[test]
fn a_header_alone_has_no_rows() {
    check("a.csv", "a,b", "a | b");
    check("a.csv", "a,b\r\n", "a | b");
}

#[test]
fn skipped_rows_keep_the_numbers_of_the_others() {
    let text = b"a,b\n1,x\n\n2,\"y\ny\"\n3,z,surplus\n4,\xff\n5,v\n";
    let all = read("a.csv", text, &ReadOptions::default());
    for skip in 0..8_usize {
        for batch_rows in [1, 2, 100] {
            let mut options = tiny(batch_rows, 100, 7);
            options.skip_rows = skip as u64;
            let mut source = open("a.csv", text, &options).unwrap();
            if let Some(batch) = source.next_batch().unwrap() {
                assert_eq!(batch.first_row, skip as u64 + 1);
            }
            let mut source = open("a.csv", text, &options).unwrap();
            let rest = read_all(source.as_mut()).unwrap();
            assert_eq!(rest.rows, all.rows.get(skip..).unwrap_or_default());
            assert_eq!(rest.lines, all.lines.get(skip..).unwrap_or_default());
            let problems: Vec<_> =
                all.problems.iter().filter(|p| p.row_number > skip as u64).cloned().collect();
            assert_eq!(rest.problems, problems);
            assert_eq!(source.bytes_read(), text.len() as u64);
        }
    }
}

#[test]
fn a_slow_source_is_read_to_the_end() {
    let reader = Box::new(Trickle(Cursor::new(b"a,b\n1,2\n3,4\n".to_vec())));
    let mut source = open_reader("stdin", reader, &ReadOptions::default()).unwrap();
    assert_eq!(read_all(source.as_mut()).unwrap().rows.len(), 2);
}

fn failed_file(text: &[u8], options: &ReadOptions) -> Vec<u8> {
    let mut source = open("a.csv", text, options).unwrap();
    let format = source.failed_rows();
    let contents = read_all(source.as_mut()).unwrap();
    let mut out = Vec::new();
    format.begin(&mut out);
    for (index, raw) in contents.raw.iter().enumerate() {
        format.row(raw, [&(index + 1).to_string(), "email", "invalid_email", "no @; or, \"two\""], &mut out);
    }
    out
}

#[test]
fn failed_rows_stand_under_their_headers() {
    let text = b"a;b;c\r\n1;\"x\ny\";3\n1\n1;2;3;4;;6\n1;2;3;;\n1;\"open\n\"q\"z;\xff;3\n";
    let failed = failed_file(text, &ReadOptions::default());
    let notes = "email;invalid_email;\"no @; or, \"\"two\"\"\"";
    let again = read("failed.csv", &failed, &ReadOptions::default());
    let before = read("a.csv", text, &ReadOptions::default());
    assert_eq!(again.header[3..], dray_model::flow::FAILED_COLUMNS);
    for (row, before) in again.rows.iter().zip(&before.rows) {
        assert_eq!(&row[..3], &before[..]);
        assert_eq!(row[6].as_deref(), Some("no @; or, \"two\""));
    }
    assert_eq!(again.rows.len(), before.rows.len());
    assert!(failed.starts_with(
        format!("a;b;c;dray_row;dray_field;dray_code;dray_reason\n1;\"x\ny\";3;1;{notes}\n1;;;2;{notes}\n1;2;3;3;{notes};4;;6\n1;2;3;4;{notes}\n").as_bytes()
    ));
    // Read and failed once more, the notes are replaced and not added.
    assert_eq!(failed_file(&failed, &ReadOptions::default()), failed);
}

#[test]
fn cells_are_written_with_the_quotes_they_need() {
    let text =
        StringArray::from(vec![Some("a,b"), Some("say \"hi\""), None, Some(" x"), Some("l\nm"), Some("-")]);
    let clean = StringArray::from(vec![Some("é"), None, Some(""), Some("tail\t"), Some("y"), Some("z")]);
    let numbers = Int64Array::from(vec![Some(1), None, Some(-3), Some(4), Some(5), Some(6)]);
    let flags = BooleanArray::from(vec![Some(true), Some(false), None, None, None, None]);
    let dates = Date32Array::from(vec![Some(0), None, Some(19_782), None, None, None]);
    let written = write(
        Format::Csv,
        &[
            ("text, with comma", ValueType::Text, Arc::new(text)),
            ("clean", ValueType::Text, Arc::new(clean)),
            ("n", ValueType::Integer, Arc::new(numbers)),
            ("f", ValueType::Boolean, Arc::new(flags)),
            ("d", ValueType::Date, Arc::new(dates)),
        ],
    );
    assert_eq!(
        written,
        "\"text, with comma\",clean,n,f,d\n\"a,b\",é,1,true,1970-01-01\n\"say \"\"hi\"\"\",,,false,\n\
         ,,-3,,2024-02-29\n\" x\",\"tail\t\",4,,\n\"l\nm\",y,5,,\n-,z,6,,\n"
    );
}

#[test]
fn a_single_empty_cell_is_not_a_blank_line() {
    let written =
        write(Format::Csv, &[("a", ValueType::Text, Arc::new(StringArray::from(vec![None, Some("x")])))]);
    assert_eq!(written, "a\n\"\"\nx\n");
}
