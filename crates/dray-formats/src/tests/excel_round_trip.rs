//! What is written as xlsx is read again: the same cells, whatever they hold.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, Time64MicrosecondArray,
};
use arrow_schema::{Field, Schema};
use dray_model::value::{ValueType, text_of, timestamps};
use proptest::prelude::*;

use super::excel::show_source;
use super::{Contents, Sink, open, read_all};
use crate::{Format, FormulaGuard, OutputColumn, ReadOptions, WriteOptions, writer};

fn write_book(
    columns: &[OutputColumn],
    arrays: Vec<ArrayRef>,
    options: &WriteOptions,
) -> dray_model::Result<Vec<u8>> {
    let sink = Sink::default();
    let mut writer = writer(Format::Xlsx, columns.to_vec(), options, Box::new(sink.clone()))?;
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(&column.name, column.value_type.arrow(), true)).collect();
    writer.write(&RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap())?;
    writer.finish()?;
    let bytes = sink.taken();
    Ok(bytes)
}

fn columns(types: &[ValueType]) -> Vec<OutputColumn> {
    types.iter().enumerate().map(|(index, &kind)| OutputColumn::new(format!("c{index}"), kind)).collect()
}

fn read_book(bytes: &[u8], options: &ReadOptions) -> Contents {
    read_all(open("x.xlsx", bytes, options).unwrap().as_mut()).unwrap()
}

fn shown(bytes: &[u8], options: &ReadOptions) -> String {
    show_source(open("x.xlsx", bytes, options).unwrap().as_mut()).unwrap()
}

#[test]
fn every_type_is_written_as_what_it_is() {
    let types = [
        ValueType::Text,
        ValueType::Integer,
        ValueType::Decimal,
        ValueType::Boolean,
        ValueType::Date,
        ValueType::DateTime,
        ValueType::Time,
    ];
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("=1+1"), None, Some("0012"), Some(" Zoë\n\"x\" ")])),
        Arc::new(Int64Array::from(vec![Some(7), Some(i64::MAX), Some(-999_999_999_999_999), None])),
        Arc::new(StringArray::from(vec![
            Some("12.50"),
            Some("-0.1"),
            Some("12345678901234567.89"),
            Some("0.000000000000001"),
        ])),
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, None])),
        Arc::new(Date32Array::from(vec![Some(19783), Some(-25509), Some(-25508), None])),
        timestamps(vec![
            Some(1_709_288_430_000_000),
            Some(1_709_288_430_123_000),
            Some(1),
            Some(-9e15 as i64),
        ]),
        Arc::new(Time64MicrosecondArray::from(vec![
            Some(37_230_000_000),
            Some(0),
            Some(1),
            Some(86_399_999_000),
        ])),
    ];
    let bytes = write_book(&columns(&types), arrays, &WriteOptions::default()).unwrap();
    assert_eq!(
        shown(&bytes, &ReadOptions::default()),
        "[sheet: \"Sheet 1\" (1 of 1)]\n\
         [header row: row 1]\n\
         c0 | c1 | c2 | c3 | c4 | c5 | c6\n\
         2: =1+1 | 7 | 12.5 | true | 2024-03-01 | 2024-03-01T10:20:30 | 10:20:30\n\
         3: · | 9223372036854775807 | -0.1 | false | 1900-02-28 | 2024-03-01T10:20:30.123 | 00:00:00\n\
         4: 0012 | -999999999999999 | 12345678901234567.89 | · | 1900-03-01 | 1970-01-01T00:00:00.000001Z | 00:00:00.000001\n\
         5:  Zoë\\n\"x\"  | · | 0.000000000000001 | · | · | 1684-10-19T08:00:00Z | 23:59:59.999\n"
    );
}

