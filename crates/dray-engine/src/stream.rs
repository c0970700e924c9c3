//! The moving part: one thread reads, one checks, the caller's matches and writes. Bounded queues keep
//! memory flat and let a slow store slow the reader down.

use std::sync::mpsc::sync_channel;

use dray_model::batch::TextBatch;
use dray_model::flow::RowSource;
use dray_model::{Error, ErrorKind, Result};

use crate::check::{CheckedBatch, Checker};

/// Batches waiting between two threads.
const WAITING: usize = 1;

/// A checked batch and how far the source was read when it was made.
pub struct Arrived {
    /// The batch.
    pub batch: CheckedBatch,
    /// Bytes of the source consumed up to its end.
    pub bytes_read: u64,
}

/// Hands every checked batch of a source to `each`, in order, until it answers false.
pub fn checked_batches(
    mut source: Box<dyn RowSource>,
    checker: &Checker,
    each: &mut dyn FnMut(Arrived) -> Result<bool>,
) -> Result<()> {
    let Some(first) = source.next_batch()? else { return Ok(()) };
    let first = (first, source.bytes_read());
    // A source of one batch, as most requests are, is not worth two threads.
    let second = match source.next_batch() {
        Ok(None) => {
            each(Arrived { batch: checker.check(first.0), bytes_read: first.1 })?;
            return Ok(());
        }
        Ok(Some(batch)) => Ok((batch, source.bytes_read())),
        Err(error) => Err(error),
    };
    let begun = [Ok(first), second];
    std::thread::scope(|scope| {
        let (read_sender, read_receiver) = sync_channel::<Result<(TextBatch, u64)>>(WAITING);
        let (checked_sender, checked_receiver) = sync_channel::<Result<Arrived>>(WAITING);
        let reader = scope.spawn(move || {
            let mut begun = begun.into_iter();
            loop {
                let item = match begun.next() {
                    Some(item) => item,
                    None => match source.next_batch() {
                        Ok(Some(batch)) => Ok((batch, source.bytes_read())),
                        Ok(None) => break,
                        Err(error) => Err(error),
                    },
                };
                let last = item.is_err();
                // The other side is gone when the run has ended early; then there is nobody to tell.
                if read_sender.send(item).is_err() || last {
                    break;
                }
            }
        });
        let checks = scope.spawn(move || {
            for item in read_receiver {
                let item =
                    item.map(|(batch, bytes_read)| Arrived { batch: checker.check(batch), bytes_read });
                if checked_sender.send(item).is_err() {
                    break;
                }
            }
        });
        let mut outcome = Ok(());
        for item in &checked_receiver {
            match item.and_then(&mut *each) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        drop(checked_receiver);
        let panicked = [reader.join().is_err(), checks.join().is_err()].contains(&true);
        if panicked && outcome.is_ok() {
            return Err(Error::new(ErrorKind::Source, "the source made the reader fail")
                .hint("this is a defect in Dray: please report it with the file"));
        }
        outcome
    })
}
