//! The worker process as the one that started it sees it: frames go in and out without ever waiting longer
//! than they may, and when it ends there is a sentence why.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, OFlags, fcntl_getfl, fcntl_setfl, ftruncate, memfd_create};

use crate::frame::{self, HEAD_BYTES};

/// How large the file is that a worker may map to note where it is: a page.
const NOTE_BYTES: u64 = 4096;

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// How long a process that has closed its output may take to end.
const MAX_FAREWELL: Duration = Duration::from_secs(5);

/// Why no frame came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It took too long.
    TooLong,
    /// It ended; by this signal, if it was one.
    Ended(Option<i32>),
    /// What came is no frame.
    Malformed,
}

/// A worker process. It ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// Where it notes the record it works on.
    note: File,
    outbox: Vec<u8>,
    /// How much of the outbox is written.
    sent: usize,
    inbox: Vec<u8>,
    buffer: Vec<u8>,
    /// The most bytes of a frame from it.
    most_bytes: usize,
}

impl Process {
    pub(crate) fn start(mut command: Command, most_bytes: usize) -> std::io::Result<Self> {
        let note = memfd_create("function", MemfdFlags::CLOEXEC)?;
        ftruncate(&note, NOTE_BYTES)?;
        let note = File::from(note);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::from(OwnedFd::from(note.try_clone()?)));
        let mut child = spawn(command)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ErrorKind::BrokenPipe.into());
        };
        for stream in [input.as_fd(), output.as_fd()] {
            fcntl_setfl(stream, fcntl_getfl(stream)? | OFlags::NONBLOCK)?;
            // Larger pipes mean fewer turns; it works with small ones too.
            let _ = rustix::pipe::fcntl_setpipe_size(stream, READ_BYTES);
        }
        Ok(Self {
            child,
            input,
            output,
            note,
            outbox: Vec::new(),
            sent: 0,
            inbox: Vec::new(),
            buffer: vec![0; READ_BYTES],
            most_bytes,
        })
    }

    /// Has a frame sent as soon as there is room for it.
    pub(crate) fn send(&mut self, frame: &[u8]) -> Result<(), Lost> {
        if self.sent == self.outbox.len() {
            self.outbox.clear();
            self.sent = 0;
        }
        self.outbox.extend_from_slice(frame);
        self.write_some()
    }

    /// The next frame.
    pub(crate) fn receive(&mut self, deadline: Instant) -> Result<(u8, Vec<u8>), Lost> {
        loop {
            if let Some(frame) = self.received()? {
                return Ok(frame);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Lost::TooLong);
            }
            let (readable, writable) = self.wait_until_ready(left)?;
            if writable {
                self.write_some()?;
            }
            if readable {
                self.read_some()?;
            }
        }
    }

    /// The first frame of what has come, once it is whole.
    fn received(&mut self) -> Result<Option<(u8, Vec<u8>)>, Lost> {
        let Some(head) = self.inbox.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let (letter, length) = frame::read_head(*head);
        if length > self.most_bytes {
            return Err(Lost::Malformed);
        }
        let end = HEAD_BYTES + length;
        if self.inbox.len() < end {
            return Ok(None);
        }
        let rest = self.inbox.split_off(end);
        let mut frame = std::mem::replace(&mut self.inbox, rest);
        frame.drain(..HEAD_BYTES);
        Ok(Some((letter, frame)))
    }

    /// Waits until it has said something, or there is room for more.
    fn wait_until_ready(&self, left: Duration) -> Result<(bool, bool), Lost> {
        let left = Timespec::try_from(left).map_err(|_| Lost::TooLong)?;
        let mut waiting = vec![PollFd::new(&self.output, PollFlags::IN)];
        if self.sent < self.outbox.len() {
            waiting.push(PollFd::new(&self.input, PollFlags::OUT));
        }
        match poll(&mut waiting, Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(Lost::Malformed),
        }
        let ready = |index: usize| waiting.get(index).is_some_and(|stream| !stream.revents().is_empty());
        Ok((ready(0), ready(1)))
    }

    fn write_some(&mut self) -> Result<(), Lost> {
        while let Some(rest) = self.outbox.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.input.write(rest) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // It listens no more; what it said last is still to be read.
                Err(_) => self.sent = self.outbox.len(),
            }
        }
        Ok(())
    }

    fn read_some(&mut self) -> Result<(), Lost> {
        match self.output.read(&mut self.buffer) {
            Ok(0) => Err(Lost::Ended(self.farewell())),
            Ok(count) => {
                self.inbox.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(()),
            Err(_) => Err(Lost::Ended(self.farewell())),
        }
    }

    /// Waits for the end of a process that closed its output; the signal that ended it.
    fn farewell(&mut self) -> Option<i32> {
        const STEP: Duration = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while waited < MAX_FAREWELL {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(STEP),
                Ok(Some(status)) => return ExitStatus::signal(&status),
                Err(_) => return None,
            }
            waited += STEP;
        }
        None
    }

    /// The index within its batch of the record it noted last.
    pub(crate) fn noted(&self) -> Option<usize> {
        let mut index = [0; 4];
        let count = rustix::io::pread(&self.note, &mut index, 0).ok()?;
        (count == index.len()).then(|| u32::from_ne_bytes(index) as usize)
    }

    /// Ends it at once.
    pub(crate) fn end(&mut self) {
        // It may have ended already; either way nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A process to start, and where it is waited for.
type Order = (Command, SyncSender<std::io::Result<Child>>);

/// Starts a process from a thread that never ends: a worker ends with the thread that started it, and those
/// of a server come and go.
fn spawn(command: Command) -> std::io::Result<Child> {
    static STARTER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                // Who asked may have gone; the process finds nobody and ends.
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (answer, child) = sync_channel(1);
    let gone = || std::io::Error::from(ErrorKind::BrokenPipe);
    starter.lock().unwrap_or_else(PoisonError::into_inner).send((command, answer)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}
