//! Why something is suggested, or nothing is: as a value, which is text for people in English and can be told
//! in other languages.

use std::fmt;

use super::names::NameFit;
use super::profile::Profile;
use super::reading::{ITSELF, Reading};
use super::values::ValueFit;

/// Why a column is suggested for a field, or for none.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// People confirmed it before.
    Confirmed,
    /// Somebody was asked.
    Opinion,
    /// The values are stored in that field already.
    Stored,
    /// The field has several values and its usual type is taken.
    NextType,
    /// What the header says, and what the values say to that.
    Read(HeaderSays, ValuesSay),
    /// It was left out before.
    LeftOutBefore,
    /// The field is filled by another column.
    Filled {
        /// The field as [`Suggestion::name`](super::Suggestion::name) writes it.
        field: String,
        /// The header of the other.
        by: String,
    },
    /// The field takes one address, and another of this table was taken.
    OtherAddress {
        /// The field.
        field: String,
    },
    /// Nobody is sure enough.
    Unsure {
        /// The field that comes nearest.
        field: String,
    },
    /// It tells the type of the value beside it.
    TypeBeside,
    /// It tells of somebody else than the record.
    SomebodyElse,
    /// It holds salutations, and no field takes them.
    Salutations,
    /// It tells something about a value.
    AboutValue,
    /// Neither header nor values are there to say something.
    NothingKnown,
    /// Neither header nor values name a field.
    NoField,
    /// The header means something that no field takes.
    NoFieldFor(Meaning),
}

/// What a header says of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum HeaderSays {
    /// It is the field's name.
    Name,
    /// It is listed with the field.
    Synonym,
    /// It means the field.
    Means(Meaning),
    /// The same, once the other columns are known.
    MeansBesideOthers(Meaning),
    /// It is one letter away from a known one.
    Misspelt,
    /// It means the field, and has words nobody knows.
    MeansBesideUnknown(Meaning),
    /// It means the field among other things.
    MeansAmongOthers(Meaning),
    /// It shares words with the field.
    SharesWords,
    /// Nothing.
    Nothing,
}

/// What values say of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValuesSay {
    /// The only one fits.
    OneFits,
    /// They fit.
    Fit,
    /// They may be.
    MayBe,
    /// There are none.
    Missing,
    /// Few of them fit.
    FewFit,
    /// They do not fit.
    Contradict,
}

/// A reading of a header, by names of the vocabulary: `phone (mobile)`, `address of the company`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// What the value is: `first_name`.
    pub property: &'static str,
    /// Whose it is.
    pub entity: Option<&'static str>,
    /// Which of several values.
    pub kind: Option<&'static str>,
}

/// How a meaning is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The owner itself: `the company`.
    Itself(&'static str),
    /// Something of it: `address of the company`.
    Of(&'static str, &'static str),
    /// One of several: `phone (mobile)`.
    Kind(&'static str, &'static str),
    /// Just what it is.
    Plain(&'static str),
}

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
) -> Reason {
    match ground {
        Ground::Confirmed => Reason::Confirmed,
        Ground::Opinion => Reason::Opinion,
        Ground::Stored => Reason::Stored,
        Ground::NextType => Reason::NextType,
        Ground::Table => Reason::Read(header_says(name, reading, is_reread), values_say(values, profile)),
    }
}

fn header_says(name: NameFit, reading: &Reading, is_reread: bool) -> HeaderSays {
    match name {
        NameFit::Name => HeaderSays::Name,
        NameFit::Synonym => HeaderSays::Synonym,
        NameFit::Meaning if is_reread => HeaderSays::MeansBesideOthers(meaning(reading)),
        NameFit::Meaning => HeaderSays::Means(meaning(reading)),
        NameFit::Misspelt => HeaderSays::Misspelt,
        NameFit::Loose if !reading.unknown.is_empty() => HeaderSays::MeansBesideUnknown(meaning(reading)),
        NameFit::Loose => HeaderSays::MeansAmongOthers(meaning(reading)),
        NameFit::Words => HeaderSays::SharesWords,
        NameFit::None => HeaderSays::Nothing,
    }
}

