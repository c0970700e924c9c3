//! `cargo xtask bench --pages`: the pages for people over many records, on SQLite, warm.

use std::io::Write;

use super::client::Client;
use super::http::{ROWS_OF_UPLOAD, import, median, people, send_file};
use super::memory::megabytes;
use super::serving::Serving;
use super::setting::Setting;

/// How often each page is asked for.
const TIMES: usize = 21;
/// Pages turned before the one that is measured.
const PAGES_TURNED: usize = 200;

/// What is looked at: what it is, the query, and its aim.
const VIEWS: [(&str, &str, &str); 7] = [
    ("the first page", "", "100 ms"),
    ("sorted by e-mail", "sort=email", "200 ms"),
    ("sorted by e-mail, last first", "sort=email:desc", "200 ms"),
    ("one e-mail address", "field=email&operator=eq&value=ada.10000000424@example.com", "200 ms"),
    (
        "filtered by two fields, sorted by e-mail",
        "field=email&operator=gt&value=g&field=first_name&operator=starts_with&value=Grace&sort=email",
        "200 ms",
    ),
    ("searched for a word that many records have", "search=grace", ""),
    ("searched for a word that no record has", "search=nowhere", ""),
];

/// Measures, and prints the table.
pub(super) fn print(setting: &Setting<'_>, runs: u32) -> Result<(), String> {
    let store = format!("sqlite:{}", setting.place.file("pages").display());
    let file = setting.place.file("people.csv");
    eprintln!("importing {} contacts …", setting.rows);
    people(&file, setting.rows)?;
    import(setting, &file, &store)?;
    println!("| page, {} contacts, SQLite | median | aim |\n|---|--:|--:|", setting.rows);
    let serving = Serving::start(setting, &store, &[])?;
    let mut client = serving.client()?;
    for (what, query, aim) in VIEWS {
        let time = time_of(&mut client, &format!("/records/contacts?{query}"))?;
        println!("| {what} | {time:.0} ms | {aim} |");
    }
    let deep = turned(&mut client)?;
    println!(
        "| page {} of the list by e-mail | {:.0} ms | 200 ms |",
        PAGES_TURNED + 1,
        time_of(&mut client, &deep)?
    );
    println!("| one record | {:.0} ms | |", time_of(&mut client, "/records/contacts/500000")?);
    println!("| its history | {:.0} ms | |", time_of(&mut client, "/records/contacts/500000/history")?);
    println!("| most memory of the server | {:.0} MB | |", serving.peak());
    drop(serving);
    preview(setting, runs)
}

/// Milliseconds that a page takes.
fn time_of(client: &mut Client, path: &str) -> Result<f64, String> {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        times.push(client.get(path, false)?.whole.as_secs_f64() * 1000.0);
    }
    Ok(median(&mut times))
}

/// The address of a page far behind the first.
fn turned(client: &mut Client) -> Result<String, String> {
    let mut path = "/records/contacts?sort=email".to_owned();
    for _ in 0..PAGES_TURNED {
        let page = String::from_utf8_lossy(&client.get(&path, true)?.body).into_owned();
        let next = page.split("rel=\"next\"").next().and_then(|before| before.rsplit_once("href=\""));
        let next = next.and_then(|(_, rest)| rest.split('"').next());
        path = next.ok_or("the list has too few pages")?.replace("&amp;", "&");
    }
    Ok(path)
}

/// From the last byte of a large file to the page with its columns.
fn preview(setting: &Setting<'_>, runs: u32) -> Result<(), String> {
    let file = setting.place.file("upload.csv");
    people(&file, ROWS_OF_UPLOAD)?;
    let (mut waited, mut bytes) = (Vec::new(), 0);
    for run in 0..runs {
        let store = setting.place.file(&format!("preview-{run}"));
        let serving = Serving::start(setting, &format!("sqlite:{}", store.display()), &[])?;
        let mut client = serving.client()?;
        let (kept, sent) = send_file(&mut client, "/import/contacts", &file)?;
        bytes = sent;
        let shown = client.get(&kept.location, true)?;
        if !String::from_utf8_lossy(&shown.body).contains("id=\"mapping\"") {
            return Err("the page does not show the columns of the file".to_owned());
        }
        waited.push((kept.whole - kept.sent + shown.whole).as_secs_f64() * 1000.0);
    }
    println!(
        "| a CSV file of {:.0} MB: from its last byte to the page with its columns | {:.0} ms | 1 s |",
        megabytes(bytes),
        median(&mut waited)
    );
    std::io::stdout().flush().map_err(|why| why.to_string())?;
    std::fs::remove_file(&file).map_err(|why| why.to_string())
}
