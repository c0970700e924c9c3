//! `cargo xtask bench --events`: events that are sent to connectors, each kept before it is answered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::http::median;
use super::lines::StoreKind;
use super::serving::Serving;
use super::setting::Setting;

/// Connections that send.
const CLIENTS: u64 = 8;
/// How long they send.
const SENDING: Duration = Duration::from_secs(10);
/// How long what waits may take until it is done.
const WORKING: Duration = Duration::from_secs(300);
/// Connectors that are there and get nothing.
const IDLE: u64 = 10_000;
/// What decides; an event says what it is about.
const TRIGGER: &str = "and(equals($payload.type, \\\"order\\\"), gte($payload.total, 10), in($payload.currency, \
    \\\"EUR\\\", \\\"USD\\\"), not(starts_with($payload.customer.email, \\\"test\\\")))";

/// Measures, and prints the table.
pub(super) fn print(setting: &Setting<'_>, stores: &[StoreKind]) -> Result<(), String> {
    println!("| {CLIENTS} connections, {} s | figure | aim |\n|---|--:|--:|", SENDING.as_secs());
    for store in stores {
        let address = match store {
            StoreKind::Postgres => {
                let server = setting.server()?;
                server.fresh("events", "template0")?;
                server.address("events")
            }
            StoreKind::Sqlite => format!("sqlite:{}", setting.place.file("events").display()),
        };
        let label = store.label();
        let aim = if *store == StoreKind::Postgres { "1,000" } else { "" };
        let more = ["--allow-outbound", "127.0.0.0/8", "--events-per-minute", "100000000"];
        let serving = Serving::start(setting, &address, &more)?;
        let receiver = Receiver::start()?;
        let sent_on = format!("http://127.0.0.1:{}/orders", receiver.port);
        let cases = [
            ("nothing is to be done", "refund", sent_on.as_str()),
            ("each is sent on", "order", sent_on.as_str()),
            ("each becomes a contact", "order", "object:contacts?match=email"),
        ];
        for (case, (what, kind, target)) in cases.into_iter().enumerate() {
            let hook = Hook::make(&serving, target)?;
            let begun = Instant::now();
            let mut times = send(&serving, &hook, case, kind)?;
            let accepted = times.len() as u64;
            let rate = accepted as f64 / begun.elapsed().as_secs_f64();
            let middle = median(&mut times);
            let late = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
            println!("| {label}, {what}: accepted | {rate:.0} events/s | {aim} |");
            println!("| … an answer takes: median, p99 | {middle:.1} ms, {late:.1} ms | |");
            let done = hook.done(&serving, accepted)?;
            if kind == "order" {
                let rate = accepted as f64 / (begun.elapsed()).as_secs_f64();
                println!("| … all {accepted} done, from the first one sent | {rate:.0} events/s | |");
            }
            if done != accepted {
                return Err(format!("{accepted} events were accepted, {done} are there"));
            }
            if case == 0 {
                println!("| … the trigger takes: median | {:.1} µs | 5 µs |", hook.trigger(&serving)?);
            }
        }
        println!("| … most memory of the server | {:.0} MB | |", serving.peak());
        drop(serving);
        let serving = Serving::start(setting, &address, &more)?;
        println!(
            "| {label}: processor time of {IDLE} idle connectors, 10 s | {} | none |",
            idle(setting, &serving)?
        );
    }
    Ok(())
}

/// Sends events at once; milliseconds of each answer.
fn send(serving: &Serving, hook: &Hook, case: usize, kind: &str) -> Result<Vec<f64>, String> {
    let begun = Instant::now();
    let sent: Result<Vec<Vec<f64>>, String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    let mut client = serving.client_as(&hook.bearer)?;
                    let mut times = Vec::new();
                    while begun.elapsed() < SENDING {
                        let payload = format!(
                            "{{\"type\":\"{kind}\",\"total\":12.5,\"currency\":\"EUR\",\"customer\":{{\"email\":\
                             \"c{case}-{number}-{}@example.com\",\"name\":\"Ada\"}},\"items\":[{{\"sku\":\"a\",\"n\":1}}]}}",
                            times.len()
                        );
                        times.push(client.post(&hook.path, &payload)?.whole.as_secs_f64() * 1000.0);
                    }
                    Ok(times)
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().map_err(|_| "a client panicked".to_owned())?).collect()
    });
    Ok(sent?.into_iter().flatten().collect())
}

