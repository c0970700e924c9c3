//! What people see: text in, types and text out.

use arrow_array::{Array, StringArray};
use dray_model::batch::{RawRows, TextBatch};
use dray_model::value::{ValueType, parse_datetime, parse_time, text_of};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_assert_eq, prop_oneof, proptest};

use super::{DecimalSize, Inference, InferredType, Misfit, cast};

fn batch(columns: Vec<StringArray>) -> TextBatch {
    let rows = columns.first().map_or(0, Array::len) as u64;
    TextBatch {
        first_row: 1,
        lines: (2..2 + rows).collect(),
        columns,
        raw: RawRows::default(),
        problems: Vec::new(),
    }
}

/// The type of a column; an empty cell is null.
fn type_of(cells: &[&str]) -> InferredType {
    let mut inference = Inference::new(1);
    inference.look(&batch(vec![column(cells)]));
    inference.types()[0]
}

fn column<T: AsRef<str>>(cells: &[T]) -> StringArray {
    cells.iter().map(|cell| Some(cell.as_ref()).filter(|cell| !cell.is_empty())).collect()
}

/// The cells after they were cast to the type found for them.
fn there_and_back(cells: &[&str]) -> Vec<Option<String>> {
    let found = type_of(cells);
    let typed = cast(&column(cells), &found).expect("the type was made for them");
    assert_eq!(typed.data_type(), &found.value_type.arrow());
    (0..cells.len()).map(|row| text_of(found.value_type, &typed, row)).collect()
}

#[test]
fn the_narrowest_type() {
    for (cells, expected) in [
        (&["1", "", "-20"][..], ValueType::Integer),
        (&["true", "false"], ValueType::Boolean),
        (&["2024-02-29", ""], ValueType::Date),
        (&["10:20", "10:20:30.5"], ValueType::Time),
        (&["2024-02-29T10:20:30Z", "2024-02-29 10:20+02:00"], ValueType::DateTime),
        (&["0188a5eb-8f00-7abc-8def-0123456789ab"], ValueType::Uuid),
        (&[""], ValueType::Text),
        (&["00123", "12345"], ValueType::Text),
        (&["1", "true"], ValueType::Text),
        (&["2024-02-29", "2024-02-29T10:20:30Z"], ValueType::Text),
        (&["2024-02-29T10:20:30"], ValueType::Text),
        (&["1.5", "n/a"], ValueType::Text),
        (&["TRUE"], ValueType::Text),
        (&["{\"a\":1}"], ValueType::Text),
    ] {
        assert_eq!(type_of(cells), InferredType { value_type: expected, decimal: None }, "{cells:?}");
    }
}

#[test]
fn decimals_have_room_for_all() {
    let size = |cells| type_of(cells).decimal.map(|size| (size.precision, size.scale));
    assert_eq!(size(&["1.5", "100", "0.25"]), Some((5, 2)));
    assert_eq!(size(&["0.5"]), Some((1, 1)));
    assert_eq!(size(&["-0"]), Some((1, 0)));
    assert_eq!(size(&["0", "0", "0.5"]), size(&["0.5", "0", "0"]));
    assert_eq!(size(&["9223372036854775808", "1"]), Some((19, 0)));
    let whole = "9".repeat(38);
    assert_eq!(size(&[&whole]), Some((38, 0)));
    assert_eq!(type_of(&[&whole, "0.5"]).value_type, ValueType::Text);
    let texts = there_and_back(&["1.5", "100", "", "0.25", "-0.0", "-7"]);
    let texts: Vec<&str> = texts.iter().map(|text| text.as_deref().unwrap_or("null")).collect();
    assert_eq!(texts, ["1.50", "100.00", "null", "0.25", "0.00", "-7.00"]);
}

