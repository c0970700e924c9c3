//! Filters and sort orders as people write them: `status = lead and address_city contains "Paris"`,
//! `created_at:desc`.

use dray_model::object::{ColumnIndex, Object, fold_name};
use dray_model::query::{Filter, Operator, Sort};
use dray_model::value::ValueType;
use dray_model::{Error, Result};

use crate::check::date;
use crate::check::style::Style;
use crate::check::{number, words};

/// How deep brackets may nest.
const MOST_DEPTH: usize = 8;

/// Reads a filter. Operators: `=`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `not contains`,
/// `starts with`, `ends with`, `between A and B`, `in (A, B)`, `not in (…)`, `is empty`,
/// `is not empty`; joined by `and`, `or`, `not` and brackets. Texts with blanks stand in quotes.
pub fn parse_filter(object: &Object, text: &str) -> Result<Filter> {
    let mut reader = Reader { object, tokens: tokens(text)?, at: 0, text };
    let filter = reader.alternatives(0)?;
    match reader.tokens.get(reader.at) {
        None => Ok(filter),
        Some(token) => Err(reader.error(&format!("nothing more was expected at `{}`", token.text))),
    }
}

/// Reads sort keys: `field`, `field:asc`, `field:desc`, separated by commas.
pub fn parse_sort(object: &Object, text: &str) -> Result<Vec<Sort>> {
    let mut keys = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, direction) = part.split_once(':').unwrap_or((part, "asc"));
        let descending = match direction.trim().to_ascii_lowercase().as_str() {
            "asc" => false,
            "desc" => true,
            other => {
                return Err(Error::request(format!("`{other}` is no sort direction"))
                    .hint("write field:asc or field:desc"));
            }
        };
        keys.push(Sort { column: stored_column(object, name)?, descending });
    }
    Ok(keys)
}

/// The stored columns of a comma-separated list of fields, in that order.
pub fn parse_fields(object: &Object, text: &str) -> Result<Vec<ColumnIndex>> {
    let mut columns = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        columns.extend(object.find_columns(name).ok_or_else(|| object.unknown_field(name))?);
    }
    if columns.is_empty() {
        return Err(Error::request("no field was named").hint("write --fields email,first_name"));
    }
    Ok(columns)
}

/// The one stored column that a name stands for.
pub fn stored_column(object: &Object, name: &str) -> Result<ColumnIndex> {
    let columns = object.find_columns(name).ok_or_else(|| object.unknown_field(name))?;
    match columns.as_slice() {
        [column] => Ok(*column),
        _ => {
            let names: Vec<&str> =
                columns.iter().map(|&column| object.columns[column].name.as_str()).collect();
            Err(Error::request(format!("field `{}` has several parts", name.trim()))
                .hint(format!("name one of them: {}", names.join(", "))))
        }
    }
}

/// The name of the field that was probably meant by a name that is none.
pub fn nearest_field<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    nearest_name(object.fields.iter().map(|field| field.definition.name.as_str()), name)
}

/// The one of these names that was probably meant by another.
pub fn nearest_name<'n>(names: impl Iterator<Item = &'n str>, name: &str) -> Option<&'n str> {
    let wanted = fold_name(name);
    let most = (wanted.chars().count() / 3).clamp(1, 3);
    names
        .map(|known| (strsim::osa_distance(&fold_name(known), &wanted), known))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    text: String,
    quoted: bool,
}

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            '"' | '\'' => quoted(rest, c).ok_or_else(|| {
                Error::request(format!("the filter `{text}` has a quote that is never closed"))
            })?,
            '(' | ')' | ',' => (Token { text: c.to_string(), quoted: false }, 1),
            '=' | '!' | '<' | '>' => {
                let two = rest.get(..2).filter(|two| ["==", "!=", "<=", ">=", "<>"].contains(two));
                let sign = two.unwrap_or(rest.get(..1).unwrap_or_default());
                (Token { text: sign.to_owned(), quoted: false }, sign.len())
            }
            _ => {
                let end =
                    rest.find(|c: char| c.is_whitespace() || "(),=!<>\"'".contains(c)).unwrap_or(rest.len());
                (Token { text: rest.get(..end).unwrap_or_default().to_owned(), quoted: false }, end)
            }
        };
        found.push(token);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    if found.is_empty() {
        return Err(Error::request("the filter is empty").hint("write --where 'status = lead'"));
    }
    Ok(found)
}

