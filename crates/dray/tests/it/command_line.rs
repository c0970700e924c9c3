//! What people see in the terminal, word for word. Times and numbers of seconds are replaced.

use crate::support::{Ended, Kind, World, example};

/// Exit code, standard output and standard error in one text, without what differs between runs.
fn shown(ended: &Ended) -> String {
    let steady = |text: &str| {
        let text = replace_number_before(text, " s, ", "0.00");
        let text = replace_number_before(&text, " rows/s", "0,000");
        let text = replace_number_before(&text, " s.", "0.00");
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    };
    format!("exit code {}\n-- out --\n{}\n-- err --\n{}", ended.code, steady(&ended.out), steady(&ended.err))
}

/// Replaces the number that stands before `after`, wherever it does.
fn replace_number_before(text: &str, after: &str, by: &str) -> String {
    let mut parts = text.split(after).map(str::to_owned).collect::<Vec<_>>();
    let last = parts.pop().unwrap_or_default();
    let mut out = String::new();
    for part in parts {
        let kept = part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
        let number = if kept.len() == part.len() { "" } else { by };
        out.push_str(&format!("{kept}{number}{after}"));
    }
    out + &last
}

#[test]
fn the_main_job() {
    let world = World::new(Kind::Sqlite);
    std::fs::copy(example(), world.path("contacts.csv")).expect("the example is there");
    insta::assert_snapshot!(
        "plan",
        shown(&world.dray(&["import", "contacts.csv", "--to", "contacts", "--plan"]))
    );
    let import = world.dray(&["import", "contacts.csv", "--to", "contacts", "--failed", "failed.csv"]);
    insta::assert_snapshot!("import", shown(&import));
    let failed: Vec<String> = world.read("failed.csv").lines().take(3).map(str::to_owned).collect();
    insta::assert_snapshot!("failed_rows", failed.join("\n"));
    world.file("changes.csv", "E-mail;Vorname;Status\nnadia.virtanen0@nova.example;Nadja;Kunde\nnew@x.example;New;Lead\nNEW@x.example;Newer;Customer\n");
    let update = ["import", "changes.csv", "--to", "contacts", "--on-duplicate", "update"];
    insta::assert_snapshot!("plan_of_changes", shown(&world.dray(&[&update[..], &["--plan"]].concat())));
    insta::assert_snapshot!("undo", shown(&world.dray(&["undo", "1"])));
    insta::assert_snapshot!("undo_again", shown(&world.dray(&["undo", "1"])));
}

#[test]
fn a_column_no_name_places_is_told_what_it_looks_like() {
    let world = World::new(Kind::Sqlite);
    world.file("de.csv", "Vorname,Wohnort,Zeug\nAda,Berlin,x1\nBob,Köln,y2\n");
    let plan = world.dray(&["import", "de.csv", "--to", "contacts", "--plan"]);
    assert!(plan.out.contains("it looks like address.city: --map 'Wohnort=address.city'"), "{}", plan.out);
    assert!(plan.out.contains("`Zeug` is left out: `contacts` has no such field\n"), "{}", plan.out);
    let mapped = ["import", "de.csv", "--to", "contacts", "--map", "Wohnort=address.city"];
    let done = world.dray(&mapped);
    assert!(!done.out.contains("looks like"), "{}", done.out);
    // Left out on purpose is left out.
    let on_purpose = world.dray(&["import", "de.csv", "--to", "contacts", "--plan", "--map", "Wohnort="]);
    assert!(!on_purpose.out.contains("looks like"), "{}", on_purpose.out);
    world.file("only.csv", "Wohnort\nBerlin\nKöln\n");
    let refused = world.dray(&["import", "only.csv", "--to", "contacts", "--plan"]);
    assert!(refused.err.contains("these look right: --map 'Wohnort=address.city'"), "{}", refused.err);
}

#[test]
fn objects_and_help() {
    let world = World::new(Kind::Sqlite);
    insta::assert_snapshot!("objects", shown(&world.dray(&["objects"])));
    insta::assert_snapshot!("object", shown(&world.dray(&["objects", "deals"])));
    insta::assert_snapshot!("help", shown(&world.dray(&["--help"])));
    insta::assert_snapshot!("help_import", shown(&world.dray(&["import", "--help"])));
    insta::assert_snapshot!("help_export", shown(&world.dray(&["export", "--help"])));
    assert!(world.dray(&["completions", "bash"]).out.contains("_dray()"));
}

#[test]
fn jobs_list_what_was_done() {
    let world = World::new(Kind::Sqlite);
    insta::assert_snapshot!("jobs_empty", shown(&world.dray(&["jobs"])));
    world.file("a.csv", "email\na@x.example\nb@x.example\nno\n");
    world.dray(&["import", "a.csv", "--to", "contacts"]);
    world.dray(&["undo", "1"]);
    let jobs = world.json(&["jobs", "--json"]);
    assert_eq!(jobs[1]["status"], "undone");
    assert_eq!((jobs[1]["created"].as_u64(), jobs[1]["rejected"].as_u64()), (Some(2), Some(1)));
    assert_eq!(
        (jobs[0]["undo_of"].as_i64(), jobs[0]["source"].as_str()),
        (Some(1), Some("undo of import 1"))
    );
}

