//! Events: kept once, taken up by one, written down by whoever had them last.

use std::collections::BTreeSet;

use dray_model::event::{Event, EventClaim, EventQuery, EventStatus};

use crate::world::World;

const NOW: i64 = 1_700_000_000_000_000;

fn event(number: u32, endpoint: &str, message: Option<&str>) -> Event {
    Event {
        id: format!("evt_{number:04}"),
        endpoint: endpoint.to_owned(),
        message: message.map(str::to_owned),
        status: EventStatus::Pending,
        payload: format!("{{\"n\": {number}, \"ü\": \"\\u0000\"}}"),
        received_at: NOW,
        due_at: Some(NOW + i64::from(number)),
        claims: 0,
        tries: 0,
        finished_at: None,
        kept: None,
        log: "{}".to_owned(),
    }
}

fn claim(without: &[&str], each: u64, limit: u64, now: i64) -> EventClaim {
    let without = without.iter().map(|endpoint| (*endpoint).to_owned()).collect();
    EventClaim { without, each, limit, now, lease_until: now + 1_000 }
}

fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

pub(crate) fn messages_are_kept_once(world: &World) {
    let mut store = world.open();
    let first = [event(1, "a/1", Some("m")), event(2, "a/1", None), event(3, "a/2", Some("m"))];
    assert_eq!(store.append_events(&first).unwrap(), ["evt_0001", "evt_0002", "evt_0003"]);
    let again = [
        event(4, "a/1", Some("m")),
        event(5, "a/1", None),
        event(6, "a/1", Some("n")),
        event(7, "a/1", Some("n")),
    ];
    assert_eq!(store.append_events(&again).unwrap(), ["evt_0001", "evt_0005", "evt_0006", "evt_0006"]);
    assert_eq!(store.find_event("a/1", "evt_0001").unwrap(), Some(first[0].clone()));
    assert_eq!(store.find_event("a/2", "evt_0001").unwrap(), None);
    assert_eq!(store.find_event("a/1", "evt_0004").unwrap(), None);
    assert_eq!(store.append_events(&[]).unwrap(), [""; 0]);
    assert_eq!((store.count_waiting_events(100).unwrap(), store.count_waiting_events(3).unwrap()), (5, 3));
}

pub(crate) fn what_is_due_is_taken_up(world: &World) {
    let mut store = world.open();
    let mut all: Vec<Event> = (1..=6).map(|number| event(number, "a/1", None)).collect();
    all.extend((7..=9).map(|number| event(number, "a/2", None)));
    store.append_events(&all).unwrap();
    // What has been due for longer comes first, not more than so many of one endpoint, and nothing before its time.
    let taken = store.claim_events(&claim(&[], 2, 10, NOW + 8)).unwrap();
    assert_eq!(ids(&taken), ["evt_0001", "evt_0002", "evt_0007", "evt_0008"]);
    assert!(
        taken.iter().all(|event| event.claims == 1 && event.tries == 1 && event.due_at == Some(NOW + 1_008))
    );
    assert_eq!(ids(&store.claim_events(&claim(&["a/1"], 5, 10, NOW + 8)).unwrap()), [""; 0]);
    assert_eq!(ids(&store.claim_events(&claim(&["a/2", "a/3"], 5, 1, NOW + 9)).unwrap()), ["evt_0003"]);
    assert_eq!(ids(&store.claim_events(&claim(&["a/1"], 5, 10, NOW + 9)).unwrap()), ["evt_0009"]);
    // Of one endpoint alone, the oldest first.
    assert_eq!(ids(&store.claim_events_of("a/1", 1, NOW + 8, NOW + 1_008).unwrap()), ["evt_0004"]);
    assert_eq!(ids(&store.claim_events_of("a/2", 1, NOW + 8, NOW + 1_008).unwrap()), [""; 0]);
    assert_eq!(ids(&store.claim_events_of("a/1", 9, NOW + 5, NOW + 1_005).unwrap()), ["evt_0005"]);
    // Whoever had it up and never said anything has had it.
    let again = store.claim_events(&claim(&["a/2"], 1, 10, NOW + 1_004)).unwrap();
    assert_eq!((ids(&again), again[0].claims), (vec!["evt_0006"], 1));
    let again = store.claim_events(&claim(&["a/2"], 9, 10, NOW + 1_100)).unwrap();
    assert_eq!((ids(&again)[0], again[0].claims, again[0].tries), ("evt_0001", 2, 2));
    let mut late = taken[0].clone();
    late.status = EventStatus::Completed;
    assert!(!store.save_event(&late).unwrap(), "somebody else has it");
    let mut done = again[0].clone();
    (done.status, done.due_at, done.finished_at) = (EventStatus::Completed, None, Some(NOW + 2_000));
    (done.kept, done.log) = (Some("sealed".to_owned()), "{\"a\": 1}".to_owned());
    assert!(store.save_event(&done).unwrap());
    assert_eq!(store.find_event("a/1", "evt_0001").unwrap(), Some(done));
    assert!(!ids(&store.claim_events(&claim(&[], 9, 100, NOW + 9_000)).unwrap()).contains(&"evt_0001"));
}

