//! Parquet: everything written is read back, whatever the size of batches, and no damage to a file makes
//! the reader panic.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use dray_model::value::{ValueType, column_from_text};
use proptest::prelude::*;

use super::{Row, Sink, open, read_all, tiny};
use crate::{Format, OutputColumn, ReadOptions, WriteOptions, writer};

/// A type and a pattern of its canonical texts.
fn kinds() -> Vec<(ValueType, &'static str)> {
    vec![
        (ValueType::Text, "[a,\"\\\\\n\r\té日😀\u{0} ]{1,12}"),
        (ValueType::Integer, "-?[1-9][0-9]{0,17}"),
        (ValueType::Decimal, "-?[1-9][0-9]{0,9}\\.[0-9]{3}"),
        (ValueType::Boolean, "true|false"),
        (ValueType::Date, "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"),
        (
            ValueType::DateTime,
            "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T1[0-9]:[0-5][0-9]:[0-5][0-9]Z",
        ),
        (ValueType::Time, "(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{5}[1-9])?"),
        (ValueType::Uuid, "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        (ValueType::Json, "\\{\"[a-z]{0,3}\":(null|[1-9]|\\[\"é\",\"\\\\\\\\n\"\\])\\}"),
    ]
}

type Columns = Vec<(ValueType, Vec<Option<String>>)>;

fn columns() -> impl Strategy<Value = Columns> {
    let column = |rows: usize| {
        prop::sample::select(kinds()).prop_flat_map(move |(kind, pattern)| {
            (Just(kind), prop::collection::vec(prop::option::of(pattern), rows))
        })
    };
    (0_usize..40).prop_flat_map(move |rows| prop::collection::vec(column(rows), 1..6))
}

fn write(columns: &Columns, batch_rows: usize) -> Vec<u8> {
    let sink = Sink::default();
    let output = columns.iter().enumerate().map(|(index, (kind, _))| OutputColumn {
        decimal: (*kind == ValueType::Decimal).then_some((18, 3)),
        ..OutputColumn::new(format!("c{index}"), *kind)
    });
    let output: Vec<OutputColumn> = output.collect();
    let fields: Vec<Field> =
        output.iter().map(|column| Field::new(&column.name, column.value_type.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let mut writer =
        writer(Format::Parquet, output, &WriteOptions::default(), Box::new(sink.clone())).unwrap();
    let rows = columns[0].1.len();
    for begin in (0..rows).step_by(batch_rows) {
        let end = rows.min(begin + batch_rows);
        let arrays = columns
            .iter()
            .map(|(kind, cells)| column_from_text(*kind, cells[begin..end].iter().map(Option::as_deref)));
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), arrays.collect()).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    sink.taken()
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet");
    std::fs::read(folder.join(format!("{name}.parquet"))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn what_is_written_is_read_back(columns in columns(), batch_rows in 1_usize..20, rows in 1_usize..50, bytes in 1_usize..400) {
        let file = write(&columns, batch_rows);
        let mut source = open("x.parquet", &file, &tiny(rows, bytes, 1)).unwrap();
        let types: Vec<_> = columns.iter().map(|(kind, _)| Some(*kind)).collect();
        prop_assert_eq!(source.column_types(), types);
        let contents = read_all(source.as_mut()).unwrap();
        let count = columns[0].1.len();
        let expected: Vec<Row> =
            (0..count).map(|row| columns.iter().map(|(_, cells)| cells[row].clone()).collect()).collect();
        prop_assert_eq!(contents.rows, expected);
        prop_assert!(contents.problems.is_empty());
    }

    #[test]
    fn rows_to_give_back_are_json_of_the_same_cells(columns in columns()) {
        let file = write(&columns, 100);
        let contents = read_all(open("x.parquet", &file, &ReadOptions::default()).unwrap().as_mut()).unwrap();
        let lines = contents.raw.join(&b'\n');
        if !contents.rows.is_empty() {
            let again = read_all(open("x.jsonl", &lines, &ReadOptions::default()).unwrap().as_mut()).unwrap();
            prop_assert_eq!(again.rows, contents.rows);
            prop_assert_eq!(again.header, contents.header);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn no_damage_makes_it_panic(
        name in prop::sample::select(vec!["types", "nested", "odd_values", "int96", "delta_v2"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..5),
        columns in prop::option::of(0_usize..3),
    ) {
        let mut file = fixture(name);
        // Half of the changes hit the footer, where the most can go wrong.
        let footer = u32::from_le_bytes(*file[..file.len() - 4].last_chunk::<4>().unwrap()) as usize;
        for (place, byte, in_footer) in changes {
            let end = file.len();
            let begin = if in_footer { end - footer - 8 } else { 0 };
            let at = begin + place.index(end - begin);
            file[at] = byte;
        }
        let mut options = tiny(7, 1 << 20, 1);
        options.columns = columns.map(|count| vec!["id".to_owned(); count]);
        if let Ok(mut source) = open("x.parquet", &file, &options) {
            // What can be read still is rows and problems; the rest is an error.
            let mut rows = 0;
            while let Ok(Some(batch)) = source.next_batch() {
                prop_assert!(batch.columns.iter().all(|column: &StringArray| arrow_array::Array::len(column) == batch.len()));
                rows += batch.len();
                if rows > 10_000 {
                    break;
                }
            }
        }
    }
}
