//! Keeps spreadsheet programs from running text as a formula: an apostrophe before it, which the reader
//! takes off again.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::options::FormulaGuard;

/// The characters with which a formula begins, also in their wide forms, and those that programs skip
/// before they look.
const DANGEROUS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// True where a spreadsheet program could run the text, or where it looks like text that was guarded: then
/// it needs one more apostrophe to come back as it is.
pub(crate) fn needs_guard(text: &str) -> bool {
    let bare = text.trim_start_matches('\'');
    bare.starts_with(DANGEROUS) && !is_plain_number(bare)
}

/// The text as it is written. Text that looks guarded gets one more apostrophe, because the reader takes
/// one off.
pub(crate) fn guarded(text: &str, guard: FormulaGuard) -> Cow<'_, str> {
    let needs_one = match guard {
        FormulaGuard::Off => false,
        FormulaGuard::LookAlikes => looks_guarded(text),
        FormulaGuard::On => needs_guard(text),
    };
    if needs_one { format!("'{text}").into() } else { text.into() }
}

/// True where a reader takes an apostrophe off.
pub(crate) fn looks_guarded(text: &str) -> bool {
    text.strip_prefix('\'').is_some_and(needs_guard)
}

/// The text that [`guarded`] was given.
pub(crate) fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| needs_guard(rest)).unwrap_or(text)
}

/// Takes the apostrophes of guards off names, except where two would become the same.
pub(crate) fn unguard_names(names: &mut [String]) {
    let taken: HashSet<String> = names.iter().cloned().collect();
    for name in names {
        let bare = unguarded(name);
        if !taken.contains(bare) {
            *name = bare.to_owned();
        }
    }
}

/// True for a number with a sign, which is only a number whoever reads it: `-5.2`, `+3,5`, `-1e5`.
fn is_plain_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, decimals) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    [whole, decimals, exponent]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
