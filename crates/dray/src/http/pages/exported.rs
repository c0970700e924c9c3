//! What an export in the background was asked for and what it made: shown in the list of exports and on the page
//! of its job.

use dray_model::catalog::Job;
use maud::{Markup, html};

use super::import::upload::shown_bytes;
use super::pieces::moment;
use super::records::FORMATS;
use super::words::{Words, count};
use crate::clock;
use crate::operations::export_job::{ExportJob, ExportResult, KIND};

/// An export, as its job keeps it.
#[derive(Debug)]
pub struct Exported {
    /// What was asked for.
    pub asked: ExportJob,
    /// What came of it, once something did.
    pub result: Option<ExportResult>,
    job: i64,
}

impl Exported {
    /// The export of a job; `None` where the job does something else.
    pub fn of(job: &Job) -> Option<Self> {
        (job.kind == KIND).then(|| Self {
            asked: ExportJob::parse(&job.request).unwrap_or_default(),
            result: ExportResult::parse(job.result.as_deref()),
            job: job.id,
        })
    }

    /// The format as people call it.
    pub fn format(&self) -> &str {
        let known = FORMATS.iter().find(|(name, _)| *name == self.asked.format);
        known.map_or(&self.asked.format, |(_, name)| name)
    }

    /// True while the file is kept.
    pub fn is_there(&self) -> bool {
        self.result.as_ref().is_some_and(|result| result.expires_at > clock::now())
    }

    /// A link to the file, in buttons of this class; or that it is gone.
    pub fn link(&self, words: &Words, class: &str) -> Markup {
        html! {
            @if self.is_there() {
                a class=(class) href=(format!("/v1/export-jobs/exp_{}/download", self.job)) download { (words.download) }
            } @else {
                span.badge { (words.gone) }
            }
        }
    }

    /// What was asked for and what came of it.
    pub fn facts(&self, words: &Words) -> Markup {
        html! {
            section.card {
                h2 { (words.file) }
                dl.facts {
                    dt { (words.name) } dd { (self.asked.file_name) }
                    dt { (words.format) } dd { (self.format()) }
                    @if let Some(result) = &self.result {
                        dt { (words.records) } dd { (count(result.records)) }
                        dt { (words.size) } dd { (shown_bytes(result.bytes)) }
                        dt { (words.kept_until) } dd { (moment(result.expires_at)) }
                    }
                }
                @if self.result.is_some() { div.actions { (self.link(words, "button primary")) } }
            }
        }
    }
}
