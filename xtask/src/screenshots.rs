//! Pictures of every page, as `cargo xtask screenshots`: a server with example data is started, and a browser
//! goes through it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use dray_browser::{Browser, Driver, Setting, Tour};

use crate::place::Place;
use crate::program::{build, root};

const USAGE: &str = "usage: cargo xtask screenshots [--dray PROGRAM] [--to FOLDER] [--readme]

  --dray PROGRAM  show this program; without it, `cargo build` makes one
  --to FOLDER     where the pictures are written (target/screenshots)
  --readme        write those that the README shows, too, into docs/pictures";

/// How pages are looked at: the name of it, width, height, and whether it is dark.
const LOOKS: [(&str, u32, u32, bool); 3] =
    [("light", 1280, 800, false), ("dark", 1280, 800, true), ("phone", 390, 844, false)];
/// What the README's picture of the records looks at.
const VIEW: &str = "?field=status&operator=eq&value=customer&field=company_name&operator=starts_with&value=Initech\
    &sort=display_name&column=display_name&column=email&column=company_name&column=status&column=address_city";
/// The most bytes of a picture in the repository.
const MOST_BYTES: usize = 150_000;

/// What was asked for.
#[derive(Default)]
struct Options {
    dray: Option<PathBuf>,
    to: Option<PathBuf>,
    is_for_readme: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--dray" => options.dray = Some(words.next().ok_or(USAGE)?.into()),
                "--to" => options.to = Some(words.next().ok_or(USAGE)?.into()),
                "--readme" => options.is_for_readme = true,
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }
}

/// Makes the pictures.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let dray = match options.dray {
        Some(program) => program,
        None => build(&[])?,
    };
    let to = options.to.unwrap_or_else(|| root().join("target").join("screenshots"));
    let place = Place::new()?;
    let driver = Driver::start()?;
    if options.is_for_readme {
        let server = Server::start(&dray, &place, "readme")?;
        show_in_readme(&driver, &server)?;
    }
    let server = Server::start(&dray, &place, "all")?;
    show_all(&driver, &server, &to)?;
    println!("the pictures are in {}", to.display());
    Ok(())
}

/// Writes a picture of every page, looked at in every way.
fn show_all(driver: &Arc<Driver>, server: &Server, to: &Path) -> Result<(), String> {
    let browser = Browser::open(driver, &Setting::default())?;
    browser.sign_in(&server.link)?;
    let tour = Tour::prepare(&browser, &root().join("examples"))?;
    for (look, width, height, is_dark) in LOOKS {
        browser.look(width, height, is_dark)?;
        for (name, address) in tour.pages() {
            browser.go(&address)?;
            write(&to.join(format!("{name}-{look}.png")), &browser.picture()?)?;
        }
    }
    Ok(())
}

/// Goes through an import as the README shows it.
fn show_in_readme(driver: &Arc<Driver>, server: &Server) -> Result<(), String> {
    let browser = &Browser::open(driver, &Setting::default())?;
    let (_, width, height, is_dark) = LOOKS[0];
    browser.look(width, height, is_dark)?;
    browser.sign_in(&server.link)?;
    let (address, examples) = (browser.address()?, root().join("examples"));
    let url = address.split("/records").next().unwrap_or_default();
    browser.send_file(url, "contacts", &examples.join("fair.csv"))?;
    keep(browser, "map")?;
    browser.review()?;
    browser
        .run("scrollTo(0, document.querySelector('.issues').previousElementSibling.offsetTop - 24)", &[])?;
    keep(browser, "review")?;
    browser.send_file(url, "contacts", &examples.join("contacts.csv"))?;
    browser.review()?;
    browser.follow("form[action$='/confirm'] button")?;
    keep(browser, "ledger")?;
    browser.go(&format!("{url}/records/contacts{VIEW}"))?;
    keep(browser, "records")
}

/// Keeps what is seen now as a picture of the README.
fn keep(browser: &Browser, name: &str) -> Result<(), String> {
    let picture = browser.picture()?;
    if picture.len() > MOST_BYTES {
        return Err(format!("the picture `{name}` has {} bytes: show less on it", picture.len()));
    }
    write(&root().join("docs").join("pictures").join(format!("{name}.png")), &picture)
}

fn write(path: &Path, picture: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, picture));
    written.map_err(|why| format!("{} cannot be written: {why}", path.display()))
}

/// A server over a fresh store; it ends when it is dropped, or when this process ends.
struct Server {
    process: Child,
    /// Read no further than the link, and kept open, as the server says more.
    said: BufReader<ChildStdout>,
    /// The link that signs in.
    link: String,
}

impl Server {
    /// Starts one whose store and files have this name.
    fn start(dray: &Path, place: &Place, name: &str) -> Result<Self, String> {
        let log = place.file(&format!("{name}.log"));
        let errors = std::fs::File::create(&log).map_err(|why| format!("{}: {why}", log.display()))?;
        let mut process = Command::new(dray)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DRAY_STORE", format!("sqlite:{}", place.file(&format!("{name}-store")).display()))
            .env("DRAY_FILES", place.file(&format!("{name}-files")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|why| format!("`{}` cannot be started: {why}", dray.display()))?;
        place.stop_with(&format!("kill {}", process.id()))?;
        let said = process.stdout.take().ok_or("the output of the server cannot be read")?;
        let mut server = Self { process, said: BufReader::new(said), link: String::new() };
        let link = link_of(&mut server.said);
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        server.link = link.ok_or(format!("`{}` prints no link to sign in by: {log}", dray.display()))?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The link in what a server prints when it starts.
fn link_of(said: &mut impl BufRead) -> Option<String> {
    let lines = said.lines().map_while(Result::ok);
    let mut links = lines.filter_map(|line| line.split_once("): ").map(|(_, link)| link.to_owned()));
    links.find(|link| link.contains("/sign-in/"))
}
