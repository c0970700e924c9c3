//! Reads a workbook through a process of its own, and makes a sentence of whatever becomes of it.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use dray_model::{Error, ErrorKind, Result};

use super::address::Area;
use super::choice::SheetInfo;
use super::messages::{Message, Rows};
use super::package::damaged;
use super::row::{Noticed, SheetReader, SheetRow};
use super::worker::MAX_COMPUTING_SECONDS;
use crate::options::{Format, ReadOptions};

/// How long it may say nothing. Its computing is limited too, but it may have to wait for a processor.
const MAX_SILENCE: Duration = Duration::from_secs(300);

/// How long a process that has said everything may take to end.
const MAX_FAREWELL: Duration = Duration::from_secs(5);

/// Signals that end processes.
const ABORTED: i32 = 6;
const KILLED: i32 = 9;
const BUS_ERROR: i32 = 7;
const SEGMENT_VIOLATED: i32 = 11;
const OUT_OF_TIME: i32 = 24;

/// A sheet read by a process of its own.
struct SheetInWorker {
    name: String,
    worker: Worker,
    rows: Rows,
    noticed: Noticed,
    last_row: u32,
    expected_rows: u32,
    file_bytes: u64,
    ended: bool,
}

/// Opens the sheet that is asked for, or the first visible one with a value in it.
pub(super) fn open_in_worker(
    name: &str,
    file: File,
    format: Format,
    first_argument: &str,
    options: &ReadOptions,
) -> Result<(Box<dyn SheetReader>, Vec<SheetInfo>, usize)> {
    let Some(program) = &options.worker else {
        let message = format!("`{name}` is a workbook in {} format, which is not read here", format.word());
        return Err(Error::source(message).hint("open it in a spreadsheet program and save it as xlsx"));
    };
    let max_bytes = options.limits.within_reason().max_worker_bytes;
    let file_bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let mut arguments = vec![first_argument, format.word(), name];
    let max_bytes_text = max_bytes.to_string();
    arguments.push(&max_bytes_text);
    arguments.extend(options.sheet.as_deref());
    let mut worker = Worker::start(program, &arguments, file, max_bytes)?;
    match worker.receive(name)? {
        Message::Sheets { sheets, chosen, rows, merged } if chosen < sheets.len() => {
            let noticed = Noticed { merged, ..Noticed::default() };
            let sheet = SheetInWorker {
                name: name.to_owned(),
                worker,
                rows: Rows::default(),
                noticed,
                last_row: 0,
                expected_rows: rows,
                file_bytes,
                ended: false,
            };
            Ok((Box::new(sheet), sheets, chosen))
        }
        Message::Refused { is_request, message, hint } => Err(refused(is_request, message, hint)),
        _ => Err(makes_no_sense(name)),
    }
}

impl SheetReader for SheetInWorker {
    fn next_row(&mut self, row: &mut SheetRow) -> Result<bool> {
        row.begin(self.last_row);
        while !self.ended {
            if self.rows.next_row(row).ok_or_else(|| makes_no_sense(&self.name))? {
                self.last_row = row.number;
                return Ok(true);
            }
            match self.worker.receive(&self.name)? {
                Message::Rows(content) => self.rows = Rows::new(content),
                Message::End => self.ended = true,
                Message::Refused { is_request, message, hint } => {
                    return Err(refused(is_request, message, hint));
                }
                Message::Sheets { .. } => return Err(makes_no_sense(&self.name)),
            }
        }
        Ok(false)
    }

    fn merged_cells(&mut self) -> Result<Vec<Area>> {
        Ok(self.noticed.merged.clone())
    }

    fn noticed(&self) -> &Noticed {
        &self.noticed
    }

    /// The file was read whole by the other process, so this says how many of its rows have come.
    fn bytes_read(&self) -> u64 {
        if self.ended {
            return self.file_bytes;
        }
        let expected = u128::from(self.expected_rows.max(self.last_row).max(1));
        u64::try_from(u128::from(self.file_bytes) * u128::from(self.last_row) / expected).unwrap_or(0)
    }
}

/// The other process. It ends with this value.
struct Worker {
    child: Child,
    messages: Receiver<Message>,
    max_bytes: u64,
}

impl Worker {
    fn start(program: &Path, arguments: &[&str], file: File, max_bytes: u64) -> Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            // The allocator would set aside more address space at its start than the process may have.
            .env("MIMALLOC_ARENA_RESERVE", "16MiB")
            .stdin(Stdio::from(file))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|cause| {
                Error::file(format!(
                    "the program `{}` that reads workbooks does not start",
                    program.display()
                ))
                .hint("check that the program is where it was when Dray started")
                .because(cause)
            })?;
        let (sender, messages) = sync_channel(2);
        if let Some(mut output) = child.stdout.take() {
            // It ends when the other process does, or when nobody receives any more.
            std::thread::spawn(move || {
                while let Some(message) = Message::receive(&mut output) {
                    if sender.send(message).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { child, messages, max_bytes })
    }

    /// The next message. That none comes is an error which says why.
    fn receive(&mut self, name: &str) -> Result<Message> {
        match self.messages.recv_timeout(MAX_SILENCE) {
            Ok(message) => Ok(message),
            Err(RecvTimeoutError::Timeout) => Err(takes_too_long(name, MAX_SILENCE.as_secs())),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.wait();
                Err(self.explain(name, status))
            }
        }
    }

    /// Waits for the end of a process that closed its output.
    fn wait(&mut self) -> Option<ExitStatus> {
        const STEP: Duration = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while waited < MAX_FAREWELL {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(STEP),
                Ok(Some(status)) => return Some(status),
                Err(_) => return None,
            }
            waited += STEP;
        }
        None
    }

    fn explain(&self, name: &str, status: Option<ExitStatus>) -> Error {
        match status.and_then(|status| status.signal()) {
            Some(ABORTED | KILLED | BUS_ERROR | SEGMENT_VIOLATED) => {
                let most = self.max_bytes >> 20;
                let message = format!(
                    "`{name}` could not be read: it needs more memory than {most} MiB, or is damaged"
                );
                Error::new(ErrorKind::Limit, message).hint(
                    "open it in a spreadsheet program and save it as xlsx, which is read with little memory",
                )
            }
            Some(OUT_OF_TIME) => takes_too_long(name, MAX_COMPUTING_SECONDS),
            _ => damaged(name, "its contents make no sense"),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already; either way nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn refused(is_request: bool, message: String, hint: String) -> Error {
    let kind = if is_request { ErrorKind::Request } else { ErrorKind::Source };
    let error = Error::new(kind, message);
    if hint.is_empty() { error } else { error.hint(hint) }
}

fn takes_too_long(name: &str, seconds: u64) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!("`{name}` could not be read: it takes longer than {seconds} seconds"),
    )
    .hint("open it in a spreadsheet program and save it as xlsx")
}

fn makes_no_sense(name: &str) -> Error {
    damaged(name, "what was read from it makes no sense")
}
