//! One event that is worked on: whoever has taken it up has it for a while, asks whom the connector says, and writes
//! down what came of it. Where that never happens, the event is due again: each is done at least once.

use std::time::{Duration, Instant};

use dray_engine::expression::{Json, RepeatedMember, Roots};
use dray_model::Result;
use dray_model::event::{Event, EventStatus};
use rand::RngExt;
use url::Url;

use super::intake::{connector, triggered};
use super::log::{Attempt, EventLog, Step};
use super::perform::{Answered, Ask, Asked, Record, look_up, send_on, write};
use crate::operations::connectors::connector::{Connector, missing_secret};
use crate::operations::connectors::request::Prepared;
use crate::operations::connectors::steps::Action;
use crate::server::app::App;
use crate::server::destinations::{Entry, Leave, MOST_FOR_ONE};
use crate::server::directory;
use crate::server::endpoints::Endpoint;
use crate::server::event_desk::Settled;
use crate::server::known_connectors::KnownConnector;

/// How long somebody goes on with the events of one endpoint before others have their turn.
const FOR_ONE: Duration = Duration::from_secs(1);
/// What a lookup and a request leave of the time that somebody has an event for themselves.
const MARGIN: Duration = Duration::from_secs(8);
/// How long an event waits for leave at a destination that has enough to do, and until it asks again.
const PATIENCE: Duration = Duration::from_secs(1);
/// What became of an event that the store would not take is written down again after this time.
const PAUSE: Duration = Duration::from_millis(500);
const MOST_SETTLES: usize = 5;
/// How long an event of a disabled connector waits before somebody looks again.
const DISABLED: Duration = Duration::from_secs(10);
/// The longest pause that others may ask for.
const MOST_PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// What an answer to a lookup is sealed for.
const LOOKUP: &str = "event lookup";

/// Works on an event, and then on others of the same endpoint for a while, as long as all goes well. Where nothing
/// can be done for it, it says for how long.
pub async fn work_on(app: &App, organization: &str, event: Event) -> Option<Duration> {
    let until = Instant::now() + FOR_ONE;
    let mut next = Some(event);
    while let Some(event) = next.take() {
        let endpoint = event.endpoint.clone();
        let has_time = Instant::now() < until && !app.is_stopping();
        match Work::new(app, organization, event).work(has_time).await {
            Ok(After::Rest(pause)) => return Some(pause),
            Ok(After::Next(following)) => next = following,
            Err(error) => tracing::warn!(%error, %organization, %endpoint, "an event could not be worked on"),
        }
    }
    None
}

/// What comes after an event.
#[derive(Debug)]
enum After {
    /// The next of its endpoint, where there is one and time for it.
    Next(Option<Event>),
    /// Nothing of its endpoint for this time.
    Rest(Duration),
}

/// How long whoever takes an event up has it for themselves, in microseconds: a lookup, a request, waiting for leave.
pub fn lease(app: &App) -> i64 {
    micros(app.settings().webhook_time * 2 + MARGIN)
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 2)
}

/// What is written down when an event is put away.
#[derive(Debug)]
enum Next {
    /// It has ended.
    Ended(EventStatus, Option<String>),
    /// It is tried again after a pause, as long as there are pauses left, or after the one that others ask for.
    Again(Option<Duration>),
    /// It was not tried, and is taken up again after this time.
    Later(Duration, String),
}

/// One event that is worked on.
struct Work<'a> {
    app: &'a App,
    organization: &'a str,
    event: Event,
    log: EventLog,
}

impl<'a> Work<'a> {
    fn new(app: &'a App, organization: &'a str, event: Event) -> Self {
        let log = EventLog::of(&event);
        Self { app, organization, event, log }
    }

    async fn work(mut self, has_time: bool) -> Result<After> {
        let begun = Instant::now();
        let next = self.next().await?;
        let rest = if let Next::Later(pause, _) = &next { Some(*pause) } else { None };
        let (organization, tries) = (self.organization, self.event.tries);
        let (endpoint, id) = (self.event.endpoint.clone(), self.event.id.clone());
        let (status, following) = self.put_away(next, has_time).await?;
        tracing::info!(
            %organization, %endpoint, event = %id, tries, status = status.word(),
            milliseconds = begun.elapsed().as_millis(), "an event was worked on"
        );
        Ok(rest.map_or(After::Next(following), After::Rest))
    }

