//! What is worked out before the first row takes effect: the mapping, the styles of columns, the limits.

use std::sync::Arc;

use dray_model::words::{counted, thousands};
use dray_model::{Error, ErrorKind, Result};

use super::job::{Job, Observer};
use crate::check::decide::Evidence;
use crate::check::{CheckedBatch, Checker};
use crate::map::Mapping;
use crate::references::References;
use crate::suggest;

/// What is worked out before the first row takes effect.
pub(super) struct Prepared {
    pub(super) checker: Checker,
    pub(super) references: References,
    /// The first rows, checked: they tell how large a row is and whether rows repeat the table.
    pub(super) first: CheckedBatch,
    pub(super) first_bytes: u64,
}

impl Prepared {
    pub(super) fn new(job: &Job<'_>, observer: &mut dyn Observer) -> Result<Self> {
        if let (Some(most), Some(bytes)) = (job.object.policy.max_bytes, job.source_bytes)
            && bytes > most
        {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "`{}` has {}; an import into `{}` may have {}",
                    job.source_name,
                    counted(bytes, "byte", "bytes"),
                    job.object.name(),
                    thousands(most)
                ),
            )
            .hint("split the file"));
        }
        let mut source = job.source(0)?;
        let mut mapping = Mapping::new(&job.object, source.header(), &job.mapping)?;
        let first = source.next_batch()?.filter(|batch| !batch.is_empty());
        if observer.wants_hints() || mapping.check_required(&job.object, source.header()).is_err() {
            suggest::hint(&mut mapping, &job.object, source.header(), first.as_ref(), &job.mapping);
        }
        mapping.check_required(&job.object, source.header())?;
        let mut evidence = Evidence::new(&job.object, &mapping, job.date_order);
        let first = first.ok_or_else(|| {
            Error::source(format!("`{}` has a header but no rows", job.source_name))
                .hint("nothing was imported; export the file again with its data")
        })?;
        let first_bytes = source.bytes_read();
        evidence.observe(&first);
        let mut rows = first.len() as u64;
        let most = job.object.policy.max_rows.unwrap_or(u64::MAX);
        while rows <= most && (evidence.is_open() || most < u64::MAX) {
            let Some(batch) = source.next_batch()? else { break };
            evidence.observe(&batch);
            rows += batch.len() as u64;
        }
        if rows > most {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "`{}` has more than {}; an import into `{}` may have no more",
                    job.source_name,
                    counted(most, "row", "rows"),
                    job.object.name()
                ),
            )
            .hint("nothing was imported; split the file"));
        }
        let checker = Checker::new(Arc::clone(&job.object), &mapping, &evidence.decide()?);
        let references = References::new(&job.object, &checker, job.object_named)?;
        observer.mapped(&mapping, source.as_ref())?;
        let first = checker.check(first);
        Ok(Self { checker, references, first, first_bytes })
    }

    /// Roughly how many rows the source has.
    pub(super) fn estimated_rows(&self, source_bytes: Option<u64>) -> u64 {
        let rows = self.first.len() as u64;
        match source_bytes {
            Some(bytes) if self.first_bytes > 0 => {
                rows.saturating_mul(bytes.max(self.first_bytes)) / self.first_bytes
            }
            _ => rows,
        }
    }
}