/// Processor time that a server takes in ten seconds, with many connectors and without, in seconds.
fn idle(setting: &Setting<'_>, serving: &Serving) -> Result<String, String> {
    let mut took = Vec::new();
    for with_connectors in [false, true] {
        if with_connectors {
            let mut client = serving.client()?;
            for first in (0..IDLE).step_by(50) {
                let one = |number: u64| {
                    format!(
                        "{{\"name\":\"idle {number}\",\"status\":\"enabled\",\"trigger\":\"{TRIGGER}\",\
                         \"perform_api_url\":\"https://example.com/{number}\"}}"
                    )
                };
                let records: Vec<String> = (first..first + 50).map(one).collect();
                let body = format!("{{\"records\":[{}]}}", records.join(","));
                client.post("/api/v1/import/connectors", &body)?;
            }
            std::thread::sleep(Duration::from_secs(2));
        }
        let before = serving.processor_seconds(setting);
        std::thread::sleep(Duration::from_secs(10));
        took.push(serving.processor_seconds(setting) - before);
    }
    let [without, with] = took.as_slice() else { return Err("not measured".to_owned()) };
    Ok(format!("{with:.2} s (without them {without:.2} s)"))
}

/// A connector that is sent to.
struct Hook {
    id: u64,
    path: String,
    bearer: String,
}

impl Hook {
    fn make(serving: &Serving, target: &str) -> Result<Self, String> {
        let mut client = serving.client()?;
        let records = "/api/v1/objects/connectors/records";
        let fields = format!(
            "{{\"name\":\"measured\",\"trigger\":\"{TRIGGER}\",\"perform_api_url\":\"{target}\",\"perform\":\
             [{{\"key\":\"email\",\"value\":\"$payload.customer.email\"}},{{\"key\":\"first_name\",\"value\":\"$payload.customer.name\"}}]}}"
        );
        let made = client.post(records, &fields)?;
        let id = between(&made.body, "\"id\":", ",")?.parse().map_err(|_| "no id".to_owned())?;
        let enabled = "{\"status\":\"enabled\"}";
        let path = format!("{records}/{id}");
        client.send(
            "PATCH",
            &path,
            "application/json",
            &mut enabled.as_bytes(),
            enabled.len() as u64,
            true,
        )?;
        let url = client.get(&format!("{path}/endpoint"), true)?;
        let tokens = client.post(&format!("{path}/endpoint/tokens"), "{}")?;
        Ok(Self {
            id,
            path: format!("/hooks/{}", between(&url.body, "/hooks/", "\"")?),
            bearer: between(&tokens.body, "\"bearer\":\"", "\"")?,
        })
    }

    fn events(&self) -> String {
        format!("/api/v1/objects/connectors/records/{}/events", self.id)
    }

    /// How many events have ended, once none waits any more; they are counted up to 10,000 by the API.
    fn done(&self, serving: &Serving, accepted: u64) -> Result<u64, String> {
        const COUNTED: u64 = 10_000;
        let until = Instant::now() + WORKING;
        let mut client = serving.client()?;
        loop {
            let counts = client.get(&format!("{}?limit=1", self.events()), true)?;
            let of = |status: &str| -> Result<u64, String> {
                between(&counts.body, &format!("\"{status}\":"), ",")?
                    .trim_end_matches('}')
                    .parse()
                    .map_err(|_| format!("no count of {status}"))
            };
            if of("pending")? == 0 {
                if of("failed")? > 0 {
                    return Err(String::from_utf8_lossy(&counts.body).into_owned());
                }
                let ended = of("completed")? + of("ignored")?;
                return Ok(if ended == COUNTED && accepted > COUNTED { accepted } else { ended });
            }
            if Instant::now() > until {
                return Err(format!("not done: {}", String::from_utf8_lossy(&counts.body)));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// How long the trigger takes, in microseconds.
    fn trigger(&self, serving: &Serving) -> Result<f64, String> {
        let listed = serving.client()?.get(&format!("{}?limit=1000", self.events()), true)?;
        let text = String::from_utf8_lossy(&listed.body).into_owned();
        let times = text.split("\"microseconds\":").skip(1);
        let mut times: Vec<f64> =
            times.filter_map(|rest| rest.split(['}', ',']).next()?.parse().ok()).collect();
        Ok(median(&mut times))
    }
}

/// What stands between two texts.
fn between(body: &[u8], before: &str, after: &str) -> Result<String, String> {
    let text = String::from_utf8_lossy(body);
    let found = text.split_once(before).and_then(|(_, rest)| Some(rest.split_once(after)?.0.to_owned()));
    found.ok_or_else(|| format!("no `{before}` in {text}"))
}

/// Somebody who takes everything.
struct Receiver {
    port: u16,
}

impl Receiver {
    fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|why| why.to_string())?;
        let port = listener.local_addr().map_err(|why| why.to_string())?.port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(&stream));
            }
        });
        Ok(Self { port })
    }
}

fn answer(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0_u64;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        if std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).is_err() {
            return;
        }
        if (&mut &*stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
            return;
        }
    }
}
