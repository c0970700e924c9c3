//! Pipelines as they are asked for: every rule of a definition, in the order in which they are looked at (spec
//! section 7.2), and definitions made ready for a run.

use std::sync::Arc;

use dray_engine::expression::{Mapping, Schema, Type};
use dray_engine::pipeline::columns::Alignment;
use dray_engine::pipeline::function::{FunctionError, FunctionSource, Functions, Language};
use dray_engine::pipeline::rows::{Picked, Transformation};
use dray_engine::pipeline::rules;
use dray_engine::pipeline::times::{TimeFormat, can_tell_time, needs_format};
use dray_engine::pipeline::user_id::can_identify;
use dray_engine::record_filter::Filter;
use dray_model::problem::shown;
use serde_json::{Map, Value};

use super::fields::{Fields, path, within};
use super::format_settings::{FileFormat, FormatSettings, Packing};
use super::refusal::{Asked, Refusal};
use super::saved::{Pipeline, SavedFunction, Transformed};
use crate::storage::Role;
use crate::storage::path::{filled, has_placeholder};

/// The most characters of a name.
const MOST_NAME: usize = 60;
/// The most characters of a path, and of the name of a column.
const MOST_PATH: usize = 1024;
/// The most characters of a function.
const MOST_SOURCE: usize = 50_000;
/// The most characters of the name of a sheet.
const MOST_SHEET: usize = 31;
/// Codes of connectors that are not formats of files.
const NOT_FORMATS: [&str; 8] =
    ["filesystem", "s3", "sftp", "http-get", "http-post", "postgresql", "mysql", "snowflake"];
/// Members that mean something for other pipelines only.
const OF_OTHERS: [&str; 7] =
    ["query", "tableName", "tableKey", "exportMode", "matching", "updateOnDuplicates", "requiredConsents"];
/// Members that only imports have, and those that only exports have.
const OF_IMPORTS: [&str; 5] =
    ["userIDColumn", "updatedAtColumn", "updatedAtFormat", "transformation", "outSchema"];

/// The connection that a new pipeline is asked for.
pub fn connection_of(body: &Map<String, Value>) -> Asked<i64> {
    let fields = Fields(body);
    match fields.text("target")? {
        Some("User") => {}
        Some("Event" | "Group") => {
            return Err(Refusal::bad("a pipeline of a file storage has the target \"User\""));
        }
        Some(other) => {
            return Err(Refusal::bad(format!("`{}` is no target: it must be \"User\"", shown(other))));
        }
        None => return Err(Refusal::bad("`target` is missing: it must be \"User\"")),
    }
    fields
        .integer("connection")?
        .ok_or_else(|| Refusal::bad("`connection` is missing: the number of a connection"))
}

