//! The plan of the organization: what it may do, what it uses, what the server allows. An administrator of the
//! default organization changes it.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::{PLAN, Shown, settings_page};
use crate::http::answer::{Answer, Failure};
use crate::http::body::{self, JsonBody};
use crate::http::native::organizations::{First, OrganizationChange, change as change_organization};
use crate::http::pages::form::{Entered, Field, wrong};
use crate::http::pages::frame::Visit;
use crate::http::pages::import::upload::shown_bytes;
use crate::http::pages::words::{Words, count, filled};
use crate::operations::pages::{Total, total};
use crate::server::app::App;
use crate::server::limits::Plan;

/// What the organization may do and uses.
pub async fn get(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    plan_page(&app, &visit, None).await
}

/// How many records each object has.
async fn used(app: &App, visit: &Visit) -> Answer<Vec<(String, Total)>> {
    let objects: Vec<_> = visit.objects.all().to_vec();
    let counted = app.run(visit.actor.organization(), move |session| {
        let mut counted = Vec::with_capacity(objects.len());
        for object in objects {
            session.prepare_object(&object)?;
            counted.push((object.definition.label.clone(), total(session, &object, None)?));
        }
        Ok(counted)
    });
    Ok(counted.await?)
}

fn limit(words: &Words, most: Option<u64>) -> String {
    most.map_or_else(|| words.without_limit.to_owned(), count)
}

/// A stretch of time in whole days or hours.
fn stretch(words: &Words, time: Duration) -> String {
    let hours = time.as_secs() / 3600;
    match hours {
        0..48 => filled(words.hours, &[&hours.to_string()]),
        _ => filled(words.days, &[&(hours / 24).to_string()]),
    }
}

async fn plan_page(app: &App, visit: &Visit, failure: Option<&Failure>) -> Answer<Markup> {
    let words = visit.words;
    let organization = &visit.actor.organization;
    let plan = &organization.plan;
    let settings = app.settings();
    let used = used(app, visit).await?;
    let content = html! {
        (wrong(words, failure))
        div.cards {
            section.card {
                header { h2 { (words.plan) } span.badge { (plan.name) } }
                dl.facts {
                    dt { (words.rows_per_import) } dd { (limit(words, plan.rows_per_import)) }
                    dt { (words.records_per_object) } dd { (limit(words, plan.records_per_object)) }
                    dt { (words.features) }
                    dd { @match &plan.features { Some(features) => (features.join(", ")), None => (words.all_features) } }
                }
            }
            section.card {
                h2 { (words.server_limits) }
                dl.facts {
                    dt { (words.largest_file) } dd { (shown_bytes(settings.file_bytes)) }
                    dt { (words.files_kept) } dd { (stretch(words, settings.keep_imports)) }
                    dt { (words.exports_kept) } dd { (stretch(words, settings.keep_exports)) }
                }
            }
        }
        section.card {
            h2 { (words.used) }
            div.scroll tabindex="0" role="region" aria-label=(words.used) {
                table.plain {
                    thead { tr { th { (words.object) } th.number { (words.records) } @if plan.records_per_object.is_some() { th { (words.records_per_object) } } } }
                    tbody {
                        @for (label, total) in &used {
                            tr {
                                th scope="row" { (label) }
                                td.number { @if total.is == "estimate" { "≈ " } (count(total.count)) }
                                @if let Some(most) = plan.records_per_object {
                                    @let text = filled(words.of_allowed, &[&count(total.count), &count(most)]);
                                    td { progress max=(most) value=(total.count) aria-label=(text) {} }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if First::of(visit.actor.clone()).is_ok() {
            section.card {
                h2 { (words.change_organization) }
                form.fields.two method="post" action=(PLAN) {
                    (Field::new("name", words.organization, &organization.name).required())
                    (Field::new("plan", words.plan, &plan.name).required())
                    (Field::new("rows", words.rows_per_import, &number(plan.rows_per_import)).kind("number").hint(words.empty_means_unlimited))
                    (Field::new("records", words.records_per_object, &number(plan.records_per_object)).kind("number").hint(words.empty_means_unlimited))
                    div.actions { button.primary { (words.save) } }
                }
            }
        }
    };
    let lead = html! { (organization.name) };
    Ok(settings_page(visit, Shown { here: PLAN, title: None, lead, actions: html! {} }, &content))
}

fn number(most: Option<u64>) -> String {
    most.map(|most| most.to_string()).unwrap_or_default()
}

/// Changes the name and the plan of the organization.
pub async fn change(State(app): State<App>, visit: Visit, entered: Entered) -> Answer<Response> {
    let first = First::of(visit.actor.clone())?;
    match changed(&app, &visit, first, &entered).await {
        Ok(()) => Ok(Redirect::to(PLAN).into_response()),
        Err(failure) => {
            let page = plan_page(&app, &visit, Some(&failure)).await?;
            Ok((failure.status, page).into_response())
        }
    }
}

async fn changed(app: &App, visit: &Visit, first: First, entered: &Entered) -> Answer<()> {
    let plan = Plan {
        name: entered.text("plan").to_owned(),
        records_per_object: entered.number("records")?,
        rows_per_import: entered.number("rows")?,
        features: visit.actor.organization.plan.features.clone(),
    };
    let asked = OrganizationChange { name: Some(entered.text("name").to_owned()), plan: Some(plan) };
    let slug = visit.actor.organization().to_owned();
    change_organization(State(app.clone()), first, body::Path(slug), JsonBody(asked)).await.map(|_| ())
}
