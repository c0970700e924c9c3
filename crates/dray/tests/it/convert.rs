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

/// What is written to standard output, and how the command ended.
fn out(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let ended = world.dray(&[&["convert"], arguments].concat());
    (ended.code, ended.out, ended.err)
}

#[test]
fn records_that_cannot_be_read_are_left_out_and_told() {
    let world = world();
    world.file("a.jsonl", "{\"a\":1}\n{\"a\":}\n[7]\n{\"a\":\"x\\ud800\"}\n{\"a\":2}\n");
    let (code, out_text, told) = out(&world, &["a.jsonl", "-", "--to", "csv"]);
    assert_eq!((code, out_text.as_str()), (2, "a\n1\nx\u{fffd}\n2\n"));
    assert!(
        told.contains("invalid_record: 2 rows left out, lines 2, 3: the JSON is broken at column 6"),
        "{told}"
    );
    assert!(told.contains("3 rows → standard output") && told.contains(", 2 left out"), "{told}");
    // Those behind a limit do not matter.
    assert_eq!(out(&world, &["a.jsonl", "-", "--to", "csv", "--limit", "1"]).0, 0);
    let (code, text, _) = out(&world, &["a.jsonl", "-", "--to", "csv", "--limit", "2", "--quiet"]);
    assert_eq!((code, text.as_str()), (2, "a\n1\nx\u{fffd}\n"));
    world.file("b.json", "[{\"a\":1},[1],2]");
    assert_eq!(out(&world, &["b.json", "b.csv"]).0, 2);
    assert_eq!(world.read("b.csv"), "a\n1\n");
    world.file("c.json", "[[\"id\",\"name\"],[1,\"a\"]]");
    assert_eq!(out(&world, &["c.json", "-", "--to", "jsonl"]).1, "{\"id\":1,\"name\":\"a\"}\n");
}

#[test]
fn json_keeps_the_kinds_of_its_values() {
    let world = world();
    let rows = "{\"s\":\"1\",\"n\":1,\"b\":true,\"o\":[1,2],\"e\":\"\",\"x\":1e3,\"d\":\"2025-01-03\",\"z\":null}\n\
                {\"s\":\"007\",\"n\":2,\"b\":false,\"o\":{\"k\":\"v\"},\"e\":null,\"x\":1,\"d\":\"\",\"z\":null}\n";
    world.file("a.jsonl", rows);
    assert_eq!(out(&world, &["a.jsonl", "-", "--to", "jsonl"]).1, rows);
    converted(&world, &["a.jsonl", "b.jsonl"]);
    assert_eq!(world.read("b.jsonl"), rows);
    converted(&world, &["a.jsonl", "a.json"]);
    converted(&world, &["a.json", "c.jsonl"]);
    assert_eq!(world.read("c.jsonl"), rows);
    // Parquet keeps them too, but is read without empty text.
    converted(&world, &["a.jsonl", "a.parquet"]);
    converted(&world, &["a.parquet", "d.jsonl"]);
    assert_eq!(world.read("d.jsonl"), rows.replace(":\"\"", ":null"));
    // A workbook shows dates as dates, and codes as they are.
    converted(&world, &["a.jsonl", "a.xlsx"]);
    assert!(out(&world, &["a.xlsx", "-", "--to", "csv"]).1.contains("\n007,2,"));
}

#[test]
fn a_value_of_another_kind_far_below_changes_its_column() {
    let world = world();
    let mut text = String::new();
    (0..120_000).for_each(|row| text.push_str(&format!("{{\"a\":{row},\"b\":[{row}]}}\n")));
    world.file("late.jsonl", format!("{text}{{\"a\":\"1\",\"b\":\"x\"}}\n"));
    converted(&world, &["late.jsonl", "out.jsonl"]);
    let written = world.read("out.jsonl");
    assert!(written.starts_with("{\"a\":\"0\",\"b\":\"[0]\"}\n"), "{:?}", written.lines().next());
    assert!(written.ends_with("{\"a\":\"1\",\"b\":\"x\"}\n"));
    world.file("late.jsonl", format!("{text}{{\"a\":{{}},\"b\":1}}\n"));
    converted(&world, &["late.jsonl", "out.jsonl"]);
    let written = world.read("out.jsonl");
    assert!(written.starts_with("{\"a\":0,\"b\":[0]}\n") && written.ends_with("{\"a\":{},\"b\":1}\n"));
}

