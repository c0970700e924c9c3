//! How well the values of a column fit a target. The rules are those of `check/`: what will be a
//! problem there does not fit here.

use dray_model::definition::FieldKind;
use dray_model::object::Object;

use super::profile::{Profile, host_share};
use super::reading::ITSELF;
use super::target::{Target, Targets};
use crate::check::style::Style;
use crate::check::{text_value, words};

/// What the values say about a target, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueFit {
    /// They cannot be values of it.
    Contradict,
    /// Hardly.
    Doubt,
    /// There are none.
    Unknown,
    /// They may be.
    Agree,
    /// They can hardly be anything else.
    Confirm,
}

/// Judges the values of a column as values of a target.
pub(super) fn value_fit(
    object: &Object,
    targets: &Targets,
    target: &Target,
    profile: &Profile<'_>,
) -> ValueFit {
    if profile.is_empty() {
        return ValueFit::Unknown;
    }
    let by_kind = match target.kind {
        FieldKind::Email => telling(profile.email, 0.4),
        FieldKind::Phone => phone(profile),
        FieldKind::Url => web_address(targets, target, profile),
        FieldKind::Date | FieldKind::DateTime => telling(profile.date, 0.3),
        FieldKind::Integer => possible(profile.integer),
        FieldKind::Decimal => possible(profile.decimal),
        FieldKind::Boolean => possible(profile.boolean),
        FieldKind::Uuid => telling(profile.share(|cell| words::uuid(cell).is_ok()), 0.3),
        FieldKind::Json => possible(profile.share(|cell| cell.starts_with(['{', '[', '"']))),
        FieldKind::Time => possible(profile.share(|cell| crate::check::date::time(cell).is_ok())),
        FieldKind::Choice => choice(object, target, profile),
        FieldKind::Reference | FieldKind::Expression | FieldKind::Text | FieldKind::Address => {
            text(target, profile)
        }
    };
    by_kind.min(constraints(object, target, profile))
}

/// A form that nothing else has.
fn telling(share: f64, doubtful: f64) -> ValueFit {
    match share {
        share if share >= 0.75 => ValueFit::Confirm,
        share if share >= doubtful => ValueFit::Doubt,
        _ => ValueFit::Contradict,
    }
}

/// A form that other things have too.
fn possible(share: f64) -> ValueFit {
    match share {
        share if share >= 0.85 => ValueFit::Agree,
        share if share >= 0.5 => ValueFit::Doubt,
        _ => ValueFit::Contradict,
    }
}

fn phone(profile: &Profile<'_>) -> ValueFit {
    match (profile.phone, profile.written_phone) {
        (_, written) if written >= 0.6 => ValueFit::Confirm,
        (any, _) if any >= 0.7 => ValueFit::Agree,
        (any, _) if any >= 0.4 => ValueFit::Doubt,
        _ => ValueFit::Contradict,
    }
}

/// A field for addresses at one service takes those of that service, and a plain one takes the others.
fn web_address(targets: &Targets, target: &Target, profile: &Profile<'_>) -> ValueFit {
    let general = telling(profile.url, 0.3);
    if general == ValueFit::Contradict {
        return general;
    }
    if let Some(service) = service(target) {
        return if host_share(profile, service) >= 0.6 { ValueFit::Confirm } else { ValueFit::Contradict };
    }
    let of_another = targets
        .all
        .iter()
        .filter(|other| other.kind == FieldKind::Url && other.column != target.column)
        .filter_map(|other| service(other))
        .any(|service| host_share(profile, service) >= 0.6);
    if of_another { ValueFit::Contradict } else { general }
}

/// The service in the name of a field for web addresses: `linkedin` of `linkedin_url`.
pub(super) fn service(target: &Target) -> Option<&str> {
    if target.reading.property == Some("linkedin") {
        return Some("linkedin");
    }
    let is_social = target.kind == FieldKind::Url && target.reading.property == Some("social");
    target.reading.words.iter().find(|word| is_social && word.len() >= 4).map(String::as_str)
}