    /// Does what the connector says, as far as it goes.
    async fn next(&mut self) -> Result<Next> {
        let ended = |status, why: &str| Ok(Next::Ended(status, Some(why.to_owned())));
        let endpoint = Endpoint::of_key(self.organization, &self.event.endpoint);
        let known = match &endpoint {
            Some(endpoint) => connector(self.app, endpoint).await?,
            None => None,
        };
        let Some(known) = known else { return ended(EventStatus::Ignored, "the connector was deleted") };
        if !known.is_enabled {
            let why = "the connector is disabled: what came before is done once it is enabled again";
            return Ok(Next::Later(DISABLED, why.to_owned()));
        }
        let connector = match &known.connector {
            Ok(connector) => connector,
            Err(why) => return ended(EventStatus::Failed, why),
        };
        if let Some(name) = known.missing.first() {
            return ended(EventStatus::Failed, &missing_secret(name));
        }
        let payload = match Json::parse(&self.event.payload, RepeatedMember::LastCounts) {
            Ok(payload) => payload,
            Err(why) => return ended(EventStatus::Failed, &format!("the payload cannot be read: {why}")),
        };
        let outcome = self.log.trigger.get_or_insert_with(|| triggered(connector, &payload, &known.secret));
        if let Some(why) = &outcome.error {
            return Ok(Next::Ended(EventStatus::Failed, Some(why.clone())));
        }
        if !outcome.matched {
            return Ok(Next::Ended(EventStatus::Ignored, None));
        }
        let mut roots = Roots { payload, secret: known.secret.clone(), ..Roots::default() };
        match self.lookup(&known, connector, &roots).await? {
            Ok(lookup) => roots.lookup = lookup,
            Err(next) => return Ok(next),
        }
        let steps = connector.shown(&roots.payload, &roots.lookup).to_string();
        self.log.show(known.without_secrets(&steps));
        let made = connector.processed(&roots).and_then(|process| {
            roots.process = process;
            connector.action(&roots)
        });
        match made {
            Err(why) => ended(EventStatus::Failed, &known.without_secrets(&why)),
            Ok(Action::Nothing) => Ok(Next::Ended(EventStatus::Completed, None)),
            Ok(Action::Request(request)) => {
                let leave = match self.leave(&request.url).await {
                    Ok(leave) => leave,
                    Err(next) => return Ok(next),
                };
                let ask = Ask { event: &self.event.id, request: &request, at: self.app.time().await? };
                let answered = send_on(self.app, &known, ask).await;
                Ok(match self.answered(leave, answered) {
                    Ok(()) => Next::Ended(EventStatus::Completed, None),
                    Err(next) => next,
                })
            }
            Ok(Action::Record { object, match_by, members, chosen }) => {
                let record = Record {
                    // A replay writes anew, whatever came of it before.
                    fingerprint: format!("{}/{}/{}", self.event.endpoint, self.event.id, self.log.replays),
                    actor: format!("connector {} ({})", self.event.endpoint, known.name),
                    source: self.event.endpoint.clone(),
                    object,
                    match_by,
                    members,
                    chosen,
                };
                self.record(record).await
            }
        }
    }

    /// What was looked up, now or when the event was tried before.
    async fn lookup(
        &mut self,
        known: &KnownConnector,
        connector: &Connector,
        roots: &Roots,
    ) -> Result<std::result::Result<Json, Next>> {
        let owner = format!("{}/{}", self.organization, self.event.id);
        let secret = self.app.secret();
        let kept = self.event.kept.as_ref().and_then(|kept| secret.open(LOOKUP, &owner, kept));
        if let Some(kept) = kept.and_then(|kept| Json::parse(&kept, RepeatedMember::LastCounts).ok()) {
            return Ok(Ok(kept));
        }
        let request: Prepared = match connector.lookup_request(roots) {
            Ok(None) => return Ok(Ok(Json::Null)),
            Ok(Some(request)) => request,
            Err(why) => {
                return Ok(Err(Next::Ended(EventStatus::Failed, Some(known.without_secrets(&why)))));
            }
        };
        let leave = match self.leave(&request.url).await {
            Ok(leave) => leave,
            Err(next) => return Ok(Err(next)),
        };
        let steps = connector.shown(&roots.payload, &Json::Null).to_string();
        self.log.show(known.without_secrets(&steps));
        let ask = Ask { event: &self.event.id, request: &request, at: self.app.time().await? };
        let answered = look_up(self.app, known, ask).await;
        Ok(match self.answered(leave, answered) {
            Ok(json) => {
                // A try after this one shall send the same.
                self.event.kept = Some(self.app.secret().seal(LOOKUP, &owner, &json.to_string())?);
                Ok(json)
            }
            Err(next) => Err(next),
        })
    }

    /// Leave to ask at an address.
    async fn leave(&self, url: &Url) -> std::result::Result<Leave, Next> {
        self.leave_at(&url.origin().ascii_serialization(), MOST_FOR_ONE).await
    }

