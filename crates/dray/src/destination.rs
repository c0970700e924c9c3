//! Where a written file goes: it appears under its name only when it is whole, or flows to standard output.

use std::io::Write;
use std::path::{Path, PathBuf};

use dray_model::{Error, Result};

/// A file that appears under its name only when it is whole, or standard output.
pub enum Destination {
    /// Written under another name until it is whole.
    File {
        /// What is being written.
        temporary: tempfile::NamedTempFile,
        /// The name it will have.
        path: PathBuf,
    },
    /// Standard output.
    StandardOutput,
}

impl Destination {
    /// A file of this name, or standard output where there is none.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::StandardOutput) };
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new()
            .prefix(".dray-export-")
            .tempfile_in(directory)
            .map_err(|why| cannot_write(path, &why))?;
        Ok(Self::File { temporary, path: path.to_owned() })
    }

    /// Where the bytes go.
    pub fn writer(&self) -> Result<Box<dyn Write + Send>> {
        match self {
            Self::File { temporary, path } => {
                let file = temporary.as_file().try_clone().map_err(|why| cannot_write(path, &why))?;
                Ok(Box::new(file))
            }
            Self::StandardOutput => Ok(Box::new(std::io::stdout())),
        }
    }

    /// Makes the finished file appear under its name.
    pub fn publish(self) -> Result<()> {
        let Self::File { temporary, path } = self else { return Ok(()) };
        temporary.as_file().sync_all().map_err(|why| cannot_write(&path, &why))?;
        let file = temporary.persist(&path).map_err(|why| cannot_write(&path, &why.error))?;
        make_readable(&file, &path)
    }
}

/// Temporary files are private; an export has the permissions any new file has.
#[cfg(unix)]
fn make_readable(file: &std::fs::File, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(|why| cannot_write(path, &why))
}

#[cfg(not(unix))]
fn make_readable(_file: &std::fs::File, _path: &Path) -> Result<()> {
    Ok(())
}

fn cannot_write(path: &Path, why: &std::io::Error) -> Error {
    Error::file(format!("`{}` cannot be written: {why}", path.display()))
        .hint("check the directory, its permissions and the free space")
}
