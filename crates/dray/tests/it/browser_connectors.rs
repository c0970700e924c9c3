//! Connectors in a real browser: paths are offered while somebody types, a connector is tried out without leaving the
//! page, saved, sent to, and its events are followed.

use serde_json::{Value, json};

use crate::browser::{LOOK_FOR_BARRIERS, axe};
use crate::browser_kit::{Done, Visitor};
use crate::events_kit::enabled;
use crate::support::{Kind, STORES};

const TRIGGER: &str = "#field-trigger";
/// The path that is chosen of those that are offered.
const CHOSEN: &str = "const field = document.activeElement, chosen = document.getElementById(field.getAttribute('aria-activedescendant')); \
    return chosen?.matches('[role=listbox] > [aria-selected=true]') && field.getAttribute('aria-controls') === chosen.parentElement.id ? chosen.querySelector('code').textContent : 'none'";

/// Makes a connector that writes contacts; its number.
fn connector(visitor: &Visitor) -> i64 {
    let fields = json!({
        "name": "Orders",
        "example_payload": { "type": "order", "user": { "email": "ada@example.com", "full name": "Ada" } },
        "process": [{ "key": "mail", "value": "lower($payload.user.email)" }],
        "perform": [{ "key": "email", "value": "$process.mail" }],
        "perform_api_url": "object:contacts?match=email",
    });
    let put = visitor.server.json("PUT", "/api/v1/secrets/API_KEY", &json!({ "value": "x" }));
    assert_eq!(put.status, 201, "{}", put.text());
    visitor.server.post("/api/v1/objects/connectors/records", &fields).json()["id"].as_i64().expect("an id")
}

fn value(visitor: &Visitor, field: &str) -> Result<String, String> {
    visitor.property(field, "value")
}

#[test]
fn a_connector_is_written_by_keyboard_tried_saved_and_followed() -> Done {
    for kind in STORES {
        let visitor = Visitor::signed_in(kind)?;
        let id = connector(&visitor);
        visitor.visit(&format!("/records/connectors/{id}"))?;
        visitor.follow("//a[text()='Test']")?;
        visitor.click(TRIGGER)?;
        visitor.write("equals($pay")?;
        visitor.find("[role=listbox]")?;
        assert_eq!(visitor.told(CHOSEN)?, "$payload.type");
        visitor.press("Down")?;
        visitor.press("Down")?;
        assert_eq!(visitor.told(CHOSEN)?, "$payload.user.email");
        visitor.press("Up")?;
        visitor.press("Up")?;
        visitor.press("Enter")?;
        assert_eq!(value(&visitor, TRIGGER)?, "equals($payload.type");
        assert!(visitor.all("[role=listbox]")?.is_empty(), "what was taken is not offered again");
        visitor.write(", \"refund\"")?;
        visitor.click("//button[text()='Try it']")?;
        visitor.see("Something is wrong with what was entered")?;
        visitor.find(&format!("{TRIGGER}[aria-invalid=true]"))?;
        assert!(visitor.text()?.contains("for the bracket at character"), "{}", visitor.text()?);
        visitor.click(TRIGGER)?;
        visitor.press("Control+End")?;
        visitor.write(")")?;
        visitor.click("//button[text()='Try it']")?;
        visitor.see("not matched")?;
        visitor.fill(TRIGGER, "equals($payload.type, \"order\")")?;
        visitor.run("window.isHere = true", &[])?;
        visitor.click("//button[text()='Try it']")?;
        visitor.until_true(
            "a match",
            "return document.querySelector('#result .badge.good')?.textContent === 'matched'",
        )?;
        assert_eq!(visitor.told("return window.isHere")?, "true", "only the result was replaced");
        assert!(visitor.all("[aria-invalid]")?.is_empty());
        visitor.follow("//button[text()='Save']")?;
        visitor.see("Saved.")?;

        let hook = enabled(&visitor.server, id);
        let event = hook
            .taken(&visitor.server, &json!({ "type": "order", "user": { "email": "GRACE@example.com" } }));
        hook.ended(&visitor.server, &event, "completed");
        visitor.visit(&format!("/records/connectors/{id}"))?;
        visitor.see("completed (1)")?;
        visitor.follow("//a[text()='All events']")?;
        visitor.see("all (1)")?;
        visitor.follow(".grid tbody a")?;
        visitor.see("recognized by email")?;
        visitor.click("//button[text()='Send again']")?;
        visitor.until_true(
            "the event to be done again",
            "return document.querySelector('#event .badge')?.textContent === 'completed'",
        )?;
        visitor.follow("//a[text()='Use as example']")?;
        assert!(value(&visitor, "#field-example_payload")?.contains("GRACE@example.com"));
        assert_eq!(visitor.contacts("email"), [["grace@example.com"]]);
    }
    Ok(())
}

