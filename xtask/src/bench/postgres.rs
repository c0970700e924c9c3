//! A private PostgreSQL server in the temporary directory, with the settings users have and 1 GB of buffers.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::measure::Call;
use crate::place::{Place, read_command};

/// What to do where the server's programs are missing.
const INSTALL: &str = "the benchmark needs PostgreSQL's server programs and psql: sudo apt-get install \
    postgresql (Debian, Ubuntu), sudo dnf install postgresql-server (Fedora), brew install postgresql (macOS), \
    or leave PostgreSQL out with --store sqlite";

/// Defaults but for the buffers; the socket is private and nothing listens on the network.
const SETTINGS: &str = "-c listen_addresses='' -c shared_buffers=1GB";

/// A running server.
pub(super) struct Server {
    psql: PathBuf,
    socket: PathBuf,
    /// The process all others of the server belong to.
    pub(super) postmaster: u32,
    copies_files: bool,
}

impl Server {
    /// Makes a cluster in `place` and starts it; it stops when the place goes away.
    pub(super) fn start(place: &Place) -> Result<Self, String> {
        let programs = find_programs().ok_or(INSTALL)?;
        let home = place.file("postgres");
        std::fs::create_dir_all(&home).map_err(|why| format!("{}: {why}", home.display()))?;
        // PostgreSQL refuses to run as root.
        let is_root = read_command(Command::new("id").arg("-u"))? == "0";
        let owner: &[&str] = if is_root {
            read_command(Command::new("chown").arg("postgres").arg(&home))?;
            &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        } else {
            &[]
        };
        let run = |program: &str, arguments: &[&str]| {
            let program = programs.join(program).display().to_string();
            let mut words = owner.to_vec();
            words.push(&program);
            words.extend(arguments);
            read_command(Command::new(words[0]).args(&words[1..]).current_dir(&home))
        };
        let data = home.join("data");
        let data_text = data.display().to_string();
        let log = home.join("log").display().to_string();
        let options = format!("-k {} {SETTINGS}", home.display());
        let cluster = ["-D", &data_text, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"];
        run("initdb", &cluster)?;
        let stop = format!(
            "cd '{}' && {} '{}' -D '{data_text}' -m immediate -w stop\n",
            home.display(),
            owner.join(" "),
            programs.join("pg_ctl").display()
        );
        place.stop_with(&stop)?;
        // The server keeps the output it is given open, so it gets none of ours.
        let begin = format!(
            "{} '{}' -D '{data_text}' -w -l '{log}' -o \"{options}\" start >/dev/null 2>&1",
            owner.join(" "),
            programs.join("pg_ctl").display()
        );
        read_command(Command::new("sh").arg("-c").arg(begin).current_dir(&home))
            .map_err(|why| format!("PostgreSQL did not start: {why} {}", read_log(&log)))?;
        let told = std::fs::read_to_string(data.join("postmaster.pid"))
            .map_err(|why| format!("postmaster.pid: {why}"))?;
        let postmaster = told.lines().next().and_then(|line| line.trim().parse().ok());
        let psql = programs.join("psql");
        let mut server = Self {
            psql: if psql.exists() { psql } else { PathBuf::from("psql") },
            socket: home,
            postmaster: postmaster.ok_or("postmaster.pid names no process")?,
            copies_files: false,
        };
        let version = server.sql("postgres", "SHOW server_version_num")?;
        server.copies_files = version.parse::<u32>().is_ok_and(|number| number >= 150_000);
        Ok(server)
    }

    /// The address of a database, as Dray wants it.
    pub(super) fn address(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=postgres", self.socket.display())
    }

    /// A `psql` that does these things, one after the other, in one session.
    pub(super) fn psql(&self, database: &str, commands: &[&str]) -> Call<'_> {
        let socket = self.socket.display().to_string();
        let mut arguments: Vec<String> = [
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
            "-h",
            &socket,
            "-d",
            database,
        ]
        .map(str::to_owned)
        .to_vec();
        for command in commands {
            arguments.extend(["-c".to_owned(), (*command).to_owned()]);
        }
        Call { program: &self.psql, arguments }
    }

    /// Runs one command that is not measured; returns its rows.
    pub(super) fn sql(&self, database: &str, command: &str) -> Result<String, String> {
        let call = self.psql(database, &[command]);
        read_command(Command::new(call.program).args(&call.arguments))
    }

    /// Makes `database` anew as a copy of `template`, and leaves nothing to write for the next run.
    pub(super) fn fresh(&self, database: &str, template: &str) -> Result<(), String> {
        self.sql("postgres", &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"))?;
        let strategy = if self.copies_files { " STRATEGY file_copy" } else { "" };
        self.sql("postgres", &format!("CREATE DATABASE {database} TEMPLATE {template}{strategy}"))?;
        self.settle()
    }

    /// Writes everything to the disk that still waits.
    pub(super) fn settle(&self) -> Result<(), String> {
        self.sql("postgres", "CHECKPOINT")?;
        read_command(&mut Command::new("sync")).map(drop)
    }
}

/// Where `initdb`, `pg_ctl` and `postgres` are: on the path, or where packages put them.
fn find_programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for (base, ending) in
        [("/usr/lib/postgresql", "bin"), ("/opt/homebrew/opt", "bin"), ("/usr", "bin"), ("/usr/local", "bin")]
    {
        let folders = std::fs::read_dir(base).into_iter().flatten().flatten();
        found.extend(folders.map(|folder| folder.path().join(ending)));
    }
    // The newest of several versions: 9.6 sorts behind 16, but nobody has both and wants the older.
    found.sort();
    found.reverse();
    found.extend([PathBuf::from("/usr/bin"), PathBuf::from("/usr/local/bin")]);
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    found.extend(
        std::env::split_paths(&on_path)
            .filter_map(|folder| folder.join("initdb").canonicalize().ok()?.parent().map(Path::to_owned)),
    );
    let is_complete =
        |folder: &PathBuf| ["initdb", "pg_ctl", "postgres"].iter().all(|p| folder.join(p).exists());
    found.into_iter().find(is_complete)
}

fn read_log(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