/// The pipeline that a request describes, for a connection of this role. What a definition does not say (its
/// number, its connection, its schedule) is left empty.
pub fn read(body: &Map<String, Value>, role: Role, languages: &[Language]) -> Asked<Pipeline> {
    let fields = Fields(body);
    let format = read_format(fields)?;
    let name = fields.text("name")?.unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::bad("`name` is missing: give the pipeline a name"));
    }
    within("name", name, MOST_NAME)?;
    let input = read_schema(fields, "inSchema")?
        .ok_or_else(|| Refusal::bad("`inSchema` is missing: the schema of what is read"))?;
    let output = read_schema(fields, "outSchema")?;
    let filter = read_filter(fields, &input)?;
    let transformation = match fields.value("transformation") {
        Some(_) if role == Role::Destination => None,
        Some(given) => read_transformation(given, &input, output.as_ref(), languages)?,
        None => None,
    };
    let file_path = fields.text("path")?.unwrap_or_default();
    within("path", file_path, MOST_PATH)?;
    check_placeholders(file_path, role)?;
    let sheet = fields.text("sheet")?.filter(|sheet| !sheet.is_empty());
    if let Some(sheet) = sheet {
        check_sheet(sheet)?;
    }
    let packing = fields.text("compression")?.unwrap_or_default();
    let packing = Packing::from_name(packing).ok_or_else(|| {
        let shown = shown(packing);
        Refusal::bad(format!("`{shown}` is no compression: it is \"\", \"Zip\", \"Gzip\" or \"Snappy\""))
    })?;
    let columns = read_columns(fields)?;
    match role {
        Role::Source => rules::check_source_schema(&input),
        Role::Destination => rules::check_profile_schema(&input),
    }
    .map_err(|why| Refusal::bad(format!("inSchema: {why}")))?;
    if let (Some(output), Role::Source) = (&output, role) {
        rules::check_profile_schema(output).map_err(|why| Refusal::bad(format!("outSchema: {why}")))?;
    }
    let settings = read_settings_shape(fields, format, role)?;
    if file_path.is_empty() {
        return Err(Refusal::bad("`path` is missing: where the file is"));
    }
    match (format, sheet) {
        (FileFormat::Excel, None) => return Err(Refusal::bad("`sheet` is missing: the name of the sheet")),
        (FileFormat::Excel, Some(_)) | (_, None) => {}
        (format, Some(_)) => {
            return Err(Refusal::bad(format!("`sheet` means nothing for {}: leave it out", format.code())));
        }
    }
    if let Some(name) = OF_OTHERS.iter().find(|name| fields.value(name).is_some()) {
        return Err(Refusal::bad(format!("`{name}` means nothing for pipelines of files: leave it out")));
    }
    let order_by = fields.text("orderBy")?.filter(|path| !path.is_empty()).map(str::to_owned);
    let incremental = fields.boolean("incremental")?;
    match role {
        Role::Source => check_import(&columns, incremental, &input, order_by.as_deref())?,
        Role::Destination => check_export(fields, incremental, &input, order_by.as_deref())?,
    }
    if role == Role::Source {
        let Some(transformation) = &transformation else {
            return Err(Refusal::bad("`transformation` must have a `mapping` or a `function`"));
        };
        let Some(output) = &output else {
            return Err(Refusal::bad("`outSchema` is missing: the schema of what the transformation makes"));
        };
        check_use(&columns, filter.as_ref(), transformation, &input, output)?;
    }
    let settings = match settings {
        None => FormatSettings::default(),
        Some(given) => FormatSettings::parse(format, role, given).map_err(|why| {
            Refusal::unprocessable("InvalidSettings", format!("the settings of the format: {why}"))
        })?,
    };
    Ok(Pipeline {
        id: 0,
        name: name.to_owned(),
        connection: 0,
        role,
        enabled: fields.boolean("enabled")?,
        format,
        path: file_path.to_owned(),
        sheet: sheet.map(str::to_owned),
        packing,
        settings,
        filter: filter.map(|filter| filter.to_json()),
        user_id_column: columns.user_id.unwrap_or_default(),
        updated_at_column: columns.updated_at,
        updated_at_format: columns.updated_at_format,
        incremental,
        newest_wins: fields.boolean("newestWins")?,
        strict: fields.boolean("strict")?,
        transformation,
        in_schema: input.to_json(),
        out_schema: output.filter(|_| role == Role::Source).map(|schema| schema.to_json()),
        order_by,
        period: None,
        start: 0,
        cursor: None,
        dropped_paths: Vec::new(),
    })
}

/// The format of a request's file.
pub fn read_format(fields: Fields<'_>) -> Asked<FileFormat> {
    let code = fields.text("format")?.unwrap_or_default();
    if code.is_empty() {
        return Err(Refusal::bad("`format` is missing: csv, excel, json or parquet"));
    }
    FileFormat::from_code(code).ok_or_else(|| {
        if NOT_FORMATS.contains(&code) {
            return Refusal::bad(format!("`{code}` is no format of files: use csv, excel, json or parquet"));
        }
        let shown = shown(code);
        Refusal::unprocessable(
            "FormatNotExist",
            format!("there is no format `{shown}`: use csv, excel, json or parquet"),
        )
    })
}

fn read_schema(fields: Fields<'_>, name: &str) -> Asked<Option<Schema>> {
    let Some(given) = fields.value(name) else { return Ok(None) };
    Schema::parse(&given.to_string()).map(Some).map_err(|why| Refusal::bad(format!("`{name}`: {why}")))
}

fn read_filter(fields: Fields<'_>, input: &Schema) -> Asked<Option<Filter>> {
    let Some(given) = fields.value("filter") else { return Ok(None) };
    Filter::parse(&given.to_string(), input).map(Some).map_err(|why| Refusal::bad(why.to_string()))
}