#[test]
fn formulas_are_guarded_on_request() {
    let options = WriteOptions { formula_guard: FormulaGuard::On, ..WriteOptions::default() };
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["=1", "-x", "'=1", "plain"]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![-1, 2, 3, 4]));
    let bytes =
        write_book(&columns(&[ValueType::Text, ValueType::Integer]), vec![texts, numbers], &options).unwrap();
    let rows = |unguard: bool| -> Vec<String> {
        read_book(&bytes, &ReadOptions { unguard, ..ReadOptions::default() })
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or("·")).collect::<Vec<_>>().join(" | "))
            .collect()
    };
    assert_eq!(rows(false), ["'=1 | -1", "'-x | 2", "''=1 | 3", "plain | 4"]);
    assert_eq!(rows(true), ["=1 | -1", "-x | 2", "'=1 | 3", "plain | 4"]);
}

#[test]
fn titles_become_names_of_sheets() {
    for (title, name) in [
        ("Kunden: 2024/25", "Kunden  2024 25"),
        ("", "Sheet 1"),
        ("'", "Sheet 1"),
        ("choices", "Sheet 1"),
        ("a title that is much longer than a tab", "a title that is much longer tha"),
    ] {
        let options = WriteOptions { title: Some(title.to_owned()), ..WriteOptions::default() };
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let bytes = write_book(&columns(&[ValueType::Text]), vec![texts], &options).unwrap();
        let shown = shown(&bytes, &ReadOptions::default());
        assert!(shown.starts_with(&format!("[sheet: \"{name}\" (1 of 1)]")), "{shown}");
    }
}

#[test]
fn choices_are_offered_in_lists() {
    let mut columns = columns(&[ValueType::Text, ValueType::Text]);
    columns[0].choices = vec!["new".to_owned(), "old".to_owned()];
    columns[1].choices = (0..100).map(|number| format!("choice, {number}")).collect();
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["new"]));
    let bytes = write_book(&columns, vec![Arc::clone(&texts), texts], &WriteOptions::default()).unwrap();
    let contents = shown(&bytes, &ReadOptions::default());
    assert!(contents.contains("hidden_sheets@0 the sheet `Choices` is hidden"), "{contents}");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut sheet = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut sheet)
        .unwrap();
    assert!(sheet.contains("<formula1>\"new,old\"</formula1>"), "a short list stands in the rule");
    assert!(sheet.contains("<formula1>Choices!$B$1:$B$100</formula1>"), "a long one on a sheet");
    assert!(sheet.contains("state=\"frozen\""));
}

#[test]
fn a_text_too_long_for_a_cell_is_refused_by_row_and_column() {
    let long = "x".repeat(32_768);
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["short", long.as_str()]));
    let error = write_book(&columns(&[ValueType::Text]), vec![texts], &WriteOptions::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the text in column `c0` of row 2 is longer than the 32767 characters a cell of a workbook holds"
    );
    assert!(error.hint.is_some());
}

#[test]
fn a_table_without_rows_still_has_its_header() {
    let sink = Sink::default();
    let columns = columns(&[ValueType::Text, ValueType::Date]);
    let writer = writer(Format::Xlsx, columns, &WriteOptions::default(), Box::new(sink.clone())).unwrap();
    writer.finish().unwrap();
    let contents = read_book(&sink.taken(), &ReadOptions::default());
    assert_eq!((contents.header, contents.rows.len()), (vec!["c0".to_owned(), "c1".to_owned()], 0));
}

#[test]
fn a_table_longer_than_a_sheet_goes_on_in_another() {
    let sink = Sink::default();
    let columns = columns(&[ValueType::Integer]);
    let options = WriteOptions { title: Some("Orders".to_owned()), ..WriteOptions::default() };
    let mut writer = writer(Format::Xlsx, columns, &options, Box::new(sink.clone())).unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("c0", ValueType::Integer.arrow(), true)]));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_048_578));
    writer.write(&RecordBatch::try_new(schema, vec![numbers]).unwrap()).unwrap();
    writer.finish().unwrap();
    let bytes = sink.taken();
    let second = ReadOptions { sheet: Some("Orders 2".to_owned()), ..ReadOptions::default() };
    assert_eq!(
        shown(&bytes, &second),
        "[sheet: \"Orders 2\" (2 of 2)]\n[header row: row 1]\nc0\n2: 1048575\n3: 1048576\n4: 1048577\n"
    );
    let whole = read_book(&bytes, &ReadOptions::default());
    assert_eq!((whole.rows.len(), whole.lines.last().copied()), (1_048_578, Some(4)));
    assert_eq!(whole.rows[1_048_577][0].as_deref(), Some("1048577"));
    assert_eq!(
        whole.problems[0].message,
        "the sheet `Orders` is full; its table goes on in `Orders 2`, which was read too"
    );
}