/// A quoted text; the quote doubled, or after a backslash, is part of it.
fn quoted(rest: &str, quote: char) -> Option<(Token, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            if chars.next_if(|(_, next)| *next == quote).is_none() {
                return Some((Token { text, quoted: true }, at + 1));
            }
            text.push(quote);
        } else if c == '\\' {
            text.push(chars.next()?.1);
        } else {
            text.push(c);
        }
    }
    None
}

struct Reader<'t> {
    object: &'t Object,
    tokens: Vec<Token>,
    at: usize,
    text: &'t str,
}

impl Reader<'_> {
    fn alternatives(&mut self, depth: usize) -> Result<Filter> {
        let mut parts = vec![self.conditions(depth)?];
        while self.word("or") {
            parts.push(self.conditions(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Or(parts) })
    }

    fn conditions(&mut self, depth: usize) -> Result<Filter> {
        let mut parts = vec![self.condition(depth)?];
        while self.word("and") {
            parts.push(self.condition(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) })
    }

    fn condition(&mut self, depth: usize) -> Result<Filter> {
        if depth > MOST_DEPTH {
            return Err(self.error(&format!("brackets nest deeper than {MOST_DEPTH}")));
        }
        if self.word("not") {
            return Ok(Filter::Not(Box::new(self.condition(depth + 1)?)));
        }
        if self.word("(") {
            let inner = self.alternatives(depth + 1)?;
            return if self.word(")") { Ok(inner) } else { Err(self.error("a `)` is missing")) };
        }
        let name = self.next("a field")?.text;
        let column = stored_column(self.object, &name)?;
        self.comparison(column)
    }

    fn comparison(&mut self, column: ColumnIndex) -> Result<Filter> {
        let compare = |operator, values| Ok(Filter::Compare { column, operator, values });
        if self.word("is") {
            let operator = if self.word("not") { Operator::IsNotEmpty } else { Operator::IsEmpty };
            if !self.word("empty") && !self.word("null") {
                return Err(self.error("`empty` is missing after `is`"));
            }
            return compare(operator, Vec::new());
        }
        let negated = self.word("not");
        if self.word("contains") {
            let operator = if negated { Operator::NotContains } else { Operator::Contains };
            return compare(operator, vec![self.next("a text")?.text]);
        }
        if self.word("in") {
            let operator = if negated { Operator::NotIn } else { Operator::In };
            return compare(operator, self.list(column)?);
        }
        if negated {
            return Err(self.error("`contains` or `in` is missing after `not`"));
        }
        for (word, operator) in [("starts", Operator::StartsWith), ("ends", Operator::EndsWith)] {
            if self.word(word) {
                self.word("with");
                return compare(operator, vec![self.next("a text")?.text]);
            }
        }
        if self.word("between") {
            let low = self.value(column)?;
            if !self.word("and") {
                return Err(self.error("`and` is missing after `between`"));
            }
            let high = self.value(column)?;
            return compare(Operator::Between, vec![low, high]);
        }
        let sign = self.next("an operator")?.text;
        let operator = match sign.as_str() {
            "=" | "==" => Operator::Equal,
            "!=" | "<>" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            other => return Err(self.error(&format!("`{other}` is no operator"))),
        };
        let value = self.value(column)?;
        compare(operator, vec![value])
    }

    fn list(&mut self, column: ColumnIndex) -> Result<Vec<String>> {
        if !self.word("(") {
            return Err(self.error("a `(` is missing after `in`"));
        }
        let mut values = vec![self.value(column)?];
        while self.word(",") {
            values.push(self.value(column)?);
        }
        if self.word(")") { Ok(values) } else { Err(self.error("a `)` is missing")) }
    }

    fn value(&mut self, column: ColumnIndex) -> Result<String> {
        let token = self.next("a value")?;
        canonical_value(self.object, column, &token.text)
    }

    fn next(&mut self, what: &str) -> Result<Token> {
        let token = self
            .tokens
            .get(self.at)
            .cloned()
            .ok_or_else(|| self.error(&format!("{what} is missing at the end")))?;
        self.at += 1;
        Ok(token)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self
            .tokens
            .get(self.at)
            .is_some_and(|token| !token.quoted && token.text.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn error(&self, what: &str) -> Error {
        Error::request(format!("the filter `{}` cannot be read: {what}", self.text))
            .hint("write it like: status = lead and address_city contains \"Paris\"")
    }
}

/// The canonical text of a value a person compares a column with.
pub fn canonical_value(object: &Object, column: ColumnIndex, text: &str) -> Result<String> {
    let definition = &object.columns[column];
    let style = Style::default();
    let formatted = |append: &dyn Fn(&mut String)| {
        let mut out = String::new();
        append(&mut out);
        out
    };
    let canonical = match definition.value_type {
        ValueType::Text | ValueType::Json => Ok(text.to_owned()),
        ValueType::Integer => number::integer(text, style).map(|value| value.to_string()),
        ValueType::Decimal => number::decimal(text, style),
        ValueType::Boolean => words::boolean(text).map(|value| value.to_string()),
        ValueType::Date => {
            date::date(text, style).map(|days| formatted(&|out| dray_model::value::append_date(days, out)))
        }
        ValueType::DateTime => date::datetime(text, style)
            .map(|micros| formatted(&|out| dray_model::value::append_datetime(micros, out))),
        ValueType::Time => {
            date::time(text).map(|micros| formatted(&|out| dray_model::value::append_time(micros, out)))
        }
        ValueType::Uuid => words::uuid(text).map(std::borrow::Cow::into_owned),
    };
    canonical.map_err(|(_, why)| {
        Error::request(format!("`{text}` cannot be compared with `{}`", definition.name)).hint(why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dray_model::starter::starter_object;

    fn read(text: &str) -> std::result::Result<String, String> {
        let object = starter_object("contacts").map_err(|error| error.to_string())?;
        fn show(object: &Object, filter: &Filter) -> String {
            match filter {
                Filter::And(parts) => format!(
                    "({})",
                    parts.iter().map(|part| show(object, part)).collect::<Vec<_>>().join(" and ")
                ),
                Filter::Or(parts) => format!(
                    "({})",
                    parts.iter().map(|part| show(object, part)).collect::<Vec<_>>().join(" or ")
                ),
                Filter::Not(inner) => format!("not {}", show(object, inner)),
                Filter::Compare { column, operator, values } => {
                    format!("{} {operator:?} {values:?}", object.columns[*column].name)
                }
            }
        }
        parse_filter(&object, text).map(|filter| show(&object, &filter)).map_err(|error| error.to_string())
    }

    #[test]
    fn filters() {
        assert_eq!(read("status = lead").as_deref(), Ok("status Equal [\"lead\"]"));
        assert_eq!(
            read("(status = lead or Status='customer') and not Address.City contains \"Paris, France\"")
                .as_deref(),
            Ok(
                "((status Equal [\"lead\"] or status Equal [\"customer\"]) and not address_city Contains [\"Paris, France\"])"
            )
        );
        assert_eq!(
            read("birthday between 1990-1-1 and 1999-12-31").as_deref(),
            Ok("birthday Between [\"1990-01-01\", \"1999-12-31\"]")
        );
        assert_eq!(
            read("id not in (1, 2) and notes is not empty").as_deref(),
            Ok("(id NotIn [\"1\", \"2\"] and notes IsNotEmpty [])")
        );
        assert_eq!(read("colour = red").map_err(|_| ()), Err(()));
        assert!(read("status = ").is_err_and(|why| why.contains("a value is missing at the end")));
        assert!(read("status lead").is_err_and(|why| why.contains("`lead` is no operator")));
        assert!(read("id = x").is_err_and(|why| why == "`x` cannot be compared with `id`"));
        assert!(read(&"(".repeat(1000)).is_err());
    }
}
