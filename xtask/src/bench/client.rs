//! The least HTTP/1.1 that a client needs to measure a server: one connection, kept open.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A connection that is kept.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    key: String,
}

/// What a request came to.
pub(super) struct Answer {
    /// The body, where it was kept.
    pub(super) body: Vec<u8>,
    /// Bytes of the body.
    pub(super) bytes: u64,
    /// Where the answer leads, if it does.
    pub(super) location: String,
    /// From the first byte sent to the last sent.
    pub(super) sent: Duration,
    /// From the first byte sent to the first byte of the body.
    pub(super) first: Duration,
    /// From the first byte sent to the last received.
    pub(super) whole: Duration,
}

impl Client {
    /// Connects to `127.0.0.1` as whoever has the key.
    pub(super) fn new(port: u16, key: &str) -> Result<Self, String> {
        let stream =
            TcpStream::connect(("127.0.0.1", port)).map_err(|why| format!("no connection: {why}"))?;
        stream.set_nodelay(true).map_err(|why| why.to_string())?;
        Ok(Self { stream: BufReader::with_capacity(256 << 10, stream), key: key.to_owned() })
    }

    /// Asks for something and keeps the answer.
    pub(super) fn get(&mut self, path: &str, keep: bool) -> Result<Answer, String> {
        self.send("GET", path, "", &mut std::io::empty(), 0, keep)
    }

    /// Sends JSON.
    pub(super) fn post(&mut self, path: &str, body: &str) -> Result<Answer, String> {
        self.send("POST", path, "application/json", &mut body.as_bytes(), body.len() as u64, true)
    }

    /// Sends a body as it comes.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        kind: &str,
        body: &mut dyn Read,
        bytes: u64,
        keep: bool,
    ) -> Result<Answer, String> {
        self.exchange(method, path, kind, body, bytes, keep).map_err(|why| format!("{method} {path}: {why}"))
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        kind: &str,
        body: &mut dyn Read,
        bytes: u64,
        keep: bool,
    ) -> Result<Answer, String> {
        let told = |why: std::io::Error| why.to_string();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n", self.key);
        if bytes > 0 {
            head.push_str(&format!("content-type: {kind}\r\ncontent-length: {bytes}\r\n"));
        }
        head.push_str("\r\n");
        // What is small leaves in one piece.
        let mut start = head.into_bytes();
        body.take(64 << 10).read_to_end(&mut start).map_err(told)?;
        let begun = Instant::now();
        let mut out = self.stream.get_ref();
        out.write_all(&start).map_err(told)?;
        std::io::copy(body, &mut out).map_err(told)?;
        let sent = begun.elapsed();
        let (status, length, location) = self.head()?;
        let (first, whole) = (Duration::ZERO, Duration::ZERO);
        let mut answer = Answer { body: Vec::new(), bytes: 0, location, sent, first, whole };
        match length {
            Some(length) => {
                let mut rest = self.stream.by_ref().take(length);
                drain(&mut rest, begun, keep || status >= 300, &mut answer)?;
            }
            None => loop {
                let size = self.line()?;
                let size = u64::from_str_radix(size.trim(), 16).map_err(|why| format!("{size}: {why}"))?;
                let mut rest = self.stream.by_ref().take(size);
                drain(&mut rest, begun, keep || status >= 300, &mut answer)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            },
        }
        answer.whole = begun.elapsed();
        if status >= 400 {
            return Err(format!("{status} {}", String::from_utf8_lossy(&answer.body)));
        }
        Ok(answer)
    }

    /// The status, the length of the body where the answer tells it, and where it leads.
    fn head(&mut self) -> Result<(u16, Option<u64>, String), String> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| format!("no HTTP: `{line}`"))?;
        let (mut length, mut location) = (None, String::new());
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
            if name.eq_ignore_ascii_case("location") {
                value.trim().clone_into(&mut location);
            }
        }
        Ok((status, length, location))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).map_err(|why| why.to_string())?;
        if read == 0 {
            return Err("the server ended the connection".to_owned());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Reads to the end; the time of the first byte is noted once.
fn drain(from: &mut impl Read, begun: Instant, keep: bool, answer: &mut Answer) -> Result<(), String> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer).map_err(|why| why.to_string())?;
        if read == 0 {
            return Ok(());
        }
        if answer.bytes == 0 {
            answer.first = begun.elapsed();
        }
        answer.bytes += read as u64;
        if keep {
            answer.body.extend_from_slice(&buffer[..read]);
        }
    }
}
