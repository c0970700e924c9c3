//! The interpreter of this machine: where it is and what it needs of the file system. Asked once, by a
//! program of our own, before anything is confined.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::OPTIONS;

/// The oldest version that is used.
const OLDEST: (u32, u32) = (3, 8);

/// What asks it.
const PROBE: &str = include_str!("probe.py");

/// An interpreter of Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// The program itself, behind all links.
    pub(crate) program: String,
    /// What it needs: the arguments of the worker.
    pub(crate) paths: Vec<String>,
}

impl Interpreter {
    /// Finds the interpreter: the one given, else `python3` on the path. The error says why there is none.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, String> {
        let program = match given {
            Some(path) => path.to_owned(),
            None => on_path("python3").ok_or("there is no `python3` on the path")?,
        };
        let name = program.display();
        let output = Command::new(&program)
            .args(OPTIONS)
            .arg(PROBE)
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .map_err(|cause| format!("`{name}` does not start: {cause}"))?;
        if !output.status.success() {
            return Err(format!("`{name}` does not run Python 3.{} or newer", OLDEST.1));
        }
        let told = String::from_utf8_lossy(&output.stdout);
        Self::read(&told).ok_or_else(|| format!("`{name}` is not Python 3.{} or newer", OLDEST.1))
    }

    fn read(told: &str) -> Option<Self> {
        let mut program = None;
        let mut version = None;
        let mut paths = Vec::new();
        for line in told.lines() {
            match line.split_at_checked(1)? {
                ("v", text) => {
                    let (major, minor) = text.split_once('.')?;
                    version = Some((major.parse().ok()?, minor.parse().ok()?));
                }
                ("i", path) => program = Some(path.to_owned()),
                ("r" | "x", path) if path.len() > 1 => {
                    if !paths.iter().any(|known| known == line) {
                        paths.push(line.to_owned());
                    }
                }
                _ => return None,
            }
        }
        version.filter(|version| *version >= OLDEST)?;
        Some(Self { program: program?, paths })
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interpreter_tells() {
        let told = "v3.11\ni/usr/bin/python3.11\nr/usr/lib/python3.11\nr/lib\nr/lib\nx/lib/ld.so\n";
        let found = Interpreter::read(told).expect("an interpreter");
        assert_eq!(found.program, "/usr/bin/python3.11");
        assert_eq!(found.paths, ["r/usr/lib/python3.11", "r/lib", "x/lib/ld.so"]);
        for wrong in ["", "v2.7\ni/usr/bin/python", "v3.11\n", "v3.11\ni/p\nr/\n", "hello"] {
            assert_eq!(Interpreter::read(wrong), None, "{wrong}");
        }
    }
}
