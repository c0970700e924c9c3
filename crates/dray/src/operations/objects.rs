//! The objects of an organization: those that ship with Dray, and what was made or changed at run time.

use std::sync::{Arc, OnceLock};

use dray_model::catalog::Session;
use dray_model::definition::ObjectDefinition;
use dray_model::object::Object;
use dray_model::starter::starter_objects;
use dray_model::{Error, Result};

/// The kind of document that holds a definition made or changed at run time.
const KIND: &str = "object";

/// The object that holds what pipelines bring; it is made when it is first needed.
pub const IDENTITIES: &str = "identities";

/// The most objects an organization may have beside those that ship.
pub const MOST_OBJECTS: u64 = 500;

/// The objects of one organization at one moment.
#[derive(Debug, Clone)]
pub struct KnownObjects {
    objects: Vec<Arc<Object>>,
}

impl KnownObjects {
    /// Reads them from the store; what ships with Dray needs no store.
    pub fn load(session: &mut dyn Session) -> Result<Self> {
        let mut objects = shipped()?.to_vec();
        for document in session.list_documents(KIND, "", MOST_OBJECTS)? {
            let definition: ObjectDefinition = serde_json::from_str(&document.body).map_err(|cause| {
                Error::store(format!("the definition of `{}` cannot be read", document.key))
                    .hint("was the store used by a newer Dray?")
                    .because(cause)
            })?;
            let object = Arc::new(Object::new(definition)?);
            match objects.iter_mut().find(|known| known.name() == object.name()) {
                Some(known) => *known = object,
                None => objects.push(object),
            }
        }
        Ok(Self { objects })
    }

    /// All of them, those that ship first.
    pub fn all(&self) -> &[Arc<Object>] {
        &self.objects
    }

    /// The object that answers to this name.
    pub fn named(&self, name: &str) -> Result<Arc<Object>> {
        let exact = self.objects.iter().find(|object| object.name() == name);
        exact.or_else(|| self.objects.iter().find(|object| object.answers_to(name))).cloned().ok_or_else(
            || {
                let names: Vec<&str> = self.objects.iter().map(|object| object.name()).collect();
                Error::request(format!("there is no object `{name}`"))
                    .hint(format!("the objects are: {}", names.join(", ")))
            },
        )
    }

    /// As [`Self::named`], as the engine asks for it.
    pub fn resolve(&self, name: &str) -> Result<Object> {
        self.named(name).map(|object| object.as_ref().clone())
    }
}

/// Keeps a definition made or changed at run time, after its table was made or changed.
pub fn define(session: &mut dyn Session, definition: &ObjectDefinition, now: i64) -> Result<Object> {
    let object = Object::new(definition.clone())?;
    session.prepare_object(&object)?;
    let body = serde_json::to_string(definition)
        .map_err(|cause| Error::request("the definition cannot be written").because(cause))?;
    session.save_document(KIND, object.name(), &body, now)?;
    Ok(object)
}

/// The objects that ship, read once.
fn shipped() -> Result<&'static [Arc<Object>]> {
    static SHIPPED: OnceLock<Vec<Arc<Object>>> = OnceLock::new();
    if let Some(objects) = SHIPPED.get() {
        return Ok(objects);
    }
    let objects = starter_objects()?.into_iter().map(Arc::new).collect();
    Ok(SHIPPED.get_or_init(|| objects))
}