/// Reads a transformation: a mapping or a function, not both.
pub fn read_transformation(
    given: &Value,
    input: &Schema,
    output: Option<&Schema>,
    languages: &[Language],
) -> Asked<Option<Transformed>> {
    let fields = Fields::of(given, "`transformation`")?;
    let (mapping, function) = (fields.value("mapping"), fields.value("function"));
    let empty = Schema::default();
    let output = output.unwrap_or(&empty);
    match (mapping, function) {
        (Some(_), Some(_)) => {
            Err(Refusal::bad("`transformation` has a `mapping` and a `function`: keep one of them"))
        }
        (None, None) => Ok(None),
        (Some(mapping), None) => {
            let mapping = Fields::of(mapping, "`mapping`")?.0.clone();
            compile_mapping(&mapping, input, output).map_err(Refusal::bad)?;
            Ok(Some(Transformed::Mapping(mapping)))
        }
        (None, Some(function)) => {
            let fields = Fields::of(function, "`function`")?;
            let source = fields.text("source")?.unwrap_or_default();
            if source.is_empty() {
                return Err(Refusal::bad("`source` is missing: the text of the function"));
            }
            within("source", source, MOST_SOURCE)?;
            let language = fields.text("language")?.unwrap_or_default();
            let Some(known) = Language::from_name(language) else {
                let shown = shown(language);
                return Err(Refusal::bad(format!(
                    "`{shown}` is no language: use \"JavaScript\" or \"Python\""
                )));
            };
            if !languages.contains(&known) {
                let message = format!("functions in {language} cannot be run on this server");
                return Err(Refusal::unprocessable("UnsupportedLanguage", message));
            }
            let in_paths = read_paths(fields, "inPaths", input)?;
            let out_paths = read_paths(fields, "outPaths", output)?;
            Ok(Some(Transformed::Function(SavedFunction {
                source: source.to_owned(),
                language: language.to_owned(),
                preserve_json: fields.boolean("preserveJSON")?,
                in_paths,
                out_paths,
            })))
        }
    }
}

/// Paths of a schema, sorted: one or more, none twice and none within another.
fn read_paths(fields: Fields<'_>, name: &str, schema: &Schema) -> Asked<Vec<String>> {
    let mut paths = fields.texts(name)?.unwrap_or_default();
    if paths.is_empty() {
        return Err(Refusal::bad(format!("`{name}` must have one path or more")));
    }
    paths.sort();
    for given in &paths {
        path(name, given)?;
        if schema.at_path(given).is_none() {
            return Err(Refusal::bad(format!("the schema has no `{}`, which `{name}` says", shown(given))));
        }
    }
    for pair in paths.windows(2) {
        if let [first, second] = pair
            && first == second
        {
            return Err(Refusal::bad(format!("`{name}` has `{first}` twice")));
        }
    }
    for above in &paths {
        let within = paths
            .iter()
            .find(|below| below.strip_prefix(above.as_str()).is_some_and(|rest| rest.starts_with('.')));
        if let Some(below) = within {
            return Err(Refusal::bad(format!("`{name}` has `{above}` and `{below}`, which is a part of it")));
        }
    }
    Ok(paths)
}

fn compile_mapping(mapping: &Map<String, Value>, input: &Schema, output: &Schema) -> Result<Mapping, String> {
    let mut expressions = Vec::with_capacity(mapping.len());
    for (path, expression) in mapping {
        let Some(text) = expression.as_str() else {
            return Err(format!("the expression for `{}` must be a text", shown(path)));
        };
        expressions.push((path.clone(), text.to_owned()));
    }
    Mapping::compile(&expressions, input, output).map_err(|error| error.to_string())
}

fn check_placeholders(path: &str, role: Role) -> Asked<()> {
    match role {
        Role::Source if has_placeholder(path) => {
            Err(Refusal::bad("the path of a file that is imported cannot have placeholders (`${`)"))
        }
        Role::Source => Ok(()),
        Role::Destination => filled(path, 0).map(|_| ()).map_err(Refusal::bad),
    }
}

/// Checks the name of a sheet.
pub fn check_sheet(sheet: &str) -> Asked<()> {
    within("sheet", sheet, MOST_SHEET)?;
    if sheet.is_empty()
        || sheet.starts_with('\'')
        || sheet.ends_with('\'')
        || sheet.contains(['*', '/', ':', '?', '[', '\\', ']'])
    {
        return Err(Refusal::bad(
            "`sheet` cannot be the name of a sheet: no * / : ? [ \\ ], no ' at either end",
        ));
    }
    Ok(())
}

