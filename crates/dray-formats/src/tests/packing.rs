//! Files are packed while they are written, and a file that was not finished has no end.

use std::io::{Read, Write};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use dray_model::value::ValueType;
use proptest::prelude::*;

use super::{Columns, Sink, batch_of, open, read, read_all, write_with};
use crate::{Compression, Format, OutputColumn, ReadOptions, WriteOptions, writer};

const WRITTEN: [Compression; 3] = [Compression::Gzip, Compression::Zip, Compression::Zstd];

fn packing(compression: Compression) -> WriteOptions {
    WriteOptions { compression: Some(compression), ..WriteOptions::default() }
}

#[test]
fn packed_files_are_read_again() {
    let names: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..50_000).map(|n| format!("name {}", n * 7919 % 50_021))));
    let columns = [("name", ValueType::Text, names)];
    for format in [Format::Csv, Format::Jsonl, Format::Json] {
        let plain = write_with(format, &columns, &WriteOptions::default()).unwrap();
        let expected = read("x", &plain, &ReadOptions::default());
        for compression in WRITTEN {
            let packed = write_with(format, &columns, &packing(compression)).unwrap();
            assert!(packed.len() * 2 < plain.len());
            let mut source = open("x", &packed, &ReadOptions::default()).unwrap();
            assert_eq!(read_all(source.as_mut()).unwrap().rows, expected.rows, "{compression:?}");
            assert_eq!(source.detected()[0].value, compression.word());
        }
    }
}

#[test]
fn the_file_in_an_archive_has_the_name_asked_for() {
    let columns: Columns<'_> = &[("a", ValueType::Integer, Arc::new(Int64Array::from(vec![1])))];
    for (member_name, expected) in [(None, "data.csv"), (Some("contacts.csv"), "contacts.csv")] {
        let options =
            WriteOptions { member_name: member_name.map(str::to_owned), ..packing(Compression::Zip) };
        let packed = write_with(Format::Csv, columns, &options).unwrap();
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(packed)).unwrap();
        let mut text = String::new();
        assert_eq!(archive.len(), 1);
        let mut file = archive.by_index(0).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((file.name().unwrap().as_ref(), text.as_str()), (expected, "a\n1\n"));
    }
}

#[test]
fn only_what_can_be_packed_is() {
    for compression in [Compression::Snappy, Compression::Bzip2, Compression::Xz] {
        let error = write_with(Format::Csv, &[], &packing(compression)).unwrap_err();
        assert_eq!(error.to_string(), format!("{} files are read, not written", compression.word()));
    }
}

#[test]
fn an_unfinished_file_has_no_end() {
    let columns: Columns<'_> =
        &[("a", ValueType::Integer, Arc::new(Int64Array::from_iter_values(0..200_000)))];
    for compression in WRITTEN {
        let sink = Sink::default();
        let output = vec![OutputColumn::new("a", ValueType::Integer)];
        let mut writer = writer(Format::Csv, output, &packing(compression), Box::new(sink.clone())).unwrap();
        writer.write(&batch_of(columns)).unwrap();
        drop(writer);
        let packed = sink.taken();
        let result =
            open("x", &packed, &ReadOptions::default()).and_then(|mut source| read_all(source.as_mut()));
        let message = result.unwrap_err().to_string();
        assert!(
            message == "`x` is empty" || message.starts_with("`x` is cut off"),
            "{compression:?}: {message}"
        );
    }
}

/// A disk with room for some bytes.
struct SmallDisk(usize);

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(std::io::Error::new(std::io::ErrorKind::StorageFull, "no space left"));
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told() {
    let columns: Columns<'_> =
        &[("a", ValueType::Integer, Arc::new(Int64Array::from_iter_values(0..200_000)))];
    for compression in WRITTEN {
        for room in [0, 10_000, 100_000] {
            let output = vec![OutputColumn::new("a", ValueType::Integer)];
            let mut writer =
                writer(Format::Csv, output, &packing(compression), Box::new(SmallDisk(room))).unwrap();
            let written = (0..20).try_for_each(|_| writer.write(&batch_of(columns)));
            let error = written.and_then(|()| writer.finish()).unwrap_err();
            assert!(error.to_string().ends_with("failed"), "{error}");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("no space left"), "{compression:?}: {cause}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(
        cells in prop::collection::vec("[a-z ]{0,30}", 1..200),
        compression in prop::sample::select(WRITTEN.to_vec()),
    ) {
        let array: ArrayRef = Arc::new(StringArray::from(cells.clone()));
        let columns = [("a", ValueType::Text, array)];
        let plain = read("x", &write_with(Format::Csv, &columns, &WriteOptions::default()).unwrap(), &ReadOptions::default());
        let packed = write_with(Format::Csv, &columns, &packing(compression)).unwrap();
        prop_assert_eq!(read("x", &packed, &ReadOptions::default()).rows, plain.rows);
    }
}
