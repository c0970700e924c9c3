//! What is refused, in which words, and hostile files that must not use up the machine.

use std::path::Path;

use super::{open, read, read_all};
use crate::{ReadOptions, open_path};

fn refusal(text: &[u8]) -> String {
    let error = match open("x.csv", text, &ReadOptions::default()) {
        Err(error) => error,
        Ok(mut source) => read_all(source.as_mut()).unwrap_err(),
    };
    assert!(error.hint.is_some(), "{error} has a hint");
    error.to_string()
}

#[test]
fn what_is_no_table_is_refused_by_name() {
    for empty in ["", "\u{feff}", "\n\r\n\n", "  \t ", "\u{feff}\n"] {
        assert_eq!(refusal(empty.as_bytes()), "`x.csv` is empty");
    }
    for (text, kind) in [
        (&b"%PDF-1.7\n"[..], "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
        (b"\xFF\xD8\xFF\xE0", "a picture (JPEG)"),
        (b"\x7FELF\x02\x01", "a program"),
        (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xFF\xFF\0\0\xB8\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\0\0\0", "a program"),
        (b"SQLite format 3\0", "a SQLite database"),
        (b"Rar!\x1A\x07\x01\0", "a RAR archive"),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version=\"1.0\"?>", "an XML document, which is not read"),
    ] {
        assert_eq!(refusal(text), format!("`x.csv` is {kind}"));
    }
    assert_eq!(refusal(&[0; 5000]), "`x.csv` is not text: most of it is zero bytes");
    // Some thousand bytes that nobody wrote.
    let noise: Vec<u8> =
        (1_u64..10_000).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    assert!(refusal(&noise).starts_with("`x.csv` is not text: "), "{}", refusal(&noise));
}

#[test]
fn a_delimiter_must_be_able_to_divide() {
    for delimiter in *b"\"\n\r" {
        let options =
            ReadOptions { delimiter: Some(char::from(delimiter).to_string()), ..ReadOptions::default() };
        assert!(
            open("x.csv", b"a,b\n", &options).err().unwrap().to_string().starts_with("the delimiter must")
        );
    }
    let options = ReadOptions { delimiter: Some("\0".to_owned()), ..ReadOptions::default() };
    assert_eq!(read("x.csv", b"a\0b\n1,2\0,3\n", &options).rows[0].len(), 2);
}

#[test]
fn files_that_cannot_be_opened_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let error = open_path(&directory.path().join("none.csv"), &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().starts_with("there is no file `"), "{error}");
    let error = open_path(directory.path(), &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().ends_with("is a directory"), "{error}");
    let error = open_path(Path::new("/dev/zero"), &ReadOptions::default()).err().unwrap();
    assert_eq!(error.to_string(), "`/dev/zero` is a device, not a file");
    let socket = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = open_path(&socket, &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().ends_with("is a socket, not a file"), "{error}");
}

#[test]
fn a_named_pipe_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe.csv");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let writer = std::thread::spawn({
        let path = path.clone();
        move || std::fs::write(path, "a,b\n1,2\n").unwrap()
    });
    let contents = read_all(open_path(&path, &ReadOptions::default()).unwrap().as_mut()).unwrap();
    writer.join().unwrap();
    assert_eq!(contents.header, ["a", "b"]);
    assert_eq!(contents.rows.len(), 1);
}

#[test]
fn a_million_columns_are_refused() {
    let header = ",".repeat(2_000_000);
    assert_eq!(refusal(header.as_bytes()), "the header of `x.csv` on line 1 has 2,000,001 columns");
    let row = format!("a,b\n{header}x\n1,2\n");
    let contents = read("x.csv", row.as_bytes(), &ReadOptions::default());
    assert_eq!(contents.rows.len(), 2);
    assert_eq!(contents.problems[0].code.word(), "too_many_cells");
}

#[test]
fn an_endless_line_is_refused() {
    let mut text = b"a,b\n".to_vec();
    text.resize(100 << 20, b'x');
    assert_eq!(refusal(&text), "the row on line 2 of `x.csv` is larger than 67,108,864 bytes");
}

#[test]
fn an_endless_quote_costs_one_row() {
    let text = format!("a,b\n1,\"open\n{}", "2,some text to fill the file\n".repeat(3_000_000));
    let mut source = open("x.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
    let (mut rows, mut problems) = (0, 0);
    while let Some(batch) = source.next_batch().unwrap() {
        rows += batch.len();
        problems += batch.problems.len();
    }
    assert_eq!((rows, problems), (3_000_001, 1));
}

#[test]
fn megabytes_of_blank_lines_are_passed_over() {
    let text = format!("a,b\n{}1,2\n{}", "\n".repeat(20 << 20), "\r\n".repeat(20 << 20));
    let contents = read("x.csv", text.as_bytes(), &ReadOptions::default());
    assert_eq!(contents.lines, [(20 << 20) + 2]);
}

#[test]
fn a_million_members_are_refused() {
    let members = |from: usize| {
        let members: Vec<String> = (from..from + 500_000).map(|index| format!("\"{index}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(
        refusal(members(0).as_bytes()),
        "the records of `x.csv` have more than 4096 different members"
    );
    let text = format!("{}{}\n", "{\"a\":1}\n".repeat(10_000), members(7));
    let contents = read("x.jsonl", text.as_bytes(), &ReadOptions::default());
    assert_eq!((contents.rows.len(), contents.problems.len()), (10_001, 20));
}

#[test]
fn wide_headers_with_short_rows_come_in_small_batches() {
    let text = format!("{}\n{}", ",".repeat(4000), "x\n".repeat(10_000));
    let mut source = open("x.csv", text.as_bytes(), &ReadOptions::default()).unwrap();
    let mut rows = 0;
    while let Some(batch) = source.next_batch().unwrap() {
        assert!(batch.len() * batch.columns.len() <= 1 << 20);
        rows += batch.len();
    }
    assert_eq!(rows, 10_000);
}
