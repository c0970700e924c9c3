//! What people see: tables in, findings out. Above all, clean tables must stay silent.

use std::io::Cursor;

use dray_formats::{ReadOptions, open_reader};
use dray_model::flow::RowSource;
use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

use super::{DamageKind, DamageScan, Finding, Repair, repaired};

fn source(table: &str) -> Box<dyn RowSource> {
    open_reader("table.csv", Box::new(Cursor::new(table.to_owned())), &ReadOptions::default())
        .expect("it is a table")
}

fn scan(table: &str) -> Vec<Finding> {
    let mut source = source(table);
    let mut scan = DamageScan::new(source.header(), true);
    let mut rows = 0;
    while let Some(batch) = source.next_batch().expect("it can be read") {
        rows += batch.len() as u64;
        scan.look(&batch);
    }
    scan.finish(Some(rows))
}

/// A table of one column.
fn column<T: AsRef<str>>(header: &str, cells: impl IntoIterator<Item = T>) -> String {
    let mut table = header.to_owned() + ",n\n";
    for cell in cells {
        table += &format!("\"{}\",x\n", cell.as_ref());
    }
    table
}

fn kinds(table: &str) -> Vec<DamageKind> {
    scan(table).iter().map(|finding| finding.kind).collect()
}

#[track_caller]
fn one(table: &str) -> Finding {
    let mut found = scan(table);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[track_caller]
fn assert_clean(table: &str) {
    let found = scan(table);
    assert!(found.is_empty(), "{found:?}\n{table}");
}

#[test]
fn codes_that_lost_their_zeros() {
    let found = one("sku,name\n00123,Nut\n04711,Bolt\n12345,Screw\n99,Washer\n815,Nail\n");
    assert_eq!((found.kind, found.count, found.source), (DamageKind::LostZeros, 2, Some(0)));
    assert_eq!(found.repair, Some(Repair::PadZeros { width: 5 }));
    assert_eq!(
        found.message,
        "2 cells in `sku` have fewer than the 5 digits of the others: a spreadsheet program took codes for numbers and \
         dropped the zeros they began with"
    );
    let examples: Vec<(u64, u64, &str)> = found
        .examples
        .iter()
        .map(|example| (example.row_number, example.line, example.value.as_str()))
        .collect();
    assert_eq!(examples, [(4, 5, "99"), (5, 6, "815")]);
}

#[test]
fn postal_codes_are_judged_country_by_country() {
    let found =
        one("zip,city\n10001,New York\n94105,San Francisco\n60601,Chicago\n73301,Austin\n2134,Boston\n");
    assert_eq!(found.repair, Some(Repair::PadZeros { width: 5 }));
    let american = "10001,US\n94105,US\n60601,US\n2134,US\n";
    let found = one(&format!("postcode,country\n{american}SW1A 1AA,GB\n"));
    assert_eq!((found.count, found.repair), (1, Some(Repair::PadZeros { width: 5 })));
    let found = one(&format!("postcode,country\n{american}1010,AT\n8010,AT\n"));
    assert_eq!((found.count, found.repair), (1, None));
    assert!(found.message.ends_with("codes of some countries are as short by nature"), "{}", found.message);
    // Germany and Austria in one list.
    assert_clean("PLZ,Land\n01067,DE\n10115,DE\n80331,DE\n20095,DE\n1010,AT\n8010,AT\n");
    assert_clean("PLZ,Ort\n01067,Dresden\n10115,Berlin\n80331,München\n1010,Wien\n");
}

#[test]
fn long_numbers_in_their_short_form() {
    let found = one("ean,name\n4006381333931,Pen\n4.00638E+12,Ink\n1.23E+11,Nib\n");
    assert_eq!((found.kind, found.count, found.repair), (DamageKind::ScientificNotation, 2, None));
    assert!(found.message.contains("the digits that are not shown are gone"), "{}", found.message);
    let found = one("Telefon;x\n4,91512E+11;\n4,91713E+11;\n");
    assert_eq!((found.kind, found.count), (DamageKind::ScientificNotation, 2));
    let found = one("account id,x\n1.234567E+06,\n1234568,\n");
    assert_eq!(found.repair, Some(Repair::ExpandExponent));
    let found = one(&column("part", ["12F3", "7A11", "1.20E+04", "19B2"]));
    assert_eq!((found.kind, found.repair), (DamageKind::ScientificNotation, None));
}

#[test]
fn digits_past_the_15th() {
    let found = one(&column("card", ["4111111111111110", "5500005555555550", "4012888888881880"]));
    assert_eq!((found.kind, found.count, found.repair), (DamageKind::LostDigits, 3, None));
    let found = one(&column("tweet", ["1234567890123450000"]));
    assert_eq!((found.kind, found.count), (DamageKind::LostDigits, 1));
}

#[test]
fn text_that_became_a_date() {
    let found = one(&column("gene", ["TP53", "1-Sep", "BRCA1", "2-Mar", "EGFR"]));
    assert_eq!((found.kind, found.count, found.repair), (DamageKind::TextBecameDate, 2, None));
    let found = one(&column("grösse", ["12-14", "2-Mar", "36-38", "40-42"]));
    assert_eq!(found.kind, DamageKind::TextBecameDate);
    assert_eq!(kinds(&column("Symbol", ["Sep-01", "MARCHF2", "Dec-01"])), [DamageKind::TextBecameDate]);
    assert_eq!(kinds(&column("Artikel", ["12/7", "01. Sep", "13/44"])), [DamageKind::TextBecameDate]);
}

#[test]
fn day_and_month_in_two_orders() {
    let found = one(&column("joined", ["31/12/2024", "01/02/2024", "12/31/2024", "28/02/2024"]));
    assert_eq!((found.kind, found.count, found.repair), (DamageKind::MixedDateOrder, 1, None));
    assert!(
        found.message.starts_with(
            "dates in `joined` have two orders: 2 can only be day/month and 1 only month/day, and 1 can be read both ways"
        ),
        "{}",
        found.message
    );
    assert_eq!(found.examples.len(), 2);
}

#[test]
fn text_cut_at_the_end_of_a_cell() {
    let cut = "é".repeat(32_767);
    let found = one(&column("notes", ["short", &cut]));
    assert_eq!((found.kind, found.count, found.repair), (DamageKind::CutText, 1, None));
    assert!(found.examples[0].value.chars().count() <= 101);
    assert_clean(&column("notes", ["é".repeat(32_766), "é".repeat(32_768)]));
}

#[test]
fn tables_that_end_where_a_sheet_ends() {
    let header = ["a".to_owned()];
    for (rows, has_header, found) in [
        (1_048_575, true, 1),
        (65_535, true, 1),
        (1_048_576, false, 1),
        (1_048_576, true, 0),
        (1_000_000, true, 0),
    ] {
        let findings = DamageScan::new(&header, has_header).finish(Some(rows));
        assert_eq!(findings.len(), found, "{rows} {findings:?}");
    }
    assert!(DamageScan::new(&header, true).finish(None).is_empty());
    let mut source = source("a,b\n1,2\n");
    let mut scan = DamageScan::new(source.header(), true);
    let mut batch = source.next_batch().expect("it can be read").expect("it has rows");
    // Title lines above the header leave fewer rows.
    (batch.first_row, batch.lines) = (65_530, vec![65_536]);
    scan.look(&batch);
    assert_eq!(scan.finish(Some(65_530))[0].kind, DamageKind::RowLimit);
}

#[test]
fn garbled_letters() {
    let found = one("name,city\nFranÃ§ois,Bern\nAnna,Köln\n");
    assert_eq!((found.kind, found.count, found.repair), (DamageKind::Mojibake, 1, Some(Repair::FixMojibake)));
    assert_eq!(found.column.as_deref(), Some("name"));
    let found = one(&column("name", ["FranÃ§ois", "FranÃ§ois et René"]));
    assert_eq!(found.count, 2);
    assert!(found.message.contains("1 of them can be put right"), "{}", found.message);
    let found = one(&column("name", ["FranÃ§ois et René"]));
    assert_eq!(found.repair, None);
}

#[test]
fn contacts_and_crm_exports_are_clean() {
    assert_clean(
        "Record ID,First Name,Phone Number,Mobile,Create Date,Number of Page Views,Total Spent\n\
         5101,Anna,+49 30 901820,+49 151 23456789,2024-03-01 09:12:33,12,1203.50\n\
         5102,Luis,+34 912 345 678,,2023-11-17 22:01:05,0,0.00\n\
         12103,Mei,(415) 555-0132,415-555-0199,2025-01-30 00:00:00,431,1.5\n",
    );
    assert_clean(
        "Kundennummer;Vorname;Straße;PLZ;Ort;Telefon;Geburtsdatum;Betrag;Jahr\n\
         5101;Jürgen;Große Allee 1;10115;Köln;030901820;02.05.1984;1.203,50;1999\n\
         12;Zoë;Öländische Str. ½;1010;Wien;0151 23456789;31.12.1990;-12,5;2024\n\
         5103;Ä;„Ä“-Weg;SW1A 1AA;London;01234;13.01.2001;0;1950\n",
    );
    assert_clean(
        "prénom,société,note,tel\n\
         Amélie,NESCAFÉ®,« Il est passé…\u{a0}»,0612345678\n\
         André,L’ORÉAL™,À rappeler – été,912345678\n\
         Joséphine,SOCIÉTÉ\u{a0}: SA,Déjà vu,0112345678\n",
    );
    assert_clean("nome,nota\nJOÃO,AMANHÃ…\nMARIA IRMÃ\u{a0}LUÍSA,NÃO\n");
}

#[test]
fn columns_that_only_look_damaged_are_clean() {
    // Codes of one width, and numbers of any.
    assert_clean(&column("id", ["00123", "00124", "12345"]));
    assert_clean(&column("id", ["9998", "9999", "10000", "10001"]));
    assert_clean(&column("n", ["0", "12", "431", "000"]));
    assert_clean(&column("NACE", ["01", "011", "0111", "10"]));
    // Measurements.
    assert_clean(&column("mass", ["3.30E+23", "4.87E+24", "5.97E+24"]));
    assert_clean(&column("load", ["1.2E+05", "ND", "2.1E+04", "<50"]));
    assert_clean(&column("value", ["1.5E-05", "2.25", "1.23E+11"]));
    assert_clean(&column("value", ["1e10", "100", "1.5e3"]));
    // Large numbers.
    assert_clean(&column("wei", ["1500000000000000000", "2000000000000000000"]));
    assert_clean(&column("at_ns", ["1709284353123000000", "1709284353456000000", "1709284354789000000"]));
    assert_clean(&column("id", ["1234567890123450", "1234567890123457", "1234567890123459"]));
    assert_clean(&column("card", ["4111111111111110"]));
    // Dates and months.
    assert_clean(&column("day", ["1-Sep", "2-Sep", "3-Sep"]));
    assert_clean(&column("month", ["Jan-24", "Feb-24", "TBD", "TBD", "TBD"]));
    assert_clean(&column("start", ["Jan-24", "2024-02-01", "2024-03-01"]));
    assert_clean(&column("item", ["Kit-01", "Mar-02", "Bag-03"]));
    assert_clean(&column("joined", ["31/12/2024", "01/02/2024", "28/02/2024"]));
    assert_clean(&column("joined", ["12/31/2024", "2024-12-31", "02/28/2024"]));
    assert_clean(&column("ssn", ["123-13-2024", "012-31-2024", "555-12-3456"]));
    // Other text.
    assert_clean(&column("version", ["1.2.3", "10.0.1", "192.0.2.10"]));
    assert_clean(&column("name", ["May", "April", "June", "Jan"]));
    assert_clean(&column("range", ["2-3", "12-14", "1-2"]));
    assert_clean("a,b\n,\n,\n");
}

#[test]
fn repairs_reach_the_cells_and_are_told() {
    let table = "code,name,n\n00123,FranÃ§ois,1\n7,Anna,2\n,MÃ¼ller,3\n";
    let repairs = [(0, Repair::PadZeros { width: 5 }), (1, Repair::FixMojibake), (2, Repair::FixMojibake)];
    let mut source = repaired(source(table), &repairs);
    let batch = source.next_batch().expect("it can be read").expect("it has rows");
    let cells = |column: usize| batch.columns[column].iter().collect::<Vec<_>>();
    assert_eq!(cells(0), [Some("00123"), Some("00007"), None]);
    assert_eq!(cells(1), [Some("François"), Some("Anna"), Some("Müller")]);
    assert_eq!(cells(2), [Some("1"), Some("2"), Some("3")]);
    assert_eq!(batch.raw.row(1), b"7,Anna,2");
    let last = source.next_batch().expect("it can be read").expect("it tells what it did");
    assert!(last.is_empty() && last.columns.len() == 3);
    let told: Vec<(u64, &str)> =
        last.problems.iter().map(|problem| (problem.row_number, problem.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                0,
                "1 cell was repaired, the first in row 2: zeros are put before the codes until they have 5 digits"
            ),
            (
                0,
                "2 cells were repaired, the first in row 1: garbled letters are turned back into what they were"
            ),
        ]
    );
    assert!(source.next_batch().expect("it can be read").is_none());
    // A scan of the repaired source finds nothing.
    let mut again = repaired(self::source(table), &repairs);
    let mut scan = DamageScan::new(again.header(), true);
    while let Some(batch) = again.next_batch().expect("it can be read") {
        scan.look(&batch);
    }
    assert!(scan.finish(None).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_table_can_be_scanned_in_any_batches(
        cells in proptest::collection::vec("[0-9]{0,20}|[0-9]{1,2}[-/.][A-Za-z0-9é]{1,4}([-/][0-9]{2,4})?|-?[0-9][.,]?[0-9]{0,5}E[+-][0-9]{1,3}|\\PC{0,12}", 1..40),
        size in 1_usize..7,
    ) {
        let table = column("zip", cells.iter().map(|cell| cell.replace('"', "")));
        let mut source = source(&table);
        let mut parts = DamageScan::new(source.header(), true);
        while let Some(batch) = source.next_batch().expect("it can be read") {
            for from in (0..batch.len()).step_by(size) {
                let length = size.min(batch.len() - from);
                let mut part = batch.clone();
                part.first_row += from as u64;
                part.lines = part.lines[from..from + length].to_vec();
                part.columns = part.columns.iter().map(|column| column.slice(from, length)).collect();
                parts.look(&part);
            }
        }
        prop_assert_eq!(parts.finish(None), scan(&table));
    }
}