/// The columns a request names.
#[derive(Debug, Default)]
struct Columns {
    user_id: Option<String>,
    updated_at: Option<String>,
    updated_at_format: Option<String>,
}

fn read_columns(fields: Fields<'_>) -> Asked<Columns> {
    let column = |name: &str| -> Asked<Option<String>> {
        let Some(text) = fields.text(name)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        within(name, text, MOST_PATH)?;
        if !dray_engine::expression::types::is_property_name(text) {
            return Err(Refusal::bad(format!("`{}` in `{name}` is not the name of a property", shown(text))));
        }
        Ok(Some(text.to_owned()))
    };
    let columns = Columns {
        user_id: column("userIDColumn")?,
        updated_at: column("updatedAtColumn")?,
        updated_at_format: fields.text("updatedAtFormat")?.filter(|text| !text.is_empty()).map(str::to_owned),
    };
    if let Some(format) = &columns.updated_at_format {
        TimeFormat::parse(format).map_err(|why| Refusal::bad(format!("`updatedAtFormat`: {why}")))?;
        if columns.updated_at.is_none() {
            return Err(Refusal::bad("`updatedAtFormat` means nothing without `updatedAtColumn`"));
        }
    }
    if fields.boolean("incremental")? && columns.updated_at.is_none() {
        return Err(Refusal::bad("an incremental import needs an `updatedAtColumn`"));
    }
    Ok(columns)
}

fn read_settings_shape<'r>(
    fields: Fields<'r>,
    format: FileFormat,
    role: Role,
) -> Asked<Option<&'r Map<String, Value>>> {
    match (fields.value("formatSettings"), format.has_settings(role)) {
        (None, false) => Ok(None),
        (Some(_), false) => {
            Err(Refusal::bad(format!("{} has no settings here: leave `formatSettings` out", format.label())))
        }
        (None, true) => {
            Err(Refusal::bad(format!("`formatSettings` is missing: the settings of {}", format.label())))
        }
        (Some(given), true) => Fields::of(given, "`formatSettings`").map(|fields| Some(fields.0)),
    }
}

fn check_import(columns: &Columns, incremental: bool, input: &Schema, order_by: Option<&str>) -> Asked<()> {
    let Some(user_id) = &columns.user_id else {
        return Err(Refusal::bad("`userIDColumn` is missing: the column that identifies the user"));
    };
    let Some((_, property)) = input.find(user_id) else {
        return Err(Refusal::bad(format!("inSchema has no `{user_id}`, which is the `userIDColumn`")));
    };
    if !can_identify(&property.kind) {
        let kind = property.kind.kind();
        return Err(Refusal::bad(format!(
            "`{user_id}` is of kind {kind} and cannot identify users: use string, int, uuid or json"
        )));
    }
    if property.read_optional {
        return Err(Refusal::bad(format!("`{user_id}` is optional and cannot identify users")));
    }
    if let Some(updated_at) = &columns.updated_at {
        let Some((_, property)) = input.find(updated_at) else {
            return Err(Refusal::bad(format!(
                "inSchema has no `{updated_at}`, which is the `updatedAtColumn`"
            )));
        };
        if !can_tell_time(&property.kind) {
            let kind = property.kind.kind();
            return Err(Refusal::bad(format!(
                "`{updated_at}` is of kind {kind} and cannot tell a time: use string, json, datetime or date"
            )));
        }
        match (needs_format(&property.kind), columns.updated_at_format.is_some()) {
            (true, false) => {
                return Err(Refusal::bad("`updatedAtFormat` is missing: how the column says the time"));
            }
            (false, true) => {
                return Err(Refusal::bad(format!(
                    "`updatedAtFormat` means nothing for a column of kind {}: leave it out",
                    property.kind.kind()
                )));
            }
            _ => {}
        }
    } else if incremental {
        return Err(Refusal::bad("an incremental import needs an `updatedAtColumn`"));
    }
    if order_by.is_some() {
        return Err(Refusal::bad("`orderBy` means nothing for an import: leave it out"));
    }
    Ok(())
}

