//! The objects that ship with Dray, embedded from `objects/*.toml`.

use crate::error::{Error, Result};
use crate::object::Object;

/// One file each, in the order people see them.
const FILES: [&str; 9] = [
    include_str!("../../../objects/contacts.toml"),
    include_str!("../../../objects/companies.toml"),
    include_str!("../../../objects/deals.toml"),
    include_str!("../../../objects/users.toml"),
    include_str!("../../../objects/connectors.toml"),
    include_str!("../../../objects/profiles.toml"),
    include_str!("../../../objects/events.toml"),
    include_str!("../../../objects/analytics.toml"),
    include_str!("../../../objects/survey_responses.toml"),
];

/// All starter objects.
pub fn starter_objects() -> Result<Vec<Object>> {
    FILES.iter().map(|text| Object::from_toml(text)).collect()
}

/// The starter object that answers to this name.
pub fn starter_object(name: &str) -> Result<Object> {
    let objects = starter_objects()?;
    let names: Vec<String> = objects.iter().map(|object| object.name().to_owned()).collect();
    objects.into_iter().find(|object| object.answers_to(name)).ok_or_else(|| {
        Error::request(format!("there is no object `{name}`"))
            .hint(format!("the objects are: {}; `dray objects` shows their fields", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_starter_object_is_well_formed() {
        let objects = starter_objects().expect("all object files can be read");
        for object in &objects {
            for field in &object.fields {
                if let Some(target) = &field.definition.target {
                    assert!(objects.iter().any(|other| other.name() == target), "{target}");
                }
            }
        }
    }

    #[test]
    fn an_unknown_object_names_the_known_ones() {
        let error = starter_object("contakts").expect_err("there is none");
        assert_eq!(error.to_string(), "there is no object `contakts`");
        assert!(error.hint.is_some_and(|hint| hint.contains("contacts, companies, deals")));
    }
}
