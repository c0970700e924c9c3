//! The pages in a real browser, with its script, its style, its keyboard and its rules.

use dray_browser::{Log, Setting};
use serde_json::{Value, json};

use crate::browser_kit::{Done, Visitor};
use crate::server::Server;
use crate::site::{Site, answer};
use crate::support::{Kind, STORES};

const FILE: &str = "First Name;E-Mail;Status;Remark\nAda;ada@exmaple.com;lead;first\n\
                    Grace;grace.example.com;customer;second\nLinus;linus@example.org;unknown;third\n";

/// The most bytes of all scripts of a page, as they are sent.
const MOST_SCRIPT_BYTES: usize = 60_000;

/// What axe finds, a line for each.
pub(crate) const LOOK_FOR_BARRIERS: &str = "return axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } }).then(({ violations }) => violations.map((one) => \
        `${one.impact} ${one.id} (${one.help}): ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' | ')}`))";

/// The value of the cell where the keyboard is.
const HERE: &str = "return document.activeElement.value";

#[test]
fn from_the_first_start_to_a_repaired_an_undone_and_a_repeated_import() -> Done {
    for kind in STORES {
        let visitor = Visitor::new(kind)?;
        visitor.visit("/")?;
        visitor.arrive("/sign-in")?;
        visitor.sign_in(&visitor.link())?;
        visitor.see("There are no records yet.")?;
        visitor.follow("//a[text()='Import']")?;
        visitor.give("input[type=file]", &visitor.file("people.csv", FILE))?;
        visitor.see("people.csv into Contacts")?;
        let fields = ["first_name", "email", "status"];
        for (index, field) in fields.iter().enumerate() {
            assert_eq!(visitor.property(&format!("select[name='field.{index}']"), "value")?, *field);
        }
        visitor.choose("select[name='field.3']", "notes")?;
        visitor.review()?;
        visitor.see("3 read = 1 created + 2 rejected")?;

        visitor.fill("input[name=find]", "exmaple")?;
        visitor.fill("input[name=value]", "example")?;
        visitor.choose("select[name=column]", "E-Mail")?;
        visitor.follow("//button[text()='Replace in all rows']")?;
        visitor.see("1 repair is applied")?;
        repair_in_the_sheet(&visitor)?;
        visitor.see("3 read = 3 created")?;
        visitor.see("3 repairs are applied")?;
        visitor.see("Import 3 rows")?;

        visitor.follow("form[action$='/confirm'] button")?;
        let import = visitor.arrive("/imports/1")?;
        visitor.see("balanced")?;
        visitor.see("3 read = 3 created")?;
        visitor.follow("//a[text()='See Contacts']")?;
        visitor.see("ada@example.com")?;
        let there =
            [["ada@example.com", "first"], ["grace@example.com", "second"], ["linus@example.org", "third"]];
        assert_eq!(visitor.contacts("email,notes"), there);

        visitor.go(&import)?;
        visitor.agree("form[action$='/undo'] button")?;
        visitor.see("Undo of import 1")?;
        assert!(visitor.contacts("email").is_empty());

        // What was confirmed is suggested, and the values are matched this time.
        visitor.send("people.csv", FILE)?;
        assert_eq!(visitor.property("select[name='field.3']", "value")?, "notes");
        visitor.review()?;
        visitor.choose("#value-0", "churned")?;
        visitor.follow("form[action$='/values'] button")?;
        visitor.see("3 read = 2 created + 1 rejected")?;
        visitor.follow("form[action$='/confirm'] button")?;
        visitor.see("2 created + 1 rejected")?;
        assert_eq!(visitor.contacts("status"), [["lead"], ["churned"]]);
    }
    Ok(())
}

/// From one error to the next by the keyboard: an e-mail and a choice, and a mistake that is taken back.
fn repair_in_the_sheet(visitor: &Visitor) -> Done {
    visitor.press("Alt+n")?;
    assert_eq!(visitor.told(HERE)?, "grace.example.com");
    visitor.write("grace@example.com")?;
    visitor.press("Enter")?;
    assert_eq!(visitor.told(HERE)?, "linus@example.org", "Enter goes down");
    visitor.write("a mistake")?;
    visitor.press("Control+z")?;
    assert_eq!(visitor.told(HERE)?, "linus@example.org", "the cell is taken back");
    visitor.press("Alt+n")?;
    assert_eq!(visitor.told(HERE)?, "unknown");
    visitor.write("customer")?;
    assert_eq!(visitor.all("td.changed")?.len(), 2, "what was changed is marked");
    visitor.press("Control+Enter")?;
    Ok(())
}

