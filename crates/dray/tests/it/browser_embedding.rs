//! An import within the page of another application, on another origin, in a real browser; and large files, whose
//! parts go on where they broke off.

use serde_json::json;

use crate::browser_kit::{Done, Visitor};
use crate::site::{Site, answer};
use crate::support::Kind;

const FILE: &str = "First Name,E-Mail\nAda,ada@example.com\nGrace,grace.example.com\n";

/// A page of another application that shows an import and writes down what it hears.
fn host_page(visitor: &Visitor, attributes: &str) -> Result<Site, String> {
    let server = visitor.server.url.clone();
    let site = Site::new({
        let page = format!(
            "<!doctype html><title>Shop</title><script src=\"{server}/embed.js\"></script>\
             <style>dray-import {{ --dray-accent: rgb(179, 0, 107); --dray-scheme: light }}</style>\
             <h1>Shop</h1><dray-import {attributes}></dray-import><ol id=\"heard\"></ol>\
             <script>for (const name of ['completed', 'failed', 'undone']) addEventListener(name, (event) => {{\
               const line = document.createElement('li');\
               line.textContent = [name, event.detail.import, event.detail.created, event.detail.code].join(' ');\
               document.getElementById('heard').append(line); }}, true)</script>"
        );
        move |_, _, stream| answer(stream, "200 OK", "Content-Type: text/html\r\n", page.as_bytes())
    });
    Ok(site)
}

fn lets_in(visitor: &Visitor, port: u16) -> String {
    let origins = json!({ "origins": [format!("http://127.0.0.1:{port}")] });
    assert_eq!(visitor.server.json("PUT", "/api/v1/embedding", &origins).status, 200);
    let made = visitor.server.post("/api/v1/embedding/tokens", &json!({ "object": "contacts" }));
    made.json()["token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_shop_shows_the_four_steps_and_hears_what_happened() -> Done {
    let visitor = Visitor::new(Kind::Sqlite)?;
    // The port is known once the site listens, and the token names no port: so the site is made twice.
    let token = lets_in(&visitor, 1);
    let site = host_page(&visitor, &format!("object=\"contacts\" token=\"{token}\" language=\"en\""))?;
    let page = format!("http://127.0.0.1:{}/", site.port);
    lets_in(&visitor, site.port);
    visitor.go(&page)?;
    visitor.enter_frame("dray-import iframe")?;
    visitor.give("input[type=file]", &visitor.file("people.csv", FILE))?;
    visitor.see("people.csv into Contacts")?;
    assert!(!visitor.text()?.contains("Sign out"), "the frame has nothing but the import");
    let accent = "return getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()";
    assert_eq!(visitor.told(accent)?, "rgb(179, 0, 107)", "the page around it says the colours");
    visitor.click("button[form=mapping]")?;
    visitor.see("2 read = 1 created + 1 rejected")?;
    visitor.fill("input[name='2.1']", "grace@example.com")?;
    visitor.click("//button[text()='Check again']")?;
    visitor.see("2 read = 2 created")?;
    visitor.click("form[action$='/confirm'] button")?;
    visitor.see("balanced")?;
    visitor.leave_frames()?;
    visitor.see("completed 1 2")?;
    visitor.until_true(
        "a frame as high as its page",
        "return Math.abs(document.querySelector('iframe').clientHeight - parseFloat(document.querySelector('iframe').style.height)) < 2 \
         && document.querySelector('iframe').clientHeight !== 448",
    )?;
    assert_eq!(visitor.contacts("email"), [["ada@example.com"], ["grace@example.com"]]);
    visitor.enter_frame("dray-import iframe")?;
    visitor.click("form[action$='/undo'] button")?;
    visitor.click("dialog button[value=yes]")?;
    visitor.see("undone")?;
    visitor.leave_frames()?;
    visitor.see("undone 1 2")?;
    assert!(visitor.contacts("email").is_empty());
    Ok(())
}

#[test]
fn a_page_that_may_not_show_imports_hears_so() -> Done {
    let visitor = Visitor::new(Kind::Sqlite)?;
    let token = lets_in(&visitor, 1);
    let site = host_page(&visitor, &format!("object=\"contacts\" token=\"{token}\""))?;
    visitor.go(&format!("http://127.0.0.1:{}/", site.port))?;
    visitor.see("failed NOT_SHOWN")?;
    let empty = host_page(&visitor, "object=\"contacts\"")?;
    visitor.go(&format!("http://127.0.0.1:{}/", empty.port))?;
    visitor.until("what the element says without a token", || {
        let said = visitor.told(
            "const element = document.createElement('dray-import'); let code; \
             element.addEventListener('failed', (event) => { code = event.detail.code }); \
             document.body.append(element); return code",
        )?;
        Ok((said == "TOKEN_MISSING").then_some(()))
    })?;
    Ok(())
}

#[test]
fn a_large_file_goes_on_where_it_broke_off() -> Done {
    let visitor = Visitor::signed_in(Kind::Sqlite)?;
    // 40 MB in parts of 8, by a slow line until the page is left.
    let row = format!("Ada,{}\n", "x".repeat(990));
    let content = format!("First Name,Notes\n{}", row.repeat(40_000));
    let file = visitor.file("large.csv", content);
    let address = format!("{}/import/contacts", visitor.server.url);
    visitor.go(&address)?;
    visitor.ask_chromium("Network.enable", &json!({}))?;
    let speed = |bytes: i64| json!({ "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes });
    visitor.ask_chromium("Network.emulateNetworkConditions", &speed(12 << 20))?;
    visitor.give("input[type=file]", &file)?;
    let kept = "return Object.keys(localStorage).filter((key) => key.startsWith('dray ')).length";
    visitor.until("a place for the file", || Ok((visitor.told(kept)? == "1").then_some(())))?;
    let place = "return JSON.parse(localStorage.getItem(Object.keys(localStorage).find((key) => key.startsWith('dray ')))).address";
    let link = visitor.told(place)?;
    let come = || -> u64 {
        let look = visitor.server.send("HEAD", &link, &[], b"");
        look.header("upload-offset").parse().unwrap_or(0)
    };
    visitor.until("the first part", || Ok((come() >= 8 << 20).then_some(())))?;
    visitor.go(&address)?;
    let before = visitor.until("what came", || {
        let now = come();
        std::thread::sleep(std::time::Duration::from_millis(200));
        Ok((now > 0 && now == come()).then_some(now))
    })?;
    assert!((8 << 20..40 << 20).contains(&before), "{before} bytes came before the page was left");
    visitor.ask_chromium("Network.emulateNetworkConditions", &speed(-1))?;
    visitor.give("input[type=file]", &file)?;
    visitor.see("large.csv into Contacts")?;
    assert_eq!(
        visitor.told("return Object.keys(localStorage).filter((key) => key.startsWith('dray ')).length")?,
        "0"
    );
    let sent: Vec<String> = visitor
        .server
        .log()
        .lines()
        .filter(|line| line.contains("PATCH") && line.contains("/files/"))
        .map(str::to_owned)
        .collect();
    assert!((5..=7).contains(&sent.len()), "a file that goes on is not sent anew: {sent:?}");
    Ok(())
}
