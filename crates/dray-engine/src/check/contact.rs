//! What an e-mail address, a phone number and a web address are. The only place that knows.

use std::borrow::Cow;

use dray_model::problem::ProblemCode;

use super::Bad;

/// An address people can send mail to: `local@domain.tld`, without quotes, comments or literals.
/// The text stays as it is; comparisons ignore its case.
pub fn email(text: &str) -> Result<Cow<'_, str>, Bad> {
    let bad = |why: &str| Err((ProblemCode::InvalidEmail, why.to_owned()));
    let Some((local, domain)) = text.rsplit_once('@') else {
        return bad("an address has the form name@example.com");
    };
    if local.is_empty() || local.len() > 64 {
        return bad("the part before the @ has 1 to 64 characters");
    }
    let local_fits = |byte: u8| byte > b' ' && byte != 0x7f && !b"()<>[]:;@\\,\"".contains(&byte);
    if !local.bytes().all(local_fits)
        || local.starts_with('.')
        || local.ends_with('.')
        || local.contains("..")
    {
        return bad("the part before the @ has a character or a dot where none may be");
    }
    if !is_host_name(domain) {
        return bad("the part after the @ is a domain such as example.com");
    }
    Ok(Cow::Borrowed(text))
}

/// A host name with at least one dot and a last label of at least two letters.
fn is_host_name(domain: &str) -> bool {
    let mut labels = 0;
    let mut last = "";
    for label in domain.split('.') {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 0x80;
        if label.is_empty() || label.len() > 63 || label.starts_with('-') || label.ends_with('-') {
            return false;
        }
        if !label.bytes().all(fits) {
            return false;
        }
        labels += 1;
        last = label;
    }
    labels >= 2
        && domain.len() <= 253
        && last.len() >= 2
        && !last.bytes().any(|byte| byte.is_ascii_digit() && !last.starts_with("xn--"))
}

/// A phone number: 3 to 15 digits with the signs people put between them. An international number
/// (`+49 30 …`, `0049 30 …`) is kept in E.164 form; a national one keeps its digits, leading zeros too.
/// An extension (`x12`, `ext. 12`) stays behind the number as `x12`.
pub fn phone(text: &str) -> Result<Cow<'_, str>, Bad> {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'+')
        && (8..=16).contains(&bytes.len())
        && bytes[1] != b'0'
        && bytes[1..].iter().all(u8::is_ascii_digit)
    {
        return Ok(Cow::Borrowed(text));
    }
    let bad = |why: &str| Err((ProblemCode::InvalidPhone, why.to_owned()));
    let mut number = String::with_capacity(text.len());
    let mut extension = String::new();
    let mut in_extension = false;
    let lower = text.strip_prefix("tel:").unwrap_or(text).to_lowercase();
    let mut rest = lower.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(after) =
            ["extension", "ext.", "ext", "x", "#"].iter().find_map(|word| rest.strip_prefix(word))
        {
            if in_extension || number.is_empty() {
                return bad("write it as +49 30 123456");
            }
            in_extension = true;
            rest = after;
            continue;
        }
        match c {
            '0'..='9' if in_extension => extension.push(c),
            '0'..='9' => number.push(c),
            '+' if number.is_empty() => number.push('+'),
            ' ' | '\u{a0}' | '\u{202f}' | '-' | '\u{2010}'..='\u{2015}' | '.' | '/' | '(' | ')' => {}
            _ => return bad("only digits, blanks and + - . / ( ) may stand in it"),
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    if let Some(international) = number.strip_prefix("00") {
        number = format!("+{international}");
    }
    // A zero in brackets after the country code, as in +49 (0)30, is not dialled from abroad.
    if number.starts_with('+') && text.contains("(0)") {
        let code_digits =
            text.split("(0)").next().unwrap_or_default().chars().filter(char::is_ascii_digit).count();
        let code_digits = if text.trim_start().starts_with("00") { code_digits - 2 } else { code_digits };
        if number.as_bytes().get(1 + code_digits) == Some(&b'0') {
            number.remove(1 + code_digits);
        }
    }
    let digits = number.trim_start_matches('+').len();
    if !(3..=15).contains(&digits) || number.starts_with("+0") {
        return bad("a number has 3 to 15 digits");
    }
    if in_extension {
        if extension.is_empty() || extension.len() > 8 {
            return bad("the extension has 1 to 8 digits");
        }
        number.push('x');
        number.push_str(&extension);
    }
    Ok(Cow::Owned(number))
}

