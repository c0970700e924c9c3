//! Parquet: files of other programs in, files of typed columns out, and what is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, Time64MicrosecondArray,
};
use arrow_schema::{Field, Schema};
use dray_model::Result;
use dray_model::flow::RowSource;
use dray_model::value::{ValueType, timestamps};

use super::{Contents, Sink, open, read_all, tiny};
use crate::{Format, OutputColumn, ReadOptions, WriteOptions, open_path, writer};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet").join(name)
}

fn open_fixture(name: &str, options: &ReadOptions) -> Result<Box<dyn RowSource>> {
    open_path(&fixture(name), options)
}

fn read_fixture(name: &str, options: &ReadOptions) -> Contents {
    read_all(open_fixture(name, options).unwrap().as_mut()).unwrap()
}

/// One line for each column: its name, its type and its cells, `·` for null; then the problems.
fn show(source: &mut dyn RowSource) -> String {
    let types = source.column_types();
    let contents = read_all(source).unwrap();
    let mut out = String::new();
    for (index, column) in contents.header.iter().enumerate() {
        let cells: Vec<&str> = contents.rows.iter().map(|row| row[index].as_deref().unwrap_or("·")).collect();
        let kind = types[index].map_or("-".to_owned(), |kind| format!("{kind:?}"));
        out += &format!("{column} {kind}: {}\n", cells.join(" | ").replace('\n', "\\n"));
    }
    for problem in &contents.problems {
        let (column, value) =
            (problem.column.as_deref().unwrap_or(""), problem.value.as_deref().unwrap_or(""));
        let (row, code) = (problem.row_number, problem.code.word());
        out += &format!("{row} {column} {code} `{value}`: {}\n", problem.message);
    }
    out
}

fn check(name: &str, expected: &str) {
    let shown = show(open_fixture(name, &ReadOptions::default()).unwrap().as_mut());
    let expected: String = expected.lines().map(|line| line.trim_start().to_owned() + "\n").collect();
    assert_eq!(shown.trim(), expected.trim());
}

fn refusal(bytes: &[u8]) -> String {
    open("x.parquet", bytes, &ReadOptions::default())
        .and_then(|mut source| read_all(source.as_mut()))
        .unwrap_err()
        .to_string()
}

#[test]
fn every_type_becomes_its_canonical_text() {
    check(
        "types.parquet",
        r#"
        i8 Integer: -128 | · | 127
        u8 Integer: 0 | · | 255
        i16 Integer: -32768 | · | 32767
        u16 Integer: 0 | · | 65535
        i32 Integer: -2147483648 | · | 2147483647
        u32 Integer: 0 | · | 4294967295
        i64 Integer: -9223372036854775808 | · | 9223372036854775807
        u64 Decimal: 0 | · | 18446744073709551615
        f16 Decimal: 0.1 | · | 65504
        f32 Decimal: 0.1 | · | 3.4028235e38
        f64 Decimal: 0.1 | · | -1000000000000000000000
        bool Boolean: true | · | false
        dec9 Decimal: -0.01 | · | 1234567.89
        dec18 Decimal: 0.001 | · | -123456789012345.678
        dec38 Decimal: 5.00 | · | -123456789012345678901234567890123456.78
        dec76 Decimal: 0.0000000000 | · | 999999999999999999999999999999999999999999999999999999999999.1234567890
        date Date: 0001-01-01 | · | 2024-02-29
        date64 Date: 1969-12-31 | · | 9999-12-31
        time_ms Time: 00:00:00 | · | 23:59:59.123
        time_us Time: 09:05:00 | · | 23:59:59.999999
        time_ns Time: 00:00:00 | · | 23:59:59.999999
        ts_ms -: 2024-03-01T10:20:30.5 | · | 0001-01-01T00:00:00
        ts_us_utc DateTime: 2024-03-01T10:20:30.123456Z | · | 1969-12-31T23:59:59.999999Z
        ts_us_berlin DateTime: 2024-03-01T10:20:30Z | · | 2024-07-01T00:00:00Z
        ts_ns -: 2024-03-01T10:20:30.123456 | · | 2024-03-01T10:20:30.123456
        text Text: ä"\n | · | plain
        large_text Text: x | · | 日本
        view Text: a longer text that is not inline | · | b
        dict Text: red | · | blue
        bytes -: text | · | /wABAg==
        fixed -: abc | · | //79
        uuid Uuid: 12345678-9abc-def0-1234-56789abcdef0 | · | 00000000-0000-0000-0000-000000000000
        json Json: {"a":[1,2.50]} | · | "x"
        null -: · | · | ·
        duration -: PT24H1M1.5S | · | -PT1S
        0 time_ns too_many_decimals ``: parts of a second beyond a microsecond are left out
        0 ts_ns too_many_decimals ``: parts of a second beyond a microsecond are left out
        0 bytes invalid_encoding ``: the column holds bytes; those that are no UTF-8 text are read as base64
        0 fixed invalid_encoding ``: the column holds bytes; those that are no UTF-8 text are read as base64
        "#,
    );
}

