//! What is known of a pipeline while it is made or changed, and what is done with it: its file is looked at, what
//! was entered is tried on its first rows, and kept.

use std::sync::Arc;

use axum::extract::State;
use dray_engine::expression::Schema;
use dray_engine::pipeline::leaves::leaves;
use dray_model::object::fold_name;
use serde_json::Value;

use super::entered::{MAPPED, columns, export_body, file_query, import_body, mapping};
use super::{PIPELINES, connection_of, list_of, text};
use crate::http::answer::{Answer, Failure};
use crate::http::body;
use crate::http::doors::pipelines::body::{Members, NoBody};
use crate::http::doors::pipelines::{definitions, previews};
use crate::http::pages::form::Entered;
use crate::http::pages::frame::Visit;
use crate::operations::pipelines::definition::keep_used;
use crate::operations::profile_schema;
use crate::server::app::App;
use crate::storage::Role;

/// Rows of a sample.
const ROWS: u64 = 8;

/// What is shown of a pipeline while it is made or changed.
pub(super) struct Editor {
    pub(super) connection: Value,
    /// The pipeline's number, where there is one.
    pub(super) id: Option<String>,
    pub(super) entered: Entered,
    pub(super) profiles: Arc<Schema>,
    /// Rows of the file.
    pub(super) before: Vec<Value>,
    /// What became of them.
    pub(super) after: Vec<Value>,
    pub(super) issues: Vec<String>,
    pub(super) failure: Option<Failure>,
}

impl Editor {
    /// The form for a connection.
    pub(super) async fn of(app: &App, visit: &Visit, connection: &str, entered: Entered) -> Answer<Self> {
        let connection = connection_of(app, visit, connection).await?;
        let known = app.run(visit.actor.organization(), |session| profile_schema::load(session)).await?;
        Ok(Self {
            connection,
            id: None,
            entered,
            profiles: known.schema,
            before: Vec::new(),
            after: Vec::new(),
            issues: Vec::new(),
            failure: None,
        })
    }

    /// True where the connection is read.
    pub(super) fn is_import(&self) -> bool {
        text(&self.connection, "role") == Role::Source.word()
    }

    /// Where the form is sent to.
    pub(super) fn address(&self) -> String {
        match &self.id {
            Some(id) => format!("{PIPELINES}/{id}/change"),
            None => format!("{PIPELINES}/new/{}", self.connection["id"]),
        }
    }

    /// Looks at the first rows and the columns of the file.
    pub(super) async fn look(&mut self, app: &App, visit: &Visit) -> Answer<()> {
        let id = body::Path(self.connection["id"].to_string());
        if self.entered.text("format") == "excel" && self.entered.filled("sheet").is_none() {
            let query = body::Query(file_query(&self.entered, 0));
            let id = body::Path(id.0.clone());
            let sheets =
                previews::file_sheets(State(app.clone()), visit.actor.reader()?, id, query, NoBody).await?.0;
            let first = list_of(&sheets, "sheets").first().and_then(Value::as_str).unwrap_or_default();
            self.put("sheet", first);
        }
        let query = body::Query(file_query(&self.entered, ROWS));
        let seen = previews::file(State(app.clone()), visit.actor.reader()?, id, query, NoBody).await?.0;
        self.put("columns", &seen.get("schema").map(Value::to_string).unwrap_or_default());
        self.before = list_of(&seen, "records").to_vec();
        self.issues = list_of(&seen, "issues").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(())
    }

    /// Tries what was entered on the first rows of the file.
    pub(super) async fn try_out(&mut self, app: &App, visit: &Visit) -> Answer<()> {
        self.look(app, visit).await?;
        let mut body = import_body(&self.entered, &self.profiles);
        body.retain(|name, _| ["filter", "transformation", "inSchema", "outSchema"].contains(&name.as_str()));
        body.insert("rows".to_owned(), self.before.clone().into());
        let made = previews::transform(State(app.clone()), visit.actor.admin()?, Members(body)).await?.0;
        self.after = list_of(&made, "rows").to_vec();
        Ok(())
    }

    /// Keeps the pipeline; its number.
    pub(super) async fn save(&self, app: &App, visit: &Visit) -> Answer<String> {
        let admin = visit.actor.admin()?;
        let mut body = if self.is_import() {
            let mut body = import_body(&self.entered, &self.profiles);
            keep_used(&mut body, &app.languages().await)?;
            body
        } else {
            export_body(&self.entered, &self.profiles)?
        };
        if let Some(id) = &self.id {
            definitions::change(State(app.clone()), admin, body::Path(id.clone()), Members(body)).await?;
            return Ok(id.clone());
        }
        body.insert("connection".to_owned(), self.connection["id"].clone());
        body.insert("target".to_owned(), "User".into());
        let made = definitions::create(State(app.clone()), admin, Members(body)).await?.0;
        Ok(made["id"].to_string())
    }

    fn put(&mut self, name: &str, text: &str) {
        self.entered.0.retain(|(known, _)| known != name);
        self.entered.0.push((name.to_owned(), text.to_owned()));
    }

    /// Columns that are named like properties of the profile are taken for them, where nothing was said yet.
    pub(super) fn guess(&mut self) {
        if !mapping(&self.entered).is_empty() || self.entered.filled("user").is_some() {
            return;
        }
        let names = self.column_names();
        for leaf in leaves(&self.profiles) {
            if let Some(name) = names.iter().find(|name| fold_name(name) == fold_name(&leaf.path)) {
                self.put(&format!("{MAPPED}{}", leaf.path), name);
            }
        }
        let is_id = |name: &&String| fold_name(name).ends_with("id");
        let user = names.iter().find(is_id).or_else(|| names.first()).cloned().unwrap_or_default();
        self.put("user", &user);
    }

    /// The columns of the file, as far as they are known.
    pub(super) fn column_names(&self) -> Vec<String> {
        let known = columns(&self.entered).unwrap_or_default();
        list_of(&known, "properties").iter().map(|column| text(column, "name").to_owned()).collect()
    }
}