fn choice(object: &Object, target: &Target, profile: &Profile<'_>) -> ValueFit {
    let Some(field) = object.field_of(target.column) else { return ValueFit::Agree };
    match profile.share(|cell| words::choice(field, cell).is_ok()) {
        share if share >= 0.6 => ValueFit::Confirm,
        share if share > 0.0 => ValueFit::Agree,
        // Other systems have other words for the same choices, but seldom numbers or dates.
        _ if profile.decimal.max(profile.strange_to_text()) >= 0.5 => ValueFit::Contradict,
        _ => ValueFit::Doubt,
    }
}

/// What is certain of text of a kind: names have no digits, codes some.
fn text(target: &Target, profile: &Profile<'_>) -> ValueFit {
    let strange = profile.strange_to_text();
    let property = target.reading.property.unwrap_or_default();
    match property {
        "first_name" | "last_name" | "full_name" | "middle_name" | "name" | "nickname"
            if property != "name" || target.is_reference =>
        {
            let is_salutation = profile.salutation.max(profile.degree) >= 0.6 && profile.distinct <= 4;
            person(profile, is_salutation, property)
        }
        "salutation" => telling(profile.salutation, 0.2).max(ValueFit::Doubt),
        "job_title" if profile.salutation.max(profile.degree) >= 0.5 => ValueFit::Contradict,
        "country" if profile.country >= 0.6 => ValueFit::Confirm,
        "country" | "city" | "state" if strange.max(profile.decimal) >= 0.5 => ValueFit::Contradict,
        "country" if profile.letters < 0.5 => ValueFit::Doubt,
        "city" if profile.letters < 0.4 => ValueFit::Doubt,
        "zip" if profile.zip >= 0.7 => ValueFit::Confirm,
        "zip" if profile.zip < 0.3 => ValueFit::Contradict,
        "street" if profile.street >= 0.5 => ValueFit::Confirm,
        "street" if profile.decimal >= 0.6 => ValueFit::Contradict,
        "language" if profile.decimal >= 0.5 || profile.text > 0.2 => ValueFit::Contradict,
        "id" if profile.yes_or_no.max(profile.date).max(profile.email) >= 0.5 => ValueFit::Contradict,
        "id" if profile.distinct < profile.cells.len() => ValueFit::Doubt,
        "job_title" | ITSELF | "department" | "source" if profile.decimal >= 0.6 => ValueFit::Contradict,
        "id" | "phone" | "email" | "website" | "domain" | "birthday" | "created" | "updated" => {
            ValueFit::Agree
        }
        // An owner is often told by e-mail address, and notes may be anything.
        "owner" | "notes" | "description" => {
            if profile.date.max(profile.yes_or_no) >= 0.6 {
                ValueFit::Contradict
            } else {
                ValueFit::Agree
            }
        }
        _ if target.reading.property.is_some() && strange >= 0.6 => ValueFit::Contradict,
        _ => ValueFit::Agree,
    }
}

fn person(profile: &Profile<'_>, is_salutation: bool, property: &str) -> ValueFit {
    if is_salutation || profile.strange_to_text() >= 0.5 || profile.letters < 0.4 {
        return ValueFit::Contradict;
    }
    if property == "full_name" && profile.several_words >= 0.7 { ValueFit::Confirm } else { ValueFit::Agree }
}

/// The field's own constraints: a pattern says much, a length little.
fn constraints(object: &Object, target: &Target, profile: &Profile<'_>) -> ValueFit {
    let Some(field) = object.field_of(target.column) else { return ValueFit::Confirm };
    let is_text = matches!(target.kind, FieldKind::Text | FieldKind::Address);
    if !is_text || field.definition.multiple {
        return ValueFit::Confirm;
    }
    let fits = profile.share(|cell| text_value(field, cell, Style::default()).is_ok());
    match fits {
        fits if fits >= 0.7 => ValueFit::Confirm,
        fits if fits >= 0.3 => ValueFit::Doubt,
        _ => ValueFit::Contradict,
    }
}
