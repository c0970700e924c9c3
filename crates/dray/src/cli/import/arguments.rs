//! What can be said after `dray import`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::StoreArguments;
use crate::cli::reading::ReadArguments;

/// Import a file into an object.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dray import contacts.csv --to contacts --plan
  dray import leads.csv --to contacts --map 'Mail=email' --set status=lead
  dray import contacts.csv --to contacts --on-duplicate update --match email --failed failed.csv
  cat events.jsonl | dray import - --to events --json

Exit code: 0 no row was rejected, 2 some were, 1 nothing was imported.")]
pub(in crate::cli) struct ImportArguments {
    /// The file to read, or - for standard input
    pub(super) source: String,
    /// The object to import into
    #[arg(long = "to", value_name = "OBJECT")]
    pub(super) object: String,
    /// Which column fills which field; an empty field leaves the column out, and `=EXPRESSION=FIELD` computes
    /// one of others, such as '=lower(E_mail)=email'
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = column_and_field)]
    pub(super) map: Vec<(String, String)>,
    /// A value for every row
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = field_and_value)]
    pub(super) set: Vec<(String, String)>,
    /// What happens to a row that is an existing record
    #[arg(long, value_name = "STRATEGY")]
    pub(super) on_duplicate: Option<OnDuplicateWord>,
    /// Fields that tell whether a row is an existing record, the strongest first
    #[arg(long = "match", value_name = "FIELD,…", value_delimiter = ',')]
    pub(super) match_by: Vec<String>,
    /// Which cells an update writes
    #[arg(long, value_name = "MODE")]
    pub(super) merge: Option<MergeWord>,
    /// All rows or none
    #[arg(long, conflicts_with = "partial")]
    pub(super) atomic: bool,
    /// Every good row (bad rows are rejected)
    #[arg(long)]
    pub(super) partial: bool,
    /// Make the target of a reference that names nobody
    #[arg(long)]
    pub(super) create_references: bool,
    /// Go on where an interrupted run of the same import stopped
    #[arg(long, conflicts_with = "plan")]
    pub(super) resume: bool,
    /// Only show what would happen
    #[arg(long)]
    pub(super) plan: bool,
    /// Stop when more rows than this are rejected
    #[arg(long, value_name = "N")]
    pub(super) max_rejected: Option<u64>,
    /// Write rejected rows here, as they were read, with the reasons
    #[arg(long, value_name = "FILE")]
    pub(super) failed: Option<PathBuf>,
    /// The order of day and month in dates such as 03/04/2025
    #[arg(long, value_name = "ORDER")]
    pub(super) dates: Option<DatesWord>,
    /// Put right what a spreadsheet program did to the values, where that is certain
    #[arg(long)]
    pub(super) repair: bool,
    /// Print the ledger as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(super) reading: ReadArguments,
    #[command(flatten)]
    pub(super) store: StoreArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum OnDuplicateWord {
    Skip,
    Update,
    Create,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum MergeWord {
    FillEmpty,
    Overwrite,
    PreferImport,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum DatesWord {
    DayFirst,
    MonthFirst,
}

/// A column may have an equals sign in its name, a field never.
fn column_and_field(text: &str) -> std::result::Result<(String, String), String> {
    let (column, field) = text.rsplit_once('=').ok_or("write it as COLUMN=FIELD")?;
    Ok((column.to_owned(), field.to_owned()))
}

/// A value may have an equals sign in it, a field never.
fn field_and_value(text: &str) -> std::result::Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("write it as FIELD=VALUE")?;
    Ok((field.to_owned(), value.to_owned()))
}
