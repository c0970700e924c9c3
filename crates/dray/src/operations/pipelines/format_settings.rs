//! How files of a format are read and written, as a pipeline says it (spec section 1).

use dray_formats::{Compression, Escape, Format, HeaderRow, Quote, ReadOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use dray_engine::expression::types::is_property_name;

use crate::storage::Role;

/// The formats of pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Delimited text.
    Csv,
    /// A sheet of an xlsx workbook.
    Excel,
    /// An array of objects, or an object that holds one.
    Json,
    /// Apache Parquet.
    Parquet,
}

impl FileFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Csv, Self::Excel, Self::Json, Self::Parquet];

    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Excel => "excel",
            Self::Json => "json",
            Self::Parquet => "parquet",
        }
    }

    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Excel => "Excel",
            Self::Json => "JSON",
            Self::Parquet => "Parquet",
        }
    }

    /// The format of this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.code() == code)
    }

    /// The extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Excel => "xlsx",
            other => other.code(),
        }
    }

    /// What readers and writers call it.
    pub fn format(self) -> Format {
        match self {
            Self::Csv => Format::Csv,
            Self::Excel => Format::Xlsx,
            Self::Json => Format::Json,
            Self::Parquet => Format::Parquet,
        }
    }

    /// True where files of it have settings in a pipeline of this role.
    pub fn has_settings(self, role: Role) -> bool {
        match self {
            Self::Csv | Self::Json => true,
            Self::Excel => role == Role::Source,
            Self::Parquet => false,
        }
    }

    /// The media type of its files.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=UTF-8",
            Self::Excel => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Json => "application/json; charset=UTF-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packing {
    /// Not at all; what is packed all the same is found out by looking.
    #[default]
    #[serde(rename = "")]
    None,
    /// A zip archive with one file.
    Zip,
    /// gzip.
    Gzip,
    /// Snappy in its framing format.
    Snappy,
}

impl Packing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Zip, Self::Gzip, Self::Snappy];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Zip => "Zip",
            Self::Gzip => "Gzip",
            Self::Snappy => "Snappy",
        }
    }

    /// The packing of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|packing| packing.name() == name)
    }

    /// True where a file that begins like this can be packed so.
    pub fn fits(self, first: &[u8]) -> bool {
        match self {
            Self::None => true,
            Self::Zip => first.starts_with(b"PK"),
            Self::Gzip => first.starts_with(&[0x1f, 0x8b]),
            Self::Snappy => first.starts_with(b"\xff\x06\x00\x00sNaPpY"),
        }
    }

    /// What writers call it; none where nothing is packed.
    pub fn compression(self) -> Option<Compression> {
        match self {
            Self::None => None,
            Self::Zip => Some(Compression::Zip),
            Self::Gzip => Some(Compression::Gzip),
            Self::Snappy => Some(Compression::Snappy),
        }
    }

    /// The media type of files that are packed so.
    pub fn media_type(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Zip => Some("application/zip"),
            Self::Gzip => Some("application/gzip"),
            Self::Snappy => Some("application/x-snappy-framed"),
        }
    }
}

/// A property of JSON records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonProperty {
    /// Its name.
    pub name: String,
    /// False where records may lack it.
    pub required: bool,
}

/// The settings of a format; those of others are as they are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FormatSettings {
    /// What stands between the cells of CSV.
    pub separator: char,
    /// How many columns CSV has; 0 where the first record says it.
    pub number_of_columns: usize,
    /// Blanks at the beginning of cells are dropped.
    pub trim_leading_space: bool,
    /// The first row names the columns.
    pub has_column_names: bool,
    /// Quotes within cells of CSV need no other around them.
    pub lazy_quotes: bool,
    /// Lines end in CR LF.
    pub use_crlf: bool,
    /// The encoding of CSV, where it is not to be found out.
    pub encoding: Option<String>,
    /// The properties of JSON records.
    pub properties: Vec<JsonProperty>,
    /// JSON is written with a line for each member.
    pub indent: bool,
    /// JSON is written in ASCII only.
    pub generate_ascii: bool,
    /// NaN and the infinities are written as such.
    pub allow_special_floats: bool,
}

