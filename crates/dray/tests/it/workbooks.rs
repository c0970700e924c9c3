//! Workbooks that are read in a process of their own: what they hold, and what becomes of the process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow_array::Array;
use dray_formats::{ReadOptions, open_path};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dray-formats/fixtures/excel").join(name)
}

fn with_worker() -> ReadOptions {
    ReadOptions { worker: Some(PathBuf::from(env!("CARGO_BIN_EXE_dray"))), ..ReadOptions::default() }
}

/// What a workbook holds, line by line; or why it is refused.
fn read(path: &Path, options: &ReadOptions) -> Result<String, String> {
    let refused = |error: dray_model::Error| {
        assert!(error.hint.is_some(), "{error} has a hint");
        error.to_string()
    };
    let mut source = open_path(path, options).map_err(refused)?;
    let sheet =
        source.detected().into_iter().find(|detected| detected.what == "sheet").map(|sheet| sheet.value);
    let mut lines = vec![sheet.unwrap_or_default(), source.header().join(" | ")];
    let mut remarks = Vec::new();
    while let Some(batch) = source.next_batch().map_err(refused)? {
        for row in 0..batch.len() {
            let cell = |column: &arrow_array::StringArray| match column.is_valid(row) {
                true => column.value(row).to_owned(),
                false => "·".to_owned(),
            };
            let cells: Vec<String> = batch.columns.iter().map(cell).collect();
            lines.push(format!("{}: {}", batch.lines[row], cells.join(" | ")));
        }
        remarks.extend(
            batch.problems.into_iter().map(|problem| format!("{} {}", problem.row_number, problem.message)),
        );
    }
    lines.extend(remarks);
    Ok(lines.join("\n"))
}

#[test]
fn older_workbooks_are_read_in_both_date_systems() {
    for name in ["dates_1900.xls", "dates_1904.xls"] {
        assert_eq!(
            read(&fixture(name), &with_worker()).expect("it is read"),
            "\"Kunden\" (2 of 2)\n\
             id | name | since | seen | at | amount | ok | error\n\
             2: 1 | Müller | 2024-03-01 | 2024-03-01T10:20:30 | 10:20:30 | 0.3 | true | ·\n\
             3: 2 | Zoë | · | · | · | · | · | ·\n\
             0 the sheet `Secret` is hidden and was not read\n\
             0 the table has 1 group of merged cells, the first is B3:B4; the text belongs to the first cell of each\n\
             2 the cell H3 shows the error #N/A; put it right in the spreadsheet program",
            "{name}"
        );
    }
    let options = ReadOptions { sheet: Some("1".to_owned()), ..with_worker() };
    assert_eq!(read(&fixture("dates_1900.xls"), &options).expect("it is read"), "\"Secret\" (1 of 2)\nx");
}

#[test]
fn binary_workbooks_are_read() {
    assert_eq!(
        read(&fixture("kinds.xlsb"), &with_worker()).expect("it is read"),
        "\"Kunden\" (1 of 2)\n\
         id | name | seen | amount | ok | error\n\
         2: 1 | Müller | 2024-03-01T10:20:30 | 0.3 | true | ·\n\
         4: 2 | Zoë | 2024-03-01 | · | · | ·\n\
         0 the sheet `Secret` is hidden and was not read\n\
         2 the cell F4 shows the error #N/A; put it right in the spreadsheet program"
    );
}

#[test]
fn open_document_spreadsheets_are_read() {
    assert_eq!(
        read(&fixture("kinds.ods"), &with_worker()).expect("it is read"),
        "\"Kunden\" (1 of 1)\n\
         id | name | since | seen | at | share | ok\n\
         2: 1 | Müller | 2024-03-01 | 2024-03-01T10:20:30 | 10:20:30 | 0.25 | true\n\
         6: 2 | · | · | · | · | · | ·"
    );
}

#[test]
fn a_cover_page_is_passed_over_in_older_workbooks_too() {
    assert_eq!(
        read(&fixture("cover.xls"), &with_worker()).expect("it is read"),
        "\"Data\" (2 of 2)\nid | name\n2: 1 | Ann\n3: 2 | Bob\n\
         0 the sheet `Data` was read; there is also `Cover`"
    );
}

#[test]
fn what_a_workbook_is_shows_its_content_not_its_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("renamed.xlsx");
    std::fs::copy(fixture("dates_1900.xls"), &path).expect("a copy");
    assert!(read(&path, &with_worker()).expect("it is read").contains("Müller"));
}

#[test]
fn refusals_come_from_the_other_process_as_sentences() {
    let refusal =
        |name: &str, options: &ReadOptions| read(&fixture(name), options).expect_err("it is refused");
    assert_eq!(refusal("password.xls", &with_worker()), "`password.xls` is protected with a password");
    let options = ReadOptions { sheet: Some("Lager".to_owned()), ..with_worker() };
    assert_eq!(refusal("kinds.ods", &options), "`kinds.ods` has no sheet `Lager`");
    assert_eq!(
        refusal("kinds.xlsb", &ReadOptions::default()),
        "`kinds.xlsb` is a workbook in xlsb format, which is not read here"
    );
    let options = ReadOptions { worker: Some(PathBuf::from("/nowhere/dray")), ..ReadOptions::default() };
    assert_eq!(
        refusal("kinds.xlsb", &options),
        "the program `/nowhere/dray` that reads workbooks does not start"
    );
}

#[test]
fn whatever_a_program_says_instead_is_refused() {
    for program in ["/bin/true", "/bin/false", "/bin/echo", "/bin/cat"] {
        let options = ReadOptions { worker: Some(PathBuf::from(program)), ..ReadOptions::default() };
        let refused = read(&fixture("kinds.xlsb"), &options).expect_err("it is refused");
        assert!(refused.starts_with("`kinds.xlsb` is damaged"), "{program}: {refused}");
    }
}

#[test]
fn a_workbook_that_wants_too_much_memory_ends_with_its_process() {
    let begun = Instant::now();
    let refused = read(&fixture("repeated.ods"), &with_worker()).expect_err("it is refused");
    assert!(refused.starts_with("`repeated.ods` "), "{refused}");
    // The far cell fits, or does not, depending on the memory given; both are answers.
    let mut options = with_worker();
    options.limits.max_worker_bytes = 100 << 20;
    assert_eq!(
        read(&fixture("far_cell.xls"), &options).expect_err("it is refused"),
        "`far_cell.xls` could not be read: it needs more memory than 100 MiB, or is damaged"
    );
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn cut_off_workbooks_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["dates_1900.xls", "kinds.xlsb", "kinds.ods"] {
        let whole = std::fs::read(fixture(name)).expect("the fixture");
        for part in 1..6 {
            let path = directory.path().join(name);
            std::fs::write(&path, &whole[..whole.len() * part / 6]).expect("a file");
            let refused = read(&path, &with_worker()).expect_err("it is refused");
            assert!(refused.starts_with(&format!("`{name}` ")), "{refused}");
        }
    }
}

#[test]
fn a_source_that_is_dropped_takes_its_process_along() {
    for _ in 0..20 {
        let source = open_path(&fixture("kinds.xlsb"), &with_worker()).expect("it opens");
        drop(source);
    }
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", std::process::id()));
    // Other tests have processes of their own; none of them may be left over from these.
    let left = children.unwrap_or_default();
    let zombies = left.split_whitespace().filter(|id| {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        state.contains(") Z ")
    });
    assert_eq!(zombies.count(), 0);
}
