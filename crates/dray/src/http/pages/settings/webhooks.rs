//! Webhooks: addresses that are told when a job has ended, and what became of what they were told.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde_json::Value;

use super::{Shown, WEBHOOKS, settings_page};
use crate::http::answer::Answer;
use crate::http::body::{self, JsonBody, Query};
use crate::http::native::webhooks::{self as native, DeliveriesQuery, NewWebhook, Webhook, WebhookChange};
use crate::http::pages::form::{Entered, Field, tick, wrong};
use crate::http::pages::frame::Visit;
use crate::http::pages::pieces::{button, careful_button, pager, secret};
use crate::http::pages::view::address;
use crate::http::pages::words::{Words, filled};
use crate::server::app::App;
use crate::server::webhooks::endpoint::JOBS;
use crate::server::webhooks::event::{EVENTS, TEST};

/// Deliveries of one page.
const DELIVERIES: &str = "50";

fn event_word(words: &Words, event: &str) -> String {
    match event {
        "job.completed" => words.event_completed.to_owned(),
        "job.failed" => words.event_failed.to_owned(),
        "job.cancelled" => words.event_cancelled.to_owned(),
        TEST => words.event_test.to_owned(),
        other => other.to_owned(),
    }
}

fn events_text(words: &Words, webhook: &Webhook) -> String {
    if webhook.events.is_empty() {
        return words.all_events.to_owned();
    }
    webhook.events.iter().map(|event| event_word(words, event)).collect::<Vec<_>>().join(", ")
}

/// What a webhook is called.
fn title_of(words: &Words, webhook: &Webhook) -> String {
    if webhook.id == JOBS { words.of_jobs.to_owned() } else { webhook.url.clone() }
}

fn badge(words: &Words, webhook: &Webhook) -> Markup {
    html! {
        @if webhook.enabled { span.badge.good { (words.enabled) } } @else { span.badge.warning { (words.disabled) } }
    }
}

/// All webhooks.
pub async fn list(State(app): State<App>, visit: Visit) -> Answer<Markup> {
    list_page(&app, &visit, &Entered::default(), &html! {}).await
}

async fn list_page(app: &App, visit: &Visit, entered: &Entered, above: &Markup) -> Answer<Markup> {
    let words = visit.words;
    let webhooks = native::all(app, &visit.actor.admin()?.0).await?;
    let content = html! {
        (above)
        @if webhooks.is_empty() {
            div.empty { p { (words.no_webhooks) } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.webhooks) {
                table.plain {
                    thead { tr { th { (words.address) } th { (words.description) } th { (words.events) } th { (words.status) } } }
                    tbody {
                        @for webhook in &webhooks {
                            tr {
                                th scope="row" { a href=(format!("{WEBHOOKS}/{}", webhook.id)) { (title_of(words, webhook)) } }
                                td.none[webhook.description.is_empty()] { (webhook.description) }
                                td { (events_text(words, webhook)) }
                                td { (badge(words, webhook)) }
                            }
                        }
                    }
                }
            }
        }
        section.card {
            h2 { (words.new_webhook) }
            form.fields.two method="post" action=(WEBHOOKS) {
                (fields(words, entered.text("url"), entered.text("description"), &|event| entered.all("event").any(|known| known == event)))
                div.actions { button.primary { (words.new_webhook) } }
            }
        }
    };
    let shown =
        Shown { here: WEBHOOKS, title: None, lead: html! { (words.webhooks_lead) }, actions: html! {} };
    Ok(settings_page(visit, shown, &content))
}

fn fields(words: &Words, url: &str, description: &str, is_on: &dyn Fn(&str) -> bool) -> Markup {
    html! {
        (Field::new("url", words.address, url).kind("url").required())
        (Field::new("description", words.description, description))
        fieldset.field.whole {
            legend { (words.events) }
            @for event in EVENTS {
                label {
                    input type="checkbox" name="event" value=(event) checked[is_on(event)];
                    " " (event_word(words, event))
                }
            }
            p.hint { (words.events_hint) }
        }
    }
}

