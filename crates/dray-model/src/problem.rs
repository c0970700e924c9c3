//! Problems: what is wrong with the data, as values with a position. A row with at least one problem
//! of severity error is rejected; a warning only tells.

/// Stable codes of everything that can be wrong with a row. The words are part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each code's sentence is in `ProblemCode::about`")]
pub enum ProblemCode {
    NoHeader,
    SkippedLines,
    OtherTable,
    HiddenRows,
    HiddenSheets,
    OtherSheets,
    MergedCells,
    RepairedRow,
    UnclearRow,
    StrayQuote,
    TooManyCells,
    UnclosedQuote,
    CellError,
    InvalidEncoding,
    InvalidCharacter,
    CellTooLarge,
    InvalidRecord,
    UnknownMember,
    Required,
    TooLong,
    PatternMismatch,
    TooSmall,
    TooLarge,
    NotAnInteger,
    NotADecimal,
    TooManyDecimals,
    NotABoolean,
    NotADate,
    NotATime,
    NotADateTime,
    NotAUuid,
    InvalidJson,
    InvalidShape,
    DamagedText,
    InvalidEmail,
    InvalidPhone,
    InvalidUrl,
    InvalidExpression,
    NotAChoice,
    ReferenceNotFound,
    ReferenceAmbiguous,
    NotUnique,
    MatchAmbiguous,
    TooManyRows,
    NotTransformed,
    InvalidResult,
}

impl ProblemCode {
    /// All of them.
    pub const ALL: [Self; 46] = [
        Self::NoHeader,
        Self::SkippedLines,
        Self::OtherTable,
        Self::HiddenRows,
        Self::HiddenSheets,
        Self::OtherSheets,
        Self::MergedCells,
        Self::RepairedRow,
        Self::UnclearRow,
        Self::StrayQuote,
        Self::TooManyCells,
        Self::UnclosedQuote,
        Self::CellError,
        Self::InvalidEncoding,
        Self::InvalidCharacter,
        Self::CellTooLarge,
        Self::InvalidRecord,
        Self::UnknownMember,
        Self::Required,
        Self::TooLong,
        Self::PatternMismatch,
        Self::TooSmall,
        Self::TooLarge,
        Self::NotAnInteger,
        Self::NotADecimal,
        Self::TooManyDecimals,
        Self::NotABoolean,
        Self::NotADate,
        Self::NotATime,
        Self::NotADateTime,
        Self::NotAUuid,
        Self::InvalidJson,
        Self::InvalidShape,
        Self::DamagedText,
        Self::InvalidEmail,
        Self::InvalidPhone,
        Self::InvalidUrl,
        Self::InvalidExpression,
        Self::NotAChoice,
        Self::ReferenceNotFound,
        Self::ReferenceAmbiguous,
        Self::NotUnique,
        Self::MatchAmbiguous,
        Self::TooManyRows,
        Self::NotTransformed,
        Self::InvalidResult,
    ];

