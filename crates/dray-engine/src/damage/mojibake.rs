//! Mojibake: UTF-8 that a program took for Windows-1252 or Latin-1, so that `é` became `Ã©`. What it looks
//! like, how sure one can be, and how it is undone exactly.
//!
//! Text in which accents merely stand beside signs (`NESCAFÉ®`, `« passé… »`) must be left alone. So a cell
//! counts as damaged only where some part of it can hardly be anything else.

/// How often the same text may have been damaged.
const MOST_ROUNDS: usize = 3;

/// What was found in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mojibake {
    /// Nothing that is certainly mojibake.
    Absent,
    /// All of the cell's non-ASCII text is mojibake; this is what it was.
    Whole(String),
    /// Some of it is, and some is not, so there is no exact way back.
    Part,
}

/// Looks for mojibake in a cell.
pub(super) fn mojibake_in(text: &str) -> Mojibake {
    match decoded(text) {
        Mojibake::Whole(mut said) => {
            for _ in 1..MOST_ROUNDS {
                match decoded(&said) {
                    Mojibake::Whole(deeper) => said = deeper,
                    Mojibake::Absent | Mojibake::Part => break,
                }
            }
            // Control characters are left only where the damage was of yet another kind.
            if said.chars().any(|c| ('\u{80}'..='\u{9f}').contains(&c)) {
                Mojibake::Part
            } else {
                Mojibake::Whole(said)
            }
        }
        found => found,
    }
}

/// The next position from `from` on where mojibake may begin, judged by bytes alone. A lead byte of UTF-8
/// shows as one of `Â` to `ô`, what follows it as one of the signs these three bytes or `Å Æ Ë` begin.
pub(super) fn next_suspicion(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xc3)?;
        if let (Some(0x82..=0xb4), Some(0xc2 | 0xc5 | 0xc6 | 0xcb | 0xe2)) =
            (bytes.get(at + 1), bytes.get(at + 2))
        {
            return Some(at);
        }
        at += 1;
    }
}

/// Undoes one round.
fn decoded(text: &str) -> Mojibake {
    if next_suspicion(text.as_bytes(), 0).is_none() {
        return Mojibake::Absent;
    }
    let byte_of = byte_table(text);
    let mut said = String::with_capacity(text.len());
    let (mut sure, mut whole) = (false, true);
    let mut before = None;
    let mut script_before = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first.is_ascii() {
            said.push(first);
            (before, script_before) = (Some(first), None);
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let Some((meant, length)) = sequence(rest, byte_of) else {
            whole = false;
            (before, script_before) = (Some(first), None);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        };
        let damaged = rest.get(..length).unwrap_or_default();
        rest = rest.get(length..).unwrap_or_default();
        let script = script_of(meant);
        sure |= match script {
            Script::Signs => true,
            Script::Latin => latin_is_sure(meant, damaged, before, rest.chars().next()),
            Script::Accent => before.is_some_and(|before| before.is_ascii_alphabetic()),
            Script::Vietnamese => rest.starts_with(|next: char| next.is_ascii_alphabetic()),
            // One pair may be chance; a word of them is not.
            Script::Other(_) => script_before == Some(script),
            Script::Unusual | Script::Implausible => false,
        };
        // A replacement sign says that the text was lost before it was damaged again.
        whole &= script != Script::Implausible && meant != char::REPLACEMENT_CHARACTER;
        said.push(meant);
        (before, script_before) = (damaged.chars().last(), Some(script));
    }
    match (sure, whole) {
        (false, _) => Mojibake::Absent,
        (true, true) => Mojibake::Whole(said),
        (true, false) => Mojibake::Part,
    }
}

/// The character that the characters at the beginning of `text` are the UTF-8 bytes of, and how many bytes
/// of `text` they take.
fn sequence(text: &str, byte_of: fn(char) -> Option<u8>) -> Option<(char, usize)> {
    let mut bytes = [0_u8; 4];
    let mut characters = text.chars();
    let first = characters.next()?;
    bytes[0] = byte_of(first)?;
    let count = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut length = first.len_utf8();
    for byte in bytes.get_mut(1..count)? {
        let next = characters.next()?;
        *byte = byte_of(next)?;
        length += next.len_utf8();
    }
    let meant = std::str::from_utf8(bytes.get(..count)?).ok()?.chars().next()?;
    Some((meant, length))
}

