//! What is kept ends: exports, sent files and imports at their times, and what a crash left behind.

use std::process::Command;

use serde_json::json;

use crate::data_io::{DOOR, ended, send_file};
use crate::server::Server;
use crate::site::until;
use crate::support::STORES;

#[test]
fn what_is_kept_ends_at_its_time() {
    for kind in STORES {
        let times = [("DRAY_KEEP_EXPORTS", "4s"), ("DRAY_KEEP_IMPORTS", "6s")];
        let server = Server::start_with(kind, &times);
        let folder = server.directory.path().join("files").join("default");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let (left, fresh) = (folder.join("left-by-a-crash"), folder.join("under-way"));
        for path in [&left, &fresh] {
            std::fs::write(path, "half").expect("a file can be written");
        }
        let aged = Command::new("touch").args(["-d", "3 days ago"]).arg(&left).status();
        assert!(aged.is_ok_and(|status| status.success()));

        let upload = send_file(&server, "contacts.csv", b"email,first_name\na@x.io,A\nbad,B\n");
        let asked = json!({ "resource": "contacts", "uploadId": upload });
        let import = server.post(&format!("{DOOR}/import"), &asked).json();
        let import = ended(&server, import["jobId"].as_str().expect("a job"));
        let export = server.post("/v1/export-jobs", &json!({ "module": "contacts", "format": "csv" })).json();
        let export = export["exportJobId"].as_str().expect("a job").to_owned();
        let background = json!({ "rows": [{ "E-mail": "c@x.io" }], "columnMapping": [
            { "sourceColumn": "E-mail", "targetFieldSlug": "email" }] });
        let background = server.post("/v1/modules/contacts/import/execute", &background).json();
        let background = background["data"]["importJobId"].as_str().expect("a job").to_owned();
        let path = |url: &str| url.strip_prefix(&server.url).expect("it is ours").to_owned();
        let rejected = path(import["failedRowsUrl"].as_str().expect("a row was rejected"));
        let download = until("the export", || {
            let job = server.get(&format!("/v1/export-jobs/{export}")).json();
            job["fileUrl"].as_str().map(path)
        });
        assert_eq!(server.send("GET", &rejected, &[], b"").status, 200);

        assert_eq!(server.get(&download).status, 200);
        until("the export to be gone", || (server.get(&download).status == 410).then_some(()));
        until("the rejected rows to be gone", || {
            [403, 410].contains(&server.send("GET", &rejected, &[], b"").status).then_some(())
        });
        until("the import to be forgotten", || {
            let job = server.get(&format!("/v1/modules/contacts/import/jobs/{background}"));
            (job.status == 404).then_some(())
        });
        until("the folder to be empty", || {
            let names: Vec<_> = std::fs::read_dir(&folder).expect("a folder").flatten().collect();
            (names.len() == 1 && names[0].file_name() == "under-way").then_some(())
        });
        // The records stay, and so does the way back.
        let kept = server.get("/api/v1/objects/contacts/records?limit=10").json();
        assert_eq!(kept["total"], 2, "{kept}");
        let imports = server.get("/api/v1/imports?limit=10").json();
        assert!(imports["imports"].as_array().is_some_and(|imports| imports.len() >= 2), "{imports}");
    }
}

#[test]
fn times_that_mean_nothing_are_refused() {
    for time in ["", "7", "d", "1w", "0s", "99999999999999999999d", "20000d"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dray"));
        let output = command.args(["serve", "--keep-exports", time]).output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "`{time}`: {told}");
        assert!(told.contains("use a number and s, m, h or d"), "`{time}`: {told}");
    }
}