impl Default for FormatSettings {
    fn default() -> Self {
        Self {
            separator: ',',
            number_of_columns: 0,
            trim_leading_space: false,
            has_column_names: false,
            lazy_quotes: false,
            use_crlf: false,
            encoding: None,
            properties: Vec::new(),
            indent: false,
            generate_ascii: false,
            allow_special_floats: false,
        }
    }
}

/// The most columns a setting may say.
const MOST_COLUMNS: u64 = 1_000;
/// The most characters of settings as JSON.
const MOST_SETTINGS: usize = 10_000;

impl FormatSettings {
    /// Reads the settings of a format for a role; the error is a sentence.
    pub fn parse(format: FileFormat, role: Role, given: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = Self::default();
        if Value::Object(given.clone()).to_string().chars().count() > MOST_SETTINGS {
            return Err(format!("they are longer than {MOST_SETTINGS} characters"));
        }
        for (key, value) in given {
            // The documents of older versions write the first letter large.
            let mut letters = key.chars();
            let name: String =
                letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
            if given.len() > 1 && name != *key && given.contains_key(&name) {
                return Err(format!("`{name}` is said twice"));
            }
            settings.set(format, role, &name, value)?;
        }
        if format == FileFormat::Json && role == Role::Source && settings.properties.is_empty() {
            return Err("`properties` must name one property or more of the records".to_owned());
        }
        Ok(settings)
    }

    fn set(&mut self, format: FileFormat, role: Role, name: &str, value: &Value) -> Result<(), String> {
        let flag = || value.as_bool().ok_or_else(|| format!("`{name}` must be true or false"));
        match (format, role, name) {
            (FileFormat::Csv, _, "separator") => {
                let text = value.as_str().ok_or("`separator` must be a text of one character")?;
                let mut letters = text.chars();
                self.separator = match (letters.next(), letters.next()) {
                    (Some(letter), None) if !matches!(letter, '\r' | '\n' | '\u{fffd}' | '"') => letter,
                    _ => return Err("`separator` must be one character, and no line end or quote".to_owned()),
                };
            }
            (FileFormat::Csv, _, "numberOfColumns") => {
                let columns = value.as_u64().filter(|columns| *columns <= MOST_COLUMNS);
                let columns =
                    columns.ok_or_else(|| format!("`numberOfColumns` must be from 0 to {MOST_COLUMNS}"))?;
                if role == Role::Source {
                    self.number_of_columns = usize::try_from(columns).unwrap_or(0);
                }
            }
            (FileFormat::Csv, _, "trimLeadingSpace") => {
                self.trim_leading_space = flag()? && role == Role::Source;
            }
            (FileFormat::Csv, Role::Source, "lazyQuotes") => self.lazy_quotes = flag()?,
            (FileFormat::Csv, Role::Source, "encoding") => {
                let name = value.as_str().ok_or("`encoding` must be a text")?;
                self.encoding = Some(name.to_owned()).filter(|name| !name.is_empty());
            }
            (FileFormat::Csv, Role::Destination, "useCRLF") => self.use_crlf = flag()?,
            (FileFormat::Csv, _, "hasColumnNames") => self.has_column_names = flag()? && role == Role::Source,
            (FileFormat::Excel, Role::Source, "hasColumnNames") => self.has_column_names = flag()?,
            (FileFormat::Json, Role::Source, "properties") => self.properties = read_properties(value)?,
            (FileFormat::Json, Role::Destination, "indent") => self.indent = flag()?,
            (FileFormat::Json, Role::Destination, "generateASCII") => self.generate_ascii = flag()?,
            (FileFormat::Json, Role::Destination, "allowSpecialFloats") => {
                self.allow_special_floats = flag()?;
            }
            _ => {
                let shown = dray_model::problem::shown(name);
                return Err(format!("{} has no setting `{shown}`", format.label()));
            }
        }
        Ok(())
    }