fn check_export(fields: Fields<'_>, incremental: bool, input: &Schema, order_by: Option<&str>) -> Asked<()> {
    if let Some(name) = OF_IMPORTS.iter().find(|name| fields.value(name).is_some_and(|value| value != "")) {
        return Err(Refusal::bad(format!("`{name}` means nothing for an export: leave it out")));
    }
    if incremental {
        return Err(Refusal::bad("an export cannot be incremental"));
    }
    let Some(order_by) = order_by else {
        return Err(Refusal::bad("`orderBy` is missing: the property the profiles are sorted by"));
    };
    within("orderBy", order_by, MOST_PATH)?;
    path("orderBy", order_by)?;
    let Some(property) = input.at_path(order_by) else {
        return Err(Refusal::bad(format!("inSchema has no `{order_by}`, which is the `orderBy`")));
    };
    let can_sort = match &property.kind {
        Type::String(_) | Type::Int(_) | Type::Uuid | Type::Ip => true,
        Type::Decimal(decimal) => decimal.scale == 0,
        _ => false,
    };
    if !can_sort {
        let kind = property.kind.kind();
        return Err(Refusal::bad(format!(
            "profiles cannot be sorted by `{order_by}`, which is of kind {kind}: use string, int, uuid or ip"
        )));
    }
    if let Some(Value::Object(filter)) = fields.value("filter") {
        for condition in filter.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            let named = condition.get("property").and_then(Value::as_str).unwrap_or_default();
            let mut parts = named.split('.');
            let mut known = parts.next().unwrap_or_default().to_owned();
            // Up to the first JSON value.
            while input.at_path(&known).is_some_and(|property| matches!(property.kind, Type::Object(_))) {
                let Some(part) = parts.next() else { break };
                known = format!("{known}.{part}");
            }
            if input.at_path(&known).is_some_and(|property| property.kind == Type::Json) {
                return Err(Refusal::bad(format!(
                    "an export cannot be filtered by `{known}`, which is of kind json"
                )));
            }
        }
    }
    Ok(())
}

/// Leaves of both schemas only what a definition of an import uses.
pub fn keep_used(body: &mut Map<String, Value>, languages: &[Language]) -> Asked<()> {
    let fields = Fields(body);
    let (Some(input), Some(output)) = (read_schema(fields, "inSchema")?, read_schema(fields, "outSchema")?)
    else {
        return Ok(());
    };
    let filter = read_filter(fields, &input)?;
    let columns = read_columns(fields)?;
    let Some(transformation) = fields.value("transformation") else { return Ok(()) };
    let Some(transformation) = read_transformation(transformation, &input, Some(&output), languages)? else {
        return Ok(());
    };
    let (read, filled) = uses(&columns, filter.as_ref(), &transformation, &input, &output)?;
    for (name, schema) in
        [("inSchema", rules::only(&input, &read)), ("outSchema", rules::only(&output, &filled))]
    {
        let schema = serde_json::from_str(&schema.to_json()).unwrap_or_default();
        body.insert(name.to_owned(), schema);
    }
    Ok(())
}

/// The paths of the input that a definition reads, and those of the output that it fills.
fn uses(
    columns: &Columns,
    filter: Option<&Filter>,
    transformation: &Transformed,
    input: &Schema,
    output: &Schema,
) -> Asked<(Vec<String>, Vec<String>)> {
    let mut read: Vec<String> = columns.user_id.iter().chain(&columns.updated_at).cloned().collect();
    if let Some(filter) = filter {
        read.extend(filter.conditions.iter().map(|condition| condition.input.clone()));
    }
    let filled = match transformation {
        Transformed::Mapping(mapping) => {
            let compiled = compile_mapping(mapping, input, output).map_err(Refusal::bad)?;
            read.extend(compiled.inputs);
            mapping.keys().cloned().collect()
        }
        Transformed::Function(function) => {
            read.extend(function.in_paths.iter().cloned());
            function.out_paths.clone()
        }
    };
    Ok((read, filled))
}

/// Every property of both schemas must be used.
fn check_use(
    columns: &Columns,
    filter: Option<&Filter>,
    transformation: &Transformed,
    input: &Schema,
    output: &Schema,
) -> Asked<()> {
    let (read, filled) = uses(columns, filter, transformation, input, output)?;
    let told = |schema: &str, path: String| {
        Refusal::bad(format!("`{path}` of {schema} is used by nothing: use it or leave it out"))
    };
    if let Some(path) = rules::unused(input, &read) {
        return Err(told("inSchema", path));
    }
    match rules::unused(output, &filled) {
        Some(path) => Err(told("outSchema", path)),
        None => Ok(()),
    }
}