/// What kind of character a sequence stands for, which decides how much one of them proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    /// Quotes, dashes, currency and other signs, emoji: `â€™`, `Â£`, `ðŸ˜€`.
    Signs,
    /// Letters of European languages.
    Latin,
    /// Accents that stand behind their letter.
    Accent,
    /// Letters of Vietnamese that take three bytes.
    Vietnamese,
    /// What stands in text mostly because it was damaged twice.
    Unusual,
    /// Other scripts, by the block they stand in.
    Other(u32),
    /// What no text is expected to hold.
    Implausible,
}

fn script_of(meant: char) -> Script {
    match u32::from(meant) {
        0x80..=0x9f | 0x192 | 0x2c6 | 0x2dc => Script::Unusual,
        0xa0..=0xbf
        | 0x2000..=0x206f
        | 0x20a0..=0x20bf
        | 0x2100..=0x213f
        | 0x2190..=0x22ff
        | 0x2600..=0x27bf
        | 0xfe0f
        | 0xfeff
        | 0xfffd
        | 0x1f000..=0x1faff => Script::Signs,
        0xc0..=0x17f | 0x18f | 0x1a0 | 0x1a1 | 0x1af | 0x1b0 | 0x218..=0x21b | 0x259 => Script::Latin,
        0x300..=0x304 | 0x306..=0x308 | 0x30a..=0x30c | 0x327 | 0x328 => Script::Accent,
        0x1e00..=0x1eff => Script::Vietnamese,
        0x370..=0x3ff => Script::Other(0x370),
        0x400..=0x52f => Script::Other(0x400),
        0x531..=0x58f => Script::Other(0x531),
        0x5d0..=0x5ea => Script::Other(0x5d0),
        0x600..=0x6ff => Script::Other(0x600),
        // Characters of three bytes: a pair of them already takes six that must all fit.
        0x900..=0x17ff | 0x1f00..=0x1fff | 0x3000..=0xd7a3 | 0xf900..=0xfaff | 0xff00..=0xffef => {
            Script::Other(0x3000)
        }
        0x1_0000..=0x1_efff | 0x2_0000..=0x3_ffff => Script::Other(0x2_0000),
        _ => Script::Implausible,
    }
}

/// True where a damaged European letter can be nothing else, by what stands before and behind it.
fn latin_is_sure(meant: char, damaged: &str, before: Option<char>, behind: Option<char>) -> bool {
    let lower_before = before.is_some_and(|before| before.is_ascii_lowercase());
    let letter_behind = behind.is_some_and(|behind| behind.is_ascii_alphabetic());
    let Some(sign) = damaged.chars().last() else { return false };
    if sign == '\u{a0}' {
        // A fixed space stands behind capitals in good French, too.
        let alone = |beside: Option<char>| beside.is_none_or(|beside| beside == ' ');
        return lower_before || (alone(before) && alone(behind));
    }
    // Signs that people put behind a word prove nothing at its end.
    const BEHIND_WORDS: &str = "…–—“”‘’„‚«»‹›™®©•°·¡¿€£²³¹ºª½¼¾§¶†‡";
    let leads_with_a_tilde = (0xc0..=0xff).contains(&u32::from(meant));
    // No language has a word that is Ã and nothing else.
    let alone = before.is_none_or(|before| before == ' ');
    lower_before || letter_behind || (leads_with_a_tilde && (alone || !BEHIND_WORDS.contains(sign)))
}

/// Which of the two tables the damage was done with: Latin-1 shows bytes 80 to 9F as control characters.
fn byte_table(text: &str) -> fn(char) -> Option<u8> {
    let only_latin_1 = |c: char| ('\u{80}'..='\u{9f}').contains(&c) && windows_1252_byte(c).is_none();
    if text.chars().any(only_latin_1) { latin_1_byte } else { windows_1252_byte }
}

fn latin_1_byte(shown: char) -> Option<u8> {
    u8::try_from(u32::from(shown)).ok()
}

