//! The tables as Markdown, ready for `BENCHMARKS.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::lines::{Line, Measured, StoreKind};
use super::measure::Cost;
use super::memory::{Peak, megabytes};
use super::setting::Run;
use crate::place::read_command;

/// Where and with what was measured: one line for each fact that is known.
pub(super) fn machine(root: &Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let told = |program: &str, arguments: &[&str]| {
        let told = read_command(Command::new(program).args(arguments).current_dir(root)).ok()?;
        told.lines().next().map(str::to_owned)
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = field(&read("/proc/cpuinfo"), "model name").unwrap_or_default();
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map(|kilobytes| format!("{:.0} GB", kilobytes / 1e6));
    let sqlite = told("sqlite3", &["--version"])
        .and_then(|text| text.split_whitespace().next().map(|version| format!("SQLite {version} (shell)")));
    let facts = [
        ("processor", Some(format!("{cores} cores, {processor}"))),
        ("memory", memory),
        ("system", told("uname", &["-sr"])),
        ("PostgreSQL", told("psql", &["--version"])),
        ("SQLite", sqlite),
        ("Rust", told("rustc", &["--version"])),
        ("Dray", told("git", &["log", "-1", "--format=%h of %cs"])),
    ];
    let known = facts.iter().filter_map(|(name, fact)| Some(format!("* {name}: {}\n", fact.as_ref()?)));
    known.collect()
}

/// Head of the table of speeds.
pub(super) fn head() -> String {
    "| work | store | compared with | baseline | Dray | ratio (min–max) | at most | aim | peak memory of Dray |\n\
     |---|---|---|--:|--:|--:|--:|--:|--:|\n"
        .to_owned()
}

/// One line of it; a ratio above what is allowed is bold.
pub(super) fn row(line: &Line, measured: &Measured, rows: u64) -> String {
    let ratios: Vec<f64> = measured
        .dray
        .iter()
        .zip(&measured.baseline)
        .map(|(dray, baseline)| dray.cost.wall / baseline.cost.wall)
        .collect();
    let ratio = median(&ratios);
    let mark = if ratio > line.at_most { "**" } else { "" };
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    format!(
        "| {} | {} | {} | {:.2} s | {:.2} s | {mark}{ratio:.2}{mark} ({least:.2}–{most:.2}) | {:.2} | {:.2} | {:.0} MB |\n",
        line.work.replace('N', &thousands(rows)),
        line.store.label(),
        line.compared_with,
        median_of(&measured.baseline, |cost| cost.wall),
        median_of(&measured.dray, |cost| cost.wall),
        line.at_most,
        line.aim,
        peak(&measured.dray),
    )
}

/// Head of the table of processor time.
pub(super) fn processor_head() -> String {
    "| work | store | baseline: process | server | memory | Dray: process | server | memory |\n\
     |---|---|--:|--:|--:|--:|--:|--:|\n"
        .to_owned()
}

/// One line of it: seconds of processor of the process and of the server, the most memory.
pub(super) fn processor_row(line: &Line, measured: &Measured, rows: u64) -> String {
    let side = |runs: &[Run]| {
        let server = match line.store {
            StoreKind::Postgres => format!("{:.2} s", median_of(runs, |cost| cost.server_cpu)),
            StoreKind::Sqlite => "–".to_owned(),
        };
        format!("{:.2} s | {server} | {:.0} MB", median_of(runs, |cost| cost.cpu), peak(runs))
    };
    format!(
        "| {} | {} | {} | {} |\n",
        line.work.replace('N', &thousands(rows)),
        line.store.label(),
        side(&measured.baseline),
        side(&measured.dray)
    )
}

/// The table of memory: each kind of work on a store, for few and for many rows.
pub(super) fn memory(stores: &[(StoreKind, Vec<Peak>, Vec<Peak>)], few: u64, many: u64) -> String {
    let mut out = format!(
        "| work | store | {} rows | {} rows | ratio |\n|---|---|--:|--:|--:|\n",
        thousands(few),
        thousands(many)
    );
    for (store, small, large) in stores {
        for (small, large) in small.iter().zip(large) {
            let _ = writeln!(
                out,
                "| {} | {} | {:.0} MB ({:.1} s) | {:.0} MB ({:.1} s) | {:.2} |",
                small.work,
                store.label(),
                megabytes(small.bytes),
                small.seconds,
                megabytes(large.bytes),
                large.seconds,
                large.bytes as f64 / small.bytes.max(1) as f64
            );
        }
    }
    out
}

fn peak(runs: &[Run]) -> f64 {
    megabytes(runs.iter().map(|run| run.cost.peak_bytes).max().unwrap_or_default())
}

fn median_of(runs: &[Run], value: fn(&Cost) -> f64) -> f64 {
    median(&runs.iter().map(|run| value(&run.cost)).collect::<Vec<_>>())
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[length / 2],
        length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
    }
}

/// `1,000,000`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_medians_are_in_the_middle() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(100), "100");
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }
}
