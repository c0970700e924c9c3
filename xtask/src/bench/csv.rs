//! Sums up a CSV file whatever the order of its rows, to compare two exports.

use std::io::{BufRead, BufReader};
use std::path::Path;

/// Columns that are compared: their values are written alike by every program.
const COMPARED: [&str; 5] = ["id", "email", "phone_work", "address_city", "notes"];

/// The number of rows and the sum of the hashes of some cells of each.
pub(super) fn summary(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|why| format!("{}: {why}", path.display()))?;
    let mut input = BufReader::with_capacity(1 << 20, file);
    let failed = |why: std::io::Error| format!("{}: {why}", path.display());
    let header = read_record(&mut input).map_err(failed)?.ok_or("the export is empty")?;
    let place = |name: &str| header.iter().position(|cell| cell == name.as_bytes());
    let places: Vec<usize> = COMPARED.iter().filter_map(|name| place(name)).collect();
    if places.len() != COMPARED.len() {
        return Err(format!("{}: a column of {COMPARED:?} is missing", path.display()));
    }
    let (mut rows, mut sum) = (0_u64, 0_u64);
    while let Some(record) = read_record(&mut input).map_err(failed)? {
        rows += 1;
        sum = sum.wrapping_add(hash(
            places.iter().map(|&place| record.get(place).map_or(&b""[..], Vec::as_slice)),
        ));
    }
    Ok(format!("{rows} rows, sum {sum:016x}"))
}

/// The names in the first line of a CSV file.
pub(super) fn header(path: &Path) -> Result<Vec<String>, String> {
    let file = std::fs::File::open(path).map_err(|why| format!("{}: {why}", path.display()))?;
    let record = read_record(&mut BufReader::new(file)).map_err(|why| why.to_string())?;
    let cells = record.ok_or_else(|| format!("{} is empty", path.display()))?;
    Ok(cells.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect())
}

/// One record; none at the end. Quotes stand only where RFC 4180 allows them.
fn read_record(input: &mut impl BufRead) -> std::io::Result<Option<Vec<Vec<u8>>>> {
    let mut line = Vec::new();
    // A record ends with the first line break outside quotes, that is, behind an even number of quotes.
    loop {
        let read = input.read_until(b'\n', &mut line)?;
        if read == 0 || line.iter().filter(|&&byte| byte == b'"').count().is_multiple_of(2) {
            break;
        }
    }
    if line.is_empty() {
        return Ok(None);
    }
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        line.pop();
    }
    let mut cells = vec![Vec::new()];
    let mut quoted = false;
    let mut bytes = line.into_iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.next_if_eq(&b'"').is_some() => push(&mut cells, b'"'),
            b'"' => quoted = !quoted,
            b',' if !quoted => cells.push(Vec::new()),
            _ => push(&mut cells, byte),
        }
    }
    Ok(Some(cells))
}

fn push(cells: &mut [Vec<u8>], byte: u8) {
    if let Some(cell) = cells.last_mut() {
        cell.push(byte);
    }
}

/// FNV-1a over the cells and a mark behind each.
fn hash<'a>(cells: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for cell in cells {
        for &byte in cell.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_go_over_line_breaks_in_quotes() {
        let mut input = &b"a,\"b \"\"c\"\",\nd\",\"\"\r\ne,f,g\n"[..];
        let first = read_record(&mut input).unwrap().unwrap();
        assert_eq!(first, [&b"a"[..], b"b \"c\",\nd", b""]);
        assert_eq!(read_record(&mut input).unwrap().unwrap().len(), 3);
        assert_eq!(read_record(&mut input).unwrap(), None);
    }
}
