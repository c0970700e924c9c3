//! What somebody looks at in a list of records: search, filters, order and columns, as the address of the page
//! says them. Every view has an address, so that it can be kept, sent to others and exported.

use dray_model::object::{Column, Object};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::operations::reports::Report;
use crate::operations::selection::SelectionRequest;

/// The most conditions of a view.
const MOST_CONDITIONS: usize = 20;
/// Columns shown where nobody chose.
const FIRST_COLUMNS: usize = 7;

/// One condition of a filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// As the API spells it: `eq`, `contains` …
    pub operator: String,
    /// What it is compared with.
    pub value: String,
}

impl Condition {
    /// True for an operator that needs no value.
    pub fn is_about_nothing(&self) -> bool {
        matches!(self.operator.as_str(), "is_empty" | "is_not_empty")
    }
}

/// What somebody looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Words to search for.
    pub search: String,
    /// All of these must hold.
    pub conditions: Vec<Condition>,
    /// Fields, and whether they descend; the first counts most.
    pub sort: Vec<(String, bool)>,
    /// Columns that somebody chose.
    pub columns: Vec<String>,
    /// Where the page begins.
    pub cursor: String,
}

impl View {
    /// Reads the query of an address. What it does not know it passes over.
    pub fn parse(query: &str) -> Self {
        Self::of_pairs(form_urlencoded::parse(query.as_bytes()).into_owned())
    }

    /// Reads names and texts, as an address or a form has them.
    pub fn of_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut view = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "search" => view.search = value,
                "cursor" => view.cursor = value,
                "column" if !view.columns.contains(&value) => view.columns.push(value),
                "sort" => view.sort = parse_sort(&value),
                "field" if view.conditions.len() < MOST_CONDITIONS => {
                    view.conditions.push(Condition { field: value, ..Condition::default() });
                }
                "operator" => {
                    if let Some(last) = view.conditions.last_mut() {
                        last.operator = value;
                    }
                }
                "value" => {
                    if let Some(last) = view.conditions.last_mut() {
                        last.value = value;
                    }
                }
                _ => {}
            }
        }
        view.conditions.retain(|condition| {
            !condition.field.is_empty() && (condition.is_about_nothing() || !condition.value.is_empty())
        });
        view
    }

    /// The query of the page's address.
    pub fn query(&self) -> Vec<(&str, String)> {
        let mut pairs = Vec::new();
        if !self.search.is_empty() {
            pairs.push(("search", self.search.clone()));
        }
        for condition in &self.conditions {
            pairs.push(("field", condition.field.clone()));
            pairs.push(("operator", condition.operator.clone()));
            pairs.push(("value", condition.value.clone()));
        }
        if !self.sort.is_empty() {
            pairs.push(("sort", self.sort_text()));
        }
        pairs.extend(self.columns.iter().map(|column| ("column", column.clone())));
        if !self.cursor.is_empty() {
            pairs.push(("cursor", self.cursor.clone()));
        }
        pairs
    }

    /// The address of the page that shows it.
    pub fn address(&self, path: &str) -> String {
        let pairs = self.query();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        address(path, &pairs)
    }

    fn sort_text(&self) -> String {
        let key = |(field, descends): &(String, bool)| {
            if *descends { format!("{field}:desc") } else { field.clone() }
        };
        self.sort.iter().map(key).collect::<Vec<_>>().join(",")
    }

    /// The same view changed in one way, from its first page.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut view = Self { cursor: String::new(), ..self.clone() };
        change(&mut view);
        view
    }

    /// The same with a field next in the order: ascending, then descending, then not at all.
    #[must_use]
    pub fn sorted_by(&self, field: &str) -> Self {
        self.with(|view| match view.sort.iter().position(|(known, _)| known == field) {
            None => view.sort.push((field.to_owned(), false)),
            Some(place) => match view.sort.get_mut(place) {
                Some((_, descends)) if !*descends => *descends = true,
                _ => drop(view.sort.remove(place)),
            },
        })
    }

    /// How a field takes part in the order: `ascending`, `descending` or `none`.
    pub fn order_of(&self, field: &str) -> &'static str {
        match self.sort.iter().find(|(known, _)| known == field) {
            None => "none",
            Some((_, false)) => "ascending",
            Some((_, true)) => "descending",
        }
    }

    /// The names of the columns shown: those somebody chose, or the first ones of the first fields.
    pub fn shown_columns(&self, object: &Object) -> Vec<String> {
        let is_chosen = |column: &&Column| self.columns.contains(&column.name);
        let mut shown: Vec<&Column> = columns_of(object).filter(is_chosen).collect();
        if shown.is_empty() {
            shown = columns_of(object).collect();
            shown.dedup_by_key(|column| column.field);
            shown.truncate(FIRST_COLUMNS);
        }
        shown.into_iter().map(|column| column.name.clone()).collect()
    }

    /// The view of a report; none where its filter is more than conditions that must all hold.
    pub fn of_report(report: &Report) -> Option<Self> {
        let mut view = Self { columns: report.fields.clone(), ..Self::default() };
        let descends = report.sort_dir.as_deref() == Some("desc");
        view.sort.extend(report.sort_by.iter().map(|field| (field.clone(), descends)));
        let Some(filters) = report.filters.as_ref().filter(|filters| !filters.is_null()) else {
            return Some(view);
        };
        if filters.get("operator")?.as_str()? != "and" {
            return None;
        }
        for condition in filters.get("conditions")?.as_array()? {
            let text = |name: &str| condition.get(name)?.as_str().map(str::to_owned);
            let condition = Condition {
                field: text("field")?,
                operator: text("operator")?,
                value: condition_text(condition.get("value").unwrap_or(&Value::Null))?,
            };
            view.conditions.push(condition);
        }
        Some(view)
    }

    /// All conditions as a group of filters, where there are any.
    pub fn filters(&self) -> Option<Value> {
        let conditions = self.conditions.iter().map(|condition| {
            let (field, operator) = (&condition.field, &condition.operator);
            let value = match operator.as_str() {
                "is_empty" | "is_not_empty" => Value::Null,
                "in" | "not_in" => condition.value.split(',').map(str::trim).collect(),
                _ => condition.value.clone().into(),
            };
            json!({ "field": field, "operator": operator, "value": value })
        });
        (!self.conditions.is_empty())
            .then(|| json!({ "operator": "and", "conditions": conditions.collect::<Vec<_>>() }))
    }

    /// What to ask the operations for.
    pub fn selection(&self, fields: &[String]) -> SelectionRequest {
        let text = |text: String| if text.is_empty() { None } else { Some(text) };
        SelectionRequest {
            fields: text(fields.join(",")),
            filters: self.filters().map(|filters| filters.to_string()),
            search: text(self.search.clone()),
            sort: text(self.sort_text()),
            ..SelectionRequest::default()
        }
    }

    /// The address of an export of what is looked at, or of everything.
    pub fn export_address(&self, object: &Object, format: &str, is_all: bool) -> String {
        let asked =
            if is_all { SelectionRequest::default() } else { self.selection(&self.shown_columns(object)) };
        let mut pairs = vec![("format", format)];
        for (name, text) in [
            ("fields", &asked.fields),
            ("filters", &asked.filters),
            ("search", &asked.search),
            ("sort", &asked.sort),
        ] {
            pairs.extend(text.as_deref().map(|text| (name, text)));
        }
        address(&format!("/api/v1/objects/{}/export", object.name()), &pairs)
    }
}

