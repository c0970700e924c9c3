//! Every fate, duplicate strategy and merge mode, on both stores, from one table.

use crate::support::{STORES, World, fates};

/// One case: what is in the table, what is imported how, and what must come of it.
struct Case {
    name: &'static str,
    object: &'static str,
    before: &'static str,
    file: &'static str,
    arguments: &'static [&'static str],
    fates: &'static str,
    code: i32,
    fields: &'static str,
    after: &'static str,
}

const CASE: Case = Case {
    name: "",
    object: "contacts",
    before: "",
    file: "",
    arguments: &[],
    fates: "",
    code: 0,
    fields: "id,email,first_name,last_name",
    after: "",
};

const ADA: &str = "email,first_name,last_name\nada@x.example,Ada,\n";

const CASES: &[Case] = &[
    Case {
        name: "new rows are created, and a row without anything in it is left out",
        file: "email,first_name\nada@x.example,Ada\n,\nalan@x.example,Alan\n",
        fates: "created 2, filtered 1",
        after: "1,ada@x.example,Ada,\n2,alan@x.example,Alan,\n",
        ..CASE
    },
    Case {
        name: "skip: a row that is a record, in whatever case, is a duplicate",
        before: ADA,
        file: "email,first_name\nADA@X.example,Adele\nalan@x.example,Alan\n",
        fates: "created 1, duplicate 1",
        after: "1,ada@x.example,Ada,\n2,alan@x.example,Alan,\n",
        ..CASE
    },
    Case {
        name: "skip: the second of two equal rows of one file is a duplicate",
        file: "email,first_name\nada@x.example,Ada\nAda@x.example,Adele\n",
        fates: "created 1, duplicate 1",
        after: "1,ada@x.example,Ada,\n",
        ..CASE
    },
    Case {
        name: "skip: a rejected row does not make the next one a duplicate",
        file: "email,first_name,birthday\nada@x.example,Ada,soon\nada@x.example,Adele,\n",
        fates: "created 1, rejected 1",
        code: 2,
        after: "1,ada@x.example,Adele,\n",
        ..CASE
    },
    Case {
        name: "update, prefer_import: empty cells leave the record alone",
        before: "email,first_name,last_name\nada@x.example,Ada,Lovelace\n",
        file: "email,first_name,last_name\nada@x.example,Adele,\n",
        arguments: &["--on-duplicate", "update"],
        fates: "updated 1",
        after: "1,ada@x.example,Adele,Lovelace\n",
        ..CASE
    },
    Case {
        name: "update, fill_empty: only empty cells of the record are filled",
        before: ADA,
        file: "email,first_name,last_name\nada@x.example,Adele,Lovelace\n",
        arguments: &["--on-duplicate", "update", "--merge", "fill_empty"],
        fates: "updated 1",
        after: "1,ada@x.example,Ada,Lovelace\n",
        ..CASE
    },
    Case {
        name: "update, overwrite: empty cells empty the record",
        before: "email,first_name,last_name\nada@x.example,Ada,Lovelace\n",
        file: "email,first_name,last_name\nada@x.example,Adele,\n",
        arguments: &["--on-duplicate", "update", "--merge", "overwrite"],
        fates: "updated 1",
        after: "1,ada@x.example,Adele,\n",
        ..CASE
    },
    Case {
        name: "update: a row that says nothing new leaves the record unchanged",
        before: ADA,
        file: "email,first_name\nada@x.example,Ada\n",
        arguments: &["--on-duplicate", "update"],
        fates: "unchanged 1",
        after: "1,ada@x.example,Ada,\n",
        ..CASE
    },
    Case {
        name: "update: rows of one file meet what earlier rows made and changed",
        before: ADA,
        file: "email,first_name,last_name\nada@x.example,Adele,\nalan@x.example,Alan,\nADA@x.example,,King\nalan@x.example,Al,Turing\n",
        arguments: &["--on-duplicate", "update", "--merge", "prefer_import"],
        fates: "created 1, updated 3",
        after: "1,ADA@x.example,Adele,King\n2,alan@x.example,Al,Turing\n",
        ..CASE
    },
    Case {
        name: "update: a key taken from a record no longer finds it",
        before: "external_id,email,first_name\n7,ada@x.example,Ada\n",
        file: "external_id,email,first_name\n7,new@x.example,Ada\n8,ada@x.example,Eve\n",
        arguments: &["--on-duplicate", "update"],
        fates: "created 1, updated 1",
        after: "1,new@x.example,Ada,\n2,ada@x.example,Eve,\n",
        ..CASE
    },
    Case {
        name: "update: rows that hand keys to each other take effect in file order",
        before: "external_id,email\nA,1@x.example\nB,2@x.example\n",
        file: "external_id,email\nA,3@x.example\nB,1@x.example\nA,2@x.example\nB,3@x.example\nB,2@x.example\nA,1@x.example\n",
        arguments: &["--on-duplicate", "update"],
        fates: "updated 5, rejected 1",
        code: 2,
        fields: "id,external_id,email",
        after: "1,A,1@x.example\n2,B,3@x.example\n",
        ..CASE
    },
    Case {
        name: "create: a second record is made where no unique field forbids it",
        before: "first_name,phone\nAda,+493012345\n",
        file: "first_name,phone\nAda,+49 30 12345\n",
        arguments: &["--on-duplicate", "create", "--match", "phone"],
        fates: "created 1",
        fields: "id,first_name,phone_work",
        after: "1,Ada,+493012345\n2,Ada,+493012345\n",
        ..CASE
    },
    Case {
        name: "create: a unique field rejects the second record",
        before: ADA,
        file: "email,first_name\nada@x.example,Adele\n,Eve\n",
        arguments: &["--on-duplicate", "create"],
        fates: "created 1, rejected 1",
        code: 2,
        after: "1,ada@x.example,Ada,\n2,,Eve,\n",
        ..CASE
    },
    Case {
        name: "match by phone: a mobile number is another record's work number",
        before: "first_name,work phone\nAda,+493012345\n",
        file: "first_name,mobile\nAdele,0049 30 12345\n",
        arguments: &["--match", "phone"],
        fates: "duplicate 1",
        fields: "id,first_name,phone_work,phone_mobile",
        after: "1,Ada,+493012345,\n",
        ..CASE
    },
    Case {
        name: "match by a field that two records share: update refuses to choose",
        before: "first_name,last_name\nAda,One\nAda,Two\n",
        file: "first_name,last_name\nAda,Three\n",
        arguments: &["--on-duplicate", "update", "--match", "first_name"],
        fates: "rejected 1",
        code: 1,
        after: "1,,Ada,One\n2,,Ada,Two\n",
        ..CASE
    },
    Case {
        name: "match by id: an id nobody has makes a new record",
        before: ADA,
        file: "id,first_name\n1,Adele\n99,Alan\n",
        arguments: &["--on-duplicate", "update"],
        fates: "created 1, updated 1",
        after: "1,ada@x.example,Adele,\n2,,Alan,\n",
        ..CASE
    },
    Case {
        name: "atomic: one bad row and nothing is kept",
        before: ADA,
        file: "email,first_name\nalan@x.example,Alan\nnot an address,Eve\nada@x.example,Ada\n",
        arguments: &["--atomic"],
        fates: "rejected 1, not_reached 2",
        code: 1,
        after: "1,ada@x.example,Ada,\n",
        ..CASE
    },
    Case {
        name: "atomic: all good rows are kept",
        file: "email,first_name\nalan@x.example,Alan\nada@x.example,Ada\n",
        arguments: &["--atomic"],
        fates: "created 2",
        after: "1,alan@x.example,Alan,\n2,ada@x.example,Ada,\n",
        ..CASE
    },
    Case {
        name: "all problems of a row are told, and the row counts once",
        file: "email,birthday,status\nno,never,nowhere\n",
        fates: "rejected 1",
        code: 1,
        after: "",
        ..CASE
    },
    Case {
        name: "a static value fills every row",
        file: "email\nada@x.example\n",
        arguments: &["--set", "first_name=Some=one"],
        fates: "created 1",
        after: "1,ada@x.example,Some=one,\n",
        ..CASE
    },
    Case {
        name: "a mapping by hand wins over the header's name",
        file: "email,first_name,surname\nada@x.example,Ada,King\n",
        arguments: &["--map", "first_name=last_name", "--map", "surname=first_name"],
        fates: "created 1",
        after: "1,ada@x.example,King,Ada\n",
        ..CASE
    },
    Case {
        name: "a default fills what the row leaves empty, made of other fields",
        file: "First Name,Last Name,Name\nAda,King,\nAlan,Turing,Al\n",
        fates: "created 2",
        fields: "id,display_name",
        after: "1,Ada King\n2,Al\n",
        ..CASE
    },
    Case {
        name: "a forced value wins for new records and leaves old ones to the file",
        object: "connectors",
        before: "name,status\nold,enabled\n",
        file: "id,name,status\n1,old,enabled\n,new,enabled\n",
        fates: "created 1, updated 1",
        fields: "id,name,status",
        after: "1,old,enabled\n2,new,disabled\n",
        ..CASE
    },
    Case {
        name: "required: a new record without a name is rejected, an old one may keep its own",
        object: "companies",
        before: "name,domain\nAcme,acme.example\n",
        file: "name,domain,industry\n,acme.example,Steel\n,other.example,Tin\n",
        arguments: &["--on-duplicate", "update"],
        fates: "updated 1, rejected 1",
        code: 2,
        fields: "id,name,domain,industry",
        after: "1,Acme,acme.example,Steel\n",
    },
];

