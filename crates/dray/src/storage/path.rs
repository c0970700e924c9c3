//! Paths as people write them: what no storage takes, patterns for the newest file, and what stands for the
//! time of an export.

use dray_model::{Error, Result};

/// The longest path, in characters.
const PATH_LETTERS: usize = 1_024;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// A path that a storage cannot have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPath(pub String);

impl From<InvalidPath> for Error {
    fn from(invalid: InvalidPath) -> Self {
        Self::request(invalid.0).hint("change the path of the pipeline")
    }
}

/// What holds for all paths.
pub(super) fn checked(path: &str) -> std::result::Result<&str, InvalidPath> {
    if path.is_empty() {
        return Err(InvalidPath("the path is empty".to_owned()));
    }
    if path.chars().count() > PATH_LETTERS {
        return Err(InvalidPath(format!("the path is longer than {PATH_LETTERS} characters")));
    }
    if path.contains('\0') {
        return Err(InvalidPath("the path holds a NUL".to_owned()));
    }
    Ok(path)
}

/// A path below a root, without the slash it may begin with: no part of it is empty, `.` or `..`.
pub(super) fn below(path: &str) -> std::result::Result<&str, InvalidPath> {
    let path = checked(path)?;
    let below = path.strip_prefix('/').unwrap_or(path);
    match below.split('/').find(|part| matches!(*part, "" | "." | "..")) {
        Some("") => Err(InvalidPath(format!("the path `{path}` names no file: a part of it is empty"))),
        Some(part) => Err(InvalidPath(format!("the path `{path}` may not hold `{part}`"))),
        None => Ok(below),
    }
}

/// True where a path asks for the newest of several files.
pub fn is_pattern(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('*'))
}

/// A pattern of names in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The folder, with the slash at its end; empty for the root.
    pub folder: String,
    /// The names, `*` for any letters.
    pub name: String,
}

impl Pattern {
    pub(super) fn parse(pattern: &str) -> Result<Self> {
        checked(pattern)?;
        let split = pattern.rfind('/').map_or(0, |slash| slash + 1);
        let (folder, name) = pattern.split_at(split);
        if folder.contains('*') || name.is_empty() {
            return Err(Error::request(format!("`{pattern}` cannot be looked for"))
                .hint("`*` may stand in the last part of the path only: daily/users-*.csv"));
        }
        Ok(Self { folder: folder.to_owned(), name: name.to_owned() })
    }

    /// What all names begin with.
    pub(super) fn beginning(&self) -> &str {
        self.name.split('*').next().unwrap_or_default()
    }

    /// True where a name matches. A name that begins with a dot is hidden: it matches only a pattern that says
    /// the dot.
    pub(super) fn matches(&self, name: &str) -> bool {
        if name.starts_with('.') && !self.name.starts_with('.') {
            return false;
        }
        let mut parts = self.name.split('*');
        let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.split_once(part) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        rest.ends_with(last)
    }

    /// The path of a name that matches.
    pub(super) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }
}

/// True where a path has something that would stand for the time: `${`, closed or not.
pub fn has_placeholder(path: &str) -> bool {
    path.contains("${")
}

/// The path of an export that begins now (microseconds since the epoch): `${today}`, `${now}` and `${unix}` are
/// replaced by the time in UTC. The error says which placeholder there is none of.
pub fn filled(path: &str, now: i64) -> std::result::Result<String, String> {
    let seconds = now.div_euclid(1_000_000);
    let (day, time) = (date_of(seconds.div_euclid(DAY)), seconds.rem_euclid(DAY));
    let mut filled = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once("${") {
        let Some((name, after)) = behind.split_once('}') else {
            return Err("a placeholder of the path is not closed: `${` without `}`".to_owned());
        };
        filled.push_str(before);
        match name.trim().to_lowercase().as_str() {
            "today" => filled.push_str(&day),
            "now" => {
                filled.push_str(&format!("{day}-{:02}-{:02}-{:02}", time / 3_600, time / 60 % 60, time % 60))
            }
            "unix" => filled.push_str(&seconds.to_string()),
            _ => {
                let name: String = name.chars().take(50).collect();
                return Err(format!(
                    "there is no placeholder `${{{name}}}`: use ${{today}}, ${{now}} or ${{unix}}"
                ));
            }
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// `YYYY-MM-DD` of a day since 1970-01-01.
fn date_of(days: i64) -> String {
    // The days of 400 years repeat; years begin in March, so that the odd day is the last.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_patterns() {
        let matches = |pattern: &str, name: &str| Pattern::parse(pattern).unwrap().matches(name);
        for (pattern, name, is_match) in [
            ("users-*.csv", "users-2024.csv", true),
            ("users-*.csv", "users-.csv", true),
            ("users-*.csv", "users.csv", false),
            ("a/users-*.csv", "users-1.csv", true),
            ("*", "anything", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("*a*b", "xxaxxbxb", true),
            ("*a*b", "ba", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("plain.csv", "plain.csv", true),
            ("plain.csv", "plain.csv.gz", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(matches(pattern, name), is_match, "{pattern} {name}");
        }
        assert!(Pattern::parse("a*/b").is_err() && Pattern::parse("a/").is_err());
        assert!(is_pattern("a/b*") && !is_pattern("a*/b"));
    }

    #[test]
    fn placeholders_are_the_time_of_the_export() {
        let at = 1_709_210_096_123_456; // 2024-02-29T12:34:56Z
        for (path, is) in [
            ("a.csv", "a.csv"),
            ("${today}.csv", "2024-02-29.csv"),
            ("x-${ NOW }-${Unix}", "x-2024-02-29-12-34-56-1709210096"),
            ("$today {}", "$today {}"),
        ] {
            assert_eq!(filled(path, at).as_deref(), Ok(is), "{path}");
        }
        assert_eq!(filled("${today}", -1).as_deref(), Ok("1969-12-31"));
        assert_eq!(filled("${today}", 951_782_400_000_000).as_deref(), Ok("2000-02-29"));
        assert!(filled("${yesterday}", at).is_err() && filled("a-${", at).is_err());
    }
}