/// A definition that is ready for a run.
pub struct Compiled {
    /// What is read.
    pub input: Arc<Schema>,
    /// What comes out.
    pub output: Arc<Schema>,
    /// How closely the file must follow the schema.
    pub alignment: Alignment,
    /// Index of the column with the id of the user.
    pub user_id: usize,
    /// Index of the column with the time of the last update, and how it says it.
    pub updated_at: Option<(usize, Option<TimeFormat>)>,
    /// Which records are let through.
    pub filter: Option<Filter>,
    /// How they become records of the output.
    pub transformation: CompiledTransformation,
}

/// A transformation that is ready, but for functions, which are loaded by who has a sandbox.
pub enum CompiledTransformation {
    /// By expressions.
    Mapping(Mapping),
    /// By a function.
    Function {
        /// The function.
        source: FunctionSource,
        /// What it gets.
        input: Picked,
        /// What it may return.
        output: Picked,
    },
}

impl CompiledTransformation {
    /// Makes it work; takes a process where it is a function.
    pub fn load(self, functions: &dyn Functions) -> Result<Transformation, FunctionError> {
        Ok(match self {
            Self::Mapping(mapping) => Transformation::Mapping(Arc::new(mapping)),
            Self::Function { source, input, output } => {
                Transformation::Function { function: functions.load(&source)?, input, output }
            }
        })
    }
}

/// Makes a transformation ready.
pub fn compile_transformation(
    transformation: &Transformed,
    input: &Schema,
    output: &Schema,
) -> Result<CompiledTransformation, String> {
    match transformation {
        Transformed::Mapping(mapping) => {
            compile_mapping(mapping, input, output).map(CompiledTransformation::Mapping)
        }
        Transformed::Function(function) => {
            let language =
                function.language().ok_or_else(|| format!("`{}` is no language", function.language))?;
            let (in_part, in_picked) = Picked::new(input, &function.in_paths);
            let (out_part, out_picked) = Picked::new(output, &function.out_paths);
            let source = FunctionSource {
                language,
                source: function.source.clone(),
                preserve_json: function.preserve_json,
                input: Arc::new(in_part),
                output: Arc::new(out_part),
            };
            Ok(CompiledTransformation::Function { source, input: in_picked, output: out_picked })
        }
    }
}

impl Compiled {
    /// Makes an import ready. It was checked when it was kept; the error is for one that was kept by another version.
    pub fn new(pipeline: &Pipeline) -> Result<Self, String> {
        let input = Schema::parse(&pipeline.in_schema)?;
        let output = Schema::parse(pipeline.out_schema.as_deref().unwrap_or_default())?;
        let place = |name: &str| {
            input.find(name).map(|(index, _)| index).ok_or_else(|| format!("inSchema has no `{name}`"))
        };
        let user_id = place(&pipeline.user_id_column)?;
        let updated_at = match &pipeline.updated_at_column {
            None => None,
            Some(column) => {
                let format = pipeline.updated_at_format.as_deref().map(TimeFormat::parse).transpose()?;
                Some((place(column)?, format))
            }
        };
        let filter = pipeline.filter.as_deref().map(|filter| Filter::parse(filter, &input));
        let filter = filter.transpose().map_err(|error| error.to_string())?;
        let transformation = pipeline.transformation.as_ref().ok_or("it has no transformation")?;
        let transformation = compile_transformation(transformation, &input, &output)?;
        let alignment = if pipeline.strict { Alignment::Exact } else { Alignment::Kinds };
        Ok(Self {
            input: Arc::new(input),
            output: Arc::new(output),
            alignment,
            user_id,
            updated_at,
            filter,
            transformation,
        })
    }
}

/// True where a change of a definition means that what was imported by the old one is to be imported again.
pub fn must_begin_anew(old: &Pipeline, new: &Pipeline) -> bool {
    let function = |pipeline: &Pipeline| match &pipeline.transformation {
        Some(Transformed::Function(function)) => {
            // Whether JSON goes in as text does not count.
            Some(Transformed::Function(SavedFunction { preserve_json: false, ..function.clone() }))
        }
        other => other.clone(),
    };
    !new.incremental
        || old.format != new.format
        || old.path != new.path
        || old.sheet != new.sheet
        || old.settings != new.settings
        || old.user_id_column != new.user_id_column
        || old.updated_at_column != new.updated_at_column
        || old.updated_at_format != new.updated_at_format
        || old.filter != new.filter
        || function(old) != function(new)
        || old.in_schema != new.in_schema
        || old.out_schema != new.out_schema
}