pub(crate) fn events_are_listed_counted_and_swept(world: &World) {
    let mut store = world.open();
    let mut all: Vec<Event> = (1..=9).map(|number| event(number, "a/1", None)).collect();
    for event in &mut all {
        event.status = EventStatus::ALL[usize::from(event.id.ends_with(['1', '4', '7']))];
        event.due_at = event.due_at.filter(|_| event.status == EventStatus::Pending);
    }
    all.push(event(10, "a/2", None));
    store.append_events(&all).unwrap();
    let mut list = |status, before: Option<&str>, limit| {
        let query =
            EventQuery { endpoint: "a/1".to_owned(), status, before: before.map(str::to_owned), limit };
        store.list_events(&query).unwrap().into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None, 3), ["evt_0009", "evt_0008", "evt_0007"]);
    assert_eq!(list(None, Some("evt_0007"), 3), ["evt_0006", "evt_0005", "evt_0004"]);
    assert_eq!(list(Some(EventStatus::Completed), Some("evt_0007"), 3), ["evt_0004", "evt_0001"]);
    assert_eq!(list(Some(EventStatus::Failed), None, 3), [""; 0]);
    let counts = store.count_events("a/1", 5).unwrap();
    let of = |wanted| counts.iter().find(|(status, _)| *status == wanted).map(|(_, count)| *count);
    assert_eq!((of(EventStatus::Pending), of(EventStatus::Completed)), (Some(5), Some(3)));
    // What waits is kept, however old it is.
    assert_eq!(store.delete_events_before("evt_0007", 1).unwrap(), 1);
    assert_eq!(store.delete_events_before("evt_0007", 10).unwrap(), 1);
    assert_eq!(store.count_waiting_events(100).unwrap(), 7);
    assert!(store.find_event("a/1", "evt_0007").unwrap().is_some());
}

pub(crate) fn several_sessions_share_what_is_due(world: &World) {
    let mut store = world.open();
    let all: Vec<Event> = (1..=400).map(|number| event(number, &format!("a/{}", number % 7), None)).collect();
    store.append_events(&all).unwrap();
    let taken: Vec<Vec<Event>> = std::thread::scope(|scope| {
        let sessions: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut store = world.open();
                    let mut taken = Vec::new();
                    loop {
                        let more = store.claim_events(&claim(&[], 5, 20, NOW + 500)).unwrap();
                        if more.is_empty() {
                            return taken;
                        }
                        taken.extend(more);
                    }
                })
            })
            .collect();
        sessions.into_iter().map(|session| session.join().unwrap()).collect()
    });
    let mut seen = BTreeSet::new();
    for event in taken.into_iter().flatten() {
        assert!(event.claims == 1 && seen.insert(event.id), "taken up twice");
    }
    // Whoever stepped past what others were just taking may have gone home early; nothing is lost by that.
    while seen.len() < 400 {
        let more = store.claim_events(&claim(&[], 5, 100, NOW + 500)).unwrap();
        assert!(!more.is_empty(), "only {} of 400", seen.len());
        seen.extend(more.into_iter().map(|event| event.id));
    }
}