/// A web address: http or https, or a bare host name as people type it; or anything with one of these schemes.
pub fn url<'t>(text: &'t str, schemes: &[String]) -> Result<Cow<'t, str>, Bad> {
    let bad = |why: &str| Err((ProblemCode::InvalidUrl, why.to_owned()));
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return bad("no blank may stand in it");
    }
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let prefix = ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme));
    if let (None, Some((scheme, rest))) = (prefix, text.split_once(':'))
        && schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme))
        && !rest.is_empty()
    {
        return Ok(Cow::Borrowed(text));
    }
    if prefix.is_none()
        && (text.contains("://") || lower.starts_with("javascript:") || lower.starts_with("mailto:"))
    {
        return bad("it begins with http:// or https://");
    }
    let rest = text.get(prefix.map_or(0, str::len)..).unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
    let address = name.starts_with('[')
        || name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok());
    let local = prefix.is_some()
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if address || local || is_host_name(name.trim_end_matches('.')) {
        return Ok(Cow::Borrowed(text));
    }
    let others: String = schemes.iter().map(|scheme| format!(" or {scheme}:…")).collect();
    bad(&format!("write it as https://example.com/page{others}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses() {
        for good in ["a@b.co", "Ada.Lovelace+x@mail.example.com", "jürgen@müller.de", "o'brien@x.example"] {
            assert!(email(good).is_ok(), "{good}");
        }
        for wrong in [
            "",
            "a",
            "a@b",
            "@b.co",
            "a@",
            "a b@c.de",
            "a@b..de",
            "a@-b.de",
            "a@b.c",
            "a@1.2.3.4",
            "a@@b.de",
            ".a@b.de",
            "a,b@c.de",
        ] {
            assert!(email(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn phone_numbers() {
        let read = |text| phone(text).map(Cow::into_owned).ok();
        assert_eq!(read("+493012345"), Some("+493012345".into()));
        assert_eq!(read("+49 (0)30 / 123-45"), Some("+493012345".into()));
        assert_eq!(read("0049 30 12345"), Some("+493012345".into()));
        assert_eq!(read("(030) 123 45"), Some("03012345".into()));
        assert_eq!(read("555-0100 ext. 7"), Some("5550100x7".into()));
        for wrong in ["12", "call me", "+0123456", "1234567890123456", "555x", "x5", "1+1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn web_addresses() {
        for good in [
            "https://example.com",
            "http://localhost:8080/x?y#z",
            "example.com/a",
            "http://127.0.0.1",
            "HTTPS://X.example",
        ] {
            assert!(url(good, &[]).is_ok(), "{good}");
        }
        for wrong in ["nope", "ftp://example.com", "https://", "http://exa mple.com", "javascript:alert(1)"] {
            assert!(url(wrong, &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_with_a_scheme_of_the_field() {
        let schemes = ["object".to_owned(), "x-app".to_owned()];
        let told = |text| url(text, &schemes).map_err(|(code, advice)| format!("{}: {advice}", code.word()));
        for good in ["object:contacts?match=email", "Object:contacts", "x-app://a", "https://example.com"] {
            assert_eq!(told(good).as_deref(), Ok(good));
        }
        for wrong in ["object:", "object", "objects:contacts", "x-app", "https:"] {
            let advice = "invalid_url: write it as https://example.com/page or object:… or x-app:…";
            assert_eq!(told(wrong), Err(advice.to_owned()), "{wrong}");
        }
        for blank in ["object:a b", "object:a\u{7}", "object: a"] {
            assert_eq!(told(blank), Err("invalid_url: no blank may stand in it".to_owned()), "{blank}");
        }
        assert!(url("object:contacts", &[]).is_err());
    }
}
