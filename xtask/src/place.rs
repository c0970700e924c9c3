//! A temporary directory that goes away with the chore, however it ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A script of this name in the directory is run before the directory is removed.
const STOP_SCRIPT: &str = "stop.sh";

/// Waits until its input ends, which is when the chore ends or is killed, and cleans up then.
const GUARD: &str = "trap '' INT TERM HUP; cat >/dev/null; cd /; \
    if [ -f \"$0/stop.sh\" ]; then sh \"$0/stop.sh\" >/dev/null 2>&1; fi; rm -rf \"$0\"";

/// The directory everything of a chore is in.
pub(crate) struct Place {
    path: PathBuf,
    guard: Child,
}

impl Place {
    /// Makes the directory, below `TMPDIR` or `/tmp`.
    pub(crate) fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("dray-xtask.{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|why| format!("{} cannot be made: {why}", path.display()))?;
        let guard = Command::new("sh")
            .args(["-c", GUARD])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|why| format!("`sh` cannot be started: {why}"))?;
        Ok(Self { path, guard })
    }

    /// A path inside.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Has `command` run before the directory is removed.
    pub(crate) fn stop_with(&self, command: &str) -> Result<(), String> {
        std::fs::write(self.path.join(STOP_SCRIPT), command).map_err(|why| format!("{STOP_SCRIPT}: {why}"))
    }

    /// Refuses to begin where the disk is too small, which would otherwise show after half an hour.
    pub(crate) fn needs_bytes(&self, bytes: u64) -> Result<(), String> {
        let told = read_command(Command::new("df").arg("-Pk").arg(&self.path))?;
        let free = told.lines().nth(1).and_then(|line| line.split_whitespace().nth(3));
        let Some(free) = free.and_then(|kilobytes| kilobytes.parse::<u64>().ok()) else { return Ok(()) };
        if free * 1024 >= bytes {
            return Ok(());
        }
        Err(format!(
            "{} has {} GB free and this needs about {} GB: name another directory with TMPDIR, or take fewer \
             --rows",
            self.path.display(),
            free >> 20,
            bytes >> 30
        ))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Runs a command that is not measured; returns what it printed.
pub(crate) fn read_command(command: &mut Command) -> Result<String, String> {
    let name = Path::new(command.get_program()).display().to_string();
    let done =
        command.stdin(Stdio::null()).output().map_err(|why| format!("`{name}` cannot be started: {why}"))?;
    if !done.status.success() {
        return Err(format!("`{name}` failed: {}", String::from_utf8_lossy(&done.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
}