#[test]
fn a_later_value_that_does_not_fit() {
    let mut inference = Inference::new(1);
    inference.look(&batch(vec![column(&["1", "2"])]));
    let later = column(&["3", "", "4.5"]);
    let misfit = cast(&later, &inference.types()[0]).expect_err("it has decimals");
    assert_eq!(misfit, Misfit { row: 2, value: "4.5".into() });
    inference.widen(0, &misfit.value);
    let found = inference.types()[0];
    assert_eq!(found.decimal, Some(DecimalSize { precision: 2, scale: 1 }));
    assert!(cast(&later, &found).is_ok());
    assert!(cast(&column(&["10.5"]), &found).is_err() && cast(&column(&["1.55"]), &found).is_err());
    inference.widen(0, "soon");
    assert!(inference.is_settled());
    assert!(cast(&column(&["anything"]), &inference.types()[0]).is_ok());
}

#[test]
fn types_the_source_gives_are_kept() {
    let given =
        [Some(ValueType::Text), Some(ValueType::Decimal), Some(ValueType::Json), Some(ValueType::Date)];
    let mut inference = Inference::with_given(5, &given);
    inference.look(&batch(["12", "12", "12", "", "12"].map(|cell| column(&[cell])).to_vec()));
    let types: Vec<ValueType> = inference.types().iter().map(|found| found.value_type).collect();
    assert_eq!(
        types,
        [ValueType::Text, ValueType::Decimal, ValueType::Json, ValueType::Date, ValueType::Integer]
    );
}

#[test]
fn empty_text_is_no_value() {
    let cells = StringArray::from(vec![Some("7"), Some(""), None]);
    let mut inference = Inference::new(1);
    inference.look(&batch(vec![cells.clone()]));
    for found in [
        inference.types()[0],
        InferredType {
            value_type: ValueType::Decimal,
            decimal: Some(DecimalSize { precision: 1, scale: 0 }),
        },
    ] {
        let typed = cast(&cells, &found).expect("it fits");
        assert_eq!((typed.is_null(0), typed.is_null(1), typed.is_null(2)), (false, true, true));
    }
}

/// Cells of a column: mostly of one kind, so that every type is met.
fn cells() -> impl Strategy<Value = Vec<String>> {
    let kind = prop_oneof![
        Just("|-?[1-9][0-9]{0,19}|0"),
        Just("-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,4})?"),
        Just("-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?"),
        Just("|true|false"),
        Just("(19|20)[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9]"),
        Just("|(1?[0-9]|0[0-9]|2[0-4]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,7})?)?"),
        Just(
            "2024-02-2[0-9][T ](0[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,7})?)?(Z|z|[+-]0[0-9]:?[0-5][0-9]|)"
        ),
        Just("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        Just("\\PC{0,4}"),
    ];
    let some = kind.prop_flat_map(|kind| proptest::collection::vec(kind, 1..20));
    (some, proptest::option::weighted(0.2, "-?[0-9]{1,3}(\\.[0-9])?|true|[a-z]{1,3}")).prop_map(
        |(mut cells, odd)| {
            cells.extend(odd);
            cells
        },
    )
}

/// Digits without the zeros that say nothing.
fn plain(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let digits =
        if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    if digits == "0" { digits.to_owned() } else { format!("{sign}{digits}") }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn typed_columns_say_what_the_text_said(cells in cells()) {
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let found = type_of(&cells).value_type;
        for (cell, back) in cells.iter().zip(there_and_back(&cells)) {
            let Some(back) = back else {
                prop_assert_eq!(*cell, "");
                continue;
            };
            match found {
                ValueType::Decimal => prop_assert_eq!(plain(&back), plain(cell)),
                ValueType::Time => prop_assert_eq!(parse_time(&back), parse_time(cell)),
                ValueType::DateTime => prop_assert_eq!(parse_datetime(&back), parse_datetime(cell)),
                _ => prop_assert_eq!(&back, cell),
            }
        }
    }

    #[test]
    fn types_depend_on_the_cells_alone(cells in cells(), split in 0_usize..20, turn in 0_usize..20) {
        let mut whole = Inference::new(1);
        whole.look(&batch(vec![column(&cells)]));
        let mut turned = cells.clone();
        turned.rotate_left(turn % cells.len());
        turned.reverse();
        let (first, second) = turned.split_at(split.min(turned.len()));
        let mut parts = Inference::new(1);
        parts.look(&batch(vec![column(first)]));
        parts.look(&batch(vec![column(second)]));
        prop_assert_eq!(parts.types(), whole.types());
    }
}