fn events_of(entered: &Entered) -> Vec<String> {
    entered.all("event").map(str::to_owned).collect()
}

/// Makes a webhook and shows the secret that signs.
pub async fn create(State(app): State<App>, visit: Visit, entered: Entered) -> Answer<Response> {
    let new = NewWebhook {
        url: entered.text("url").to_owned(),
        events: events_of(&entered),
        description: entered.text("description").to_owned(),
    };
    match native::create(State(app.clone()), visit.actor.admin()?, JsonBody(new)).await {
        Ok((_, made)) => {
            let above = shown_secret(visit.words, &made.0);
            let page = list_page(&app, &visit, &Entered::default(), &above).await?;
            Ok((StatusCode::CREATED, page).into_response())
        }
        Err(failure) => {
            let page = list_page(&app, &visit, &entered, &wrong(visit.words, Some(&failure))).await?;
            Ok((failure.status, page).into_response())
        }
    }
}

fn shown_secret(words: &Words, webhook: &Webhook) -> Markup {
    let title = filled(words.secret_of, &[&title_of(words, webhook)]);
    secret(words, &title, words.shown_once, webhook.secret.as_deref().unwrap_or_default())
}

/// One webhook with what it was told.
pub async fn get(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
) -> Answer<Markup> {
    one_page(&app, &visit, &id, query.get("after").cloned(), &html! {}).await
}