#[test]
fn a_good_a_bad_and_an_ugly_file_come_in() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    let good = "First Name,Last Name,Email\nAda,Lovelace,ada@x.io\n".as_bytes().to_vec();
    // Latin-1, titles above the header, a decimal point for a comma.
    let bad = b"Adressliste;;\nStand: heute;;\n\nVorname;Nachname;E-Mail\nJ\xfcrgen;M\xfcller;jm@x.io\nZo\xeb;Wei\xdf;zw@x.io\n".to_vec();
    let ugly = "First Name,Last Name,Email\n\"Bob \"the Builder\"\",Brown,bob@x.io\nEve,\"Black, or so,eve@x.io\nCy,White,cy@x.io\n"
        .as_bytes()
        .to_vec();
    for (name, content) in [("good.csv", good), ("bad.csv", bad), ("ugly.csv", ugly)] {
        visitor.send(name, content)?;
        for (index, field) in ["first_name", "last_name", "email"].iter().enumerate() {
            assert_eq!(
                visitor.property(&format!("select[name='field.{index}']"), "value")?,
                *field,
                "{name}"
            );
        }
        visitor.review()?;
        if name == "ugly.csv" {
            visitor.see("1 rejected")?;
        }
        visitor.follow("form[action$='/confirm'] button")?;
        visitor.see("balanced")?;
    }
    let found = visitor.contacts("first_name,last_name");
    let found: Vec<(&str, &str)> = found.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(
        found,
        [
            ("Ada", "Lovelace"),
            ("Jürgen", "Müller"),
            ("Zoë", "Weiß"),
            ("Bob \"the Builder\"", "Brown"),
            ("Cy", "White")
        ]
    );
    Ok(())
}

#[test]
fn the_sheet_of_a_workbook_is_chosen() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    let mut book = rust_xlsxwriter::Workbook::new();
    for (sheet, email) in [("Old", "old@x.io"), ("New", "new@x.io")] {
        let sheet = book.add_worksheet().set_name(sheet).expect("a name");
        for (column, texts) in [["First Name", "Ada"], ["Email", email]].iter().enumerate() {
            for (row, text) in texts.iter().enumerate() {
                sheet.write(row as u32, column as u16, *text).expect("a cell");
            }
        }
    }
    visitor.send("people.xlsx", book.save_to_buffer().expect("a workbook"))?;
    visitor.see("old@x.io")?;
    visitor.fill("#sheet", "New")?;
    visitor.press("Tab")?;
    visitor.see("new@x.io")?;
    visitor.review()?;
    visitor.follow("form[action$='/confirm'] button")?;
    visitor.see("1 read = 1 created")?;
    assert_eq!(visitor.contacts("email"), [["new@x.io"]]);
    Ok(())
}

