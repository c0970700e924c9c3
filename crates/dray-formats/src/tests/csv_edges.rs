//! Where a table ends, and rows whose cells stand where nobody expects them: every row of the file is
//! accounted for, and no cell moves without a word.

use dray_model::problem::{ProblemCode, Severity};

use super::{Contents, check, open, read, read_all, tiny};
use crate::{Quote, ReadLimits, ReadOptions};

const HEADER: &str = "date,customer,city,amount\n";

/// A way to write an order.
type Way = fn(&[String; 4]) -> String;

fn order(row: usize) -> [String; 4] {
    let cities = ["Paris", "Rome", "Oslo", "Bern", "Bonn"];
    [
        format!("2025-01-{:02}", row % 28 + 1),
        format!("Doe{}", 1000 + row),
        cities[row % 5].to_owned(),
        format!("{}.50", row % 90),
    ]
}

/// Orders, every other of them as `odd` writes it.
fn every_other(rows: usize, odd: impl Fn(&[String; 4]) -> String) -> String {
    let line = |row| if row % 2 == 0 { order(row).join(",") } else { odd(&order(row)) };
    HEADER.to_owned() + &(0..rows).map(|row| line(row) + "\n").collect::<String>()
}

fn orders(rows: usize) -> String {
    (0..rows).map(|row| order(row).join(",") + "\n").collect()
}

fn of_code(contents: &Contents, code: ProblemCode) -> Vec<u64> {
    contents.problems.iter().filter(|p| p.code == code).map(|p| p.row_number).collect()
}

#[test]
fn rows_behind_the_names_of_the_columns_are_rejected_one_by_one() {
    check(
        "a.csv",
        "name,city\nAnn,Paris\nBob,Rome\n\nname,city\nCid,Oslo\n\"D\nee\",Bern,x\n",
        "
        name | city
        2: Ann | Paris
        3: Bob | Rome
        5: · | ·
          other_table@5 another table begins on line 5, where the names of the columns stand again; to read it, skip the 4 lines above it, or take that line out if the table goes on below it
        6: · | ·
          other_table@6 another table begins on line 5, where the names of the columns stand again; to read it, skip the 4 lines above it, or take that line out if the table goes on below it
        7: · | ·
          other_table@7 another table begins on line 5, where the names of the columns stand again; to read it, skip the 4 lines above it, or take that line out if the table goes on below it
        ",
    );
}

#[test]
fn rows_of_another_table_are_the_same_in_any_batches_and_after_any_skip() {
    let text = format!("{HEADER}{}\nproduct,price\nTisch,1\n\nStuhl,\"2\nBank,3\n", orders(5));
    let all = read("a.csv", text.as_bytes(), &ReadOptions::default());
    assert_eq!(of_code(&all, ProblemCode::OtherTable), (6..=9).collect::<Vec<u64>>());
    assert_eq!(all.raw[5..], [&b"product,price"[..], b"Tisch,1", b"Stuhl,\"2", b"Bank,3"]);
    assert!(all.problems.iter().all(|problem| problem.severity == Severity::Error));
    for skip in 0..12_usize {
        for batch_rows in [1, 2, 100] {
            let options = ReadOptions { skip_rows: skip as u64, ..tiny(batch_rows, 100, 7) };
            let rest = read_all(open("a.csv", text.as_bytes(), &options).unwrap().as_mut()).unwrap();
            assert_eq!(rest.lines, all.lines.get(skip..).unwrap_or_default());
            assert_eq!(rest.raw, all.raw.get(skip..).unwrap_or_default());
            let problems: Vec<_> =
                all.problems.iter().filter(|p| p.row_number > skip as u64).cloned().collect();
            assert_eq!(rest.problems, problems);
        }
    }
}

#[test]
fn a_narrower_table_below_is_another_table_however_long_it_is() {
    for (rows, below) in [(10, 3), (10, 60), (6, 300), (300, 5)] {
        let other: String = (0..below).map(|row| format!("Tisch,{row}.50,a\n")).collect();
        let text = format!("{HEADER}{}\nproduct,price,x\n{other}", orders(rows));
        let contents = read("a.csv", text.as_bytes(), &ReadOptions::default());
        assert_eq!(contents.header, ["date", "customer", "city", "amount"], "{rows} {below}");
        let others: Vec<u64> = (rows as u64 + 1..=(rows + 1 + below) as u64).collect();
        assert_eq!(of_code(&contents, ProblemCode::OtherTable), others, "{rows} {below}");
        assert_eq!(contents.problems.len(), below + 1);
    }
    // The same between two tables with the same names.
    let text = format!("{HEADER}{}\nproduct,price\nA,1\nB,2\nC,3\n\n{HEADER}{}", orders(10), orders(10));
    let contents = read("a.csv", text.as_bytes(), &ReadOptions::default());
    assert_eq!(of_code(&contents, ProblemCode::OtherTable), (11..=25).collect::<Vec<u64>>());
}

