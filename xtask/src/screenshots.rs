//! Pictures of every page, as `cargo xtask screenshots`: a server with example data is started, and a browser
//! goes through it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

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
/// The pages that the README shows.
const OF_README: [&str; 4] = ["records", "import-map", "import-review", "import-done"];
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
    let server = Server::start(&dray, &place)?;
    let browser = Browser::open(&Driver::start()?, &Setting::default())?;
    let tour = Tour::prepare(&browser, &server.link, &root().join("examples"))?;
    for (look, width, height, is_dark) in LOOKS {
        browser.look(width, height, is_dark)?;
        for (name, address) in tour.pages() {
            browser.go(&address)?;
            write(&to.join(format!("{name}-{look}.png")), &browser.picture()?)?;
        }
    }
    println!("the pictures are in {}", to.display());
    if options.is_for_readme {
        let (_, width, height, is_dark) = LOOKS[0];
        browser.look(width, height, is_dark)?;
        show_in_readme(&browser, &tour)?;
    }
    Ok(())
}

/// Writes the pictures that the README shows.
fn show_in_readme(browser: &Browser, tour: &Tour) -> Result<(), String> {
    for (name, address) in tour.pages().into_iter().filter(|(name, _)| OF_README.contains(name)) {
        browser.go(&address)?;
        let picture = browser.picture()?;
        if picture.len() > MOST_BYTES {
            return Err(format!("the picture of `{name}` has {} bytes: show less on it", picture.len()));
        }
        write(&root().join("docs").join("pictures").join(format!("{name}.png")), &picture)?;
    }
    Ok(())
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
    fn start(dray: &Path, place: &Place) -> Result<Self, String> {
        let log = place.file("server.log");
        let errors = std::fs::File::create(&log).map_err(|why| format!("{}: {why}", log.display()))?;
        let mut process = Command::new(dray)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("DRAY_STORE", format!("sqlite:{}", place.file("store").display()))
            .env("DRAY_FILES", place.file("files"))
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