#[test]
fn options_that_mean_nothing_are_refused() {
    let world = world();
    world.file("a.csv", "a,b\n1,2\n");
    world.file("a.json", "[{\"a\":1}]");
    converted(&world, &["a.csv", "a.xlsx"]);
    converted(&world, &["a.csv", "a.parquet"]);
    for (arguments, says) in [
        (vec!["a.csv", "o.xlsx", "--write-encoding", "utf-16"], "`write-encoding` means nothing for xlsx"),
        (
            vec!["a.csv", "o.parquet", "--write-encoding", "utf-8"],
            "`write-encoding` means nothing for parquet",
        ),
        (vec!["a.csv", "o.json", "--bom"], "`bom` means nothing for json"),
        (vec!["a.csv", "o.xlsx", "--compress", "gzip"], "`compress` means nothing for xlsx"),
        (vec!["a.csv", "o.parquet.gz"], "`compress` means nothing for parquet"),
        (vec!["a.csv", "o.csv.gz", "--compress", "zip"], "the file's name says gzip"),
        (vec!["a.csv", "o.jsonl", "--date-format", "%d"], "`date-format` means nothing for jsonl"),
        (vec!["a.csv", "o.json", "--formula-guard"], "`formula-guard` means nothing for json"),
        (vec!["a.xlsx", "o.csv", "--encoding", "utf-8"], "`encoding` means nothing for xlsx"),
        (vec!["a.parquet", "o.csv", "--delimiter", ";"], "`delimiter` means nothing for parquet"),
        (vec!["a.xlsx", "o.csv", "--quote", "single"], "`quote` means nothing for xlsx"),
        (vec!["a.csv", "o.csv", "--records", "x"], "`records` means nothing for csv"),
        (vec!["a.csv", "o.csv", "--sheet", "1"], "`sheet` means nothing for csv"),
        (vec!["a.json", "o.csv", "--skip-rows", "1"], "`skip-rows` means nothing for json"),
        (vec!["a.json", "o.csv", "--unguard"], "`unguard` means nothing for json"),
        (vec!["a.csv", "o.foo"], "`.foo` is the ending of no format that is written"),
        (vec!["a.csv", "o.foo.gz"], "`.foo` is the ending of no format that is written"),
        (vec!["a.csv", "o.pdf", "--font", "none.ttf"], "there is no font `none.ttf`"),
    ] {
        let ended = world.dray(&[vec!["convert"], arguments].concat());
        assert_eq!(ended.code, 1, "{says}: {ended:?}");
        assert!(ended.err.contains(says) && ended.err.contains("hint:"), "{says}: {ended:?}");
    }
    converted(&world, &["a.csv", "o.foo", "--to", "tsv"]);
    assert_eq!(world.read("o.foo"), "a\tb\n1\t2\n");
    converted(&world, &["a.csv", "plain"]);
    assert_eq!(world.read("plain"), "a,b\n1,2\n");
}

#[test]
fn dates_get_the_form_that_was_asked_for() {
    let world = world();
    world.file("a.csv", "day,zip,price,at\n2025-01-03,00123,1.50,14:30\n,7,2,\n");
    converted(&world, &["a.csv", "b.csv", "--date-format", "%d.%m.%Y"]);
    assert_eq!(world.read("b.csv"), "day,zip,price,at\n03.01.2025,00123,1.50,14:30\n,7,2,\n");
    assert_eq!(out(&world, &["a.csv", "-", "--date-format", "%d", "--text"]).0, 1);
}

#[test]
fn columns_of_parquet_that_nobody_wants_are_not_read() {
    let world = world();
    let mut text = String::from("id,note\n");
    (0..5000_u64)
        .for_each(|row| text.push_str(&format!("{row},{:x}\n", row.wrapping_mul(0x9E37_79B9_7F4A_7C15))));
    world.file("a.csv", text);
    converted(&world, &["a.csv", "a.parquet"]);
    let mut bytes = std::fs::read(world.path("a.parquet")).expect("it was written");
    let notes = bytes.len() / 2..bytes.len() * 3 / 4;
    bytes[notes].fill(0xFF);
    world.file("a.parquet", bytes);
    assert_eq!(world.dray(&["convert", "a.parquet", "all.csv"]).code, 1);
    converted(&world, &["a.parquet", "ids.csv", "--columns", "id"]);
    assert_eq!(world.read("ids.csv").lines().nth(5000), Some("4999"));
    let (_, _, told) = out(&world, &["a.parquet", "ids.csv", "--columns", "id,nothing"]);
    assert!(
        told.contains("there is no column `nothing`") && told.contains("the columns are id, note"),
        "{told}"
    );
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
