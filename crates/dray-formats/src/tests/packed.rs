//! Packed files: recognised by content, read completely, and refused in a sentence where they are cut
//! off, damaged, ambiguous or bombs.

use std::io::{Cursor, Read, Write};
use std::time::Instant;

use dray_model::Error;
use proptest::prelude::*;

use super::{Contents, Trickle, open, read_all};
use crate::{Compression, ReadLimits, ReadOptions, open_path, open_reader};

fn pack(compression: Compression, text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    match compression {
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(&mut packed, 3).unwrap();
            encoder.include_checksum(true).unwrap();
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Snappy => {
            let mut encoder = snap::write::FrameEncoder::new(&mut packed);
            encoder.write_all(text).unwrap();
            encoder.flush().unwrap();
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(&mut packed, bzip2::Compression::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Xz => {
            let options = lzma_rust2::XzOptions::with_preset(3);
            let mut encoder = lzma_rust2::XzWriter::new(&mut packed, options).unwrap();
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap();
        }
        Compression::Zip => packed = zip(&[("data/contacts.csv", text)]),
    }
    packed
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        let options = zip::write::SimpleFileOptions::default();
        if let Some(directory) = name.strip_suffix('/') {
            archive.add_directory(directory, options).unwrap();
        } else {
            archive.start_file(*name, options).unwrap();
            archive.write_all(text).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

/// What was found out about a source, and its value.
type Findings = Vec<(&'static str, String)>;

fn read(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<(Contents, Findings), Error> {
    let mut source = open(name, bytes, options)?;
    let contents = read_all(source.as_mut())?;
    let detected = source.detected().into_iter().map(|found| (found.what, found.value)).collect();
    Ok((contents, detected))
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    let error = read(name, bytes, &ReadOptions::default()).unwrap_err();
    assert!(error.hint.is_some(), "{error} has a hint");
    error.to_string()
}

/// Rows of which no two are alike, `count` of them.
fn table(count: usize) -> Vec<u8> {
    let row = |n: usize| format!("{n},{},{}\n", n.wrapping_mul(2_654_435_761) % 1_000_003, n % 97);
    ("id,number,rest\n".to_owned() + &(0..count).map(row).collect::<String>()).into_bytes()
}

#[test]
fn every_packing_is_recognised_by_content() {
    let text = table(20_000);
    for compression in Compression::ALL {
        for name in ["x.csv", "contacts.csv.gz", "no extension"] {
            let (contents, detected) =
                read(name, &pack(compression, &text), &ReadOptions::default()).unwrap();
            assert_eq!(contents.rows.len(), 20_000, "{compression:?}");
            assert_eq!(contents.rows[19_999][0].as_deref(), Some("19999"));
            assert_eq!(detected[0], ("compression", compression.word().to_owned()));
            let member = detected.iter().find(|(what, _)| *what == "member");
            assert_eq!(member.is_some(), compression == Compression::Zip);
        }
    }
}

#[test]
fn the_name_inside_says_the_format() {
    let lines = b"[1,2]\n";
    let packed = pack(Compression::Gzip, lines);
    let (_, detected) = read("x.jsonl.gz", &packed, &ReadOptions::default()).unwrap();
    assert!(detected.contains(&("format", "jsonl".to_owned())));
    let (_, detected) = read("x.zip", &zip(&[("a/x.jsonl", lines)]), &ReadOptions::default()).unwrap();
    assert!(detected.contains(&("format", "jsonl".to_owned())));
    assert!(detected.contains(&("member", "a/x.jsonl".to_owned())));
}

#[test]
fn parts_one_behind_the_other_are_read_completely() {
    let text = table(3000);
    let (first, second) = text.split_at(20_000);
    for compression in Compression::ALL.into_iter().filter(|c| *c != Compression::Zip) {
        let packed = [pack(compression, first), pack(compression, b""), pack(compression, second)].concat();
        let (contents, _) = read("x", &packed, &ReadOptions::default()).unwrap();
        assert_eq!(contents.rows.len(), 3000, "{compression:?}");
        let reader = Box::new(Trickle(Cursor::new(packed)));
        let mut source = open_reader("x", reader, &ReadOptions::default()).unwrap();
        assert_eq!(read_all(source.as_mut()).unwrap().rows, contents.rows);
    }
    let padded =
        [pack(Compression::Xz, first), vec![0; 8], pack(Compression::Xz, second), vec![0; 4]].concat();
    assert_eq!(read("x", &padded, &ReadOptions::default()).unwrap().0.rows.len(), 3000);
}

#[test]
fn what_is_cut_off_is_never_an_end() {
    let text = table(300);
    for compression in Compression::ALL {
        let packed = pack(compression, &text);
        for length in 16..packed.len() {
            let message = refusal("x.csv.packed", &packed[..length]);
            assert!(
                message.starts_with("`x.csv.packed` is cut off: "),
                "{compression:?} at {length}: {message}"
            );
            assert!(message.contains(&format!("byte {length}")), "{compression:?} at {length}: {message}");
        }
    }
}

#[test]
fn a_file_cut_off_late_is_told_when_its_rows_are_read() {
    for (compression, count) in [
        (Compression::Gzip, 200_000),
        (Compression::Zstd, 200_000),
        (Compression::Xz, 200_000),
        (Compression::Bzip2, 200_000),
    ] {
        let packed = pack(compression, &table(count));
        let mut source = open("x", &packed[..packed.len() - 3], &ReadOptions::default()).unwrap();
        let mut rows = 0;
        let error = loop {
            match source.next_batch() {
                Ok(batch) => rows += batch.expect("the end is never silent").len(),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().starts_with("`x` is cut off"), "{compression:?}: {error}");
        assert!(rows < count);
    }
}

#[test]
fn a_broken_byte_is_told() {
    let text = table(2000);
    for compression in Compression::ALL {
        let packed = pack(compression, &text);
        let middle = packed.len() / 2;
        for at in middle..middle + 40 {
            let mut broken = packed.clone();
            broken[at] ^= 0x10;
            let result = read("x", &broken, &ReadOptions::default());
            let message = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.starts_with("`x` is "), "{compression:?} at {at}: {message}");
        }
    }
}

#[test]
fn something_behind_the_end_is_told() {
    let text = table(100);
    for compression in
        [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz, Compression::Snappy]
    {
        let packed = [pack(compression, &text), b"GARBAGE, that is no packed data".to_vec()].concat();
        let message = refusal("x", &packed);
        assert!(message.starts_with("`x` is damaged: "), "{compression:?}: {message}");
    }
}

#[test]
fn an_archive_holds_one_file_or_the_member_is_named() {
    let (a, b) = (&b"h\na\n"[..], &b"h\nb\n"[..]);
    assert_eq!(refusal("x.zip", &zip(&[])), "`x.zip` is a zip archive without a file in it");
    assert_eq!(
        refusal("x.zip", &zip(&[("d/", b""), ("__MACOSX/._a.csv", b"?"), ("d/.DS_Store", b"?")])),
        "`x.zip` is a zip archive without a file in it"
    );
    let two = zip(&[("d/", b""), ("a.csv", a), ("d/b.csv", b), ("__MACOSX/._a.csv", b"?")]);
    assert_eq!(refusal("x.zip", &two), "`x.zip` holds 2 files: `a.csv`, `d/b.csv`");
    let member = |name: &str| ReadOptions { member: Some(name.to_owned()), ..ReadOptions::default() };
    for (name, cell) in [("a.csv", "a"), ("d/b.csv", "b"), ("b.csv", "b")] {
        let (contents, _) = read("x.zip", &two, &member(name)).unwrap();
        assert_eq!(contents.rows[0][0].as_deref(), Some(cell));
    }
    assert_eq!(
        read("x.zip", &two, &member("c.csv")).unwrap_err().to_string(),
        "`x.zip` holds no file `c.csv`; it holds `a.csv`, `d/b.csv`"
    );
    assert_eq!(
        read("x.csv", a, &member("c.csv")).unwrap_err().to_string(),
        "`x.csv` is no zip archive, so there is no file `c.csv` in it"
    );
    let hostile = zip(&[("../../etc/passwd\u{1b}[2J", a)]);
    let (contents, _) = read("x.zip", &hostile, &ReadOptions::default()).unwrap();
    assert_eq!(contents.rows.len(), 1, "a path is only a name");
}

/// Changes every place where `from` stands.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let places: Vec<usize> = memchr::memmem::find_iter(bytes, from).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
}

#[test]
fn archives_that_readers_could_take_differently_are_refused() {
    let mut twice = zip(&[("a.csv", b"h\na\n"), ("b.csv", b"h\nb\n")]);
    replace(&mut twice, b"b.csv", b"a.csv");
    assert_eq!(refusal("x.zip", &twice), "`x.zip` holds `a.csv` twice");

    let mut other_name = zip(&[("a.csv", b"h\na\n")]);
    other_name[30..35].copy_from_slice(b"b.csv");
    let message = refusal("x.zip", &other_name);
    assert_eq!(message, "`x.zip` is damaged: the list of files and `a.csv` itself say different things");

    let mut encrypted = zip(&[("a.csv", b"h\na\n")]);
    let list = memchr::memmem::find(&encrypted, b"PK\x01\x02").unwrap();
    encrypted[list + 8] |= 1;
    assert_eq!(refusal("x.zip", &encrypted), "`a.csv` in `x.zip` is encrypted");

    let mut rare = zip(&[("a.csv", b"h\na\n")]);
    rare[list + 10] = 98;
    assert_eq!(refusal("x.zip", &rare), "`a.csv` in `x.zip` is packed by method 98, which is not read");

    let mut longer = zip(&[("a.csv", b"h\na\n")]);
    longer[list + 24] += 1;
    assert!(refusal("x.zip", &longer).contains("it is not as long as the archive says"));
    let mut lying = zip(&[("a.csv", b"h\na\n")]);
    lying[list + 16] ^= 1;
    assert!(refusal("x.zip", &lying).contains("its checksum is not the one in the archive"));

    let document = zip(&[("word/document.xml", b"<w/>")]);
    assert_eq!(refusal("x.zip", &document), "`x.zip` is a Word document");
}

#[test]
fn a_large_archive_with_a_comment_is_read() {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.set_comment("PK\x05\x06 is how the end begins").unwrap();
    let options = zip::write::SimpleFileOptions::default()
        .large_file(true)
        .compression_method(zip::CompressionMethod::Stored);
    archive.start_file("a.csv", options).unwrap();
    archive.write_all(&table(10)).unwrap();
    let packed = archive.finish().unwrap().into_inner();
    assert_eq!(read("x.zip", &packed, &ReadOptions::default()).unwrap().0.rows.len(), 10);
}

#[test]
fn two_layers_are_unpacked_and_three_refused() {
    let text = table(10);
    let once = pack(Compression::Gzip, &text);
    let twice = zip(&[("a.csv.gz", &once)]);
    let (contents, detected) = read("x.zip", &twice, &ReadOptions::default()).unwrap();
    assert_eq!(contents.rows.len(), 10);
    let packings: Vec<&str> =
        detected.iter().filter(|(what, _)| *what == "compression").map(|(_, word)| word.as_str()).collect();
    assert_eq!(packings, ["zip", "gzip"]);
    assert_eq!(
        read("x.gz", &pack(Compression::Gzip, &twice[..]), &ReadOptions::default())
            .err()
            .unwrap()
            .to_string(),
        "`a.csv.gz` is packed more than 2 times"
    );
    let in_gzip = pack(Compression::Gzip, &zip(&[("a.csv", &text)]));
    assert_eq!(read("x.zip.gz", &in_gzip, &ReadOptions::default()).unwrap().0.rows.len(), 10);
}

#[test]
fn what_is_inside_is_judged_as_if_it_were_outside() {
    for (inside, message) in [
        (&b""[..], "`x` is empty"),
        (b"%PDF-1.7", "`x` is a PDF document"),
        (b"\0\0\0\0\0\0\0\0", "`x` is not text: most of it is zero bytes"),
    ] {
        assert_eq!(refusal("x.gz", &pack(Compression::Gzip, inside)), message);
    }
    let mut tar = vec![0; 1024];
    tar[..5].copy_from_slice(b"a.csv");
    tar[257..262].copy_from_slice(b"ustar");
    assert_eq!(refusal("x.tar.gz", &pack(Compression::Gzip, &tar)), "`x.tar` is a tar archive");
}

/// A gigabyte of the same row, made of parts that are packed alike.
fn bomb(compression: Compression, row: &[u8]) -> Vec<u8> {
    pack(compression, &row.repeat((16 << 20) / row.len())).repeat(64)
}

#[test]
fn bombs_are_refused_early() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let zeros = bomb(compression, b"\0");
        assert_eq!(refusal("x", &zeros), "`x` is not text: most of it is zero bytes");
        let rows = bomb(compression, &[[b'x'; 4095].as_slice(), b"\n"].concat());
        assert!(rows.len() < 4 << 20, "{}", rows.len());
        let begin = Instant::now();
        for (name, bytes) in [("x", rows.clone()), ("x.zip", zip(&[("x", &rows)]))] {
            let mut source = open(name, &bytes, &ReadOptions::default()).unwrap();
            let mut text_bytes = 0;
            let error = loop {
                match source.next_batch() {
                    Ok(batch) => text_bytes += batch.expect("it does not end").raw.bytes.len() as u64,
                    Err(error) => break error,
                }
            };
            assert_eq!(
                error.to_string(),
                "`x` unpacks to more than 200 times its size, as no table of a person does"
            );
            assert!(text_bytes <= ReadLimits::RATIO_FREE_BYTES.max(200 * bytes.len() as u64));
        }
        assert!(begin.elapsed().as_secs() < 60);
    }
    let limits = ReadLimits { max_unpacked_bytes: 1000, ..ReadLimits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let error = read("x", &pack(Compression::Xz, &table(1000)), &options).unwrap_err();
    assert_eq!(error.to_string(), "`x` unpacks to more than 1000 bytes");
}

#[test]
fn a_dictionary_of_gigabytes_is_refused() {
    let mut packed = pack(Compression::Xz, &table(10));
    // Behind the header of the stream: size, flags, filter, number of its properties, dictionary.
    assert_eq!(packed[12 + 2..12 + 4], [0x21, 1]);
    packed[12 + 4] = 40;
    let header_end = 12 + (usize::from(packed[12]) + 1) * 4;
    let mut crc = flate2::Crc::new();
    crc.update(&packed[12..header_end - 4]);
    packed[header_end - 4..header_end].copy_from_slice(&crc.sum().to_le_bytes());
    let message = refusal("x", &packed);
    assert!(message.contains("it asks for a dictionary of 4294967295 bytes"), "{message}");
}

#[test]
fn progress_is_that_of_the_packed_file() {
    for compression in Compression::ALL {
        // The slower ones take a block of a megabyte at a time, so nothing can be told in between.
        let is_even = !matches!(compression, Compression::Bzip2 | Compression::Xz);
        let count = if is_even { 400_000 } else { 50_000 };
        let packed = pack(compression, &table(count));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        std::fs::write(&path, &packed).unwrap();
        let mut source = open_path(&path, &ReadOptions::default()).unwrap();
        let (mut before, mut rows) = (0, 0);
        while let Some(batch) = source.next_batch().unwrap() {
            rows += batch.len();
            let now = source.bytes_read();
            assert!(now >= before && now <= packed.len() as u64, "{compression:?}: {before} {now}");
            let share = now as f64 / packed.len() as f64;
            let rows_share = rows as f64 / count as f64;
            assert!(
                !is_even || (share - rows_share).abs() < 0.2,
                "{compression:?}: {share} for {rows_share}"
            );
            before = now;
        }
        assert_eq!(before, packed.len() as u64, "{compression:?}");
    }
}

#[test]
fn a_source_that_is_dropped_lets_its_reader_go() {
    struct Noticed(Cursor<Vec<u8>>, std::sync::mpsc::Sender<()>);
    impl Read for Noticed {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Drop for Noticed {
        fn drop(&mut self) {
            self.1.send(()).unwrap();
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let packed = pack(Compression::Gzip, &table(400_000));
    let reader = Box::new(Noticed(Cursor::new(packed), sender));
    let mut source = open_reader("x", reader, &ReadOptions::default()).unwrap();
    assert!(source.next_batch().unwrap().is_some());
    drop(source);
    receiver.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_break_a_decoder(
        compression in prop::sample::select(Compression::ALL.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut packed = pack(compression, &table(60));
        for (at, byte) in changes {
            let at = at.index(packed.len());
            packed[at] = byte;
        }
        if let Some(cut) = cut {
            packed.truncate(cut.index(packed.len()));
        }
        if let Err(error) = read("x", &packed, &ReadOptions::default()) {
            prop_assert!(error.hint.is_some());
            prop_assert!(!error.to_string().contains("broke down"), "{error}");
        }
    }
}