#[test]
fn the_ledger_as_json_has_the_keys_of_the_contract() {
    let world = World::new(Kind::Sqlite);
    world.file("a.csv", "email\na@x.example\n");
    let ledger = world.json(&["import", "a.csv", "--to", "contacts", "--json"]);
    let keys: Vec<&str> = ledger.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        keys[..12],
        [
            "import",
            "read",
            "created",
            "updated",
            "unchanged",
            "duplicate",
            "filtered",
            "rejected",
            "conflicted",
            "not_reached",
            "balanced",
            "seconds"
        ]
    );
}

#[test]
fn standard_input_and_output() {
    use std::io::Write;
    let world = World::new(Kind::Sqlite);
    let mut command = world.command(&["import", "-", "--to", "events", "--json"]);
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let lines = "{\"name\":\"opened\",\"occurred_at\":\"2026-01-02T03:04:05Z\",\"properties\":{\"n\":1.10}}\n{\"name\":\"closed\"}\n";
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("the program reads");
    assert!(child.wait_with_output().expect("the program ends").status.success());
    assert_eq!(
        world.dray(&["export", "events", "--format", "jsonl", "--fields", "name,occurred_at,properties"]).out,
        "{\"name\":\"opened\",\"occurred_at\":\"2026-01-02T03:04:05Z\",\"properties\":{\"n\":1.10}}\n\
         {\"name\":\"closed\",\"occurred_at\":null,\"properties\":null}\n"
    );
}

#[test]
fn exports_choose_fields_records_and_order() {
    for store in crate::support::STORES {
        let world = World::new(store);
        world.file(
            "a.csv",
            "email,first_name,city,status,birthday\na@x.example,Ada,Paris,lead,1990-05-01\nb@x.example,Bob,\"Paris, TX\",customer,1985-01-31\nc@x.example,Cleo,Rome,lead,\n",
        );
        world.dray(&["import", "a.csv", "--to", "contacts"]);
        let rows = |arguments: &[&str]| {
            let ended = world.dray(&[&["export", "contacts", "--fields", "first_name"], arguments].concat());
            assert_eq!(ended.code, 0, "{ended:?}");
            ended.out.lines().skip(1).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(rows(&["--where", "status = lead"]), "Ada Cleo");
        assert_eq!(rows(&["--where", "address_city contains paris", "--sort", "first_name:desc"]), "Bob Ada");
        assert_eq!(rows(&["--where", "birthday between 1980-01-01 and 1989-12-31"]), "Bob");
        assert_eq!(
            rows(&["--where", "birthday is empty or (status = lead and not first_name = Ada)"]),
            "Cleo"
        );
        assert_eq!(rows(&["--sort", "birthday"]), "Bob Ada Cleo", "empty cells come last");
        assert_eq!(rows(&["--sort", "birthday:desc"]), "Ada Bob Cleo", "empty cells come last");
        assert_eq!(rows(&["--sort", "email", "--limit", "2"]), "Ada Bob");
        assert_eq!(rows(&["--where", "first_name in (Bob, Cleo) and email starts with c"]), "Cleo");
        assert_eq!(rows(&["--where", "first_name = \"'; DROP TABLE contacts; --\""]), "");
        assert_eq!(rows(&["--limit", "1"]), "Ada");
    }
}

#[test]
fn fields_are_computed_of_columns_by_expressions() {
    let world = World::new(Kind::Sqlite);
    world.file("u.csv", "First,E-mail,Score\nada, ADA@X.ORG ,7\nbob,B@X.ORG,x\n,,\n");
    let computed = [
        "import",
        "u.csv",
        "--to",
        "contacts",
        "--map",
        "=lower(trim(E_mail))=email",
        "--map",
        "=initcap(First) ' (' Score ')'=last_name",
        "--map",
        "=if(eq(Score, 7), 'VIP')=job_title",
        "--json",
    ];
    let done = world.dray(&computed);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let out = world.dray(&[
        "export",
        "contacts",
        "--fields",
        "email,first_name,last_name,job_title",
        "--format",
        "csv",
    ]);
    assert_eq!(
        out.out,
        "email,first_name,last_name,job_title\nada@x.org,ada,Ada (7),VIP\nb@x.org,bob,Bob (x),\n"
    );
    let wrong = world.dray(&["import", "u.csv", "--to", "contacts", "--map", "=lower(Mail)=email"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.err.contains("character 7") && wrong.err.contains("E_mail"), "{}", wrong.err);
}