/// The columns that people look at: those of the fields.
pub fn columns_of(object: &Object) -> impl Iterator<Item = &Column> {
    object.columns.iter().filter(|column| column.system.is_none())
}

/// The name of a column or field for people.
pub fn label(object: &Object, name: &str) -> String {
    match object.columns.iter().find(|column| column.name == name) {
        Some(column) => object.label_of_column(column),
        None => object.label_of(name),
    }
}

/// What a condition compares with, as a form shows it; none where a form cannot.
fn condition_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(condition_text).collect();
            texts.filter(|texts| texts.iter().all(|text| !text.contains(','))).map(|texts| texts.join(","))
        }
        Value::Object(_) => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}

fn parse_sort(text: &str) -> Vec<(String, bool)> {
    let mut keys: Vec<(String, bool)> = Vec::new();
    for key in text.split(',').filter(|key| !key.is_empty()) {
        let (field, direction) = key.split_once(':').unwrap_or((key, "asc"));
        if keys.iter().all(|(known, _)| known != field) {
            keys.push((field.to_owned(), direction == "desc"));
        }
    }
    keys
}

/// An address with a query.
pub fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_and_its_address_are_one() {
        let text = "search=a+b&field=status&operator=eq&value=lead&field=email&operator=is_empty&value=\
                    &sort=name%2Cemail%3Adesc&column=name&column=email&cursor=x";
        let view = View::parse(text);
        assert_eq!(view.conditions.len(), 2);
        assert_eq!(view.sort, [("name".to_owned(), false), ("email".to_owned(), true)]);
        assert_eq!(view.address("/p"), format!("/p?{text}"));
        assert_eq!(View::parse("field=&operator=eq&value=&other=1"), View::default());
    }

    #[test]
    fn a_report_that_is_a_view_is_one() {
        let view = View::parse(
            "field=status&operator=in&value=lead,won&field=email&operator=is_empty&value=&sort=name:desc",
        );
        let report = |filters: Option<Value>| Report {
            id: String::new(),
            name: String::new(),
            object: String::new(),
            fields: Vec::new(),
            filters,
            sort_by: Some("name".to_owned()),
            sort_dir: Some("desc".to_owned()),
            limit: None,
        };
        assert_eq!(View::of_report(&report(view.filters())), Some(view));
        for other in [
            json!({ "operator": "or", "conditions": [] }),
            json!({ "operator": "and", "conditions": [{ "operator": "or", "conditions": [] }] }),
        ] {
            assert_eq!(View::of_report(&report(Some(other))), None);
        }
    }

    #[test]
    fn a_field_goes_through_its_orders() {
        let view = View::parse("sort=a&cursor=c");
        assert_eq!(view.sorted_by("b").query(), [("sort", "a,b".to_owned())]);
        assert_eq!(view.sorted_by("a").query(), [("sort", "a:desc".to_owned())]);
        assert_eq!(view.sorted_by("a").sorted_by("a").query(), []);
        assert_eq!((view.order_of("a"), view.order_of("b")), ("ascending", "none"));
    }
}