    /// The code of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.word() == word)
    }

    /// The word used in files, the API and on the page.
    pub fn word(self) -> &'static str {
        self.about().0
    }

    /// The code's word and one sentence on what it means.
    pub fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::NoHeader => ("no_header", "the file does not name its columns"),
            Self::SkippedLines => ("skipped_lines", "lines that are neither header nor rows were left out"),
            Self::OtherTable => ("other_table", "the row belongs to another table; only the first is read"),
            Self::HiddenRows => ("hidden_rows", "the sheet has hidden rows or columns; they are read too"),
            Self::HiddenSheets => ("hidden_sheets", "the workbook has hidden sheets; they are not read"),
            Self::OtherSheets => ("other_sheets", "the workbook has more sheets than the one that is read"),
            Self::MergedCells => ("merged_cells", "cells are merged; the text belongs to the first of them"),
            Self::RepairedRow => ("repaired_row", "the row did not fit the columns and was put right"),
            Self::UnclearRow => {
                ("unclear_row", "the row does not fit the columns, and how to divide it is not clear")
            }
            Self::StrayQuote => ("stray_quote", "a quote that opens or closes no cell was taken as text"),
            Self::CellError => ("cell_error", "the cell holds an error of the spreadsheet program"),
            Self::TooManyCells => ("too_many_cells", "the row has more cells than the header"),
            Self::UnclosedQuote => ("unclosed_quote", "a quote opens and never closes"),
            Self::InvalidEncoding => ("invalid_encoding", "bytes that are no text in this encoding"),
            Self::InvalidCharacter => ("invalid_character", "a character no store can hold"),
            Self::CellTooLarge => ("cell_too_large", "the cell is larger than the limit"),
            Self::InvalidRecord => ("invalid_record", "the record cannot be read"),
            Self::UnknownMember => ("unknown_member", "a member the header does not name"),
            Self::Required => ("required", "a required field is empty"),
            Self::TooLong => ("too_long", "the text is longer than the field allows"),
            Self::PatternMismatch => ("pattern_mismatch", "the text does not have the required form"),
            Self::TooSmall => ("too_small", "the value is below the smallest allowed"),
            Self::TooLarge => ("too_large", "the value is above the largest allowed"),
            Self::DamagedText => ("damaged_text", "a spreadsheet program damaged the value"),
            Self::NotAnInteger => ("not_an_integer", "the text is not a whole number"),
            Self::NotADecimal => ("not_a_decimal", "the text is not a number"),
            Self::TooManyDecimals => ("too_many_decimals", "the number has more decimals than allowed"),
            Self::NotABoolean => ("not_a_boolean", "the text is neither yes nor no"),
            Self::NotADate => ("not_a_date", "the text is not a date"),
            Self::NotATime => ("not_a_time", "the text is not a time of day"),
            Self::NotADateTime => ("not_a_datetime", "the text is not a date and time"),
            Self::NotAUuid => ("not_a_uuid", "the text is not a UUID"),
            Self::InvalidJson => ("invalid_json", "the text is not JSON"),
            Self::InvalidShape => ("invalid_shape", "the JSON does not have the required form"),
            Self::InvalidEmail => ("invalid_email", "the text is not an e-mail address"),
            Self::InvalidPhone => ("invalid_phone", "the text is not a phone number"),
            Self::InvalidUrl => ("invalid_url", "the text is not a web address"),
            Self::InvalidExpression => ("invalid_expression", "the text is not an expression"),
            Self::NotAChoice => ("not_a_choice", "the text is none of the choices"),
            Self::ReferenceNotFound => ("reference_not_found", "no record of that name exists"),
            Self::ReferenceAmbiguous => ("reference_ambiguous", "several records have that name"),
            Self::NotUnique => ("not_unique", "another record already has this value"),
            Self::MatchAmbiguous => ("match_ambiguous", "the row matches several records"),
            Self::TooManyRows => ("too_many_rows", "the file has more rows than allowed"),
            Self::NotTransformed => ("not_transformed", "the transformation has no result for the row"),
            Self::InvalidResult => {
                ("invalid_result", "what the transformation made of the row cannot be used")
            }
        }
    }
}

/// Whether a problem rejects its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The row is rejected.
    Error,
    /// The row goes on; the person is told.
    Warning,
}

/// One thing that is wrong in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Number of the row, from 1, over data rows; 0 where it is about the file and no single row.
    pub row_number: u64,
    /// Physical line the row begins on, from 1; 0 where the source has no lines.
    pub line: u64,
    /// The source column (header text), where one cell is at fault.
    pub column: Option<String>,
    /// The field or stored column concerned.
    pub field: Option<String>,
    /// The stable code.
    pub code: ProblemCode,
    /// Error or warning.
    pub severity: Severity,
    /// The value as read, shortened to at most [`SHOWN_VALUE`] characters.
    pub value: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A remark about the file and no single row; `line` is 0 where it is about no line either.
    pub fn about_file(code: ProblemCode, line: u64, message: impl Into<String>) -> Self {
        Self {
            row_number: 0,
            line,
            column: None,
            field: None,
            code,
            severity: Severity::Warning,
            value: None,
            message: message.into(),
        }
    }
}

/// The most characters of a value a problem shows.
pub const SHOWN_VALUE: usize = 100;

/// A value shortened for a message.
pub fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN_VALUE) {
        None => value.to_owned(),
        Some((end, _)) => value.get(..end).unwrap_or_default().to_owned() + "…",
    }
}
