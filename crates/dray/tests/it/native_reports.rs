//! Exports and reports over the native API.

use serde_json::{Value, json};

use crate::server::Server;
use crate::support::STORES;

fn fill(server: &Server) {
    for (name, status, notes) in
        [("Ada", "lead", "=1+1"), ("Ben", "lead", "plain"), ("Cyd", "customer", "-2+3")]
    {
        let record = json!({ "first_name": name, "status": status, "notes": notes });
        assert_eq!(server.post("/api/v1/objects/contacts/records", &record).status, 201);
    }
}

#[test]
fn exports_of_every_format() {
    for kind in STORES {
        let server = Server::start(kind);
        fill(&server);
        let path = "/api/v1/objects/contacts/export?fields=first_name,notes&sort=first_name";
        let csv = server.get(path);
        assert_eq!(csv.text(), "first_name,notes\nAda,'=1+1\nBen,plain\nCyd,'-2+3\n", "guarded by default");
        assert!(csv.header("content-disposition").contains("contacts.csv"));
        let label = json!({ "fields": [{ "name": "notes", "label": "Notes; \"all\"" }] });
        assert_eq!(server.json("PATCH", "/api/v1/objects/contacts", &label).status, 200);
        let plain = server.get(&format!("{path}&formula_guard=off&delimiter=;&header=labels&search=ada"));
        assert_eq!(plain.text(), "first_name;\"Notes; \"\"all\"\"\"\nAda;=1+1\n");
        let lines = server.get(&format!("{path}&format=jsonl&filter_field=status&filter_value=lead&limit=1"));
        assert_eq!(lines.text(), "{\"first_name\":\"Ada\",\"notes\":\"=1+1\"}\n");
        let document: Value = server.get(&format!("{path}&format=json")).json();
        assert_eq!(document.as_array().map(Vec::len), Some(3));
        for (format, begins) in [("xlsx", &b"PK"[..]), ("parquet", b"PAR1"), ("pdf", b"%PDF")] {
            let file = server.get(&format!("{path}&format={format}"));
            assert!(file.status == 200 && file.bytes.starts_with(begins), "{format} {}", file.status);
        }
        let packed = server.get(&format!("{path}&compression=gzip"));
        assert!(packed.bytes.starts_with(&[0x1f, 0x8b]), "{:?}", packed.headers);
        // What was exported is taken back unchanged.
        let whole = server.get("/api/v1/objects/contacts/export");
        let plan = server.upload(
            "/api/v1/objects/contacts/import",
            "c.csv",
            &whole.bytes,
            &[("on_duplicate", "update")],
        );
        assert_eq!(plan.json()["plan"]["unchanged"], 3, "{}", plan.text());
    }
}

#[test]
fn what_cannot_be_exported() {
    for kind in STORES {
        let server = Server::start(kind);
        for query in [
            "format=exe",
            "format=xls",
            "formula_guard=maybe",
            "compression=rar",
            "delimiter=ab",
            "delimiter=%0A",
            "limit=0",
            "limit=x",
            "fields=nonsense",
            "sort=x",
            "header=x",
            "nonsense=1",
            "filters=x",
        ] {
            assert_eq!(
                server.get(&format!("/api/v1/objects/contacts/export?{query}")).status,
                400,
                "{query}"
            );
        }
        assert_eq!(server.get("/api/v1/objects/nowhere/export").status, 404);
        for path in [
            "reports/%00",
            "reports?cursor=%00",
            "imports?object=a%00b",
            "jobs?kind=%00",
            "organizations/%00",
            "reports/%F0%9F",
        ] {
            let reply = server.get(&format!("/api/v1/{path}"));
            assert!(matches!(reply.status, 400 | 404), "{path}: {}", reply.text());
        }
    }
}

#[test]
fn reports_are_kept_and_run() {
    for kind in STORES {
        let server = Server::start(kind);
        fill(&server);
        let filters = json!({ "operator": "and", "conditions": [{ "field": "status", "operator": "eq", "value": "lead" }] });
        let report = json!({ "name": "Leads: \"all\"\n", "object": "contacts", "fields": ["first_name"], "filters": filters,
            "sort_by": "first_name", "sort_dir": "desc" });
        let made = server.post("/api/v1/reports", &report);
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["id"].as_str().unwrap_or_default().to_owned();
        assert!(id.starts_with("rpt_"));
        let path = format!("/api/v1/reports/{id}");
        assert_eq!(server.get(&path).json()["filters"], filters);
        let page = server.get(&format!("{path}/records?limit=1")).json();
        assert_eq!((&page["records"], &page["total"]), (&json!([{ "first_name": "Ben" }]), &json!(2)));
        let next = page["next_cursor"].as_str().unwrap_or_default();
        let second = server.get(&format!("{path}/records?limit=1&cursor={next}")).json();
        assert_eq!(
            (&second["records"], &second["next_cursor"]),
            (&json!([{ "first_name": "Ada" }]), &Value::Null)
        );
        let file = server.get(&format!("{path}/export"));
        assert_eq!(file.text(), "first_name\nBen\nAda\n");
        assert!(!file.header("content-disposition").is_empty());
        assert!(server.get(&format!("{path}/export?format=pdf")).bytes.starts_with(b"%PDF"));

        let changed = server.json("PATCH", &path, &json!({ "limit": 1, "name": "One" }));
        assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("One")));
        let page = server.get(&format!("{path}/records")).json();
        assert_eq!(
            (&page["records"], &page["next_cursor"]),
            (&json!([{ "first_name": "Ben" }]), &Value::Null)
        );
        assert_eq!(server.get("/api/v1/reports").json()["reports"].as_array().map(Vec::len), Some(1));
        for wrong in [
            json!({ "object": "nowhere" }),
            json!({ "fields": ["x"] }),
            json!({ "sort_by": "x" }),
            json!({ "sort_dir": "x" }),
            json!({ "filters": { "operator": "and" } }),
            json!({ "limit": 0 }),
            json!({ "limit": -1 }),
            json!({ "nonsense": 1 }),
            json!({ "name": "" }),
            json!({ "id": "x" }),
        ] {
            let status = server.json("PATCH", &path, &wrong).status;
            assert_eq!(status, 400, "{wrong}");
        }
        assert_eq!(server.json("DELETE", &path, &Value::Null).status, 204);
        assert_eq!(server.json("DELETE", &path, &Value::Null).status, 404);
        assert_eq!(server.get(&format!("{path}/records")).status, 404);
    }
}
