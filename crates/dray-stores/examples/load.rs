//! Loads contacts into a store and times each kind of work: `load ADDRESS [ROWS]`.
//!
//! The rows are made in memory beforehand, so the times are those of the store alone.

use std::sync::Arc;
use std::time::Instant;

use arrow_array::{Array, ArrayRef, StringArray, cast::AsArray};
use dray_model::flow::{ChangedRecords, NewRecords, Stamp};
use dray_model::object::{ColumnIndex, Object};
use dray_model::query::Query;
use dray_model::starter::starter_object;
use dray_model::value::timestamps;
use dray_model::{Error, Result};

const BATCH_ROWS: usize = 8192;

const TEXT_COLUMNS: [&str; 9] = [
    "first_name",
    "last_name",
    "display_name",
    "email",
    "phone_work",
    "company_name",
    "address_city",
    "address_country",
    "notes",
];

/// 2024-01-01T00:00:00Z in microseconds.
const NOW: i64 = 1_704_067_200_000_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or_else(|| Error::request("usage: load ADDRESS [ROWS]"))?;
    let rows = arguments.next().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000_u64);
    let contacts = starter_object("contacts")?;
    let columns = columns_of(&contacts);
    let email = contacts.column("email").unwrap_or_default();
    let notes = contacts.column("notes").unwrap_or_default();
    let batches = timed("make rows in memory", || Ok(make_batches(rows)))?;

    let mut store = dray_stores::connect(&address, "load_example")?;
    timed("insert, all", || {
        store.prepare_object(&contacts)?;
        store.begin()?;
        store.suspend_indexes(&contacts, &[])?;
        timed("  rows", || {
            for values in &batches {
                let len = values[0].len();
                let first_id = store.reserve_ids(&contacts, len as u64)?;
                store.insert(
                    &contacts,
                    &NewRecords {
                        first_id,
                        columns: columns.clone(),
                        values: values.clone(),
                        len,
                        now: NOW,
                        import_id: Some(1),
                    },
                )?;
            }
            Ok(())
        })?;
        timed("  indexes", || store.prepare_object(&contacts))?;
        timed("  commit", || store.commit())
    })?;

    let mut keys = Vec::new();
    timed("scan keys", || store.scan_keys(&contacts, email, &mut |key, _| keys.push(key.len())))?;
    println!("{:>12} keys", keys.len());
    for wanted in [&[][..], &columns[..]] {
        timed(&format!("find by e-mail, {} columns", wanted.len()), || {
            let mut found = 0;
            for values in &batches {
                let emails: Vec<String> =
                    values[3].as_string::<i32>().iter().flatten().map(str::to_lowercase).collect();
                let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
                found += store.find(&contacts, email, &emails, wanted)?.ids.len();
            }
            println!("{found:>12} found");
            Ok(())
        })?;
    }
    timed("update notes of all", || {
        store.begin()?;
        let mut changed = 0;
        let mut first_id = 1;
        for values in &batches {
            let len = values[0].len();
            let texts = values[8].as_string::<i32>().iter().flatten().map(|text| format!("{text}!"));
            changed += store.update(
                &contacts,
                &ChangedRecords {
                    ids: (first_id..first_id + len as i64).collect(),
                    expected_versions: vec![1; len],
                    columns: vec![notes],
                    values: vec![Arc::new(StringArray::from_iter_values(texts))],
                    stamp: Stamp::Change { now: NOW + 1, import_id: Some(2) },
                },
            )?;
            first_id += len as i64;
        }
        println!("{changed:>12} changed");
        store.commit()
    })?;
    timed("read all, 10 columns", || {
        let mut read = 0;
        store.read(&contacts, &Query::default(), &columns, BATCH_ROWS, &mut |batch| {
            read += batch.num_rows();
            Ok(())
        })?;
        println!("{read:>12} read");
        Ok(())
    })
}

fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let result = work();
    println!("{:>10.2} s {:>6} MB peak  {what}", start.elapsed().as_secs_f64(), peak_megabytes());
    result
}

/// The most memory this process has held so far, where the system tells (Linux).
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

fn columns_of(contacts: &Object) -> Vec<ColumnIndex> {
    let mut columns: Vec<ColumnIndex> =
        TEXT_COLUMNS.iter().filter_map(|name| contacts.column(name)).collect();
    columns.extend(contacts.column("created_at"));
    columns
}

/// Rows whose e-mails are unique and in no order.
fn make_batches(rows: u64) -> Vec<Vec<ArrayRef>> {
    let mut batches = Vec::new();
    let mut first = 0;
    while first < rows {
        let numbers: Vec<u64> = (first..rows.min(first + BATCH_ROWS as u64)).collect();
        let texts = |text: &dyn Fn(u64) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(numbers.iter().map(|&number| text(number))))
        };
        batches.push(vec![
            texts(&|n| format!("First{}", mixed(n) % 997)),
            texts(&|n| format!("Lastname{}", mixed(n) % 9973)),
            texts(&|n| format!("First{} Lastname{}", mixed(n) % 997, mixed(n) % 9973)),
            texts(&|n| format!("First{:x}.{n}@example{}.com", mixed(n), n % 50)),
            texts(&|n| format!("+4930{:08}", mixed(n + 7) % 100_000_000)),
            texts(&|n| format!("Company {} GmbH", mixed(n) % 20_011)),
            texts(&|n| format!("City {}", mixed(n) % 503)),
            texts(&|n| format!("Country {}", mixed(n) % 101)),
            texts(&|n| {
                format!("Met at the fair in hall {}, wants an offer for {} pieces, soon", n % 27, n % 5000)
            }),
            timestamps(numbers.iter().map(|&n| Some(NOW - (n as i64) * 61_000_000)).collect()),
        ]);
        first += BATCH_ROWS as u64;
    }
    batches
}

/// A number that looks random and is always the same.
fn mixed(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) >> 20
}
