//! The failed-rows file: rejected rows as they were read, with the reasons behind them, so that a
//! person can repair the file and import it as it is.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dray_model::flow::FailedRowFormat;
use dray_model::problem::Problem;
use dray_model::{Error, Result};

/// Keeps a failed-rows file safe away from this machine, as another may have to go on with it.
pub trait Safekeeping: Send {
    /// Brings the first bytes of the file back to its place.
    fn fetch(&mut self, bytes: u64) -> Result<()>;
    /// Keeps the file safe up to there.
    fn keep(&mut self, bytes: u64) -> Result<()>;
    /// Ends the file: it is kept whole, or forgotten where it has no rows.
    fn end(&mut self, has_rows: bool) -> Result<()>;
}

/// A failed-rows file under way.
pub struct FailedFile {
    path: PathBuf,
    kept_by: Option<Box<dyn Safekeeping>>,
    format: Box<dyn FailedRowFormat>,
    out: Option<BufWriter<File>>,
    written_bytes: u64,
    rows: u64,
    line: Vec<u8>,
}

impl FailedFile {
    /// A file at this place in the source's own format; nothing is written before [`Self::begin`].
    pub fn new(path: &Path, format: Box<dyn FailedRowFormat>) -> Self {
        Self {
            path: path.to_owned(),
            kept_by: None,
            format,
            out: None,
            written_bytes: 0,
            rows: 0,
            line: Vec::new(),
        }
    }

    /// The same, kept safe elsewhere too.
    pub fn kept_by(self, kept_by: Box<dyn Safekeeping>) -> Self {
        Self { kept_by: Some(kept_by), ..self }
    }

    /// Begins the file anew (0), or goes on where a checkpoint left it.
    pub fn begin(&mut self, at_bytes: u64) -> Result<()> {
        if let Some(kept_by) = &mut self.kept_by {
            kept_by.fetch(at_bytes)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(at_bytes == 0)
            .open(&self.path)
            .map_err(|why| self.cannot(why))?;
        let length = file.metadata().map_err(|why| self.cannot(why))?.len();
        if length < at_bytes {
            return Err(Error::file(format!(
                "`{}` is shorter than when the import was interrupted",
                self.path.display()
            ))
            .hint("put the file back, or import again without --resume"));
        }
        file.set_len(at_bytes).and_then(|()| file.seek(SeekFrom::End(0))).map_err(|why| self.cannot(why))?;
        self.written_bytes = at_bytes;
        self.rows = u64::from(at_bytes > 0);
        self.out = Some(BufWriter::new(file));
        if at_bytes == 0 {
            self.line.clear();
            self.format.begin(&mut self.line);
            self.write_line()?;
        }
        Ok(())
    }

    /// Adds a rejected row.
    pub fn add(&mut self, row_number: u64, raw: &[u8], problems: &[&Problem]) -> Result<()> {
        let joined = |part: &dyn Fn(&Problem) -> String| {
            problems.iter().map(|problem| part(problem)).collect::<Vec<_>>().join("; ")
        };
        let field =
            joined(&|problem| problem.field.clone().or_else(|| problem.column.clone()).unwrap_or_default());
        let code = joined(&|problem| problem.code.word().to_owned());
        let reason = joined(&|problem| problem.message.clone());
        self.line.clear();
        self.format.row(raw, [&row_number.to_string(), &field, &code, &reason], &mut self.line);
        self.rows += 1;
        self.write_line()
    }

    /// Makes everything so far durable; returns where it ends.
    pub fn checkpoint(&mut self) -> Result<u64> {
        if let Some(out) = &mut self.out {
            let flushed = out.flush().and_then(|()| out.get_ref().sync_data());
            flushed.map_err(|why| self.cannot(why))?;
            if let Some(kept_by) = &mut self.kept_by {
                kept_by.keep(self.written_bytes)?;
            }
        }
        Ok(self.written_bytes)
    }

    /// Ends the file; one without rows is removed. True where there are rows.
    pub fn finish(mut self) -> Result<bool> {
        self.checkpoint()?;
        if self.rows == 0 && self.out.take().is_some() {
            std::fs::remove_file(&self.path).map_err(|why| self.cannot(why))?;
        }
        if let Some(kept_by) = &mut self.kept_by {
            kept_by.end(self.rows > 0)?;
        }
        Ok(self.rows > 0)
    }

    fn write_line(&mut self) -> Result<()> {
        if let Some(out) = &mut self.out {
            let written = out.write_all(&self.line);
            written.map_err(|why| self.cannot(why))?;
            self.written_bytes += self.line.len() as u64;
        }
        Ok(())
    }

    fn cannot(&self, why: std::io::Error) -> Error {
        Error::file(format!("the failed-rows file `{}` cannot be written: {why}", self.path.display()))
            .hint("check the directory, its permissions and the free space; the import can be resumed with --resume")
    }
}