#[test]
fn paths_are_offered_where_they_can_stand() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    let id = connector(&visitor);
    for page in [format!("/records/connectors/{id}/test"), format!("/records/connectors/{id}")] {
        visitor.visit(&page)?;
        let offered = |typed: &str| {
            visitor.write(typed)?;
            let found = visitor.run(
                "return [...document.querySelectorAll('[role=option] code')].map((path) => path.textContent)",
                &[],
            )?;
            Ok::<Vec<String>, String>(serde_json::from_value(found).expect("texts"))
        };
        visitor.click(TRIGGER)?;
        let all = [
            "$payload.type",
            "$payload.user",
            "$payload.user.email",
            "$payload.user['full name']",
            "$secret.API_KEY",
        ];
        assert_eq!(offered("$")?, all, "a trigger is not told of what comes after it");
        assert_eq!(offered("mail")?, ["$payload.user.email"], "{page}");
        let value_beside = visitor.told("return document.querySelector('[role=option] span').textContent")?;
        assert_eq!(value_beside, "\"ada@example.com\"");
        visitor.press("Escape")?;
        assert!(visitor.all("[role=listbox]")?.is_empty());
        assert_eq!(value(&visitor, TRIGGER)?, "$mail", "Escape leaves what was typed");
        assert_eq!(offered(" $nothing")?, Vec::<String>::new());

        // Within a list, by a click, and by Tab.
        visitor.fill("#field-perform", "[{\"key\": \"a\", \"value\": \"")?;
        visitor.click("#field-perform")?;
        visitor.press("Control+End")?;
        assert_eq!(offered("$pro")?, ["$process.mail"]);
        visitor.click("[role=option]")?;
        visitor.write("\"}, {\"key\": \"b\", \"value\": \"$full")?;
        visitor.press("Tab")?;
        visitor.write("\"}]")?;
        let perform = value(&visitor, "#field-perform")?;
        let perform: Value = serde_json::from_str(&perform).map_err(|why| format!("{why}: {perform}"))?;
        assert_eq!(
            (&perform[0]["value"], &perform[1]["value"]),
            (&json!("$process.mail"), &json!("$payload.user['full name']"))
        );

        // Nobody is kept out while paths are offered, in several lines or in one.
        visitor.run(&axe(), &[])?;
        for field in [TRIGGER, "#field-perform_api_url"] {
            visitor.click(field)?;
            visitor.press("Control+End")?;
            assert!(!offered(" $")?.is_empty());
            let barriers = visitor.run(LOOK_FOR_BARRIERS, &[])?;
            assert_eq!(barriers, json!([]), "{page} {field}");
        }
        let expanded = "return document.activeElement.role + document.activeElement.ariaExpanded";
        assert_eq!(visitor.told(expanded)?, "comboboxtrue");
        visitor.press("Tab")?;
        visitor.press("Tab")?;
        assert!(visitor.all("[role=listbox]")?.is_empty());
        assert_eq!(
            visitor.told("return document.querySelector('#field-perform_api_url').ariaExpanded")?,
            "false"
        );
    }
    Ok(())
}
