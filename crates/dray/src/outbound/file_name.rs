//! What a fetched file is called, for people: a name and never a path.

use percent_encoding::percent_decode_str;
use reqwest::header::HeaderMap;
use url::Url;

/// The most letters of a name.
const NAME_LETTERS: usize = 150;

/// The name that the answer gives, else the end of the address.
pub(super) fn file_name(headers: &HeaderMap, url: &Url) -> String {
    let disposition =
        headers.get("content-disposition").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let given = disposition.as_deref().and_then(name_of);
    let last = || {
        let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
        Some(percent_decode_str(last).decode_utf8_lossy().into_owned())
    };
    given
        .into_iter()
        .chain(last())
        .map(|name| plain(&name))
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "download".to_owned())
}

/// The name in a `Content-Disposition`: `filename*` before `filename`.
fn name_of(disposition: &str) -> Option<String> {
    let mut simple = None;
    for (name, value) in parameters(disposition) {
        match name.as_str() {
            "filename*" => {
                let mut parts = value.splitn(3, '\'');
                if let (Some(charset), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next())
                    && charset.eq_ignore_ascii_case("utf-8")
                    && let Ok(text) = percent_decode_str(text).decode_utf8()
                {
                    return Some(text.into_owned());
                }
            }
            "filename" => simple = Some(value),
            _ => {}
        }
    }
    simple
}

/// `; name=value` and `; name="value"` behind the first word.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut letters = text.chars().skip_while(|letter| *letter != ';').peekable();
    while letters.next_if_eq(&';').is_some() {
        let mut name = String::new();
        while let Some(letter) = letters.next_if(|letter| !matches!(letter, '=' | ';')) {
            name.push(letter);
        }
        let mut value = String::new();
        if letters.next_if_eq(&'=').is_some() {
            while letters.next_if(|letter| letter.is_whitespace()).is_some() {}
            if letters.next_if_eq(&'"').is_some() {
                while let Some(letter) = letters.next() {
                    match letter {
                        '"' => break,
                        '\\' => value.extend(letters.next()),
                        letter => value.push(letter),
                    }
                }
            }
            while let Some(letter) = letters.next_if(|letter| *letter != ';') {
                value.push(letter);
            }
        }
        found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    found
}

/// Without folders, control characters and what hides a file or its end.
fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\', '\0']).next().unwrap_or_default();
    let kept: String = last
        .chars()
        .filter(|letter| !letter.is_control() && !is_direction(*letter))
        .map(|letter| if "<>:\"|?*".contains(letter) { '_' } else { letter })
        .collect();
    let kept: String = kept.trim_matches(|letter: char| letter == '.' || letter.is_whitespace()).to_owned();
    kept.chars().take(NAME_LETTERS).collect()
}

/// Letters that turn the direction of what follows, so that `gpj.exe` looks like `exe.jpg`.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_path() {
        let cases = [
            ("attachment; filename=\"a.csv\"", "a.csv"),
            ("attachment; filename=a b.csv", "a b.csv"),
            ("attachment; filename=\"../../etc/passwd\"", "passwd"),
            ("attachment; filename=\"..\\\\..\\\\boot.ini\"", "boot.ini"),
            ("attachment; filename=\"C:\\\\x\\\\y.csv\"", "y.csv"),
            ("attachment; filename=\"a\\\"b.csv\"", "a_b.csv"),
            ("attachment; filename=x; filename*=UTF-8''%e2%82%ac%20rates.csv", "€ rates.csv"),
            ("attachment; filename*=UTF-8''..%2f..%2fsecret", "secret"),
            ("attachment; filename*=UTF-8''%00.csv", "csv"),
            ("attachment; filename*=latin1''%e9.csv; filename=e.csv", "e.csv"),
            ("attachment; filename=\"..\"", "from-path.csv"),
            ("attachment; filename=\"\"", "from-path.csv"),
            ("attachment; filename", "from-path.csv"),
            ("inline", "from-path.csv"),
            ("", "from-path.csv"),
            ("attachment; filename=\"open", "open"),
            ("attachment; filename=\"\u{202e}vsc.exe\"", "vsc.exe"),
        ];
        let url = Url::parse("https://x.example/a/from%2Dpath.csv?name=b").unwrap();
        for (header, name) in cases {
            let mut headers = HeaderMap::new();
            headers.insert("content-disposition", header.as_bytes().try_into().unwrap());
            assert_eq!(file_name(&headers, &url), name, "{header}");
        }
        let name = |path: &str| file_name(&HeaderMap::new(), &Url::parse(path).unwrap());
        assert_eq!(name("https://x.example/"), "download");
        assert_eq!(name("https://x.example/a/..%2F..%2Fetc%2Fpasswd"), "passwd");
        assert_eq!(name(&format!("https://x.example/{}", "n".repeat(900))).len(), NAME_LETTERS);
    }
}
