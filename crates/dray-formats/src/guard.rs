//! The guard against formulas: spreadsheet programs run text that begins like a formula when they open
//! delimited text. An apostrophe in front makes it text, and is taken off again without a trace.

use std::borrow::Cow;

const GUARD: char = '\'';

/// True where a spreadsheet program could take the text for a formula.
pub(crate) fn needs_guard(text: &str) -> bool {
    // The wide forms are what East Asian keyboards type; some programs take them for the narrow ones.
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
}

/// The text with an apostrophe in front where it needs one. Text that already looks guarded gets
/// another, so that nothing is lost when guards are taken off.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    if needs_guard(text.trim_start_matches(GUARD)) {
        return Cow::Owned(format!("{GUARD}{text}"));
    }
    Cow::Borrowed(text)
}

/// The text without the apostrophe that [`guarded`] put there.
#[allow(dead_code, reason = "the inverse stands beside the rule; readers take guards off when told to")]
pub(crate) fn unguarded(text: &str) -> &str {
    match text.strip_prefix(GUARD) {
        Some(rest) if needs_guard(rest.trim_start_matches(GUARD)) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_guarded() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("-5", "'-5"),
            ("+49 30", "'+49 30"),
            ("@A1", "'@A1"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("＝1", "'＝1"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("'quoted'", "'quoted'"),
            ("'", "'"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), expected);
            assert_eq!(unguarded(expected), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn guards_leave_no_trace(text in "['=+@a\t-]{0,4}") {
            let guarded = guarded(&text);
            proptest::prop_assert_eq!(unguarded(&guarded), text.as_str());
        }
    }
}
