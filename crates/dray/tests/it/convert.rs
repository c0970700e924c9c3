//! `dray convert`: any file in, any file out.

use crate::support::{Kind, World};

const PEOPLE: &str = "id,name,born,balance,active,note\n1,Ana,1990-01-31,12.50,true,\"says \"\"hi\"\",\nand goes\"\n2,Zoë,1985-12-01,-0.25,false,\n3,李雷,2001-07-09,1000.00,true,007\n";

fn world() -> World {
    World::new(Kind::Sqlite)
}

fn converted(world: &World, arguments: &[&str]) -> String {
    let ended = world.dray(&[&["convert"], arguments].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    ended.err
}

#[test]
fn every_format_gives_back_what_it_was_given() {
    let world = world();
    world.file("people.csv", PEOPLE);
    for name in ["a.tsv", "a.json", "a.jsonl", "a.parquet", "a.csv.gz", "a.jsonl.zst", "a.csv.zip"] {
        converted(&world, &["people.csv", name]);
        converted(&world, &[name, "again.csv"]);
        assert_eq!(world.read("again.csv"), PEOPLE, "{name}");
    }
    // A workbook knows numbers, not how many zeros stood behind the point.
    converted(&world, &["people.csv", "a.xlsx"]);
    converted(&world, &["a.xlsx", "again.csv"]);
    assert_eq!(world.read("again.csv"), PEOPLE.replace("12.50", "12.5").replace("1000.00", "1000"));
    converted(&world, &["people.csv", "a.pdf", "--title", "People"]);
    assert!(std::fs::read(world.path("a.pdf")).is_ok_and(|bytes| bytes.starts_with(b"%PDF-")));
}

#[test]
fn types_are_found_and_text_stays_text_on_request() {
    let world = world();
    world.file("people.csv", PEOPLE);
    converted(&world, &["people.csv", "typed.jsonl", "--columns", "balance,id,name", "--limit", "1"]);
    assert_eq!(world.read("typed.jsonl"), "{\"balance\":12.50,\"id\":1,\"name\":\"Ana\"}\n");
    converted(&world, &["people.csv", "text.jsonl", "--columns", "id", "--limit", "1", "--text"]);
    assert_eq!(world.read("text.jsonl"), "{\"id\":\"1\"}\n");
}

#[test]
fn a_cell_of_another_type_far_below_makes_its_column_text() {
    let world = world();
    let mut text = String::from("number,other\n");
    (0..150_000).for_each(|row| text.push_str(&format!("{row},{}\n", row % 7)));
    text.push_str("unknown,1\n");
    world.file("late.csv", &text);
    converted(&world, &["late.csv", "late.parquet"]);
    converted(&world, &["late.parquet", "again.csv"]);
    assert_eq!(world.read("again.csv"), text);
}

#[test]
fn a_file_without_a_header_stays_without_one() {
    let world = world();
    let rows = "2024-01-01,12,alpha\n2024-01-02,15,beta\n2024-01-03,9,gamma\n";
    world.file("bare.csv", rows);
    let told = converted(&world, &["bare.csv", "out.csv"]);
    assert!(told.contains("no header"), "{told}");
    assert_eq!(world.read("out.csv"), rows);
}

#[test]
fn what_was_put_right_is_told() {
    let world = world();
    let mut text = String::from("Report\n\nday;count;place\n");
    (1..20).for_each(|day| text.push_str(&format!("2024-01-{day:02};{};Köln\n", day * 3)));
    text.push_str("2024-01-20;;61;Köln\n2024-01-21;\"64;Köln\n\nSource: the office\n");
    world.file("report.csv", text);
    let told = converted(&world, &["report.csv", "out.csv"]);
    for word in ["semicolon", "header on line 3", "skipped_lines", "too_many_cells", "stray_quote", "line 23"]
    {
        assert!(told.contains(word), "{word}: {told}");
    }
    let out = world.read("out.csv");
    assert!(out.starts_with("day,count,place\n2024-01-01,3,Köln\n"), "{out}");
    assert!(out.ends_with("2024-01-20,61,Köln\n2024-01-21,\"\"\"64\",Köln\n"), "{out}");
    assert_eq!(converted(&world, &["report.csv", "out.csv", "--quiet"]), "");
}

#[test]
fn damage_is_told_and_put_right_on_request() {
    let world = world();
    let mut text = String::from("zip,city\n");
    (0..40)
        .for_each(|row| text.push_str(&format!("{},Halle\n", if row % 4 == 0 { 6108 } else { 10115 + row })));
    text.push_str("01067,Dresden\n");
    world.file("places.csv", text);
    let told = converted(&world, &["places.csv", "out.csv"]);
    assert!(told.contains("lost_zeros") && told.contains("--repair"), "{told}");
    assert!(world.read("out.csv").contains("\n6108,Halle\n"));
    converted(&world, &["places.csv", "out.csv", "--repair"]);
    assert!(world.read("out.csv").contains("\n06108,Halle\n"));
}

#[test]
fn what_cannot_be_converted_is_refused() {
    let world = world();
    world.file("a.csv", "a,b\n1,2\n");
    for (arguments, says) in [
        (vec!["a.csv", "a.csv"], "the source itself"),
        (vec!["a.csv", "b.xls"], "read, not written"),
        (vec!["a.csv", "b.csv", "--columns", "c"], "there is no column"),
        (vec!["none.csv", "b.csv"], "there is no file"),
        (vec!["a.csv", "b.csv", "--encoding", "klingon"], "klingon"),
        (vec!["a.csv", "b.csv", "--from", "parquet"], "a.csv"),
    ] {
        let ended = world.dray(&[vec!["convert"], arguments].concat());
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.err.contains(says), "{says}: {ended:?}");
        assert!(!world.path("b.csv").exists());
    }
    // Of nothing there is nothing to write, and that is said.
    world.file("empty.csv", "");
    let ended = world.dray(&["convert", "empty.csv", "b.csv"]);
    assert!(ended.code == 1 && ended.err.contains("`empty.csv` is empty"), "{ended:?}");
    assert_eq!(world.read("b.csv"), "");
}

