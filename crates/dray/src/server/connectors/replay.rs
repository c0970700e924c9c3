//! Doing again what has ended, or at once what waits.

use dray_model::Result;
use dray_model::catalog::Session;
use dray_model::event::{Event, EventQuery, EventStatus};

use super::log::EventLog;

/// Events that are asked for again at once.
const MOST: u64 = 10_000;
/// Events of one step.
const STEP: u64 = 500;

/// Does an event again: its trigger is asked anew, and it is tried as often as one that has just come. One that waits is
/// tried at once, one that somebody works on stays as it is. `None` where there is none.
pub fn replay(session: &mut dyn Session, endpoint: &str, id: &str) -> Result<Option<Event>> {
    let Some(mut event) = session.find_event(endpoint, id)? else { return Ok(None) };
    let now = session.time()?;
    again(&mut event, now);
    session.save_event(&event)?;
    session.find_event(endpoint, id)
}

/// Does again what has failed, the oldest last, as far as it is not more than can be; how many that are.
pub fn replay_failed(session: &mut dyn Session, endpoint: &str) -> Result<u64> {
    let mut query = EventQuery {
        endpoint: endpoint.to_owned(),
        status: Some(EventStatus::Failed),
        before: None,
        limit: STEP,
    };
    let mut replayed = 0;
    while replayed < MOST {
        let failed = session.list_events(&query)?;
        let Some(last) = failed.last() else { break };
        query.before = Some(last.id.clone());
        let now = session.time()?;
        for mut event in failed {
            again(&mut event, now);
            replayed += u64::from(session.save_event(&event)?);
        }
    }
    Ok(replayed)
}

fn again(event: &mut Event, now: i64) {
    let mut log: EventLog = serde_json::from_str(&event.log).unwrap_or_default();
    if event.status == EventStatus::Pending {
        if log.settled == event.claims {
            event.due_at = Some(now);
        }
        return;
    }
    (log.trigger, log.reason, log.record) = (None, None, None);
    log.replays = log.replays.saturating_add(1);
    event.log = log.text();
    event.status = EventStatus::Pending;
    (event.due_at, event.finished_at, event.kept, event.tries) = (Some(now), None, None, 0);
}