/// The byte Windows-1252 shows as this character. It leaves five bytes open, which programs show as control
/// characters.
fn windows_1252_byte(shown: char) -> Option<u8> {
    const SPECIAL: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    if matches!(shown, '\0'..='\u{7f}' | '\u{a0}'..='\u{ff}') {
        return latin_1_byte(shown);
    }
    let index = SPECIAL.iter().position(|&special| special == shown)?;
    u8::try_from(0x80 + index).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert_eq, prop_oneof, proptest};

    use super::*;

    /// What a program shows that takes UTF-8 for Windows-1252, or for Latin-1.
    fn damaged(text: &str, table: fn(char) -> Option<u8>) -> String {
        let shown =
            |byte: u8| ('\0'..='\u{2122}').find(|&c| table(c) == Some(byte)).expect("every byte shows");
        text.bytes().map(shown).collect()
    }

    fn repaired(text: &str) -> Option<String> {
        match mojibake_in(text) {
            Mojibake::Whole(said) => Some(said),
            Mojibake::Absent | Mojibake::Part => None,
        }
    }

    #[test]
    fn what_people_see() {
        for (seen, meant) in [
            ("Ã©", "é"),
            ("FranÃ§ois", "François"),
            ("MÃ¼ller", "Müller"),
            ("MÃœLLER", "MÜLLER"),
            ("CAFÃ‰", "CAFÉ"),
            ("voilÃ\u{a0}", "voilà"),
            ("Itâ€™s â€œfineâ€\u{9d}", "It’s “fine”"),
            ("20 Â°C, Â£5", "20 °C, £5"),
            ("WÃ³jcik, KrakÃ³w, ÅÃ³dÅº", "Wójcik, Kraków, Łódź"),
            ("YÄ±lmaz", "Yılmaz"),
            ("ÐœÐ¾ÑÐºÐ²Ð°", "Москва"),
            ("Î‘Î¸Î®Î½Î±", "Αθήνα"),
            ("Nguyá»…n", "Nguyễn"),
            ("ðŸ˜€", "😀"),
            ("æ±äº¬", "東京"),
            ("ÃƒÂ©tÃƒÂ©", "été"),
            ("\u{c3}\u{89}cole", "École"),
        ] {
            // Some of the damaged texts above hold control characters that an editor would not show.
            let seen =
                if repaired(seen).is_some() { seen.to_owned() } else { damaged(meant, windows_1252_byte) };
            assert_eq!(repaired(&seen).as_deref(), Some(meant), "{seen}");
        }
    }

    #[test]
    fn what_is_no_damage() {
        for text in [
            "",
            "plain",
            "François",
            "MÜLLER & SÖHNE",
            "NESCAFÉ®",
            "L’ORÉAL™",
            "CAFÉ™ Paris",
            "À la carte",
            "São João, NÃO, MANHÃ…",
            "IRMÃ\u{a0}Maria",
            "« Il est passé…\u{a0}»",
            "Il est passé…\u{a0}?",
            "“Café…”",
            "SOCIÉTÉ\u{a0}: été",
            "QUALITÉ\u{a0}",
            "PERÚ–CHILE",
            "JOSÉ–MARIA",
            "„Ä“ und „Ö“",
            "5×£10",
            "2×½",
            "TÜV® geprüft",
            "Åland – Öland",
            "LUNEDÌ…",
            "ESPAÑA»",
            "Ångström²",
            "20 °C",
            "£5",
            "©2024",
            "ÅSA & ÄNGLA",
            "Москва",
            "東京",
            "Ã",
            "Â",
            "El Niño®",
            "è»",
            "più°",
            "Größe: 5²",
            "naïve “résumé”—é",
            "Đặng",
            "Straße ½",
            "Øresund",
            "Gdańsk",
            "Çeşme",
            "ð",
            "Þórður",
            "Ñandú",
            "“Ü”",
        ] {
            assert_eq!(mojibake_in(text), Mojibake::Absent, "{text}");
        }
    }

    #[test]
    fn a_cell_damaged_in_part_has_no_exact_way_back() {
        assert_eq!(mojibake_in("FranÃ§ois et René"), Mojibake::Part);
        assert_eq!(mojibake_in("ï¿½"), Mojibake::Part);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn damage_is_undone_exactly(
            words in proptest::collection::vec(
                prop_oneof!["[a-z]{1,4}[éèêàçüöäñõåøßłńęąşığčřž][a-z]{1,4}", "[а-я]{2,8}", "[α-ω]{2,8}", "[a-z]{1,5}’s"],
                1..6,
            ),
            latin_1: bool,
            twice: bool,
        ) {
            let text = words.join(" ");
            let table = if latin_1 { latin_1_byte } else { windows_1252_byte };
            let mut seen = damaged(&text, table);
            if twice {
                seen = damaged(&seen, table);
            }
            prop_assert_eq!(repaired(&seen), Some(text.clone()));
            prop_assert_eq!(mojibake_in(&text), Mojibake::Absent);
        }

        #[test]
        fn any_text_can_be_looked_at(text: String) {
            if let Mojibake::Whole(said) = decoded(&text) {
                prop_assert_eq!(damaged(&said, byte_table(&text)), text);
            }
        }
    }
}
