//! A site of the world outside, for tests: it listens on a port of its own and does to each request what the
//! test says, well-behaved or not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// What a site does with a connection, once a request has come.
pub(crate) type Behaviour = dyn Fn(&Asked, usize, &mut TcpStream) + Send + Sync;

/// A site that listens as long as it is not dropped.
pub(crate) struct Site {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<Mutex<usize>>,
}

impl Site {
    /// A site that behaves like this; it is told the request and how many came before.
    pub(crate) fn new(behaviour: impl Fn(&Asked, usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let connections: Arc<Mutex<usize>> = Arc::default();
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let (seen, counted) = (Arc::clone(&asked), Arc::clone(&connections));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                *counted.lock().expect("no test panicked here") += 1;
                let (seen, behaviour) = (Arc::clone(&seen), Arc::clone(&behaviour));
                std::thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
                    let Some(request) = read(&stream) else { return };
                    let before = {
                        let mut seen = seen.lock().expect("no test panicked here");
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    behaviour(&request, before, &mut stream);
                });
            }
        });
        Self { port, asked, connections }
    }

    /// A site that answers every request with this status and body.
    pub(crate) fn answering(status: &'static str, body: &'static str) -> Self {
        Self::new(move |_, _, stream| answer(stream, status, "", body.as_bytes()))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What came until now.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panicked here").clone()
    }

    /// Connections until now, with a request or without.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().expect("no test panicked here")
    }

    /// Waits until so many requests came.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Asked> {
        until(&format!("{count} requests"), || {
            let asked = self.asked();
            (asked.len() >= count).then_some(asked)
        })
    }
}

/// Waits for something, at most a minute.
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Answers whole, and closes.
pub(crate) fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// Sends bytes as they are.
pub(crate) fn raw(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref());
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse());
    let mut body = vec![0; length.and_then(Result::ok).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        body = chunks(&mut reader)?;
    }
    Some(Asked { method, path, headers, body, at: Instant::now() })
}

/// A body that comes in parts; `None` where it breaks off before its end.
fn chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let bytes = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut part = vec![0; bytes + 2];
        reader.read_exact(&mut part).ok()?;
        if bytes == 0 {
            return Some(body);
        }
        body.extend_from_slice(&part[..bytes]);
    }
}
