//! Times whole processes from outside: wall, processor, the most memory, and what the server spent.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::place::{Place, read_command};

/// GNU time, which hears from the system what a process used.
const GNU_TIME: &str = "/usr/bin/time";
/// How often the memory of a process is looked at where GNU time is missing.
const POLL: Duration = Duration::from_millis(10);

/// What a run of a process took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Seconds on the clock.
    pub(super) wall: f64,
    /// Seconds of processor, user and system.
    pub(super) cpu: f64,
    /// Seconds of processor the database server spent meanwhile.
    pub(super) server_cpu: f64,
    /// The most memory held at once, in bytes.
    pub(super) peak_bytes: u64,
}

/// A process that is measured.
pub(super) struct Call<'a> {
    /// The program.
    pub(super) program: &'a Path,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
}

/// Runs processes and tells what they took.
pub(super) struct Meter {
    has_gnu_time: bool,
    ticks_per_second: f64,
    time_file: PathBuf,
    error_file: PathBuf,
    /// The process the database server's other processes belong to.
    postmaster: Option<u32>,
}

impl Meter {
    /// Notes are kept in `place`.
    pub(super) fn new(place: &Place, postmaster: Option<u32>) -> Self {
        let has_gnu_time = Command::new(GNU_TIME)
            .args(["-f", "%M", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        let ticks = read_command(Command::new("getconf").arg("CLK_TCK"));
        Self {
            has_gnu_time,
            ticks_per_second: ticks.ok().and_then(|text| text.parse().ok()).unwrap_or(100.0),
            time_file: place.file("time.txt"),
            error_file: place.file("errors.txt"),
            postmaster,
        }
    }

    /// Runs the process without a terminal; what it prints goes to `output`.
    pub(super) fn run(&self, call: &Call<'_>, output: &Path) -> Result<Cost, String> {
        let name = call.program.display();
        let made = |path: &Path| File::create(path).map_err(|why| format!("{}: {why}", path.display()));
        let mut command = if self.has_gnu_time {
            let mut command = Command::new(GNU_TIME);
            command.args(["-f", "%U %S %M", "-o"]).arg(&self.time_file).arg(call.program);
            command
        } else {
            Command::new(call.program)
        };
        command
            .args(&call.arguments)
            .stdin(Stdio::null())
            .stdout(made(output)?)
            .stderr(made(&self.error_file)?);
        let server_before = self.server_seconds();
        let children_before = self.own_children_seconds();
        let begun = Instant::now();
        let mut child = command.spawn().map_err(|why| format!("`{name}` cannot be started: {why}"))?;
        let (status, polled_bytes) =
            if self.has_gnu_time { (child.wait(), 0) } else { watched(child.id(), || child.wait()) };
        let wall = begun.elapsed().as_secs_f64();
        let status = status.map_err(|why| format!("`{name}` was lost: {why}"))?;
        if !status.success() {
            let errors = std::fs::read_to_string(&self.error_file).unwrap_or_default();
            let printed = std::fs::read_to_string(output).unwrap_or_default();
            let printed: String = printed.chars().take(500).collect();
            let arguments = call.arguments.join(" ");
            return Err(format!("`{name} {arguments}` ended with {status}: {} {printed}", errors.trim()));
        }
        let server_cpu = self.server_seconds() - server_before;
        let (cpu, peak_bytes) = if self.has_gnu_time {
            self.gnu_time()?
        } else {
            (self.own_children_seconds() - children_before, polled_bytes)
        };
        Ok(Cost { wall, cpu, server_cpu, peak_bytes })
    }

    /// User and system seconds and the most memory, as GNU time wrote them.
    fn gnu_time(&self) -> Result<(f64, u64), String> {
        let text = std::fs::read_to_string(&self.time_file).map_err(|why| why.to_string())?;
        let line = text.lines().last().unwrap_or_default();
        let numbers: Vec<f64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        match numbers[..] {
            [user, system, kilobytes] => Ok((user + system, kilobytes as u64 * 1024)),
            _ => Err(format!("{GNU_TIME} wrote `{line}`")),
        }
    }

    /// Processor seconds of the server so far: its processes that ended, and those that run.
    fn server_seconds(&self) -> f64 {
        let Some(postmaster) = self.postmaster else { return 0.0 };
        let own = stat_of(postmaster).map_or(0, |stat| stat.own_ticks + stat.ended_children_ticks);
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let children: u64 = processes
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(stat_of)
            .filter(|stat| stat.parent == postmaster)
            .map(|stat| stat.own_ticks)
            .sum();
        (own + children) as f64 / self.ticks_per_second
    }

    /// Processor seconds of a process that runs.
    pub(super) fn seconds_of(&self, process: u32) -> f64 {
        stat_of(process).map_or(0, |stat| stat.own_ticks) as f64 / self.ticks_per_second
    }

    /// Processor seconds of processes this one waited for.
    fn own_children_seconds(&self) -> f64 {
        let ticks = stat_of(std::process::id()).map_or(0, |stat| stat.ended_children_ticks);
        ticks as f64 / self.ticks_per_second
    }
}

/// Waits for a process while another thread looks at its memory.
fn watched<T>(process: u32, wait: impl FnOnce() -> T) -> (T, u64) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !over.load(Ordering::Relaxed) {
                peak = peak.max(peak_of(process));
                std::thread::sleep(POLL);
            }
            peak
        });
        let waited = wait();
        over.store(true, Ordering::Relaxed);
        (waited, watcher.join().unwrap_or_default())
    })
}

/// The most memory a running process has held, as Linux tells it.
pub(super) fn peak_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// What Linux tells of a process.
struct Stat {
    parent: u32,
    own_ticks: u64,
    ended_children_ticks: u64,
}

fn stat_of(process: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything; numbers follow its end.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own_ticks: ticks(11)? + ticks(12)?,
        ended_children_ticks: ticks(13)? + ticks(14)?,
    })
}
