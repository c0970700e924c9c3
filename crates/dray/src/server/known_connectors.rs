//! A connector with everything that is needed to take events for it and to do what it says: the compiled record,
//! tokens, secrets. Read from the store when somebody needs it, and believed for a moment.

use dray_engine::expression::Json;
use dray_model::Result;
use dray_model::catalog::Session;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

use super::endpoints::{Endpoint, Tokens};
use super::named_secrets::{self, Values};
use super::secret::Secret;
use crate::operations::connectors::connector::Connector;
use crate::operations::objects::KnownObjects;
use crate::operations::pages;

/// The fewest letters of a secret that is looked for in what others say.
const FEWEST_LETTERS: usize = 4;

/// A connector, ready.
#[derive(Debug)]
pub struct KnownConnector {
    /// Its name.
    pub name: String,
    /// False where nothing is taken and nothing is done.
    pub is_enabled: bool,
    /// What it does; or why that cannot be said.
    pub connector: std::result::Result<Connector, String>,
    /// The secrets that it reads.
    pub secret: Json,
    /// Those that it reads and that there are not.
    pub missing: Vec<String>,
    names: Vec<String>,
    values: Values,
    tokens: Vec<Tokens>,
}

impl KnownConnector {
    /// The connector of an endpoint; `None` where there is none any more.
    pub fn find(
        session: &mut dyn Session,
        secret: &Secret,
        endpoint: &Endpoint,
        now: i64,
    ) -> Result<Option<Self>> {
        let known = KnownObjects::load(session)?;
        let Some(object) = known.named(&endpoint.object).ok().filter(|object| object.definition.endpoints)
        else {
            return Ok(None);
        };
        session.prepare_object(&object)?;
        let Some(record) = pages::record(session, &object, endpoint.id)? else { return Ok(None) };
        let record: Map<String, Value> = serde_json::from_str(record.get()).unwrap_or_default();
        let state = endpoint.state(session)?;
        let previous = state.previous_until.filter(|&until| now < until).and(state.generation.checked_sub(1));
        let generations = std::iter::once(state.generation).chain(previous);
        let tokens = generations.map(|generation| endpoint.tokens(secret, generation)).collect();
        let connector = Connector::compile(&record).map_err(|mistakes| {
            let told: Vec<String> = mistakes
                .into_iter()
                .map(|mistake| format!("{}: {}", mistake.field, mistake.message))
                .collect();
            told.join("; ")
        });
        let names = connector.as_ref().map(|connector| connector.secrets.clone()).unwrap_or_default();
        let values = named_secrets::values(session, secret, &endpoint.organization, &names)?;
        let missing = names.iter().filter(|name| values.get(name).is_none()).cloned().collect();
        let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(Some(Self {
            name: text("name").to_owned(),
            is_enabled: text("status") == "enabled",
            connector,
            secret: values.root(),
            missing,
            names,
            values,
            tokens,
        }))
    }

    /// True where this is one of its bearer tokens.
    pub fn has_bearer(&self, given: &str) -> bool {
        let same = |tokens: &Tokens| tokens.bearer.as_bytes().ct_eq(given.as_bytes());
        self.tokens.iter().map(same).fold(subtle::Choice::from(0), |one, other| one | other).into()
    }

    /// The secrets by which what is sent to it is signed.
    pub fn signing_secrets(&self) -> Vec<String> {
        self.tokens.iter().map(|tokens| tokens.secret.clone()).collect()
    }

    /// What others said, without secrets that they said again: as they are, or as they stand in JSON or in an address.
    pub fn without_secrets(&self, text: &str) -> String {
        let known = self.names.iter().filter_map(|name| Some((name, self.values.get(name)?)));
        let long = known.filter(|(_, value)| value.len() >= FEWEST_LETTERS);
        long.fold(text.to_owned(), |text, (name, value)| {
            let shown = format!("$secret.{name}");
            let spellings = spellings(value).into_iter().filter(|spelling| !spelling.is_empty());
            spellings.fold(text, |text, spelling| text.replace(&spelling, &shown))
        })
    }
}

/// How a value may stand in a text.
fn spellings(value: &str) -> [String; 4] {
    let json = Value::from(value).to_string();
    let in_form: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mut address = Url::parse("http://a").ok();
    if let Some(mut steps) = address.as_mut().and_then(|address| address.path_segments_mut().ok()) {
        steps.clear().push(value);
    }
    let in_path =
        address.map_or_else(String::new, |address| address.path().trim_start_matches('/').to_owned());
    let inside = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&json);
    [value.to_owned(), inside.to_owned(), in_form, in_path]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_spelled() {
        let found = spellings("a\"b c/ü");
        assert_eq!(found, ["a\"b c/ü", "a\\\"b c/ü", "a%22b+c%2F%C3%BC", "a%22b%20c%2F%C3%BC"]);
    }
}