#[test]
fn a_whole_import_needs_the_keyboard_only() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    visitor.press("Tab")?;
    assert_eq!(visitor.told("return document.activeElement.textContent")?, "Skip to the content");
    visitor.press("Enter")?;
    assert_eq!(
        visitor.told("return document.activeElement.id")?,
        "main",
        "the link skips what stands before"
    );
    // A table is typed and copied as from a spreadsheet …
    go_by_keys(&visitor, "a[href$='/new']")?;
    press_on(&visitor, "Enter", "textarea[name=notes]")?;
    go_by_keys(&visitor, "textarea[name=notes]")?;
    for line in ["First Name,E-mail", "Ada,ada@x.io", "Bob,bob.x.io"] {
        visitor.write(line)?;
        visitor.press("Enter")?;
    }
    visitor.press("Control+a")?;
    visitor.press("Control+c")?;
    // … and pasted.
    go_back_by_keys(&visitor, "a[href='/records/contacts']")?;
    press_on(&visitor, "Enter", "a[href='/import/contacts']")?;
    go_by_keys(&visitor, "a[href='/import/contacts']")?;
    press_on(&visitor, "Enter", "input[type=file]")?;
    visitor.press("Control+v")?;
    visitor.find("#mapping")?;
    go_by_keys(&visitor, "select[name='field.0']")?;
    visitor.write("Job")?;
    assert_eq!(visitor.told(HERE)?, "job_title");
    go_by_keys(&visitor, "#on_duplicate")?;
    visitor.press("Up")?;
    assert_eq!(visitor.told(HERE)?, "update:overwrite");
    go_back_by_keys(&visitor, "button[form=mapping]")?;
    press_on(&visitor, "Space", "table.sheet")?;
    go_by_keys(&visitor, "[data-next-error]")?;
    visitor.press("Enter")?;
    assert_eq!(visitor.told(HERE)?, "bob.x.io");
    visitor.write("bob@x.io")?;
    press_on(&visitor, "Control+Enter", "form[action$='/unrepaired']")?;
    visitor.see("2 read = 2 created")?;
    go_by_keys(&visitor, "form[action$='/confirm'] button")?;
    press_on(&visitor, "Enter", "form[action$='/undo']")?;
    assert_eq!(visitor.contacts("job_title,email"), [["Ada", "ada@x.io"], ["Bob", "bob@x.io"]]);
    go_by_keys(&visitor, "form[action$='/undo'] button")?;
    press_on(&visitor, "Enter", "dialog[open]")?;
    visitor.press("Escape")?;
    visitor.until_true(
        "the focus where it was",
        "return document.activeElement.matches(\"form[action$='/undo'] button\")",
    )?;
    press_on(&visitor, "Enter", "dialog[open]")?;
    go_by_keys(&visitor, "dialog button[value=yes]")?;
    visitor.press("Enter")?;
    visitor.see("Undo of import 1")
}

/// Presses keys, which lead to where something is.
fn press_on(visitor: &Visitor, keys: &str, then: &str) -> Done {
    visitor.press(keys)?;
    visitor.find(then).map(drop)
}

fn go_by_keys(visitor: &Visitor, to: &str) -> Done {
    walk_by_keys(visitor, "Tab", to)
}

fn go_back_by_keys(visitor: &Visitor, to: &str) -> Done {
    walk_by_keys(visitor, "Shift+Tab", to)
}

/// Goes on by a key until the keyboard is somewhere; on the way it is always seen where it is.
fn walk_by_keys(visitor: &Visitor, key: &str, to: &str) -> Done {
    const WHERE: &str = "const here = document.activeElement, box = here.getBoundingClientRect(), style = getComputedStyle(here); \
        const isSeen = here === document.body || (box.width > 0 && box.bottom > 0 && box.top < innerHeight \
            && box.right > 0 && box.left < innerWidth && (style.outlineStyle !== 'none' || here.matches('input[type=file]'))); \
        return [here.matches(arguments[0]), isSeen, here.outerHTML.slice(0, 200)]";
    for _ in 0..120 {
        visitor.press(key)?;
        let place = visitor.run(WHERE, &[json!(to)])?;
        if place[1] != json!(true) {
            return Err(format!("nobody sees where the keyboard is: {}", place[2]));
        }
        if place[0] == json!(true) {
            return Ok(());
        }
    }
    Err(format!("no key leads to {to}"))
}