fn values_say(values: ValueFit, profile: &Profile<'_>) -> ValuesSay {
    match values {
        ValueFit::Confirm if profile.cells.len() == 1 => ValuesSay::OneFits,
        ValueFit::Confirm => ValuesSay::Fit,
        ValueFit::Agree => ValuesSay::MayBe,
        ValueFit::Unknown => ValuesSay::Missing,
        ValueFit::Doubt => ValuesSay::FewFit,
        ValueFit::Contradict => ValuesSay::Contradict,
    }
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
pub(super) fn why_not(obstacle: Obstacle, reading: &Reading, profile: &Profile<'_>) -> Reason {
    match obstacle {
        Obstacle::LeftOutBefore => Reason::LeftOutBefore,
        Obstacle::Filled { field, by } => Reason::Filled { field, by },
        Obstacle::OtherAddress { field } => Reason::OtherAddress { field },
        Obstacle::Unsure { field } => Reason::Unsure { field },
        Obstacle::NoField if reading.is_type_of => Reason::TypeBeside,
        Obstacle::NoField if reading.is_foreign => Reason::SomebodyElse,
        Obstacle::NoField if reading.property == Some("salutation") && !profile.is_empty() => {
            Reason::Salutations
        }
        Obstacle::NoField if reading.is_about => Reason::AboutValue,
        Obstacle::NoField => match reading.property {
            Some(ITSELF) | None if profile.is_empty() => Reason::NothingKnown,
            None => Reason::NoField,
            Some(_) => Reason::NoFieldFor(meaning(reading)),
        },
    }
}

fn meaning(reading: &Reading) -> Meaning {
    Meaning { property: reading.property.unwrap_or_default(), entity: reading.entity, kind: reading.kind }
}

impl Meaning {
    /// Which of its parts are told.
    pub fn told(&self) -> Told {
        match (self.property, self.entity, self.kind) {
            (ITSELF, Some(entity), _) => Told::Itself(entity),
            (property, Some(entity @ ("company" | "deal")), _) => Told::Of(property, entity),
            (property, _, Some(kind)) => Told::Kind(property, kind),
            (property, ..) => Told::Plain(property),
        }
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spaced = |name: &str| name.replace('_', " ");
        match self.told() {
            Told::Itself(entity) => write!(out, "the {entity}"),
            Told::Of(property, entity) => write!(out, "{} of the {entity}", spaced(property)),
            Told::Kind(property, kind) => write!(out, "{} ({kind})", spaced(property)),
            Told::Plain(property) => out.write_str(&spaced(property)),
        }
    }
}

impl fmt::Display for HeaderSays {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => out.write_str("the header is the field's name"),
            Self::Synonym => out.write_str("the header is listed with the field"),
            Self::Means(meaning) => write!(out, "the header means {meaning}"),
            Self::MeansBesideOthers(meaning) => {
                write!(out, "beside the other columns the header means {meaning}")
            }
            Self::Misspelt => out.write_str("the header is one letter away from a known one"),
            Self::MeansBesideUnknown(meaning) => {
                write!(out, "the header means {meaning} beside words nobody knows")
            }
            Self::MeansAmongOthers(meaning) => write!(out, "the header means {meaning} among other things"),
            Self::SharesWords => out.write_str("the header shares words with the field"),
            Self::Nothing => out.write_str("the header says nothing"),
        }
    }
}

impl fmt::Display for ValuesSay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::OneFits => "and the value fits",
            Self::Fit => "and the values fit",
            Self::MayBe => "and the values may be",
            Self::Missing => "and there are no values to look at",
            Self::FewFit => "but few of the values fit",
            Self::Contradict => "though the values do not fit",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed => out.write_str("confirmed before for this header"),
            Self::Opinion => out.write_str("a second opinion"),
            Self::Stored => out.write_str("its values are stored in this field already"),
            Self::NextType => out.write_str("one more value of this field; its usual type is taken"),
            Self::Read(HeaderSays::Nothing, ValuesSay::OneFits) => {
                out.write_str("the header says nothing, but the value fits")
            }
            Self::Read(HeaderSays::Nothing, ValuesSay::Fit) => {
                out.write_str("the header says nothing, but the values fit")
            }
            Self::Read(header, values) => write!(out, "{header}, {values}"),
            Self::LeftOutBefore => out.write_str("left out before"),
            Self::Filled { field, by } => write!(out, "`{field}` is filled by `{by}`"),
            Self::OtherAddress { field } => write!(
                out,
                "`{field}` takes one address, and another one in this table is more complete or stands first"
            ),
            Self::Unsure { field } => write!(out, "perhaps `{field}`, but too little speaks for it"),
            Self::TypeBeside => out.write_str("the type of the value beside it"),
            Self::SomebodyElse => out.write_str("tells of somebody else than the record"),
            Self::Salutations => out.write_str("holds salutations, and no field takes them"),
            Self::AboutValue => out.write_str("tells something about a value, not the value"),
            Self::NothingKnown => out.write_str("nothing is known of the header, and it has no values"),
            Self::NoField => out.write_str("neither the header nor the values name a field"),
            Self::NoFieldFor(meaning) => write!(out, "the header means {meaning}, and no field takes it"),
        }
    }
}