#[test]
fn lists_maps_and_structures_become_json() {
    check(
        "nested.parquet",
        r#"
        list Json: [1,null,3] | [] | ·
        deep Json: [["a"],[]] | · | [null,["\""]]
        struct Json: {"name":"Zoë","money":1.50,"at":"2024-03-01T00:00:00Z"} | {"name":null,"money":null,"at":null} | ·
        map Json: {"a":1.5,"b":null} | {} | ·
        numbers Json: {"1":"one"} | {"2":"two","3":null} | ·
        fixed_list Json: [1,2] | [3,4] | ·
        people Json: [{"n":"x","t":[true]}] | [{"n":"y","t":[]},null] | ·
        odd Json: [null] | ["inf",1] | ·
        0 odd not_a_decimal ``: the column has values that are "not a number"; they are read as empty
        "#,
    );
}

#[test]
fn what_no_cell_can_hold_is_a_problem_of_its_row() {
    check(
        "odd_values.parquet",
        r#"
        nan Decimal: · | 1.5 | · | ·
        day Date: 1970-01-01 | 9999-12-31 | · | ·
        at DateTime: 1970-01-01T00:00:00Z | 9999-12-31T23:59:59.999999Z | · | ·
        name Text: ok | M�ller | ok | ok
        json Json: 1 | · | null | []
        0 nan not_a_decimal ``: the column has values that are "not a number"; they are read as empty
        2 name invalid_encoding `M�ller`: the column says that it is text, and the bytes are not UTF-8
        2 json invalid_json `{`: the column says that it is JSON
        3 nan not_a_decimal `inf`: no number is infinite
        3 day not_a_date `10000-01-01`: the year must be between 1 and 9999
        3 at not_a_datetime `253402300800000000`: the year must be between 1 and 9999
        4 nan not_a_decimal `-inf`: no number is infinite
        4 day not_a_date `0000-12-31`: the year must be between 1 and 9999
        4 at not_a_datetime `-62135596800000001`: the year must be between 1 and 9999
        "#,
    );
    let raw = read_fixture("odd_values.parquet", &ReadOptions::default()).raw;
    let raw: Vec<&str> = raw.iter().map(|row| std::str::from_utf8(row).unwrap()).collect();
    assert_eq!(raw[0], r#"{"nan":null,"day":"1970-01-01","at":"1970-01-01T00:00:00Z","name":"ok","json":1}"#);
    assert_eq!(
        raw[2],
        r#"{"nan":"inf","day":"10000-01-01","at":"253402300800000000","name":"ok","json":null}"#
    );
}

#[test]
fn rejected_rows_are_given_back_as_json_lines() {
    let source = open_fixture("int96.parquet", &ReadOptions::default()).unwrap();
    let raw = read_fixture("int96.parquet", &ReadOptions::default()).raw;
    let mut out = Vec::new();
    source.failed_rows().row(&raw[1], ["2", "at", "too_small", "no"], &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"id\":2,\"name\":\"name 0 of many\",\"at\":\"1587-02-09T00:00:00\",\"dray_row\":\"2\",\
         \"dray_field\":\"at\",\"dray_code\":\"too_small\",\"dray_reason\":\"no\"}\n"
    );
}

#[test]
fn rows_are_the_same_whatever_the_size_of_batches() {
    for name in ["types.parquet", "nested.parquet", "odd_values.parquet", "int96.parquet", "delta_v2.parquet"]
    {
        let whole = read_fixture(name, &ReadOptions::default());
        for (rows, bytes) in [(1, 1), (3, 40), (7, 1000), (1000, 90)] {
            assert_eq!(read_fixture(name, &tiny(rows, bytes, 1)), whole, "{name} {rows} {bytes}");
        }
        for skip_rows in [1, 2, 29, 30, 31, 80, 100, 101] {
            let options = ReadOptions { skip_rows, ..tiny(13, 1000, 1) };
            let mut source = open_fixture(name, &options).unwrap();
            if let Some(batch) = source.next_batch().unwrap() {
                assert_eq!(batch.first_row, skip_rows + 1);
            }
            let rest = read_fixture(name, &options).rows;
            assert_eq!(rest, whole.rows.get(skip_rows as usize..).unwrap_or_default(), "{name} {skip_rows}");
        }
    }
}

#[test]
fn old_and_new_encodings_are_read() {
    let contents = read_fixture("int96.parquet", &ReadOptions::default());
    assert_eq!(contents.rows.len(), 100);
    assert_eq!(contents.rows[0][2].as_deref(), Some("9999-12-31T23:59:59.123456"));
    assert_eq!(contents.rows[99][2].as_deref(), Some("1989-07-31T00:00:00"));
    let contents = read_fixture("delta_v2.parquet", &ReadOptions::default());
    let last: Vec<&str> = contents.rows[99].iter().flatten().map(String::as_str).collect();
    assert_eq!(last, ["100", "name 9 of many", "9801"]);
}

#[test]
fn only_the_columns_asked_for_are_read() {
    let only = |names: &[&str]| ReadOptions {
        columns: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..ReadOptions::default()
    };
    let contents = read_fixture("nested.parquet", &only(&["map", "deep"]));
    assert_eq!(contents.header, ["deep", "map"]);
    assert_eq!(contents.rows[0][1].as_deref(), Some(r#"{"a":1.5,"b":null}"#));
    assert_eq!(contents.raw[1], br#"{"deep":null,"map":{}}"#);
    let Err(error) = open_fixture("int96.parquet", &only(&["nam"])) else { panic!("it was opened") };
    assert_eq!(error.to_string(), "`int96.parquet` has no column `nam`");
    assert_eq!(error.hint.as_deref(), Some("its columns are id, name, at"));
}

#[test]
fn a_file_without_rows_has_a_header() {
    let contents = read_fixture("no_rows.parquet", &ReadOptions::default());
    assert_eq!((contents.header.as_slice(), contents.rows.len()), (["a".to_owned()].as_slice(), 0));
}

#[test]
fn progress_ends_with_the_file() {
    let mut source = open_fixture("int96.parquet", &tiny(10, 1 << 20, 1)).unwrap();
    let mut before = 0;
    while source.next_batch().unwrap().is_some() {
        assert!(source.bytes_read() > before);
        before = source.bytes_read();
    }
    assert_eq!(before, std::fs::metadata(fixture("int96.parquet")).unwrap().len());
}

#[test]
fn what_cannot_be_read_is_refused_in_words() {
    let whole = std::fs::read(fixture("int96.parquet")).unwrap();
    assert_eq!(
        refusal(&whole[..whole.len() - 100]),
        "`x.parquet` is cut off: the end of the Parquet file is missing"
    );
    assert_eq!(refusal(b"PAR1"), "`x.parquet` is cut off: the end of the Parquet file is missing");
    let mut encrypted = whole.clone();
    let end = encrypted.len();
    encrypted[end - 1] = b'E';
    assert_eq!(refusal(&encrypted), "`x.parquet` is an encrypted Parquet file, which is not read");
    let mut long_footer = whole.clone();
    long_footer[end - 8..end - 4].copy_from_slice(&(end as u32).to_le_bytes());
    assert_eq!(
        refusal(&long_footer),
        "`x.parquet` is damaged, or no Parquet file: its footer is larger than the file"
    );
    let brotli = std::fs::read(fixture("brotli.parquet")).unwrap();
    assert_eq!(refusal(&brotli), "`x.parquet` is packed with Brotli, which is not read");
}

/// A footer whose schema has so many groups within groups.
fn nested_footer(depth: usize) -> Vec<u8> {
    let mut footer = vec![0x15, 2, 0x19, 0xFC];
    let mut count = depth + 1;
    while count >= 0x80 {
        footer.push(count as u8 | 0x80);
        count >>= 7;
    }
    footer.push(count as u8);
    for _ in 0..depth {
        // Required, named `g`, one child.
        footer.extend([0x35, 0, 0x18, 1, b'g', 0x15, 2, 0]);
    }
    footer.extend([0x15, 2, 0x25, 0, 0x18, 1, b'c', 0]);
    footer.extend([0x16, 0, 0x19, 0x0C, 0]);
    let mut file = b"PAR1".to_vec();
    file.extend(&footer);
    file.extend((footer.len() as u32).to_le_bytes());
    file.extend(b"PAR1");
    file
}

#[test]
fn a_schema_without_end_is_refused() {
    assert_eq!(refusal(&nested_footer(100_000)), "the columns of `x.parquet` are nested more than 40 deep");
    assert_eq!(refusal(&nested_footer(41)), "the columns of `x.parquet` are nested more than 40 deep");
    let mut source = open("x.parquet", &nested_footer(30), &ReadOptions::default()).unwrap();
    assert_eq!(source.header(), ["g"]);
    assert!(source.next_batch().unwrap().is_none());
}

#[test]
fn pages_that_would_fill_the_memory_are_refused() {
    // Twelve kilobytes that unpack to 70 MB.
    let text = "x".repeat(70 << 20);
    let column = vec![OutputColumn::new("t", ValueType::Text)];
    let file = write_parquet(column, &[vec![texts(&[Some(&text)])]]).unwrap();
    assert!(file.len() < 20_000);
    let mut options = ReadOptions::default();
    options.limits.max_worker_bytes = 64 << 20;
    let refused = open("x.parquet", &file, &options).and_then(|mut source| read_all(source.as_mut()));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "one row of `x.parquet` may take 70 MiB of memory; at most 64 are given"
    );
    let contents = read_all(open("x.parquet", &file, &ReadOptions::default()).unwrap().as_mut()).unwrap();
    assert_eq!(contents.rows, [[None]]);
    assert_eq!(
        contents.problems[0].message,
        "the cell has 73400320 bytes or more; at most 16777216 are read"
    );
}

fn write_parquet(columns: Vec<OutputColumn>, batches: &[Vec<ArrayRef>]) -> Result<Vec<u8>> {
    let sink = Sink::default();
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(&column.name, column.value_type.arrow(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let mut writer = writer(Format::Parquet, columns, &WriteOptions::default(), Box::new(sink.clone()))?;
    for batch in batches {
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), batch.clone()).unwrap())?;
    }
    writer.finish()?;
    Ok(sink.taken())
}

fn money(digits: u8, scale: u8) -> OutputColumn {
    OutputColumn { decimal: Some((digits, scale)), ..OutputColumn::new("money", ValueType::Decimal) }
}

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(texts.iter().copied().collect::<StringArray>())
}

#[test]
fn typed_columns_are_written_and_read_back() {
    let columns = vec![
        OutputColumn::new("text", ValueType::Text),
        OutputColumn::new("count", ValueType::Integer),
        OutputColumn::new("yes", ValueType::Boolean),
        OutputColumn::new("day", ValueType::Date),
        OutputColumn::new("at", ValueType::DateTime),
        OutputColumn::new("clock", ValueType::Time),
        OutputColumn::new("id", ValueType::Uuid),
        OutputColumn::new("json", ValueType::Json),
        OutputColumn::new("number", ValueType::Decimal),
        money(9, 2),
    ];
    let batch: Vec<ArrayRef> = vec![
        texts(&[Some("a\n\"ß\""), None]),
        Arc::new(Int64Array::from(vec![Some(i64::MIN), None])),
        Arc::new(BooleanArray::from(vec![Some(true), None])),
        Arc::new(Date32Array::from(vec![Some(-1), None])),
        timestamps(vec![Some(1), None]),
        Arc::new(Time64MicrosecondArray::from(vec![Some(1), None])),
        texts(&[Some("00112233-4455-6677-8899-aabbccddeeff"), None]),
        texts(&[Some("{\"a\":1}"), None]),
        texts(&[Some("0.123456789012345678901234567890123456789"), None]),
        texts(&[Some("-1234567.8"), None]),
    ];
    let file = write_parquet(columns, &[batch]).unwrap();
    let mut source = open("x.parquet", &file, &ReadOptions::default()).unwrap();
    let expected = r#"
        text Text: a\n"ß" | ·
        count Integer: -9223372036854775808 | ·
        yes Boolean: true | ·
        day Date: 1969-12-31 | ·
        at DateTime: 1970-01-01T00:00:00.000001Z | ·
        clock Time: 00:00:00.000001 | ·
        id Uuid: 00112233-4455-6677-8899-aabbccddeeff | ·
        json Json: {"a":1} | ·
        number Text: 0.123456789012345678901234567890123456789 | ·
        money Decimal: -1234567.80 | ·
    "#;
    let expected: Vec<&str> = expected.trim().lines().map(str::trim).collect();
    assert_eq!(show(source.as_mut()).trim().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_decimal_that_does_not_fit_is_an_error_and_never_rounded() {
    let write = |column: OutputColumn, text: &str| {
        write_parquet(vec![column], &[vec![texts(&[None])], vec![texts(&[Some("1"), Some(text)])]])
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(write(money(4, 2), "99.99"), Ok(()));
    assert_eq!(write(money(4, 2), "-99.9900"), Ok(()));
    let refused = "`99.999` in row 3 of the column `money` is no number of 4 digits with 2 decimals";
    assert_eq!(write(money(4, 2), "99.999"), Err(refused.to_owned()));
    assert!(write(money(4, 2), "100").is_err());
    assert!(write(money(4, 2), "1e1").is_err());
    assert!(write(money(4, 2), "").is_err());
    assert_eq!(write(money(38, 0), &"9".repeat(38)), Ok(()));
    assert!(write(money(38, 0), &"9".repeat(39)).is_err());
    assert_eq!(
        write(money(4, 5), "1"),
        Err("the column `money` cannot have 4 digits, 5 of them decimals".to_owned())
    );
    assert_eq!(
        write(OutputColumn::new("id", ValueType::Uuid), "x"),
        Err("`1` in row 2 of the column `id` is no UUID".to_owned())
    );
}

#[test]
fn many_rows_make_several_row_groups() {
    let columns = vec![OutputColumn::new("n", ValueType::Integer), OutputColumn::new("t", ValueType::Text)];
    let batches: Vec<Vec<ArrayRef>> = (0..40_i64)
        .map(|batch| {
            let numbers = || batch * 8192..(batch + 1) * 8192;
            let words = numbers().map(|number| (number % 3 > 0).then(|| format!("text {}", number % 7)));
            vec![
                Arc::new(Int64Array::from_iter_values(numbers())) as ArrayRef,
                Arc::new(words.collect::<StringArray>()) as ArrayRef,
            ]
        })
        .collect();
    let file = write_parquet(columns, &batches).unwrap();
    let contents = read_all(open("x.parquet", &file, &ReadOptions::default()).unwrap().as_mut()).unwrap();
    assert_eq!(contents.rows.len(), 40 * 8192);
    for (index, row) in contents.rows.iter().enumerate() {
        assert_eq!(row[0], Some(index.to_string()));
        assert_eq!(row[1], (index % 3 > 0).then(|| format!("text {}", index % 7)));
    }
    let options = ReadOptions { skip_rows: 200_000, ..ReadOptions::default() };
    let mut source = open("x.parquet", &file, &options).unwrap();
    assert_eq!(source.next_batch().unwrap().unwrap().columns[0].value(0), "200000");
}

#[test]
fn a_file_without_rows_or_columns() {
    let file = write_parquet(vec![OutputColumn::new("a.b", ValueType::Text)], &[]).unwrap();
    let mut source = open("x.parquet", &file, &ReadOptions::default()).unwrap();
    assert_eq!(source.header(), ["a.b"]);
    assert!(source.next_batch().unwrap().is_none());
    assert_eq!(write_parquet(vec![], &[]).unwrap_err().to_string(), "a Parquet file needs a column");
}
