//! Which options mean something for which formats. An option that would be passed over in silence is
//! refused, for whoever gave it believes that it does something.

use dray_model::{Error, Result};

use crate::options::{Format, FormulaGuard, LineEnd, QuoteStyle, ReadOptions, WriteOptions};
use Format::{Csv, Json, Jsonl, Ods, Pdf, Tsv, Xls, Xlsb, Xlsx};

/// The name of an option as on the command line, whether it was given, and the formats it is for.
type Row<Options> = (&'static str, fn(&Options) -> bool, &'static [Format]);

const READING: &[Row<ReadOptions>] = &[
    ("encoding", |given| given.encoding.is_some(), &[Csv, Tsv, Json, Jsonl]),
    ("delimiter", |given| given.delimiter.is_some(), &[Csv, Tsv]),
    ("quote", |given| given.quote.is_some(), &[Csv, Tsv]),
    ("escape", |given| given.escape.is_some(), &[Csv, Tsv]),
    ("strict", |given| given.strict, &[Csv, Tsv]),
    ("header-row", |given| given.header_row.is_some(), &[Csv, Tsv, Xlsx, Xls, Xlsb, Ods]),
    ("skip-rows", |given| given.skip_lines > 0, &[Csv, Tsv, Xlsx, Xls, Xlsb, Ods]),
    ("sheet", |given| given.sheet.is_some(), &[Xlsx, Xls, Xlsb, Ods]),
    ("records", |given| given.records_path.is_some(), &[Json]),
    ("flatten", |given| given.flatten, &[Json, Jsonl]),
];

const WRITING: &[Row<WriteOptions>] = &[
    ("write-encoding", |given| given.text.encoding.is_some(), &[Csv, Tsv]),
    ("write-delimiter", |given| given.text.delimiter.is_some(), &[Csv, Tsv]),
    ("write-quotes", |given| given.text.quotes != QuoteStyle::Needed, &[Csv, Tsv]),
    ("bom", |given| given.text.byte_order_mark, &[Csv, Tsv]),
    ("crlf", |given| given.text.line_end != LineEnd::LineFeed, &[Csv, Tsv]),
    ("no-header", |given| !given.header, &[Csv, Tsv, Xlsx]),
    ("formula-guard", |given| given.formula_guard == FormulaGuard::On, &[Csv, Tsv, Xlsx]),
    ("date-format", |given| given.date_format.is_some(), &[Csv, Tsv, Pdf]),
    ("title", |given| given.title.is_some(), &[Xlsx, Pdf]),
    ("description", |given| given.description.is_some(), &[Pdf]),
    ("font", |given| !given.fonts.is_empty(), &[Pdf]),
    // The others are packed inside, and a program that opens them does not unpack them first.
    ("compress", |given| given.compression.is_some(), &[Csv, Tsv, Json, Jsonl, Pdf]),
];

impl ReadOptions {
    /// Refuses what means nothing for a source of this format.
    pub fn check(&self, format: Format) -> Result<()> {
        check(READING, self, format)
    }
}

impl WriteOptions {
    /// Refuses what means nothing for a file of this format.
    pub fn check(&self, format: Format) -> Result<()> {
        check(WRITING, self, format)
    }
}

fn check<Options>(table: &[Row<Options>], given: &Options, format: Format) -> Result<()> {
    let Some((option, _, formats)) =
        table.iter().find(|(_, is_given, formats)| is_given(given) && !formats.contains(&format))
    else {
        return Ok(());
    };
    let words: Vec<&str> = formats.iter().map(|format| format.word()).collect();
    Err(Error::request(format!("the option `{option}` means nothing for {}", format.word()))
        .hint(format!("leave it out; it is for {}", words.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_refused() {
        let refused = |result: Result<()>| result.unwrap_err().to_string();
        let sheet = ReadOptions { sheet: Some("1".to_owned()), ..ReadOptions::default() };
        assert!(sheet.check(Format::Ods).is_ok());
        assert_eq!(refused(sheet.check(Format::Csv)), "the option `sheet` means nothing for csv");
        let titled = WriteOptions { title: Some("T".to_owned()), ..WriteOptions::default() };
        assert!(titled.check(Format::Pdf).is_ok());
        let error = titled.check(Format::Parquet).unwrap_err();
        assert_eq!(error.to_string(), "the option `title` means nothing for parquet");
        assert_eq!(error.hint.as_deref(), Some("leave it out; it is for xlsx, pdf"));
    }

    #[test]
    fn what_nobody_gave_is_never_refused() {
        for format in Format::ALL {
            assert!(ReadOptions::default().check(format).is_ok());
            assert!(WriteOptions::default().check(format).is_ok());
        }
    }
}
