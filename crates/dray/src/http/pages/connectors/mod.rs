//! Connectors: what comes to the endpoint of a record, what became of it, and trying out what would become of it.
//! Every page hangs on the record, and is for administrators.

pub mod example;
pub mod choices;
pub mod steps;
pub mod events;
pub mod event;
pub mod tester;

use std::sync::Arc;

use dray_model::object::Object;
use serde_json::value::RawValue;

use super::frame::Visit;
use crate::http::answer::{Answer, Failure};
use crate::http::lists::number_of;
use crate::http::native::endpoints::with_endpoint;
use crate::http::native::shapes::object_of;
use crate::operations::pages;
use crate::server::app::App;

/// A record that others send to.
#[derive(Debug)]
pub struct Place {
    /// Its object.
    pub object: Arc<Object>,
    /// The record.
    pub id: i64,
}

impl Place {
    /// The record of an address, for administrators.
    pub fn of(visit: &Visit, name: &str, id: &str) -> Answer<Self> {
        visit.actor.must_be_admin()?;
        Ok(Self { object: object_of(&visit.objects, name)?, id: number_of(id, "record")? })
    }

    /// The address of the record's page.
    pub fn address(&self) -> String {
        format!("/records/{}/{}", self.object.name(), self.id)
    }

    /// The record; 404 where it is not there, or has no endpoint.
    pub async fn record(&self, app: &App, visit: &Visit) -> Answer<Box<RawValue>> {
        let (object, id) = (Arc::clone(&self.object), self.id);
        let found = with_endpoint(app, &visit.actor, &self.object, id, move |session, _| {
            pages::record(session, &object, id)
        });
        let missing = || Failure::not_found(format!("there is no record {id}"));
        found.await?.ok_or_else(missing)
    }
}

/// The address of the page that shows what comes to a record.
pub fn events_address(object: &Object, id: i64) -> String {
    format!("/records/{}/{id}/events", object.name())
}

/// The address of the page where a record is tried out.
pub fn test_address(object: &Object, id: i64) -> String {
    format!("/records/{}/{id}/test", object.name())
}