#[test]
fn short_rows_that_are_a_habit_are_no_table() {
    for line_end in ["\n", "\n\n"] {
        let row = |row: usize| order(row)[..if row.is_multiple_of(3) { 4 } else { 3 }].join(",") + line_end;
        let text = format!("{HEADER}{}", (0..60).map(row).collect::<String>());
        let contents = read("a.csv", text.as_bytes(), &ReadOptions::default());
        assert_eq!(contents.header, ["date", "customer", "city", "amount"]);
        assert_eq!((contents.rows.len(), contents.problems.len()), (60, 1));
        assert!(contents.problems[0].message.starts_with("40 rows have fewer cells"));
    }
}

#[test]
fn rows_with_all_cells_in_one_are_divided_where_the_columns_show_how() {
    let ways: [(&str, Way); 6] = [
        ("half", |cells| format!("{},{}", cells[0], cells[1..].join(";"))),
        ("semicolons", |cells| cells.join(";")),
        ("tabs", |cells| cells.join("\t")),
        ("blanks", |cells| cells.join(" ")),
        ("in quotes", |cells| format!("\"{}\"", cells.join(","))),
        ("in quotes, with bars", |cells| format!("\"{}\"", cells.join("|"))),
    ];
    for (name, odd) in ways {
        let contents = read("a.csv", every_other(40, odd).as_bytes(), &ReadOptions::default());
        for (row, cells) in contents.rows.iter().enumerate() {
            let cells: Vec<&str> = cells.iter().map(|cell| cell.as_deref().unwrap_or("")).collect();
            assert_eq!(cells, order(row), "{name}");
        }
        let told = of_code(&contents, ProblemCode::RepairedRow);
        assert_eq!(told, (1..=20).map(|row| row * 2).collect::<Vec<u64>>(), "{name}");
    }
    // A spreadsheet program that took every row for one cell.
    let text: String = (0..9).map(|row| format!("\"{}\"\n", order(row).join(","))).collect();
    let contents = read("a.csv", (HEADER.to_owned() + &text).as_bytes(), &ReadOptions::default());
    assert_eq!(contents.rows[8].iter().flatten().collect::<Vec<_>>(), order(8).iter().collect::<Vec<_>>());
    assert_eq!(of_code(&contents, ProblemCode::RepairedRow), (1..=9).collect::<Vec<u64>>());
}

#[test]
fn rows_with_all_cells_in_one_are_rejected_where_nothing_shows_how() {
    let ways: [Way; 3] = [
        // Decimal commas where the others have points.
        |cells| cells.join(";").replace('.', ","),
        |cells| format!("{};{};{};{}", cells[1], cells[0], cells[3], cells[2]),
        |cells| format!("\"{},{},{},{}\"", cells[3], cells[2], cells[1], cells[0]),
    ];
    for odd in ways {
        let contents = read("a.csv", every_other(40, odd).as_bytes(), &ReadOptions::default());
        let told = of_code(&contents, ProblemCode::UnclearRow);
        assert_eq!(told, (1..=20).map(|row| row * 2).collect::<Vec<u64>>());
        assert!(contents.problems.iter().all(|problem| problem.severity == Severity::Error));
    }
    check(
        "a.csv",
        "name,city\n\"Doe, John\"\n",
        "
        name | city
        2: Doe, John | ·
          unclear_row@2 the row has 1 cell and the header 2; perhaps it stands in quotes as a whole, but nothing in the columns shows it; divide it as the other rows are
        ",
    );
}

#[test]
fn surplus_cells_are_kept_in_the_last_one() {
    let told = "the row has 6 cells and the header 4; put cells that contain the delimiter in quotes; as it was read, the rest of it stands in the last cell";
    let text = format!("{HEADER}{}{},x y,\"z, z\"\n", orders(9), order(9).join(","));
    for strict in [false, true] {
        for quote in [None, Some(Quote::Character(b'"'))] {
            let options = ReadOptions { strict, quote, ..ReadOptions::default() };
            let contents = read("a.csv", text.as_bytes(), &options);
            assert_eq!(contents.rows[9][3].as_deref(), Some("9.50,x y,z, z"));
            assert_eq!(contents.rows[9][0], Some(order(9)[0].clone()));
            assert_eq!(contents.problems.len(), 1);
            assert_eq!(contents.problems[0].message, told);
            assert_eq!(contents.raw[9], text.lines().last().unwrap().as_bytes());
        }
    }
    let text = "a,b\n1,2,\u{0}\n".to_owned() + &"3,4\n".repeat(20);
    let contents = read("a.csv", text.as_bytes(), &ReadOptions { strict: true, ..ReadOptions::default() });
    assert_eq!(contents.rows[0][1].as_deref(), Some("2,\u{fffd}"));
    let limits = ReadLimits { max_cell_bytes: 8, ..ReadLimits::default() };
    let options = ReadOptions { strict: true, limits, ..ReadOptions::default() };
    let contents = read("a.csv", b"a,b\n1,12345,12345\n", &options);
    assert_eq!(contents.rows[0][1], None);
    assert!(contents.problems.iter().any(|problem| problem.code == ProblemCode::CellTooLarge));
}

