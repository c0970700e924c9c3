//! Saved imports row by row, against the tables of their specification.

use super::name::{letters_of, property_name};
use super::rules::{only, unused};
use super::times::{TimeFormat, update_time};
use super::user_id::user_id;
use crate::expression::{Json, RepeatedMember, Schema, Value};

#[test]
fn headers_become_names_of_properties() {
    for (header, name) in [
        ("email", Some("email")),
        ("First Name", Some("First_Name")),
        (" e-mail ", Some("e_mail")),
        ("città", Some("citta")),
        ("2nd", Some("_nd")),
        ("a--b", Some("a_b")),
        ("", None),
        ("?", None),
        ("имя", None),
        ("名前", None),
        ("_", Some("_")),
        ("__", Some("__")),
        ("a_-b", Some("a__b")),
        ("\u{feff}id", Some("_id")),
    ] {
        assert_eq!(property_name(header).as_deref(), name, "{header:?}");
    }
    let names: Vec<String> = [0, 1, 25, 26, 27, 51, 52, 701, 702].map(letters_of).into();
    assert_eq!(names, ["A", "B", "Z", "AA", "AB", "AZ", "BA", "ZZ", "AAA"]);
}

#[test]
fn ids_of_users_are_texts() {
    let json = |text| Value::Json(Json::parse(text, RepeatedMember::LastCounts).expect("JSON"));
    for (value, id) in [
        (Some(Value::text("A 1")), Some("A 1")),
        (Some(Value::text(" ")), Some(" ")),
        (Some(Value::text("")), None),
        (Some(Value::Null), None),
        (None, None),
        (Some(Value::Int(-7)), Some("-7")),
        (Some(json("12")), Some("12")),
        (Some(json("12.0")), Some("12")),
        (Some(json("12.00")), None),
        (Some(json("1e2")), None),
        (Some(json("\"x\"")), Some("x")),
        (Some(json("\"\"")), None),
        (Some(json("true")), None),
        (Some(json("null")), None),
        (Some(json("[1]")), None),
    ] {
        assert_eq!(user_id(value.as_ref()).ok().as_deref(), id, "{value:?}");
    }
}

#[test]
fn times_of_updates_are_read_in_many_formats() {
    let now = 1_800_000_000_000_000;
    let read = |format: &str, text: &str| {
        let format = TimeFormat::parse(format).expect("a format");
        let time = update_time(Some(&Value::text(text)), Some(&format), now).ok().flatten();
        time.map(|micros| {
            let mut out = String::new();
            dray_model::value::append_datetime(micros, &mut out);
            out
        })
    };
    for (format, text, time) in [
        ("ISO8601", "2024-02-29T10:00:00+02:00", Some("2024-02-29T08:00:00Z")),
        ("ISO8601", "2024-060", Some("2024-02-29T00:00:00Z")),
        ("ISO8601", "2024-02-30", None),
        ("ISO8601", "1899-12-31", None),
        ("ISO8601", "2100-01-01", None),
        ("Excel", "45123.5", Some("2023-07-16T12:00:00Z")),
        ("Excel", "45123", Some("2023-07-16T00:00:00Z")),
        ("Excel", "060", None),
        ("Excel", "44197.000011574", Some("2021-01-01T00:00:01Z")),
        ("Excel", "x", None),
        ("%Y-%m-%d", "2024-02-29", Some("2024-02-29T00:00:00Z")),
        ("%Y-%m-%d", "2024-02-29 ", None),
        ("%Y-%m-%d", "2024-02", None),
        ("%d.%m.%y %k:%M", "01.03.24  9:05", Some("2024-03-01T09:05:00Z")),
        ("%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:55:36 -0700", Some("2000-10-10T20:55:36Z")),
        ("%A, %d %B %Y %I:%M %p", "Monday, 02 January 2006 03:04 PM", Some("2006-01-02T15:04:00Z")),
        ("%F %T.%f", "2024-01-02 03:04:05.25", Some("2024-01-02T03:04:05.25Z")),
        ("%G-W%V-%u", "2024-W01-1", Some("2024-01-01T00:00:00Z")),
        ("%Y %U %w", "2024 00 1", Some("2024-01-01T00:00:00Z")),
        ("%Y %j", "2024 366", Some("2024-12-31T00:00:00Z")),
        ("%Y %j", "2023 366", None),
        ("%s", "1700000000", Some("2023-11-14T22:13:20Z")),
        ("%c", "Mon Jan  2 15:04:05 2006", Some("2006-01-02T15:04:05Z")),
        ("%Y-%m-%dT%H:%M:%S%:z", "2024-01-01T00:00:00+01:00", Some("2023-12-31T23:00:00Z")),
        ("%Y%%%m", "2024%05", Some("2024-05-01T00:00:00Z")),
        ("%D %r", "02/03/99 12:00:01 AM", Some("1999-02-03T00:00:01Z")),
        ("%Y %Z", "2024 UTC", Some("2024-01-01T00:00:00Z")),
        ("%Y %Z", "2024 PST", None),
    ] {
        assert_eq!(read(format, text).as_deref(), time, "{format} {text}");
    }
    for wrong in ["iso8601", "excel", "Y-m-d", "", "%Q", "%Y-%", &"%Y".repeat(33)] {
        assert!(TimeFormat::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(update_time(Some(&Value::Null), None, now), Ok(None));
    assert_eq!(update_time(Some(&Value::text("")), Some(&TimeFormat::Iso8601), now), Ok(None));
}

#[test]
fn a_schema_keeps_only_what_is_used() {
    let text = |name: &str| format!(r#"{{"name":"{name}","type":{{"kind":"string"}}}}"#);
    let object = |name: &str, inner: &str| {
        format!(r#"{{"name":"{name}","type":{{"kind":"object","properties":[{inner}]}}}}"#)
    };
    let inner = [text("city"), text("zip")].join(",");
    let properties = [text("id"), object("home", &inner), object("work", &inner), text("idle")].join(",");
    let schema = Schema::parse(&format!(r#"{{"kind":"object","properties":[{properties}]}}"#));
    let schema = schema.expect("a schema");
    let used: Vec<String> = ["id", "home.zip", "work"].map(str::to_owned).into();
    assert_eq!(unused(&schema, &used).as_deref(), Some("home.city"));
    let kept = only(&schema, &used);
    assert_eq!(unused(&kept, &used), None);
    for (path, is_there) in
        [("id", true), ("home.zip", true), ("work.city", true), ("home.city", false), ("idle", false)]
    {
        assert_eq!(kept.at_path(path).is_some(), is_there, "{path}");
    }
    assert!(only(&schema, &["idle".to_owned()]).at_path("home").is_none(), "nothing of it is left");
}
