//! Makes the contacts that are measured with: unique e-mails in no order, commas, quotes and a few line
//! breaks inside cells, letters beyond ASCII. Seeded, about 155 bytes a row.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::random::Random;

/// The columns of the file, in order.
pub(super) const COLUMNS: [&str; 10] = [
    "first_name",
    "last_name",
    "email",
    "phone",
    "company",
    "city",
    "country",
    "created_at",
    "score",
    "notes",
];

const FIRST: &str = "Ada Alan Amélie André Anna Beatriz Björn Bruno Carla Chen Chloé Daniel David Elena Emma \
    Eva Fatima Felix François Gabriel Grace Hana Hiro Ibrahim Ines Ivan Jana João José Julia Kai Karim Lars \
    Laura Leïla Liam Linda Luca Lucía Maja Marco Maria Maya Mehmet Mia Mohamed Nadia Nina Noah Nora Olga \
    Olivia Omar Oscar Paul Pedro Priya Rafael Rosa Sam Sara Sofia Søren Tariq Thomas Tomás Uma Vera Victor \
    Wei Yara Yuki Zoë";
const LAST: &str = "Almeida Andersen Bauer Becker Bernard Brown Castro Chen Costa Da-Silva Davis Dubois Evans \
    Fernández Fischer García Gonçalves Green Gruber Hansen Hernández Hill Hughes Ito Ivanova Jensen Johnson \
    Jones Kaya Khan Kim Kowalski Kumar Larsson Lee Lefèvre López Martin Martínez Mayer Meyer Miller Moreau \
    Müller Nakamura Nguyen Nielsen Novák O'Brien Okafor Olsen Park Patel Petrov Popescu Ramírez Rossi Sato \
    Schmidt Schneider Silva Smith Sørensen Suzuki Tanaka Taylor Torres Virtanen Wagner Walker Wang Weber \
    Williams Wilson Wójcik Yılmaz Young Zhang";
/// City, country and the country's dialling code.
const PLACES: [(&str, &str, &str); 25] = [
    ("Paris", "FR", "+33"),
    ("Lyon", "FR", "+33"),
    ("Berlin", "DE", "+49"),
    ("München", "DE", "+49"),
    ("Madrid", "ES", "+34"),
    ("Barcelona", "ES", "+34"),
    ("Lisboa", "PT", "+351"),
    ("São Paulo", "BR", "+55"),
    ("Recife", "BR", "+55"),
    ("London", "GB", "+44"),
    ("Leeds", "GB", "+44"),
    ("New York", "US", "+1"),
    ("Austin", "US", "+1"),
    ("Toronto", "CA", "+1"),
    ("Tokyo", "JP", "+81"),
    ("Ōsaka", "JP", "+81"),
    ("Istanbul", "TR", "+90"),
    ("Warszawa", "PL", "+48"),
    ("Kraków", "PL", "+48"),
    ("Oslo", "NO", "+47"),
    ("Göteborg", "SE", "+46"),
    ("Lagos", "NG", "+234"),
    ("Mumbai", "IN", "+91"),
    ("Pune", "IN", "+91"),
    ("Singapore", "SG", "+65"),
];
const COMPANY: &str = "Acme Blue Bright Cobalt Delta Eagle Ember Globex Green Horizon Initech Iron Lumen Maple \
    Nova Oak Orbit Pioneer Quartz River Silver Summit Umbra Vertex";
const TRADE: &str = "Analytics Bank Capital Consulting Foods Freight Labs Logistics Media Motors Networks \
    Partners Pharma Robotics Software Studios Systems Textiles";
const FORM: [&str; 10] = [" Inc.", " Ltd", " GmbH", " S.A.", " LLC", " AG", " & Co", " Oy", " BV", ", Inc."];
const WORD: &str = "account asked budget call calls contract customer deal demo discount email event export \
    follow import invoice later lead legal likes meeting moved needs new next old order partner payment phone \
    pilot plan price quarter quote renewal report returns sales send shipping signed since support team trial \
    update urgent vendor visit waiting weekly";

/// Seconds of fourteen years, over which the records were made.
const SPAN_SECONDS: u64 = 14 * 365 * 86_400;
/// 2012-01-01, in days since 1970.
const FIRST_DAY: u64 = 15_340;

/// What a file holds.
pub(super) struct Contacts {
    /// Number of rows.
    pub(super) rows: u64,
    /// Where the random numbers begin: the same seed gives the same rows.
    pub(super) seed: u64,
    /// The smallest number inside an e-mail; files whose numbers do not meet share no e-mail.
    pub(super) first_number: u64,
    /// The notes of every row differ from those of the same file without this.
    pub(super) changed_notes: bool,
}

