//! A function that is loaded: records are split into batches, of which some are always on their way, so that
//! the function computes while others are given and taken.

use std::collections::VecDeque;
use std::process::Command;
use std::time::{Duration, Instant};

use dray_engine::expression::value::Record;
use dray_engine::pipeline::function::{FailedRecord, Function, FunctionError, FunctionSource, Language};

use crate::frame;
use crate::give::Giver;
use crate::limits::{Limits, shown_bytes};
use crate::process::{Lost, Process};
use crate::python::shape::put_shape;
use crate::take::Taker;
use crate::wire::{self, Reader};

/// How many batches are on their way.
const BATCHES_UNDER_WAY: usize = 3;

/// A batch is also full with this many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// How long a process may take to start, beside the time to load.
const MAX_START: Duration = Duration::from_secs(10);

/// How much a frame may have beside results.
const FRAME_SPARE: usize = 1 << 20;

/// Signals that end processes.
const ABORTED: i32 = 6;
const BUS_ERROR: i32 = 7;
const KILLED: i32 = 9;
const SEGMENT_VIOLATED: i32 = 11;
const OUT_OF_TIME: i32 = 24;

/// A function in its process.
pub(crate) struct LoadedFunction {
    process: Process,
    function: FunctionSource,
    limits: Limits,
    /// Set once it is of no more use.
    ended: bool,
    /// What of the sandbox is missing.
    pub(crate) missing: Option<String>,
}

/// A batch that was sent.
struct Sent {
    first: usize,
    count: usize,
}

impl LoadedFunction {
    /// Starts the worker by this command and has it load the function.
    pub(crate) fn load(
        command: Command,
        function: FunctionSource,
        limits: Limits,
    ) -> Result<Self, FunctionError> {
        let most_bytes = limits.batch_output_bytes + limits.record_output_bytes + FRAME_SPARE;
        let process = Process::start(command, most_bytes).map_err(|cause| {
            FunctionError::stopped(format!("the process of the function does not start: {cause}"))
        })?;
        let mut loaded = Self { process, function, limits, ended: false, missing: None };
        let frame = loaded.load_frame();
        let deadline = Instant::now() + MAX_START + limits.batch_time;
        let answer = loaded.process.send(&frame).and_then(|()| loaded.process.receive(deadline));
        let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
        match answer {
            Ok((frame::LOADED, content)) => {
                loaded.missing = (!content.is_empty()).then(|| text(&content));
                Ok(loaded)
            }
            Ok((frame::REFUSED, content)) => Err(FunctionError::Source(text(&content))),
            Ok((frame::UNCONFINED, content)) => {
                let why = text(&content);
                Err(FunctionError::stopped(format!("the sandbox of functions cannot be set up: {why}")))
            }
            Ok(_) => Err(loaded.lost(Lost::Malformed, None)),
            Err(Lost::TooLong) => {
                let seconds = limits.batch_time.as_secs_f64();
                let message = format!("the function takes longer than {seconds} seconds to be loaded");
                Err(FunctionError::stopped(message))
            }
            Err(lost) => Err(loaded.lost(lost, None)),
        }
    }

    fn load_frame(&self) -> Vec<u8> {
        let mut frame = frame::begin(frame::LOAD);
        wire::put_list(5, &mut frame);
        wire::put_text(&self.function.source, &mut frame);
        let mut sizes = vec![self.limits.record_output_bytes as u64, self.limits.batch_output_bytes as u64];
        match self.function.language {
            Language::JavaScript => {
                for schema in [&self.function.input, &self.function.output] {
                    wire::put_list(schema.properties.len(), &mut frame);
                    for property in &schema.properties {
                        wire::put_text(&property.name, &mut frame);
                    }
                }
            }
            Language::Python => {
                put_shape(&self.function.input, &mut frame);
                sizes.push(self.limits.memory_bytes);
            }
        }
        for size in sizes {
            wire::put_long(i128::from(size), &mut frame);
        }
        frame::finish(&mut frame);
        frame
    }

