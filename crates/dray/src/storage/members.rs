//! Members of a JSON object, taken one by one; what is left in the end is not known. Errors name the key and
//! never say a value, which may be a secret.

use serde_json::{Map, Value};

/// What is left of an object.
pub struct Members<'v> {
    map: &'v Map<String, Value>,
    known: Vec<&'static str>,
}

/// A sentence that names the key.
pub type Wrong = String;

impl<'v> Members<'v> {
    /// All of an object.
    pub fn of(map: &'v Map<String, Value>) -> Self {
        Self { map, known: Vec::new() }
    }

    /// A member that is neither absent nor null.
    pub fn take(&mut self, key: &'static str) -> Option<&'v Value> {
        self.known.push(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// A text, where there is one.
    pub fn text_if_any(&mut self, key: &'static str, most: usize) -> Result<Option<&'v str>, Wrong> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| format!("`{key}` must be a text"))?;
        if text.chars().count() > most {
            return Err(format!("`{key}` may have {most} characters"));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A text that must be there.
    pub fn text(&mut self, key: &'static str, most: usize) -> Result<&'v str, Wrong> {
        self.text_if_any(key, most)?.ok_or_else(|| format!("`{key}` is missing: give 1 to {most} characters"))
    }

    /// True or false, where it is said.
    pub fn flag(&mut self, key: &'static str) -> Result<Option<bool>, Wrong> {
        let Some(value) = self.take(key) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| format!("`{key}` must be true or false"))
    }

    /// The number of a port.
    pub fn port(&mut self, key: &'static str, default: u16) -> Result<u16, Wrong> {
        let Some(value) = self.take(key) else { return Ok(default) };
        let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0);
        port.ok_or_else(|| format!("`{key}` must be a whole number from 1 to 65535"))
    }

    /// An error where something is left.
    pub fn end(self) -> Result<(), Wrong> {
        match self.map.keys().find(|key| !self.known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let key: String = key.chars().take(50).collect();
                Err(format!("there is no setting `{key}`: there are {}", self.known.join(", ")))
            }
        }
    }
}