#[test]
fn no_header_by_request_is_nothing_to_tell() {
    let options = ReadOptions { header_row: Some(crate::HeaderRow::None), ..ReadOptions::default() };
    let contents = read("a.csv", b"Ann,Paris\nBob,Rome\n", &options);
    assert_eq!((contents.rows.len(), contents.problems.len()), (2, 0));
    let contents = read("a.csv", b"1,2\n3,4\n5,6\n", &ReadOptions::default());
    assert_eq!(contents.problems[0].code, ProblemCode::NoHeader);
}

#[test]
fn lines_left_out_are_told_in_their_number() {
    let told = |text: String| {
        let contents = read("a.csv", text.as_bytes(), &ReadOptions::default());
        contents.problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
    };
    let (one, many) = (format!("Report\n{HEADER}{}", orders(9)), format!("A\n\nB\n{HEADER}{}", orders(9)));
    assert_eq!(told(one), ["line 1 above the header was left out; it is no part of the table"]);
    assert_eq!(told(many), ["lines 1 to 3 above the header were left out; they are no part of the table"]);
    let below = format!("{HEADER}{}Source: the office\n", orders(9));
    assert_eq!(told(below), ["line 11 below the table was left out; it is no part of it"]);
}

#[test]
fn rows_of_another_table_that_are_given_back_are_not_taken_for_rows() {
    for (other, width) in [("product,price\nTisch,1\nStuhl,2\n", 2), ("date,customer,city,amount\n", 4)] {
        let text = format!("{HEADER}{}\n{other}", orders(5));
        let mut source = open("a.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
        let format = source.failed_rows();
        let contents = read_all(source.as_mut()).unwrap();
        let mut failed = Vec::new();
        format.begin(&mut failed);
        for raw in &contents.raw[5..] {
            format.row(raw, ["6", "", "other_table", "another table"], &mut failed);
        }
        let again = read("failed.csv", &failed, &ReadOptions::default());
        assert_eq!(again.rows.len(), contents.rows.len() - 5);
        let rejected: Vec<u64> = again
            .problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| problem.row_number)
            .collect();
        assert_eq!(rejected, (1..=again.rows.len() as u64).collect::<Vec<u64>>(), "{width}");
    }
}

#[test]
fn a_quote_that_never_closes_ends_at_the_record_limit_by_any_quote() {
    let text = format!("a,b\n1,'x\n{}", "2,y\n".repeat(1000));
    let limits =
        ReadLimits { max_record_bytes: 500, read_bytes: 100, batch_bytes: 300, ..ReadLimits::default() };
    for strict in [false, true] {
        let quote = Some(Quote::Character(b'\''));
        let options = ReadOptions { limits: limits.clone(), quote, strict, ..ReadOptions::default() };
        let contents = read("a.csv", text.as_bytes(), &options);
        assert!(contents.rows.len() > 800, "{strict}");
    }
}

#[test]
fn a_small_table_among_as_many_notes() {
    check(
        "a.csv",
        "Report of May 2025\nexported by Ann\n\nName;Betrag;Datum\nM;1.234,50;03.04.2025\nJ;2,00;13.04.2025\nTotal: 2\n",
        "
        Name | Betrag | Datum
          skipped_lines@1 lines 1 to 2 above the header were left out; they are no part of the table
          skipped_lines@7 line 7 below the table was left out; it is no part of it
        5: M | 1.234,50 | 03.04.2025
        6: J | 2,00 | 13.04.2025
        ",
    );
    // Names with a comma here and there are one column.
    let contents =
        read("a.csv", b"name\nCher\nDoe, John\nLee, Ann\nBono\nPink\nSting\n", &ReadOptions::default());
    assert_eq!(contents.header, ["name"]);
}

#[test]
fn empty_surplus_cells_are_no_text_to_keep() {
    let strict = ReadOptions { strict: true, ..ReadOptions::default() };
    for text in ["a,b\n1,2,,\n", "a,b\n1,2,\"\"\n"] {
        let rows = read("a.csv", text.as_bytes(), &strict).rows;
        assert_eq!(rows, [[Some("1".to_owned()), Some("2".to_owned())]]);
    }
}