impl Contacts {
    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), String> {
        let file = File::create(path).map_err(|why| format!("{} cannot be made: {why}", path.display()))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        self.write_rows(&mut out)
            .and_then(|()| out.into_inner().map_err(std::io::IntoInnerError::into_error))
            .and_then(|file| file.sync_all())
            .map_err(|why| format!("{} cannot be written: {why}", path.display()))
    }

    fn write_rows(&self, out: &mut impl Write) -> std::io::Result<()> {
        let words = Words::new();
        let mut random = Random::new(self.seed);
        writeln!(out, "{}", COLUMNS.join(","))?;
        for index in 0..self.rows {
            self.write_row(index, &words, &mut random, out)?;
        }
        Ok(())
    }

    fn write_row(
        &self,
        index: u64,
        words: &Words,
        random: &mut Random,
        out: &mut impl Write,
    ) -> std::io::Result<()> {
        let first = random.pick(&words.first);
        let last = random.pick(&words.last);
        let email = self.email(index, first, last, words, random);
        let (city, country, prefix) = PLACES[index_below(random, PLACES.len())];
        let phone = random.below(900_000_000) + 100_000_000;
        let company =
            format!("{} {}{}", random.pick(&words.company), random.pick(&words.trade), random.pick(&FORM));
        let created = timestamp(random.below(SPAN_SECONDS));
        let score = random.below(101);
        let notes = notes(words, random, self.changed_notes);
        let (company, notes) = (cell(&company), cell(&notes));
        writeln!(
            out,
            "{first},{last},{email},{prefix}{phone},{company},{city},{country},{created},{score},{notes}"
        )
    }

    /// Unique by its number, which runs through all rows in no order.
    fn email(&self, index: u64, first: &str, last: &str, words: &Words, random: &mut Random) -> String {
        /// A prime: stepping by it meets every row once, unless it divides their number.
        const STEP: u64 = 7919;
        let number =
            if self.rows.is_multiple_of(STEP) { index } else { (index * STEP + 104_729) % self.rows };
        let number = self.first_number + number;
        let mut local: String = first.chars().take(1).chain(last.chars()).collect();
        local.retain(|letter| letter.is_ascii_alphabetic());
        let (company, trade) = (random.pick(&words.company), random.pick(&words.trade));
        let email = format!("{local}.{number:07}@{company}-{trade}.example");
        if random.chance(70) { email.to_lowercase() } else { email }
    }
}

/// A third are empty; the rest hold words, commas, quotes and, rarely, a second line.
fn notes(words: &Words, random: &mut Random, changed: bool) -> String {
    let kind = random.below(1000);
    if kind < 350 {
        return if changed { "Called.".to_owned() } else { String::new() };
    }
    let mut said: Vec<&str> = Vec::new();
    for _ in 0..random.below(9) + 3 {
        said.push(random.pick(&words.word));
    }
    let mut text = said.join(" ");
    if let Some(letter) = text.get_mut(..1) {
        letter.make_ascii_uppercase();
    }
    text.push('.');
    if kind > 550 {
        text = text.replacen(' ', ", ", 1);
    }
    if kind > 800 {
        text = format!("Said \"{} {}\", then: {text}", random.pick(&words.word), random.pick(&words.word));
    }
    if kind > 985 {
        text = format!("{text}\nSecond line, {}", random.pick(&words.word));
    }
    if changed {
        text.push_str(" Called.");
    }
    text
}

/// Quoted where CSV asks for it.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Seconds after the first day as an ISO 8601 date and time.
fn timestamp(seconds: u64) -> String {
    let (year, month, day) = date_of(FIRST_DAY + seconds / 86_400);
    let time = seconds % 86_400;
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date of a day counted from 1970-01-01, by eras of 400 years that begin in March.
fn date_of(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn index_below(random: &mut Random, end: usize) -> usize {
    usize::try_from(random.below(end as u64)).unwrap_or_default()
}

/// The word lists, divided once.
struct Words {
    first: Vec<&'static str>,
    last: Vec<&'static str>,
    company: Vec<&'static str>,
    trade: Vec<&'static str>,
    word: Vec<&'static str>,
}

impl Words {
    fn new() -> Self {
        let divide = |words: &'static str| words.split_whitespace().collect();
        Self {
            first: divide(FIRST),
            last: divide(LAST),
            company: divide(COMPANY),
            trade: divide(TRADE),
            word: divide(WORD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(date_of(FIRST_DAY), (2012, 1, 1));
        assert_eq!(date_of(FIRST_DAY + 59), (2012, 2, 29));
        assert_eq!(date_of(FIRST_DAY + 366), (2013, 1, 1));
        assert_eq!(timestamp(SPAN_SECONDS - 1), "2025-12-27T23:59:59Z");
    }

    #[test]
    fn changed_files_differ_in_notes_only() {
        let text = |changed_notes| {
            let mut out = Vec::new();
            let contacts = Contacts { rows: 200, seed: 1, first_number: 0, changed_notes };
            contacts.write_rows(&mut out).map(|()| String::from_utf8(out).unwrap()).unwrap()
        };
        let (before, after) = (text(false), text(true));
        assert_eq!(after.matches("Called.").count(), 200);
        assert_eq!(before.matches('@').count(), 200);
        assert_eq!(after.replace(" Called.", "").replace("Called.", ""), before);
    }
}