    /// Sends the batch that begins with this record.
    fn send_batch(&mut self, records: &[Record], first: usize) -> Result<Sent, Lost> {
        let giver = Giver { language: self.function.language, preserve_json: self.function.preserve_json };
        let mut content = Vec::new();
        let mut count = 0;
        for record in records.iter().skip(first).take(self.limits.batch_records) {
            giver.put_record(&self.function.input, record, &mut content);
            count += 1;
            if content.len() >= BATCH_BYTES {
                break;
            }
        }
        let mut frame = frame::begin(frame::BATCH);
        wire::put_list(count, &mut frame);
        frame.extend_from_slice(&content);
        frame::finish(&mut frame);
        self.process.send(&frame)?;
        Ok(Sent { first, count })
    }

    /// The results of a batch.
    fn take_batch(
        &mut self,
        batch: &Sent,
        results: &mut Vec<Result<Record, FailedRecord>>,
    ) -> Result<(), FunctionError> {
        let answer = self.process.receive(Instant::now() + self.limits.batch_time);
        let content = match answer {
            Ok((frame::RESULTS, content)) => content,
            Ok((frame::STOPPED, content)) => {
                let Some((index, why)) = content.split_first_chunk::<4>() else {
                    return Err(self.lost(Lost::Malformed, Some(batch)));
                };
                let record = u32::from_le_bytes(*index) as usize;
                let why = String::from_utf8_lossy(why);
                return Err(FunctionError::Stopped {
                    message: format!("the function was stopped: {why}"),
                    record: within(batch, record),
                });
            }
            Ok(_) => return Err(self.lost(Lost::Malformed, Some(batch))),
            Err(lost) => return Err(self.lost(lost, Some(batch))),
        };
        let taker = Taker { language: self.function.language, preserve_json: self.function.preserve_json };
        let mut reader = Reader::new(&content);
        for _ in 0..batch.count {
            match taker.take_record(&self.function.output, &mut reader) {
                Some(result) => results.push(result),
                None => return Err(self.lost(Lost::Malformed, Some(batch))),
            }
        }
        if reader.at() == content.len() { Ok(()) } else { Err(self.lost(Lost::Malformed, Some(batch))) }
    }

    /// What is said of a process that did not answer.
    fn lost(&mut self, lost: Lost, batch: Option<&Sent>) -> FunctionError {
        self.process.end();
        let record = batch.and_then(|batch| within(batch, self.process.noted()?));
        let message = match lost {
            Lost::TooLong => format!(
                "it takes longer than {} seconds for a batch of {} records",
                self.limits.batch_time.as_secs_f64(),
                batch.map_or(self.limits.batch_records, |batch| batch.count)
            ),
            Lost::Ended(Some(OUT_OF_TIME)) => "it computes for too long".to_owned(),
            Lost::Ended(Some(ABORTED | BUS_ERROR | KILLED | SEGMENT_VIOLATED)) => format!(
                "its process broke down; it may need more memory than {}, or call itself too deeply",
                shown_bytes(self.limits.memory_bytes)
            ),
            Lost::Ended(_) => "it ended its process".to_owned(),
            Lost::Malformed => "what its process answered makes no sense".to_owned(),
        };
        FunctionError::Stopped { message: format!("the function was stopped: {message}"), record }
    }

    fn call_batches(
        &mut self,
        records: &[Record],
    ) -> Result<Vec<Result<Record, FailedRecord>>, FunctionError> {
        let mut results = Vec::with_capacity(records.len());
        let mut under_way: VecDeque<Sent> = VecDeque::new();
        let mut next = 0;
        loop {
            while under_way.len() < BATCHES_UNDER_WAY && next < records.len() {
                let batch = self.send_batch(records, next).map_err(|lost| self.lost(lost, None))?;
                next += batch.count;
                under_way.push_back(batch);
            }
            let Some(batch) = under_way.pop_front() else { return Ok(results) };
            self.take_batch(&batch, &mut results)?;
        }
    }
}

/// Where a record of a batch stands among all that were given.
fn within(batch: &Sent, index: usize) -> Option<usize> {
    (index < batch.count).then_some(batch.first + index)
}

impl Function for LoadedFunction {
    fn call(&mut self, records: Vec<Record>) -> Result<Vec<Result<Record, FailedRecord>>, FunctionError> {
        if self.ended {
            return Err(FunctionError::stopped("the function was stopped before"));
        }
        let results = self.call_batches(&records);
        self.ended = results.is_err();
        if self.ended {
            self.process.end();
        }
        results
    }
}
