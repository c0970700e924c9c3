//! `dray convert` beside what people would use instead: DuckDB for CSV and Parquet, openpyxl and calamine
//! for workbooks, all in a Python that has them. Both sides in turn, each a whole process.

use std::path::{Path, PathBuf};

use super::measure::{Call, Cost};
use super::memory::megabytes;
use super::setting::Setting;

/// Rows of the workbooks.
const SHEET_ROWS: u64 = 100_000;

/// One kind of work and how others do it.
struct Work {
    name: &'static str,
    from: &'static str,
    to: &'static str,
    /// Who else, and the program in Python: `a` is the source, `b` what is written.
    others: &'static [(&'static str, &'static str)],
}

const DUCKDB_PARQUET: &str = "import duckdb; c=duckdb.connect(); c.execute('set threads=2'); \
    c.execute(f\"COPY (SELECT * FROM read_csv('{a}', all_varchar=true)) TO '{b}' (FORMAT parquet, COMPRESSION zstd)\")";
const DUCKDB_CSV: &str = "import duckdb; c=duckdb.connect(); c.execute('set threads=2'); \
    c.execute(f\"COPY (SELECT * FROM read_csv('{a}', all_varchar=true)) TO '{b}' (FORMAT csv, HEADER)\")";
const CALAMINE_READ: &str = "import csv, python_calamine as p; \
    csv.writer(open(b,'w')).writerows(p.CalamineWorkbook.from_path(a).get_sheet_by_index(0).to_python())";
const OPENPYXL_READ: &str = "import csv, openpyxl; \
    csv.writer(open(b,'w')).writerows(openpyxl.load_workbook(a, read_only=True).worksheets[0].iter_rows(values_only=True))";
const OPENPYXL_WRITE: &str = "import csv, openpyxl; w=openpyxl.Workbook(write_only=True); s=w.create_sheet(); \
    [s.append(r) for r in csv.reader(open(a))]; w.save(b)";

const WORKS: [Work; 4] = [
    Work {
        name: "CSV → Parquet",
        from: "contacts.csv",
        to: "out.parquet",
        others: &[("DuckDB", DUCKDB_PARQUET)],
    },
    Work { name: "CSV → CSV", from: "contacts.csv", to: "out.csv", others: &[("DuckDB", DUCKDB_CSV)] },
    Work {
        name: "CSV → xlsx, 100,000 rows",
        from: "sheet.csv",
        to: "out.xlsx",
        others: &[("openpyxl (write only)", OPENPYXL_WRITE)],
    },
    Work {
        name: "xlsx → CSV, 100,000 rows",
        from: "sheet.xlsx",
        to: "out.csv",
        others: &[("python-calamine", CALAMINE_READ), ("openpyxl (read only)", OPENPYXL_READ)],
    },
];

/// Prints the table; `python` has duckdb, openpyxl and python-calamine.
pub(super) fn print(setting: &mut Setting<'_>, python: &Path, runs: u32) -> Result<(), String> {
    let rows = setting.rows;
    setting.rows = SHEET_ROWS.min(rows);
    setting.make_files()?;
    let file = |name: &str| setting.place.file(name);
    std::fs::rename(setting.contacts(), file("sheet.csv")).map_err(|why| why.to_string())?;
    dray(setting, &file("sheet.csv"), &file("sheet.xlsx"))?;
    setting.rows = rows;
    setting.make_files()?;
    std::fs::rename(setting.contacts(), setting.place.file("contacts.csv")).map_err(|why| why.to_string())?;
    println!("| work | Dray | other | | ratio |\n|---|--:|---|--:|--:|");
    for work in &WORKS {
        let (from, to) = (setting.place.file(work.from), setting.place.file(work.to));
        for (other, program) in work.others {
            let mut ours = Vec::new();
            let mut theirs = Vec::new();
            for _ in 0..runs {
                ours.push(dray(setting, &from, &to)?);
                theirs.push(run_python(setting, python, program, &from, &to)?);
            }
            let (ours, theirs) = (middle(ours), middle(theirs));
            println!(
                "| {} | {:.2} s, {:.0} MB | {other} | {:.2} s, {:.0} MB | {:.2} |",
                work.name,
                ours.wall,
                megabytes(ours.peak_bytes),
                theirs.wall,
                megabytes(theirs.peak_bytes),
                ours.wall / theirs.wall
            );
        }
    }
    Ok(())
}

fn dray(setting: &Setting<'_>, from: &Path, to: &Path) -> Result<Cost, String> {
    let arguments = vec!["convert".to_owned(), shown(from), shown(to)];
    setting.meter.run(&Call { program: &setting.dray, arguments }, &setting.place.file("printed.txt"))
}

fn run_python(
    setting: &Setting<'_>,
    python: &Path,
    program: &str,
    from: &Path,
    to: &Path,
) -> Result<Cost, String> {
    let _ = std::fs::remove_file(to);
    let program = format!("a,b={:?},{:?}; {program}", shown(from), shown(to));
    let call = Call { program: python, arguments: vec!["-c".to_owned(), program] };
    setting.meter.run(&call, &setting.place.file("printed.txt"))
}

fn shown(path: &Path) -> String {
    PathBuf::from(path).display().to_string()
}

/// The run whose time is in the middle.
fn middle(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|one, other| one.wall.total_cmp(&other.wall));
    costs.get(costs.len() / 2).copied().unwrap_or_default()
}