#[test]
fn every_case_on_both_stores() {
    for case in CASES {
        for store in STORES {
            let world = World::new(store);
            let context = format!("{} ({store:?})", case.name);
            if !case.before.is_empty() {
                world.file("before.csv", case.before);
                let ledger = world.json(&["import", "before.csv", "--to", case.object, "--json"]);
                assert_eq!(ledger["rejected"], 0, "{context}: {ledger}");
            }
            world.file("file.csv", case.file);
            let mut arguments = vec!["import", "file.csv", "--to", case.object, "--json"];
            arguments.extend(case.arguments);
            let mut planning = arguments.clone();
            planning.push("--plan");

            let before = world.records(case.object, case.fields);
            let planned = world.json(&planning);
            assert_eq!(world.records(case.object, case.fields), before, "{context}: a plan writes nothing");
            assert_eq!(fates(&planned), case.fates, "{context}: plan {planned}");

            let ended = world.dray(&arguments);
            let ledger: serde_json::Value =
                serde_json::from_str(&ended.out).unwrap_or_else(|why| panic!("{context}: {why}: {ended:?}"));
            assert_eq!(fates(&ledger), case.fates, "{context}: {ledger}");
            assert_eq!(ended.code, case.code, "{context}");
            let expected = format!("{}\n{}", case.fields, case.after);
            assert_eq!(world.records(case.object, case.fields), expected, "{context}");

            if ledger["import"].as_i64().is_some() && case.code != 1 {
                let undone = world.json(&["undo", &ledger["import"].to_string(), "--json"]);
                assert_eq!(undone["conflicted"], 0, "{context}: {undone}");
                assert_eq!(
                    world.records(case.object, case.fields),
                    before,
                    "{context}: undo puts everything back"
                );
            }
        }
    }
}

