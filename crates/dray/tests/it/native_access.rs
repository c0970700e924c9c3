//! Who may do what: every route of the API, asked with no key, with another organization's, and in every role.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::server::Server;
use crate::support::Kind;

/// What a member, a planner and an admin of another organization are answered. Things named in paths are
/// the default organization's.
type Row = (&'static str, u16, u16, u16);

const ROUTES: &[Row] = &[
    ("GET /api/v1/session", 200, 200, 200),
    ("DELETE /api/v1/session", 204, 204, 204),
    ("GET /api/v1/keys", 403, 403, 200),
    ("POST /api/v1/keys", 403, 403, 201),
    ("DELETE /api/v1/keys/{id}", 403, 403, 404),
    ("GET /api/v1/users", 403, 403, 200),
    ("POST /api/v1/users", 403, 403, 201),
    ("DELETE /api/v1/users/{id}", 403, 403, 404),
    ("PUT /api/v1/users/{id}/password", 403, 403, 404),
    ("GET /api/v1/organizations", 200, 200, 200),
    ("POST /api/v1/organizations", 403, 403, 403),
    ("GET /api/v1/organizations/{slug}", 200, 200, 404),
    ("PATCH /api/v1/organizations/{slug}", 403, 403, 403),
    ("GET /api/v1/objects", 200, 200, 200),
    ("POST /api/v1/objects", 403, 403, 201),
    ("GET /api/v1/objects/{object}", 200, 200, 200),
    ("PATCH /api/v1/objects/{object}", 403, 403, 200),
    ("POST /api/v1/objects/{object}/fields", 403, 403, 201),
    ("DELETE /api/v1/objects/{object}/fields/{field}", 403, 403, 200),
    ("GET /api/v1/objects/{object}/records", 200, 403, 200),
    ("POST /api/v1/objects/{object}/records", 403, 403, 201),
    ("GET /api/v1/objects/{object}/records/{id}", 200, 403, 404),
    ("GET /api/v1/objects/{object}/records/{id}/history", 200, 403, 404),
    ("PATCH /api/v1/objects/{object}/records/{id}", 403, 403, 404),
    ("DELETE /api/v1/objects/{object}/records/{id}", 403, 403, 404),
    ("GET /api/v1/objects/{object}/records/{id}/endpoint", 403, 403, 404),
    ("POST /api/v1/objects/{object}/records/{id}/endpoint/tokens", 403, 403, 404),
    ("GET /api/v1/objects/{object}/records/{id}/events", 403, 403, 404),
    ("GET /api/v1/objects/{object}/records/{id}/events/{event}", 403, 403, 404),
    ("POST /api/v1/objects/{object}/records/{id}/events/{event}/replay", 403, 403, 404),
    ("POST /api/v1/objects/{object}/records/{id}/events/replay-failed", 403, 403, 404),
    ("POST /api/v1/objects/{object}/records/{id}/test", 403, 403, 404),
    ("GET /api/v1/objects/{object}/export", 403, 403, 200),
    ("POST /api/v1/objects/{object}/import", 403, 200, 200),
    ("POST /api/v1/objects/{object}/import/{id}/confirm", 403, 403, 404),
    ("GET /api/v1/imports", 403, 200, 200),
    ("GET /api/v1/imports/{id}", 403, 200, 404),
    ("GET /api/v1/imports/{id}/rows", 403, 200, 404),
    ("GET /api/v1/imports/{id}/problems", 403, 200, 404),
    ("GET /api/v1/imports/{id}/failed-rows", 403, 403, 404),
    ("POST /api/v1/imports/{id}/undo", 403, 403, 404),
    ("GET /api/v1/jobs", 403, 403, 200),
    ("GET /api/v1/jobs/{id}", 403, 403, 404),
    ("POST /api/v1/jobs/{id}/cancel", 403, 403, 404),
    ("POST /api/v1/jobs/{id}/retry", 403, 403, 404),
    ("GET /api/v1/jobs/{id}/events", 403, 403, 404),
    ("GET /api/v1/reports", 200, 403, 200),
    ("POST /api/v1/reports", 403, 403, 201),
    ("GET /api/v1/reports/{id}", 200, 403, 404),
    ("PATCH /api/v1/reports/{id}", 403, 403, 404),
    ("DELETE /api/v1/reports/{id}", 403, 403, 404),
    ("GET /api/v1/reports/{id}/records", 200, 403, 404),
    ("GET /api/v1/reports/{id}/export", 403, 403, 404),
    ("GET /api/v1/embedding", 403, 403, 200),
    ("PUT /api/v1/embedding", 403, 403, 200),
    ("POST /api/v1/embedding/tokens", 403, 403, 409),
    ("GET /api/v1/secrets", 403, 403, 200),
    ("PUT /api/v1/secrets/{name}", 403, 403, 201),
    ("DELETE /api/v1/secrets/{name}", 403, 403, 404),
    ("GET /api/v1/webhooks", 403, 403, 200),
    ("POST /api/v1/webhooks", 403, 403, 201),
    ("GET /api/v1/webhooks/{id}", 403, 403, 404),
    ("PATCH /api/v1/webhooks/{id}", 403, 403, 404),
    ("DELETE /api/v1/webhooks/{id}", 403, 403, 404),
    ("POST /api/v1/webhooks/{id}/rotate-secret", 403, 403, 404),
    ("POST /api/v1/webhooks/{id}/test", 403, 403, 404),
    ("GET /api/v1/webhooks/{id}/deliveries", 403, 403, 404),
    ("POST /api/v1/webhooks/{id}/deliveries/{delivery}/replay", 403, 403, 404),
    ("GET /api/v1/audit", 403, 403, 200),
    ("GET /api/v1/audit/export", 403, 403, 200),
    ("POST /api/v1/import/{object}", 403, 403, 200),
    ("GET /api/v1/export/{object}", 403, 403, 200),
    ("POST /api/v1/orgs/{org}/data-io/export", 403, 403, 404),
    ("POST /api/v1/orgs/{org}/data-io/import", 403, 403, 404),
    ("POST /api/v1/orgs/{org}/data-io/uploads", 403, 403, 404),
    ("GET /api/v1/orgs/{org}/data-io/jobs", 403, 403, 404),
    ("GET /api/v1/orgs/{org}/data-io/jobs/{job}", 403, 403, 404),
    ("GET /api/v1/orgs/{org}/data-io/jobs/{job}/download", 403, 403, 404),
    ("POST /api/v1/orgs/{org}/data-io/jobs/{job}/download", 403, 403, 404),
    ("POST /api/v1/orgs/{org}/data-io/jobs/{job}/cancel", 403, 403, 404),
    ("GET /v1/modules/{module}/import/jobs", 403, 403, 200),
    ("GET /v1/modules/{module}/import/jobs/{job_id}", 403, 403, 404),
    ("DELETE /v1/modules/{module}/import/jobs/{job_id}", 403, 403, 404),
    ("GET /v1/export-jobs", 403, 403, 200),
    ("GET /v1/export-jobs/{job_id}", 403, 403, 404),
    ("GET /v1/export-jobs/{job_id}/download", 403, 403, 404),
    ("GET /v1/connections", 200, 403, 200),
    ("GET /v1/connections/{id}", 200, 403, 404),
    ("PUT /v1/connections/{id}", 403, 403, 404),
    ("DELETE /v1/connections/{id}", 403, 403, 404),
    ("GET /v1/connectors", 200, 403, 200),
    ("GET /v1/connectors/{code}", 200, 403, 200),
    // Who may is answered 400: a path is missing, or the body is empty, or there is one.
    ("GET /v1/connections/{id}/files/absolute", 400, 403, 404),
    ("POST /v1/connections", 403, 403, 400),
    ("POST /v1/connections/test", 403, 403, 400),
    ("POST /v1/connections/{id}/test", 403, 403, 400),
    ("POST /v1/export-jobs", 403, 403, 400),
    ("POST /v1/modules/{module}/export", 403, 403, 400),
    ("POST /v1/modules/{module}/import/execute", 403, 403, 400),
    ("POST /v1/modules/{module}/import/parse", 403, 400, 400),
    ("POST /v1/modules/{module}/import/suggest-mapping", 403, 400, 400),
    ("POST /v1/modules/{module}/import/validate", 403, 400, 400),
    ("POST /v1/reports/{report_id}/export", 403, 403, 400),
    ("GET /v1/identity-resolution/settings", 200, 403, 200),
    ("PUT /v1/identity-resolution/settings", 403, 403, 200),
    ("POST /v1/identity-resolution/start", 403, 403, 200),
    ("GET /v1/identity-resolution/latest", 200, 403, 200),
    ("GET /v1/profiles", 200, 403, 200),
    ("GET /v1/profiles/schema", 200, 403, 200),
    ("PUT /v1/profiles/schema", 403, 403, 200),
    ("PUT /v1/profiles/schema/preview", 403, 403, 200),
    ("GET /v1/profiles/schema/latest-alter", 200, 403, 200),
    ("GET /v1/profiles/{kpid}/attributes", 404, 403, 404),
    ("GET /v1/profiles/{kpid}/identities", 404, 403, 404),
    ("GET /v1/connections/{id}/identities", 200, 403, 404),
    ("GET /v1/pipelines", 200, 403, 200),
    ("POST /v1/pipelines", 403, 403, 400),
    ("GET /v1/pipelines/{id}", 200, 403, 404),
    ("PUT /v1/pipelines/{id}", 403, 403, 404),
    ("DELETE /v1/pipelines/{id}", 403, 403, 404),
    ("PUT /v1/pipelines/{id}/status", 403, 403, 404),
    ("PUT /v1/pipelines/{id}/schedule", 403, 403, 404),
    ("POST /v1/pipelines/{id}/runs", 403, 403, 404),
    ("GET /v1/pipelines/runs", 200, 403, 200),
    ("GET /v1/pipelines/runs/{id}", 200, 403, 404),
    ("POST /v1/pipelines/runs/{id}/cancel", 403, 403, 404),
    ("GET /v1/pipelines/runs/{id}/failed-rows", 403, 403, 404),
    // Whose they are, or which file, is not said.
    ("GET /v1/pipelines/errors/{start}/{end}", 400, 403, 400),
    ("GET /v1/pipelines/metrics/dates/{start}/{end}", 400, 403, 400),
    ("GET /v1/pipelines/metrics/days/{days}", 400, 403, 400),
    ("GET /v1/pipelines/metrics/hours/{hours}", 400, 403, 400),
    ("GET /v1/pipelines/metrics/minutes/{minutes}", 400, 403, 400),
    ("GET /v1/connections/{id}/files", 400, 403, 400),
    ("GET /v1/connections/{id}/files/sheets", 400, 403, 400),
    ("POST /v1/pipelines/transform", 403, 403, 400),
    ("POST /v1/transformations", 403, 403, 400),
    ("GET /v1/system/transformations/languages", 200, 403, 200),
];

/// Routes that anybody may ask: how one comes in, and what a signed link allows.
const OPEN: &[&str] = &[
    "POST /api/v1/session",
    "GET /files/{organization}/{file}",
    "HEAD /files/{organization}/{file}",
    "PUT /files/{organization}/{file}",
    "PATCH /files/{organization}/{file}",
    "POST /hooks/{endpoint}",
];

/// A body the route understands.
fn body_of(route: &str) -> Value {
    match route {
        "POST /api/v1/keys" => json!({ "name": "k", "role": "member" }),
        "POST /api/v1/users" => json!({ "email": "new@x.io", "role": "member" }),
        "PUT /api/v1/users/{id}/password" => json!({ "password": "correct horse" }),
        "POST /api/v1/organizations" => json!({ "slug": "new", "name": "New" }),
        "PATCH /api/v1/organizations/{slug}" => json!({ "name": "X" }),
        "POST /api/v1/objects" => {
            json!({ "name": "boats", "label": "B", "fields": [{ "name": "a", "type": "text" }] })
        }
        "POST /api/v1/objects/{object}/fields" => json!({ "name": "extra", "type": "text" }),
        "POST /api/v1/objects/{object}/records" => json!({ "first_name": "A" }),
        "POST /api/v1/webhooks" => json!({ "url": "https://hooks.example/dray" }),
        "PUT /api/v1/secrets/{name}" => json!({ "value": "v" }),
        "PUT /api/v1/embedding" => json!({ "origins": ["https://app.example.com"] }),
        "POST /api/v1/embedding/tokens" => json!({ "object": "contacts" }),
        "POST /api/v1/reports" => json!({ "name": "R", "object": "contacts" }),
        "POST /api/v1/import/{object}" => json!({ "records": [{ "first_name": "A" }] }),
        "PUT /v1/identity-resolution/settings" => json!({ "runOnBatchImport": true, "identifiers": [] }),
        "PUT /v1/profiles/schema" | "PUT /v1/profiles/schema/preview" => json!({ "schema": {
            "kind": "object", "properties": [
                { "name": "email", "readOptional": true, "type": { "kind": "string" } }] } }),
        "PUT /v1/pipelines/{id}/status" => json!({ "enabled": true }),
        "PUT /v1/pipelines/{id}/schedule" => json!({ "period": null }),
        "PUT /v1/pipelines/{id}" => crate::pipelines_kit::base(),
        _ => json!({}),
    }
}

/// The things of the default organization that stand in paths.
struct Things {
    path_of: Vec<(&'static str, String)>,
}

impl Things {
    fn new(server: &Server) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let record = server.post("/api/v1/objects/contacts/records", &json!({ "first_name": "A" })).json();
        let plan =
            server.upload("/api/v1/objects/contacts/import", "a.csv", b"email\na@x.io\nbad\n", &[]).json();
        let confirm = format!("/api/v1/objects/contacts/import/{}/confirm", text(&plan["id"]));
        let import = server.post(&confirm, &json!({})).json();
        let report = server.post("/api/v1/reports", &json!({ "name": "R", "object": "contacts" })).json();
        let user = server.post("/api/v1/users", &json!({ "email": "ann@x.io", "role": "member" })).json();
        let key = server.post("/api/v1/keys", &json!({ "name": "k", "role": "member" })).json();
        server.json("PUT", "/api/v1/secrets/KEY", &json!({ "value": "v" }));
        let hook = server.post("/api/v1/webhooks", &json!({ "url": "https://hooks.example/dray" })).json();
        let hook = format!("/api/v1/webhooks/{}", text(&hook["id"]));
        let delivery = server.post(&format!("{hook}/test"), &json!({})).json();
        let delivery = format!("{hook}/deliveries/{}", text(&delivery["id"]));
        let asked = json!({ "module": "contacts", "format": "csv" });
        let job = server.post("/v1/export-jobs", &asked).json();
        let export = text(&job["exportJobId"]);
        let job = export.trim_start_matches("exp_").to_owned();
        assert!(job.parse::<i64>().is_ok(), "{export}");
        let folder = json!({ "name": "F", "role": "Source", "connector": "filesystem", "settings": {} });
        let connection = text(&server.post("/v1/connections", &folder).json()["id"]);
        let pipeline = text(&server.post("/v1/pipelines", &crate::pipelines_kit::base()).json()["id"]);
        let run = server.post(&format!("/v1/pipelines/{pipeline}/runs"), &json!({})).json();
        let run = text(&run["id"]);
        Self {
            path_of: vec![
                (
                    "/api/v1/objects/{object}/import/{id}",
                    format!("/api/v1/objects/contacts/import/{}", text(&plan["id"])),
                ),
                (
                    "/api/v1/objects/{object}/records/{id}",
                    format!("/api/v1/objects/contacts/records/{}", text(&record["id"])),
                ),
                (
                    "/api/v1/objects/{object}/fields/{field}",
                    "/api/v1/objects/contacts/fields/notes".to_owned(),
                ),
                ("/api/v1/objects/{object}", "/api/v1/objects/contacts".to_owned()),
                ("/api/v1/imports/{id}", format!("/api/v1/imports/{}", text(&import["import"]))),
                ("/api/v1/reports/{id}", format!("/api/v1/reports/{}", text(&report["id"]))),
                ("/api/v1/webhooks/{id}/deliveries/{delivery}", delivery),
                ("/api/v1/webhooks/{id}", hook),
                ("/api/v1/secrets/{name}", "/api/v1/secrets/KEY".to_owned()),
                ("/api/v1/users/{id}", format!("/api/v1/users/{}", text(&user["id"]))),
                ("/api/v1/keys/{id}", format!("/api/v1/keys/{}", text(&key["id"]))),
                ("/api/v1/jobs/{id}", format!("/api/v1/jobs/{job}")),
                (
                    "/api/v1/orgs/{org}/data-io/jobs/{job}",
                    format!("/api/v1/orgs/default/data-io/jobs/job_{job}"),
                ),
                ("/api/v1/orgs/{org}", "/api/v1/orgs/default".to_owned()),
                ("/api/v1/organizations/{slug}", "/api/v1/organizations/default".to_owned()),
                ("/v1/connections/{id}", format!("/v1/connections/{connection}")),
                ("/v1/pipelines/runs/{id}", format!("/v1/pipelines/runs/{run}")),
                ("/v1/pipelines/{id}", format!("/v1/pipelines/{pipeline}")),
                (
                    "/v1/pipelines/errors/{start}/{end}",
                    "/v1/pipelines/errors/2026-01-01/2026-01-02".to_owned(),
                ),
                (
                    "/v1/pipelines/metrics/dates/{start}/{end}",
                    "/v1/pipelines/metrics/dates/2026-01-01/2026-01-02".to_owned(),
                ),
                ("/v1/pipelines/metrics/days/{days}", "/v1/pipelines/metrics/days/1".to_owned()),
                ("/v1/pipelines/metrics/hours/{hours}", "/v1/pipelines/metrics/hours/1".to_owned()),
                ("/v1/pipelines/metrics/minutes/{minutes}", "/v1/pipelines/metrics/minutes/1".to_owned()),
                ("/v1/connectors/{code}", "/v1/connectors/s3".to_owned()),
                ("/v1/modules/{module}", "/v1/modules/contacts".to_owned()),
                ("/v1/reports/{report_id}", format!("/v1/reports/{}", text(&report["id"]))),
                ("/v1/export-jobs/{job_id}", format!("/v1/export-jobs/{export}")),
                ("/v1/profiles/{kpid}", "/v1/profiles/6f1c2a34-5b6d-4e7f-8a9b-0c1d2e3f4a5b".to_owned()),
                ("/api/v1/import/{object}", "/api/v1/import/contacts".to_owned()),
                ("/api/v1/export/{object}", "/api/v1/export/contacts".to_owned()),
            ],
        }
    }

    fn fill(&self, path: &str) -> String {
        for (from, to) in &self.path_of {
            if let Some(rest) = path.strip_prefix(from) {
                return format!("{to}{}", rest.replace("{job_id}", "999"));
            }
        }
        path.to_owned()
    }
}

fn ask(server: &Server, key: Option<&str>, route: &str, path: &str) -> u16 {
    let method = route.split(' ').next().unwrap_or_default();
    let bearer = key.map(|key| format!("Bearer {key}"));
    let mut headers: Vec<(&str, &str)> =
        bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    if route == "POST /api/v1/objects/{object}/import" {
        headers.push(("content-type", "multipart/form-data; boundary=x"));
        let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nemail\nz@x.io\r\n--x--\r\n";
        return server.send(method, path, &headers, body.as_bytes()).status;
    }
    headers.push(("content-type", "application/json"));
    let no_body = matches!(method, "GET" | "DELETE")
        || matches!(route, "POST /v1/identity-resolution/start" | "POST /v1/pipelines/runs/{id}/cancel");
    let body = if no_body { String::new() } else { body_of(route).to_string() };
    server.send(method, path, &headers, body.as_bytes()).status
}

#[test]
fn every_route_by_every_role() {
    let server = Server::start(Kind::Sqlite);
    let api = server.get("/openapi.json").json();
    let mut routes = BTreeSet::new();
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for method in methods.as_object().into_iter().flatten().map(|(method, _)| method) {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert!(routes.len() > 40, "{routes:?}");
    let things = Things::new(&server);
    let member = server.key("member");
    let planner = server.key("planner");
    let made = server.post("/api/v1/organizations", &json!({ "slug": "acme", "name": "Acme" })).json();
    let other = made["secret"].as_str().unwrap_or_default().to_owned();
    let mut wrong = Vec::new();
    for route in &routes {
        if OPEN.contains(&route.as_str()) {
            continue;
        }
        let path = things.fill(route.split(' ').nth(1).unwrap_or_default());
        let row = ROUTES.iter().find(|row| row.0 == route);
        let nobody = ask(&server, None, route, &path);
        let unknown = ask(&server, Some("nonsense"), route, &path);
        if (nobody, unknown) != (401, 401) {
            wrong.push(format!("{route}: without a key {nobody}, with an unknown one {unknown}"));
        }
        let found = (
            ask(&server, Some(&member), route, &path),
            ask(&server, Some(&planner), route, &path),
            ask(&server, Some(&other), route, &path),
        );
        let Some(row) = row else {
            wrong.push(format!("{route}: has no entry in the table; it answers {found:?}"));
            continue;
        };
        if found != (row.1, row.2, row.3) {
            wrong.push(format!("{route}: {found:?}, expected {:?}", (row.1, row.2, row.3)));
        }
    }
    for row in ROUTES {
        if !routes.contains(row.0) {
            wrong.push(format!("{} is in the table and not in the API", row.0));
        }
    }
    // An admin may do all of it; what is deleted goes last.
    let mut last: Vec<&String> = routes.iter().filter(|route| !OPEN.contains(&route.as_str())).collect();
    last.sort_by_key(|route| route.starts_with("DELETE"));
    for route in last {
        let path = things.fill(route.split(' ').nth(1).unwrap_or_default());
        let status = ask(&server, Some(crate::server::ADMIN), route, &path);
        if matches!(status, 401 | 403 | 405 | 415 | 500..) {
            wrong.push(format!("{route}: an admin is answered {status}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