async fn one_page(
    app: &App,
    visit: &Visit,
    id: &str,
    after: Option<String>,
    above: &Markup,
) -> Answer<Markup> {
    let words = visit.words;
    let webhook = native::get(State(app.clone()), visit.actor.admin()?, body::Path(id.to_owned())).await?.0;
    let asked = DeliveriesQuery { limit: Some(DELIVERIES.to_owned()), cursor: after };
    let told =
        native::deliveries(State(app.clone()), visit.actor.admin()?, body::Path(id.to_owned()), Query(asked));
    let told = told.await?.0;
    let deliveries = told.get("deliveries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let place = format!("{WEBHOOKS}/{}", webhook.id);
    let older = told.get("next_cursor").and_then(Value::as_str);
    let older = older.map(|cursor| address(&place, &[("after", cursor)]));
    let is_own = webhook.id != JOBS;
    let content = html! {
        (above)
        @if let Some(why) = &webhook.disabled_because { p.notice.warning { (why) } }
        h2 { (words.deliveries) }
        @if deliveries.is_empty() {
            div.empty { p { (words.no_deliveries) } }
        } @else {
            (deliveries_table(words, &webhook, deliveries))
            (pager(words, older.as_deref()))
        }
        @if is_own {
            section.card {
                h2 { (words.change) }
                form.fields.two method="post" action=(place) {
                    (fields(words, &webhook.url, &webhook.description, &|event| webhook.events.iter().any(|known| known == event)))
                    fieldset.whole { (tick("enabled", words.enabled, webhook.enabled)) }
                    div.actions { button.primary { (words.save) } }
                }
            }
        }
    };
    let actions = html! {
        a.button.quiet href=(WEBHOOKS) { (words.webhooks) }
        @if is_own {
            (careful_button(&format!("{place}/delete"), "quiet danger", words.delete, words.webhook_delete_sure))
        }
        (careful_button(&format!("{place}/secret"), "", words.new_secret, words.new_secret_sure))
        @if is_own && webhook.enabled { (button(&format!("{place}/test"), "primary", words.send_test)) }
    };
    let lead = html! { (badge(words, &webhook)) " " (events_text(words, &webhook)) };
    let title = title_of(words, &webhook);
    Ok(settings_page(visit, Shown { here: WEBHOOKS, title: Some(&title), lead, actions }, &content))
}

fn deliveries_table(words: &Words, webhook: &Webhook, deliveries: &[Value]) -> Markup {
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    html! {
        div.scroll tabindex="0" role="region" aria-label=(words.deliveries) {
            table.plain {
                thead {
                    tr {
                        th { (words.begun) } th { (words.event) } th { (words.status) } th.number { (words.attempts) }
                        th { (words.last_answer) } th { span.unseen { (words.actions) } }
                    }
                }
                tbody {
                    @for delivery in deliveries {
                        @let attempts = delivery.get("attempts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                        @let status = text(delivery, "status");
                        @let answer = attempts.last().map(answer_text).unwrap_or_default();
                        tr {
                            td { time datetime=(text(delivery, "created_at")) { (text(delivery, "created_at")) } }
                            td {
                                (event_word(words, &text(delivery, "event")))
                                @if let Some(job) = delivery.get("job").and_then(Value::as_i64) { " " a href=(format!("/jobs/{job}")) { (job) } }
                            }
                            td { (delivery_badge(words, &status)) }
                            td.number { (attempts.len()) }
                            td.none[answer.is_empty()] { (answer) }
                            td {
                                @if status != "pending" && webhook.enabled {
                                    div.actions {
                                        (button(&format!("{WEBHOOKS}/{}/deliveries/{}/replay", webhook.id, text(delivery, "id")), "small quiet", words.send_again))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How an attempt was answered, in a few words.
fn answer_text(attempt: &Value) -> String {
    let text = |name: &str| attempt.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = attempt.get("status").and_then(Value::as_u64);
    let told = if text("error").is_empty() { text("answer") } else { text("error") };
    let told: String = told.chars().take(200).collect();
    status.map_or_else(|| told.clone(), |status| format!("{status} {told}").trim_end().to_owned())
}

fn delivery_badge(words: &Words, status: &str) -> Markup {
    html! {
        @match status {
            "delivered" => span.badge.good { (words.delivered) },
            "failed" => span.badge.error { (words.status_failed) },
            _ => span.badge.info { (words.status_waiting) },
        }
    }
}

/// Changes a webhook.
pub async fn change(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    entered: Entered,
) -> Answer<Response> {
    let asked = WebhookChange {
        url: Some(entered.text("url").to_owned()),
        events: Some(events_of(&entered)),
        description: Some(entered.text("description").to_owned()),
        enabled: Some(entered.is_on("enabled")),
    };
    let changed =
        native::change(State(app.clone()), visit.actor.admin()?, body::Path(id.clone()), JsonBody(asked));
    match changed.await {
        Ok(_) => Ok(Redirect::to(&format!("{WEBHOOKS}/{id}")).into_response()),
        Err(failure) => {
            let page = one_page(&app, &visit, &id, None, &wrong(visit.words, Some(&failure))).await?;
            Ok((failure.status, page).into_response())
        }
    }
}

/// Gives a webhook a new secret and shows it.
pub async fn rotate(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Markup> {
    let rotated = native::rotate(State(app.clone()), visit.actor.admin()?, body::Path(id.clone())).await?.0;
    one_page(&app, &visit, &id, None, &shown_secret(visit.words, &rotated)).await
}

/// Tells a webhook something to see whether it arrives.
pub async fn test(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Redirect> {
    let told = native::test(State(app), visit.actor.admin()?, body::Path(id.clone())).await;
    told.map(|_| Redirect::to(&format!("{WEBHOOKS}/{id}")))
}

/// Sends something again.
pub async fn replay(
    State(app): State<App>,
    visit: Visit,
    Path((id, delivery)): Path<(String, String)>,
) -> Answer<Redirect> {
    let told = native::replay(State(app), visit.actor.admin()?, body::Path((id.clone(), delivery))).await;
    told.map(|_| Redirect::to(&format!("{WEBHOOKS}/{id}")))
}

/// Deletes a webhook.
pub async fn delete(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer<Redirect> {
    native::delete(State(app), visit.actor.admin()?, body::Path(id)).await?;
    Ok(Redirect::to(WEBHOOKS))
}