#[test]
fn pages_fit_a_phone_and_are_dark_where_that_is_wanted() -> Done {
    const LIGHT: &str = "const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number); return (r * 0.3 + g * 0.6 + b * 0.1) / 255; }; \
        const of = (name) => light(getComputedStyle(document.body)[name]); return [of('backgroundColor'), of('color')]";
    const WIDE: &str = "const wide = [...document.querySelectorAll('body *')].filter((node) => node.getBoundingClientRect().right > innerWidth + 1 \
        && !node.closest('.scroll, .tabs, pre, .unseen')); \
        return document.documentElement.scrollWidth > innerWidth ? 'something is wider than the page: ' + wide.slice(0, 3).map((node) => node.outerHTML.slice(0, 150)).join('\\n') : ''";
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    let tour = visitor.tour()?;
    let mut wrong = Vec::new();
    for is_dark in [true, false] {
        visitor.look(360, 780, is_dark)?;
        for (name, address) in tour.pages() {
            visitor.go(&address)?;
            let wide = visitor.told(WIDE)?;
            if !wide.is_empty() {
                wrong.push(format!("{name}: {wide}"));
            }
            let light = visitor.run(LIGHT, &[])?;
            let (ground, ink) = (light[0].as_f64().unwrap_or(0.5), light[1].as_f64().unwrap_or(0.5));
            let is_right = if is_dark { ground < 0.2 && ink > 0.7 } else { ground > 0.8 && ink < 0.3 };
            if !is_right {
                wrong.push(format!("{name}: ground {ground:.2} and ink {ink:.2} where dark is {is_dark}"));
            }
            if visitor.picture()?.len() < 4_000 {
                wrong.push(format!("{name} shows nothing"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn axe_finds_nothing_wrong_with_any_page() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    let axe = axe();
    let tour = visitor.tour()?;
    let mut wrong = Vec::new();
    for (width, height, is_dark) in [(1280, 800, false), (360, 780, true)] {
        visitor.look(width, height, is_dark)?;
        for (name, address) in tour.pages() {
            visitor.go(&address)?;
            visitor.run(&axe, &[])?;
            let found = visitor.run(LOOK_FOR_BARRIERS, &[])?;
            for violation in found.as_array().into_iter().flatten() {
                wrong.push(format!("{name}, {width} wide: {}", violation.as_str().unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The script that looks for what keeps people out.
pub(crate) fn axe() -> String {
    let file = std::env::var("DRAY_TEST_AXE")
        .expect("set DRAY_TEST_AXE to axe.min.js of the package axe-core, or run ./test, which fetches it");
    std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{file} cannot be read: {why}"))
}

#[test]
fn pages_ask_nobody_else_and_break_no_rule_of_their_own() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    let tour = visitor.tour()?;
    let mut wrong = complaints(&visitor, "preparing")?;
    for (name, address) in tour.pages() {
        visitor.go(&address)?;
        visitor.until_true("the page", "return document.readyState === 'complete'")?;
        wrong.extend(complaints(&visitor, name)?);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What the browser wrote into its console, and what it asked of others.
fn complaints(visitor: &Visitor, page: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for entry in visitor.log(Log::Console)? {
        let message = entry["message"].as_str().unwrap_or_default();
        // That a page is not there is what this page is about.
        if page != "not-found" || !message.contains("404 (Not Found)") {
            found.push(format!("{page}: {message}"));
        }
    }
    for event in visitor.log(Log::Network)? {
        let address = event["params"]["request"]["url"].as_str().unwrap_or_default();
        let is_ours = address.starts_with(&visitor.server.url) || address.starts_with("data:");
        if event["method"] == "Network.requestWillBeSent" && !is_ours {
            found.push(format!("{page} asks {address}"));
        }
    }
    Ok(found)
}

#[test]
fn nobody_else_shows_our_pages_in_a_frame() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    let page = format!("<iframe src='{}/records/contacts'></iframe>", visitor.server.url);
    let host = Site::new(move |_, _, stream| {
        answer(stream, "200 OK", "Content-Type: text/html\r\n", page.as_bytes());
    });
    visitor.go(&host.url("/"))?;
    visitor.until("a refusal", || {
        let told = visitor.log(Log::Console)?;
        Ok(told
            .into_iter()
            .find(|entry| entry["message"].as_str().is_some_and(|text| text.contains("frame"))))
    })?;
    visitor.enter_frame("iframe")?;
    assert!(!visitor.text()?.contains("Contacts"), "nothing of the page is seen");
    visitor.leave_frames()
}

#[test]
fn scripts_of_a_page_are_small() -> Done {
    const SCRIPTS: &str = "return performance.getEntriesByType('resource').filter((one) => one.initiatorType === 'script').map((one) => one.name)";
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    let tour = visitor.tour()?;
    for (name, address) in tour.pages() {
        visitor.go(&address)?;
        let mut bytes = 0;
        for script in visitor.run(SCRIPTS, &[])?.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let path = script.strip_prefix(&visitor.server.url).expect("a script of the server");
            let sent = visitor.server.send("GET", path, &[("accept-encoding", "gzip")], b"");
            assert_eq!(sent.header("content-encoding"), "gzip", "{script}");
            bytes += sent.bytes.len();
        }
        assert!(bytes < MOST_SCRIPT_BYTES, "{name} sends {bytes} bytes of scripts");
        assert!(bytes > 1_000 || name == "reference", "{name} has its script");
    }
    Ok(())
}

#[test]
fn what_is_exported_comes_in_again_and_changes_nothing() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    for (name, email, status) in
        [("Ada", "ada@x.io", "lead"), ("Bób; \"x\"", "bob@x.io", "customer"), ("=Cy", "cy@y.io", "lead")]
    {
        let record = json!({ "first_name": name, "email": email, "status": status, "notes": "two\nlines" });
        visitor.server.post("/api/v1/objects/contacts/records", &record);
    }
    visitor.visit(
        "/records/contacts?field=status&operator=eq&value=lead&sort=email%3Adesc&column=email&column=status",
    )?;
    let link = |place: u8, format: &str| {
        format!("details[open] .items > div:nth-child({place}) a[href*='format={format}']")
    };
    visitor.click("//summary[text()='Export']")?;
    let view = visitor.download(&link(1, "csv"))?;
    let text = std::fs::read_to_string(&view).expect("the file is there").replace('\r', "");
    assert_eq!(text.trim_start_matches('\u{feff}'), "email,status\ncy@y.io,lead\nada@x.io,lead\n");
    for format in ["csv", "xlsx", "json", "parquet"] {
        visitor.visit("/records/contacts?search=ada")?;
        visitor.click("//summary[text()='Export']")?;
        let all = visitor.download(&link(2, format))?;
        visitor.send_file(&visitor.server.url, "contacts", &all)?;
        visitor.choose("#on_duplicate", "update:overwrite")?;
        visitor.review()?;
        visitor.see("3 read = 3 unchanged")?;
        visitor.see("Import 0 rows")?;
    }
    Ok(())
}

#[test]
fn an_import_needs_no_script() -> Done {
    let setting = Setting { without_scripts: true, ..Setting::default() };
    let visitor = Visitor::before(Server::start(Kind::Sqlite), setting)?;
    visitor.go(&visitor.link())?;
    visitor.click("main form button.primary")?;
    visitor.see("There are no records yet.")?;
    visitor.click("//a[text()='Import']")?;
    visitor.give("input[type=file]", &visitor.file("people.csv", FILE))?;
    visitor.click("//button[text()='Upload']")?;
    visitor.see("people.csv into Contacts")?;
    visitor.choose("#delimiter", ",")?;
    visitor.click("//button[text()='Apply']")?;
    visitor.see("3 rows, 1 columns")?;
    visitor.choose("#delimiter", ";")?;
    visitor.click("//button[text()='Apply']")?;
    visitor.see("3 rows, 4 columns")?;
    visitor.click("button[form=mapping]")?;
    visitor.see("3 read = 1 created + 2 rejected")?;
    visitor.fill("input[name='2.1']", "grace@example.com")?;
    visitor.click("//button[text()='Check again']")?;
    visitor.see("3 read = 2 created + 1 rejected")?;
    visitor.click("form[action$='/confirm'] button")?;
    visitor.see("balanced")?;
    assert_eq!(visitor.contacts("email"), [["ada@exmaple.com"], ["grace@example.com"]]);
    visitor.click("form[action$='/undo'] button")?;
    visitor.see("Undo of import 1")?;
    assert!(visitor.contacts("email").is_empty());
    Ok(())
}

#[test]
fn pages_speak_the_language_that_is_chosen() -> Done {
    const ENGLISH: [&str; 12] = [
        "Records",
        "Work",
        "Imports",
        "Jobs",
        "Sign out",
        "Search",
        "Filter",
        "Columns",
        "Export",
        "New record",
        "Cancel",
        "Drop a file",
    ];
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    for (language, words) in [
        ("de", ["Datensätze", "Aufträge", "Abmelden"]),
        ("fr", ["Enregistrements", "Tâches", "Se déconnecter"]),
    ] {
        visitor.visit("/records/contacts")?;
        visitor.follow(&format!(".languages button[value={language}]"))?;
        for path in ["/records/contacts", "/import/contacts", "/imports", "/jobs"] {
            visitor.visit(path)?;
            let text = visitor.text()?;
            assert_eq!(visitor.property("html", "lang")?, language);
            for word in words {
                assert!(text.contains(word), "{path} does not say {word}: {text}");
            }
            for word in ENGLISH {
                let is_there = text.split(['\n', '\t', '.', ',']).any(|part| part.trim() == word);
                assert!(!is_there, "{path} says {word} in {language}: {text}");
            }
        }
    }
    Ok(())
}
