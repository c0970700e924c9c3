//! Settings, one address for each: objects and their fields, users, keys, webhooks, secrets, the plan and what is
//! used of it. Whoever administers nothing sees the objects and the plan.

pub mod objects;
pub mod users;
pub mod keys;
pub mod webhooks;
pub mod secrets;
pub mod embedding;
pub mod plan;

use axum::response::Redirect;
use maud::{Markup, html};

use super::frame::{Head, Visit, page};
use super::pieces::tabs;
use super::words::Words;
use crate::server::directory::Role;

/// The tabs, by their addresses.
const OBJECTS: &str = "/settings/objects";
const USERS: &str = "/settings/users";
const KEYS: &str = "/settings/keys";
const WEBHOOKS: &str = "/settings/webhooks";
const SECRETS: &str = "/settings/secrets";
const EMBEDDING: &str = "/settings/embedding";
const PLAN: &str = "/settings/plan";

/// Where settings begin.
pub async fn home() -> Redirect {
    Redirect::to(OBJECTS)
}

/// A page of the settings.
struct Shown<'s> {
    /// The address of its tab.
    here: &'static str,
    /// What it is about, where it is about one thing of the tab.
    title: Option<&'s str>,
    lead: Markup,
    actions: Markup,
}

/// The page with its tabs.
fn settings_page(visit: &Visit, shown: Shown<'_>, content: &Markup) -> Markup {
    let words = visit.words;
    let is_admin = visit.actor.role == Role::Admin;
    let all = [
        (OBJECTS, words.objects, true),
        (USERS, words.users, is_admin),
        (KEYS, words.keys, is_admin),
        (WEBHOOKS, words.webhooks, is_admin),
        (SECRETS, words.secrets, is_admin),
        (EMBEDDING, words.embedding, is_admin),
        (PLAN, words.plan_and_limits, true),
    ];
    let all: Vec<(&str, &str)> =
        all.into_iter().filter(|(.., is_open)| *is_open).map(|(address, text, _)| (address, text)).collect();
    let body = html! {
        (tabs(words.settings, &all, shown.here))
        (content)
    };
    let title = shown.title.unwrap_or(words.settings);
    page(visit, &Head { title, lead: shown.lead, actions: shown.actions }, &body)
}

/// What a role is called, with what it may do.
fn roles(words: &Words) -> [(&'static str, &'static str); 3] {
    [("member", words.role_member), ("planner", words.role_planner), ("admin", words.role_admin)]
}

/// What a role is called.
fn role_word(words: &Words, role: Role) -> &'static str {
    match role {
        Role::Admin => words.role_admin_short,
        Role::Member => words.role_member_short,
        Role::Planner => words.role_planner_short,
    }
}

/// The role of this name; a member where it is none.
fn role_of(name: &str) -> Role {
    [Role::Admin, Role::Planner].into_iter().find(|role| role.word() == name).unwrap_or(Role::Member)
}