/// Two tables in one file, and a row with a cell too many in the first.
const TWO_TABLES: &str = "email,first_name,last_name\nada@x.example,Ada,Lovelace\nalan@x.example,Alan,Turing,7\neve@x.example,Eve,Ng\n\nproduct,price\nchair,12\ntable,30\n";

#[test]
fn rows_of_another_table_are_counted_and_surplus_cells_are_kept() {
    let world = world();
    world.file("two.csv", TWO_TABLES);
    let told = converted(&world, &["two.csv", "out.csv"]);
    assert!(
        told.contains("other_table: 3 rows left out, first row 4, line 6: another table begins on line 6"),
        "{told}"
    );
    assert!(told.contains("3 rows → out.csv"), "{told}");
    let kept = "email,first_name,last_name\nada@x.example,Ada,Lovelace\nalan@x.example,Alan,\"Turing,7\"\neve@x.example,Eve,Ng\n";
    assert_eq!(world.read("out.csv"), kept);
    converted(&world, &["two.csv", "out.jsonl", "--limit", "1"]);
    assert_eq!(world.read("out.jsonl").lines().count(), 1);
}

#[test]
fn an_import_rejects_rows_of_another_table_and_gives_them_back() {
    let world = world();
    world.file("two.csv", TWO_TABLES);
    let ledger = world.json(&["import", "two.csv", "--to", "contacts", "--json", "--failed", "failed.csv"]);
    let count = |what: &str| ledger[what].as_u64();
    assert_eq!((count("read"), count("created"), count("rejected")), (Some(6), Some(2), Some(4)), "{ledger}");
    assert_eq!(ledger["balanced"], true, "{ledger}");
    let failed = world.read("failed.csv");
    let last = failed.lines().last().unwrap_or_default();
    assert!(last.starts_with(",,,6,,other_table,") && last.ends_with(",table,30"), "{failed}");
    // As it is, the file brings nothing in.
    assert_eq!(world.dray(&["import", "failed.csv", "--to", "contacts"]).code, 1);
    assert_eq!(world.records("contacts", "email").lines().count(), 3);
}