    async fn leave_at(&self, place: &str, most: usize) -> std::result::Result<Leave, Next> {
        match self.app.event_desk().destinations.enter(self.organization, place, most, PATIENCE).await {
            Entry::Leave(leave) => Ok(leave),
            Entry::Full => Err(Next::Later(PATIENCE, format!("`{place}` has enough to do"))),
            Entry::Paused(rest) => {
                Err(Next::Later(rest, format!("`{place}` has failed again and again: it gets a pause")))
            }
        }
    }

    /// What follows from an answer.
    fn answered<T>(&mut self, leave: Leave, answered: Answered<T>) -> std::result::Result<T, Next> {
        let Answered { attempt, asked, was_well } = answered;
        match was_well {
            Some(was_well) => leave.end(was_well),
            None => drop(leave),
        }
        let word = attempt.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        metrics::counter!("dray_event_attempts_total", "status" => word).increment(1);
        self.log.add(attempt);
        match asked {
            Asked::Done(done) => Ok(done),
            Asked::Later(pause) => Err(Next::Again(pause)),
            Asked::Never => Err(Next::Ended(EventStatus::Failed, None)),
        }
    }

    async fn record(&mut self, record: Record) -> Result<Next> {
        // One at a time, as an import has an object for itself.
        let _leave = match self.leave_at(&format!("object:{}", record.object), 1).await {
            Ok(leave) => leave,
            Err(next) => return Ok(next),
        };
        let (at, begun) = (self.app.time().await?, Instant::now());
        let organization = self.organization.to_owned();
        let found = self
            .app
            .sessions()
            .directory(move |store| directory::find_organization(store, &organization))
            .await?;
        let quota = found.map(|organization| organization.plan.quota()).unwrap_or_default();
        let (written, asked, error) = write(self.app, self.organization, record, quota).await;
        let answer = written.as_ref().map_or_else(String::new, |written| written.outcome.clone());
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.log.add(Attempt { at, step: Step::Perform, status: None, milliseconds, answer, error });
        self.log.record = written;
        Ok(match asked {
            Asked::Done(()) => Next::Ended(EventStatus::Completed, None),
            Asked::Later(pause) => Next::Again(pause),
            Asked::Never => Next::Ended(EventStatus::Failed, None),
        })
    }

    /// Writes down what became of the event, and when it is tried again.
    async fn put_away(mut self, next: Next, has_time: bool) -> Result<(EventStatus, Option<Event>)> {
        let now = self.app.time().await?;
        let pause = match next {
            Next::Ended(status, reason) => {
                (self.event.status, self.log.reason) = (status, reason);
                None
            }
            Next::Again(wanted) => {
                self.log.reason = None;
                let tried = usize::try_from(self.event.tries.max(1) - 1).unwrap_or(0);
                let own = self.app.settings().webhook_pauses.get(tried);
                let pause = own.map(|pause| {
                    // No two are alike.
                    let pause = pause.mul_f64(rand::rng().random_range(1.0..1.2));
                    pause.max(wanted.unwrap_or_default().min(MOST_PATIENCE))
                });
                if pause.is_none() {
                    self.event.status = EventStatus::Failed;
                    self.log.reason = Some(format!("it was tried {} times", self.event.tries));
                }
                pause
            }
            Next::Later(pause, reason) => {
                // It was not tried.
                self.event.tries = (self.event.tries - 1).max(0);
                self.log.reason = Some(reason);
                Some(pause)
            }
        };
        self.event.due_at = pause.map(|pause| now.saturating_add(micros(pause)));
        self.event.finished_at = pause.is_none().then_some(now);
        if pause.is_none() {
            self.event.kept = None;
            metrics::counter!("dray_events_total", "status" => self.event.status.word()).increment(1);
        }
        self.log.settled = self.event.claims;
        self.event.log = self.log.text();
        let status = self.event.status;
        let goes_on = has_time && status == EventStatus::Completed;
        let next = goes_on.then(|| (now, now.saturating_add(lease(self.app))));
        let settled = Settled { event: self.event, next };
        let desk = self.app.event_desk();
        for _ in 1..MOST_SETTLES {
            match desk.settled.add(self.app.sessions(), self.organization, settled.clone()).await {
                Ok(following) => return Ok((status, following)),
                Err(error) => tracing::warn!(%error, "what became of an event could not be written down"),
            }
            tokio::time::sleep(PAUSE).await;
        }
        let following = desk.settled.add(self.app.sessions(), self.organization, settled).await?;
        Ok((status, following))
    }
}
