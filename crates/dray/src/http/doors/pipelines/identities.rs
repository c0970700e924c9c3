//! The identities that a connection brought.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::NoBody;
use super::pages::{page, time};
use super::refused::number;
use super::shape::not_found;
use crate::http::access::Reader;
use crate::http::answer::Answer;
use crate::http::body::{Path, Query};
use crate::operations::identities::{self, Identity, Of};
use crate::server::app::App;
use crate::server::connections;

/// Which page of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// So many are passed over; 0 where it is left out.
    pub first: Option<String>,
    /// 1 to 1000; 100 where it is left out.
    pub limit: Option<String>,
}

/// Identities of a connection, the newest first.
#[utoipa::path(get, path = "/v1/connections/{id}/identities", tag = "pipelines", params(("id" = String, Path, description = "The number of a connection"), PageQuery), responses((status = 200, description = "`{identities: [{userId, connection, pipeline, updatedAt}], total}`"), (status = 404)), security(("key" = [])))]
pub async fn list(
    State(app): State<App>,
    Reader(actor): Reader,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
    _none: NoBody,
) -> Answer<Json<Value>> {
    let connection = number(&id, "connection")?;
    let (first, limit) = page(query.first.as_deref(), query.limit.as_deref())?;
    let found = app
        .run(actor.organization(), move |session| {
            if connections::find(session, connection)?.is_none() {
                return Ok(None);
            }
            identities::list(session, &Of::Connection(connection), first, limit).map(Some)
        })
        .await?;
    let (found, total) = found.ok_or_else(|| not_found(format!("there is no connection `{connection}`")))?;
    Ok(Json(identities_json(&found, total)))
}

/// A list of identities.
pub fn identities_json(identities: &[Identity], total: u64) -> Value {
    let one = |identity: &Identity| {
        json!({
            "userId": identity.user_id,
            "connection": identity.connection,
            "pipeline": identity.pipeline,
            "updatedAt": time(identity.updated_at),
        })
    };
    json!({ "identities": identities.iter().map(one).collect::<Vec<_>>(), "total": total })
}
