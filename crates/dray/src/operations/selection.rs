//! Which records and which of their columns somebody asks for: filters, search, sort order, fields.

use dray_engine::query::{parse_fields, parse_sort};
use dray_model::object::{ColumnIndex, Object};
use dray_model::query::{Filter, Operator, Sort};
use dray_model::value::ValueType;
use dray_model::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filters::{compare, parse_group};

/// The most words of a search.
const MOST_WORDS: usize = 8;
/// The longest search, in letters.
const SEARCH_LETTERS: usize = 200;
/// The most sort keys.
const MOST_SORT_KEYS: usize = 8;

/// As a request says it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SelectionRequest {
    /// Field names with commas; all where it is left out.
    pub fields: Option<String>,
    /// A field to filter on.
    pub filter_field: Option<String>,
    /// `eq`, `contains`, `gte` …
    pub filter_operator: Option<String>,
    /// What it is compared with.
    pub filter_value: Option<String>,
    /// A group of filters as JSON.
    pub filters: Option<String>,
    /// Words that must all stand somewhere in the record's texts.
    pub search: Option<String>,
    /// `field`, `field:desc`, with commas.
    pub sort: Option<String>,
}

/// As the store understands it.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The columns, none twice; empty where the request names none.
    pub columns: Vec<ColumnIndex>,
    /// Which records.
    pub filter: Option<Filter>,
    /// In which order.
    pub sort: Vec<Sort>,
}

impl SelectionRequest {
    /// Reads it for an object.
    pub fn read(&self, object: &Object) -> Result<Selection> {
        let mut columns = Vec::new();
        if let Some(fields) = self.fields.as_deref().filter(|fields| !fields.trim().is_empty()) {
            for column in parse_fields(object, fields)? {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
        let mut conditions = Vec::new();
        match &self.filter_field {
            Some(field) => {
                let value = self.filter_value.clone().map_or(Value::Null, Value::String);
                let operator = self.filter_operator.as_deref().unwrap_or("eq");
                conditions.push(compare(object, field, operator, &value)?);
            }
            None if self.filter_operator.is_none() && self.filter_value.is_none() => {}
            None => return Err(Error::request("the filter names no field").hint("add filter_field")),
        }
        if let Some(group) = &self.filters {
            conditions.push(parse_group(object, group)?);
        }
        if let Some(text) = &self.search {
            conditions.extend(search(object, text)?);
        }
        let sort = match &self.sort {
            Some(sort) => parse_sort(object, sort)?,
            None => Vec::new(),
        };
        if sort.len() > MOST_SORT_KEYS {
            return Err(Error::request(format!("records are sorted by at most {MOST_SORT_KEYS} fields")));
        }
        let filter = match conditions.len() {
            0 => None,
            1 => conditions.pop(),
            _ => Some(Filter::And(conditions)),
        };
        Ok(Selection { columns, filter, sort })
    }
}

/// Each word must stand in one of the record's texts, whatever the case of its letters.
fn search(object: &Object, text: &str) -> Result<Vec<Filter>> {
    if text.chars().count() > SEARCH_LETTERS {
        return Err(Error::request(format!("a search has at most {SEARCH_LETTERS} letters")));
    }
    let texts: Vec<ColumnIndex> = (0..object.columns.len())
        .filter(|&column| object.columns[column].value_type == ValueType::Text)
        .collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() > MOST_WORDS {
        return Err(Error::request(format!("a search has at most {MOST_WORDS} words")));
    }
    let of_word = |word: &&str| {
        let condition = |&column: &ColumnIndex| Filter::Compare {
            column,
            operator: Operator::Contains,
            values: vec![(*word).to_owned()],
        };
        Filter::Or(texts.iter().map(condition).collect())
    };
    Ok(words.iter().map(of_word).collect())
}