#[test]
fn references_are_found_by_any_unique_field_or_made() {
    for store in STORES {
        let world = World::new(store);
        world.file(
            "companies.csv",
            "name,domain,external_id\nAcme,acme.example,C-1\nGlobex,globex.example,C-2\nTwin,,\nTwin,,\n",
        );
        let companies =
            ["import", "companies.csv", "--to", "companies", "--on-duplicate", "create", "--json"];
        assert_eq!(fates(&world.json(&companies)), "created 4");
        world.file("deals.csv", "name,account,amount\na,Acme,1\nb,GLOBEX.example,2.5\nc,C-1,3\nd,2,4\ne,Twin,5\nf,Nobody,6\ng,nobody,7\n");
        let ledger = world.json(&["import", "deals.csv", "--to", "deals", "--json"]);
        assert_eq!(fates(&ledger), "created 4, rejected 3", "{store:?} {ledger}");
        assert_eq!(
            world.records("deals", "name,account,amount,stage"),
            "name,account,amount,stage\na,1,1.00,new\nb,2,2.50,new\nc,1,3.00,new\nd,2,4.00,new\n"
        );
        let ledger = world.json(&[
            "import",
            "deals.csv",
            "--to",
            "deals",
            "--create-references",
            "--json",
            "--map",
            "account=account",
            "--set",
            "stage=won",
        ]);
        assert_eq!(fates(&ledger), "created 6, rejected 1", "{store:?} {ledger}");
        assert!(
            world.records("companies", "name").ends_with("Twin\nTwin\nNobody\n"),
            "one record for both spellings"
        );
        let undone = world.json(&["undo", &ledger["import"].to_string(), "--json"]);
        assert_eq!(undone["deleted"], 7, "six deals and the company made for them: {undone}");
        assert!(world.records("companies", "name").ends_with("Twin\nTwin\n"));
    }
}
