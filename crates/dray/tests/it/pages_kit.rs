//! A browser without a script: forms are sent, redirects followed, cookies kept.

use std::collections::BTreeMap;

use url::form_urlencoded;

use crate::server::Server;

/// What a page answered.
pub(crate) struct Shown {
    pub(crate) status: u16,
    /// Where it was in the end.
    pub(crate) path: String,
    pub(crate) head: String,
    pub(crate) html: String,
}

impl Shown {
    /// The page without its tags.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut is_tag = false;
        for letter in self.html.chars() {
            match letter {
                '<' => is_tag = true,
                '>' => {
                    is_tag = false;
                    text.push(' ');
                }
                _ if !is_tag => text.push(letter),
                _ => {}
            }
        }
        let text =
            text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn has(&self, words: &str) -> bool {
        self.text().contains(words)
    }
}

/// A browser that is signed in, or not.
pub(crate) struct Browser<'s> {
    server: &'s Server,
    pub(crate) cookie: String,
    pub(crate) language: &'static str,
}

impl<'s> Browser<'s> {
    pub(crate) fn new(server: &'s Server) -> Self {
        Self { server, cookie: String::new(), language: "en" }
    }

    /// Signs in by the link that the first start shows.
    pub(crate) fn signed_in(server: &'s Server) -> Self {
        let mut browser = Self::new(server);
        let greeted = server.greeting.iter().find_map(|line| line.split_once("/sign-in/"));
        let link = format!("/sign-in/{}", greeted.expect("the first start shows a link").1.trim());
        assert_eq!(browser.post(&link, &[]).status, 200);
        browser
    }

    fn once(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, String, String) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nsec-fetch-site: same-origin\r\ncookie: {}\r\n\
             accept-language: {}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.cookie,
            self.language,
            body.len()
        );
        let answer = self.server.raw(&[head.as_bytes(), body].concat());
        let (head, html) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        if let Some(cookie) = head.lines().find_map(|line| line.strip_prefix("set-cookie: dray_session=")) {
            self.cookie = format!("dray_session={}", cookie.split(';').next().unwrap_or_default());
        }
        (status, head.to_owned(), html.to_owned())
    }

    fn follow(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Shown {
        let (mut path, mut answer) = (path.to_owned(), self.once(method, path, kind, body));
        for _ in 0..5 {
            let Some(to) = answer.1.lines().find_map(|line| line.strip_prefix("location: ")) else { break };
            path = to.to_owned();
            answer = self.once("GET", &path, kind, b"");
        }
        let (status, head, html) = answer;
        Shown { status, path, head, html }
    }

    pub(crate) fn get(&mut self, path: &str) -> Shown {
        self.follow("GET", path, "text/plain", b"")
    }

    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.follow("POST", path, "application/x-www-form-urlencoded", body.as_bytes())
    }

    /// Sends a file by the form of the first step; the page of the second.
    pub(crate) fn send_file(&mut self, object: &str, name: &str, content: &str) -> Shown {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{content}\r\n--b--\r\n"
        );
        self.follow("POST", &format!("/import/{object}"), "multipart/form-data; boundary=b", body.as_bytes())
    }
}

/// What the form of a page would send as it stands: name → value of its selects and hidden inputs.
pub(crate) fn form_of(html: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(rest.split('"').next().unwrap_or_default().replace("&quot;", "\"").replace("&amp;", "&"))
    };
    let mut select: Option<String> = None;
    for tag in html.split('<') {
        if tag.starts_with("input") && tag.contains("type=\"hidden\"") {
            if let (Some(name), Some(value)) = (attribute(tag, "name"), attribute(tag, "value")) {
                fields.insert(name, value);
            }
        } else if tag.starts_with("select") {
            select = attribute(tag, "name");
        } else if tag.starts_with("option")
            && let (Some(name), Some(value)) = (&select, attribute(tag, "value"))
            && (tag.contains(" selected") || !fields.contains_key(name))
        {
            fields.insert(name.clone(), value);
        }
    }
    fields
}