/// Texts that are hard on a format, and any others.
fn texts() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        2 => Just(None),
        2 => "[ \t\n\r\"',;<>&=a-c_x0-9ABFü€😀]{1,12}".prop_map(Some),
        1 => "(_x[0-9A-F]{4}_|_x|_){1,4}".prop_map(Some),
        1 => any::<String>().prop_map(Some),
        1 => "[0-9]{1,30}".prop_map(Some),
        1 => Just(Some("\u{fffe}\u{ffff}\u{1}\u{7f}\r\n".to_owned())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn texts_come_back(rows in prop::collection::vec((texts(), texts()), 1..20)) {
        // A row without any cell is no row.
        let numbers: Vec<i64> = (0..rows.len() as i64).collect();
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(numbers)),
            Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.1.as_deref()).collect::<StringArray>()),
        ];
        let types = [ValueType::Integer, ValueType::Text, ValueType::Text];
        let bytes = write_book(&columns(&types), arrays, &WriteOptions::default()).unwrap();
        let options = ReadOptions { header_row: Some(crate::HeaderRow::Row(1)), ..super::tiny(3, 50, 100) };
        let contents = read_book(&bytes, &options);
        prop_assert_eq!(contents.rows.len(), rows.len());
        for (read, (first, second)) in contents.rows.iter().zip(&rows) {
            let expected = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
            prop_assert_eq!(&read[1], &expected(first));
            prop_assert_eq!(&read[2], &expected(second));
        }
    }

    #[test]
    fn values_come_back(
        rows in prop::collection::vec(
            (any::<i64>(), -800_000_i32..2_932_896, 0_i64..86_400_000_000, any::<bool>(), -1_000_000_000_000_i64..1_000_000_000_000, 0_u32..8),
            1..20,
        )
    ) {
        let types = [ValueType::Integer, ValueType::Date, ValueType::Time, ValueType::Boolean, ValueType::DateTime, ValueType::Decimal];
        let decimals: StringArray = rows.iter().map(|row| {
            let scale = 10_i64.pow(row.5);
            let text = format!("{}.{:0width$}1", row.4 / scale, (row.4 % scale).abs(), width = row.5 as usize);
            Some(text)
        }).collect();
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| Some(row.0 >> (row.5 * 8))).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| Some(row.1)).collect::<Date32Array>()),
            Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Time64MicrosecondArray>()),
            Arc::new(rows.iter().map(|row| Some(row.3)).collect::<BooleanArray>()),
            timestamps(rows.iter().map(|row| Some(row.4 * 1000 * i64::from(row.5))).collect()),
            Arc::new(decimals),
        ];
        let bytes = write_book(&columns(&types), arrays.clone(), &WriteOptions::default()).unwrap();
        let options = ReadOptions { header_row: Some(crate::HeaderRow::Row(1)), ..ReadOptions::default() };
        let contents = read_book(&bytes, &options);
        for (index, read) in contents.rows.iter().enumerate() {
            for (column, (kind, array)) in types.iter().zip(&arrays).enumerate() {
                let expected = text_of(*kind, array.as_ref(), index).unwrap();
                // A workbook has no zones.
                prop_assert_eq!(read[column].as_deref().map(|text| text.trim_end_matches('Z')), Some(expected.trim_end_matches('Z')));
            }
        }
    }
}
