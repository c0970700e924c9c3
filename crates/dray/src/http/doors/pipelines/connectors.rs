//! What connections can be made to, and in which formats files are read and written.

use axum::Json;
use serde_json::{Value, json};

use super::body::NoBody;
use super::shape::not_found;
use crate::http::access::Reader;
use crate::http::answer::Answer;
use crate::http::body::Path;
use crate::http::lists::short;
use crate::storage::{Connector, Role};

/// A format of files: its name, its label, the ending of its files, whether it has sheets, and whether it is set up
/// where it is read and where it is written.
struct Format {
    code: &'static str,
    label: &'static str,
    ending: &'static str,
    has_sheets: bool,
    read_settings: bool,
    write_settings: bool,
}

const FORMATS: [Format; 4] = [
    Format {
        code: "csv",
        label: "CSV",
        ending: "csv",
        has_sheets: false,
        read_settings: true,
        write_settings: true,
    },
    Format {
        code: "excel",
        label: "Excel",
        ending: "xlsx",
        has_sheets: true,
        read_settings: true,
        write_settings: false,
    },
    Format {
        code: "json",
        label: "JSON",
        ending: "json",
        has_sheets: false,
        read_settings: true,
        write_settings: true,
    },
    Format {
        code: "parquet",
        label: "Parquet",
        ending: "parquet",
        has_sheets: false,
        read_settings: false,
        write_settings: false,
    },
];

/// True for the name of a format, which nobody can connect to.
pub(super) fn is_format(code: &str) -> bool {
    FORMATS.iter().any(|format| format.code == code)
}

fn shown(code: &str, label: &str, kind: &str, roles: [Option<bool>; 2], sheets: (bool, &str)) -> Value {
    let [source, destination] = roles
        .map(|role| role.map(|has| json!({ "targets": ["User"], "hasSettings": has, "sampleQuery": null })));
    json!({
        "code": code, "label": label, "type": kind,
        "categories": [if kind == "File" { "File" } else { "File Storage" }],
        "asSource": source, "asDestination": destination,
        "hasSheets": sheets.0, "fileExtension": sheets.1,
        "oauth": null, "terms": null, "strategies": false,
    })
}

fn all() -> Vec<Value> {
    let storages = Connector::ALL.into_iter().map(|connector| {
        let roles = [Role::Source, Role::Destination].map(|role| connector.supports(role).then_some(true));
        shown(connector.code(), connector.label(), "FileStorage", roles, (false, ""))
    });
    let formats = FORMATS.iter().map(|format| {
        let roles = [Some(format.read_settings), Some(format.write_settings)];
        shown(format.code, format.label, "File", roles, (format.has_sheets, format.ending))
    });
    storages.chain(formats).collect()
}

/// List what connections can be made to (`FileStorage`), and the formats of files (`File`).
#[utoipa::path(get, path = "/v1/connectors", tag = "pipelines", responses((status = 200, description = "`{connectors}`")), security(("key" = [])))]
pub async fn list(Reader(_actor): Reader, _none: NoBody) -> Json<Value> {
    Json(json!({ "connectors": all() }))
}

/// One connector.
#[utoipa::path(get, path = "/v1/connectors/{code}", tag = "pipelines", params(("code" = String, Path)), responses((status = 200, description = "The connector"), (status = 404)), security(("key" = [])))]
pub async fn get(Reader(_actor): Reader, Path(code): Path<String>, _none: NoBody) -> Answer<Json<Value>> {
    let found = all().into_iter().find(|connector| connector["code"] == code.as_str());
    found.map(Json).ok_or_else(|| not_found(format!("there is no connector `{}`", short(&code))))
}