    /// As they are answered; null where the format has none.
    pub fn to_json(&self, format: FileFormat, role: Role) -> Value {
        match (format, role) {
            (FileFormat::Csv, Role::Source) => {
                let mut settings = json!({
                    "separator": self.separator,
                    "numberOfColumns": self.number_of_columns,
                    "trimLeadingSpace": self.trim_leading_space,
                    "hasColumnNames": self.has_column_names,
                    "lazyQuotes": self.lazy_quotes,
                });
                if let (Some(encoding), Value::Object(members)) = (&self.encoding, &mut settings) {
                    members.insert("encoding".to_owned(), encoding.clone().into());
                }
                settings
            }
            (FileFormat::Csv, Role::Destination) => {
                json!({ "separator": self.separator, "useCRLF": self.use_crlf })
            }
            (FileFormat::Excel, Role::Source) => json!({ "hasColumnNames": self.has_column_names }),
            (FileFormat::Json, Role::Source) => {
                let word = |required: bool| if required { "t" } else { "f" };
                let properties = self.properties.iter();
                let properties: Vec<Value> = properties
                    .map(|property| json!({ "key": property.name, "value": word(property.required) }))
                    .collect();
                json!({ "properties": properties })
            }
            (FileFormat::Json, Role::Destination) => json!({
                "indent": self.indent,
                "generateASCII": self.generate_ascii,
                "allowSpecialFloats": self.allow_special_floats,
            }),
            (FileFormat::Excel, Role::Destination) | (FileFormat::Parquet, _) => Value::Null,
        }
    }

    /// How the readers of tables are told; the header is another matter.
    pub fn read_options(&self, format: FileFormat, sheet: Option<&str>, header: HeaderRow) -> ReadOptions {
        let is_csv = format == FileFormat::Csv;
        let is_table = is_csv || format == FileFormat::Excel;
        ReadOptions {
            format: Some(format.format()),
            encoding: self.encoding.clone().filter(|_| is_csv),
            delimiter: is_csv.then(|| self.separator.to_string()),
            quote: is_csv.then_some(Quote::Character(b'"')),
            escape: is_csv.then_some(Escape::Doubled),
            header_row: is_table.then_some(header),
            sheet: sheet.map(str::to_owned).filter(|_| format == FileFormat::Excel),
            unguard: false,
            stored_cells: format == FileFormat::Excel,
            keep_empty_text: true,
            worker: std::env::current_exe().ok(),
            ..ReadOptions::default()
        }
    }
}

fn read_properties(value: &Value) -> Result<Vec<JsonProperty>, String> {
    let wrong = || "`properties` must be a list of {\"key\": name, \"value\": \"t\" or \"f\"}".to_owned();
    let mut properties: Vec<JsonProperty> = Vec::new();
    for property in value.as_array().ok_or_else(wrong)? {
        let name = property.get("key").and_then(Value::as_str).ok_or_else(wrong)?;
        let required = match property.get("value").and_then(Value::as_str) {
            Some("t") => true,
            Some("f") => false,
            _ => return Err(format!("the value of the property `{name}` must be \"t\" or \"f\"")),
        };
        if !is_property_name(name) {
            return Err(format!("`{}` is not the name of a property", dray_model::problem::shown(name)));
        }
        if properties.iter().any(|known| known.name == name) {
            return Err(format!("the property `{name}` stands twice"));
        }
        properties.push(JsonProperty { name: name.to_owned(), required });
    }
    if properties.len() as u64 > MOST_COLUMNS {
        return Err(format!("there are more than {MOST_COLUMNS} properties"));
    }
    Ok(properties)
}
