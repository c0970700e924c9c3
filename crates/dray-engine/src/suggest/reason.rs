//! Why something is suggested, or nothing is, in words for people.

use super::names::NameFit;
use super::profile::Profile;
use super::reading::{ITSELF, Reading};
use super::values::ValueFit;

/// What a suggestion rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// Header and values.
    Table,
    /// People confirmed it before.
    Confirmed,
    /// The values are stored in that field already.
    Stored,
    /// Somebody was asked.
    Opinion,
    /// The field has several values and its usual place is taken.
    NextType,
}

/// Why a column is suggested for a field.
pub(super) fn why(
    ground: Ground,
    name: NameFit,
    values: ValueFit,
    reading: &Reading,
    is_reread: bool,
    profile: &Profile<'_>,
) -> String {
    let said = match ground {
        Ground::Confirmed => return "confirmed before for this header".to_owned(),
        Ground::Opinion => return "a second opinion".to_owned(),
        Ground::Stored => "its values are stored in this field already".to_owned(),
        Ground::NextType => "one more value of this field; its usual type is taken".to_owned(),
        Ground::Table => match name {
            NameFit::Name => "the header is the field's name".to_owned(),
            NameFit::Synonym => "the header is listed with the field".to_owned(),
            NameFit::Meaning if is_reread => {
                format!("beside the other columns the header means {}", meaning(reading))
            }
            NameFit::Meaning => format!("the header means {}", meaning(reading)),
            NameFit::Misspelt => "the header is one letter away from a known one".to_owned(),
            NameFit::Loose if !reading.unknown.is_empty() => {
                format!("the header means {} beside words nobody knows", meaning(reading))
            }
            NameFit::Loose => format!("the header means {} among other things", meaning(reading)),
            NameFit::Words => "the header shares words with the field".to_owned(),
            NameFit::None => "the header says nothing".to_owned(),
        },
    };
    let count = profile.cells.len();
    let seen = match values {
        ValueFit::Confirm if count == 1 => "and the value fits",
        ValueFit::Confirm => "and the values fit",
        ValueFit::Agree => "and the values may be",
        ValueFit::Unknown => "and there are no values to look at",
        ValueFit::Doubt => "but few of the values fit",
        ValueFit::Contradict => "though the values do not fit",
    };
    let joint = if name == NameFit::None && ground == Ground::Table && values == ValueFit::Confirm {
        seen.replacen("and", "but", 1)
    } else {
        seen.to_owned()
    };
    format!("{said}, {joint}")
}

/// What stands in the way of a suggestion, where something does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Obstacle {
    /// It was left out before.
    LeftOutBefore,
    /// The field is filled by another column.
    Filled { field: String, by: String },
    /// Another address is taken.
    OtherAddress { field: String },
    /// Nothing but that nobody is sure enough.
    Unsure { field: String },
    /// Nothing comes near.
    NoField,
}

/// Why nothing is suggested.
pub(super) fn why_not(obstacle: &Obstacle, reading: &Reading, profile: &Profile<'_>) -> String {
    match obstacle {
        Obstacle::LeftOutBefore => "left out before".to_owned(),
        Obstacle::Filled { field, by } => format!("`{field}` is filled by `{by}`"),
        Obstacle::OtherAddress { field } => {
            format!(
                "`{field}` takes one address, and another one in this table is more complete or stands first"
            )
        }
        Obstacle::Unsure { field } => format!("perhaps `{field}`, but too little speaks for it"),
        Obstacle::NoField if reading.is_type_of => "the type of the value beside it".to_owned(),
        Obstacle::NoField if reading.is_foreign => "tells of somebody else than the record".to_owned(),
        Obstacle::NoField if reading.property == Some("salutation") && !profile.is_empty() => {
            "holds salutations, and no field takes them".to_owned()
        }
        Obstacle::NoField if reading.is_about => "tells something about a value, not the value".to_owned(),
        Obstacle::NoField => match reading.property {
            Some(ITSELF) | None if profile.is_empty() => {
                "nothing is known of the header, and it has no values".to_owned()
            }
            None => "neither the header nor the values name a field".to_owned(),
            Some(_) => format!("the header means {}, and no field takes it", meaning(reading)),
        },
    }
}

/// A reading in words: `phone (mobile)`, `the company's name`.
fn meaning(reading: &Reading) -> String {
    let property = reading.property.unwrap_or_default().replace('_', " ");
    match (property.as_str(), reading.entity, reading.kind) {
        (ITSELF, Some(entity), _) => format!("the {entity}"),
        (_, Some(entity @ ("company" | "deal")), _) => format!("{property} of the {entity}"),
        (_, _, Some(kind)) => format!("{property} ({kind})"),
        _ => property,
    }
}
