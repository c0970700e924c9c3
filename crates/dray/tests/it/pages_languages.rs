//! An import with a bad file in German and French: nothing that the engine says stands there in English, but
//! where the page marks it as such.

use crate::pages_kit::{Browser, Shown, form_of};
use crate::server::Server;
use crate::support::Kind;

const FILE: &str = "First Name;E-Mail;Status;Birthday;Anrede\nAda;ada@example.com;lead;1955-12-10;Ms.\n\
                    Grace;grace.example.com;customer;1906-12-09;Ms.\nLinus;linus@example.org;unknown;1969-12-28;Mr.\n";

/// What only the engine says, and must not stand on a page of another language without a mark.
const ENGLISH: [&str; 14] = [
    " header ",
    " the ",
    " values ",
    "semicolon",
    "comma",
    "pipe",
    "line 1",
    "(found)",
    "invalid email",
    "not a choice",
    "e-mail address",
    "choices are",
    "completed",
    " is not ",
];

/// What a language says of a bad file, step by step.
struct Told {
    language: &'static str,
    map: [&'static str; 4],
    header_row: &'static str,
    review: [&'static str; 4],
    import: [&'static str; 4],
    twice: &'static str,
    missing: [&'static str; 2],
}

const GERMAN: Told = Told {
    language: "de",
    header_row: "placeholder=\"Zeile 1 (erkannt)\"",
    map: [
        "Semikolon (erkannt)",
        "Komma ,",
        "der Spaltenname ist",
        "enthält Anreden, und kein Feld nimmt sie",
    ],
    review: [
        "E-Mail : ungültige E-Mail-Adresse",
        "Status : nicht in der Auswahl",
        "keine gültige E-Mail-Adresse; sie hat die Form name@example.com",
        "der Text ist keiner der möglichen Werte",
    ],
    import: ["fertig", "geht auf", "keine gültige E-Mail-Adresse", "der Text ist keiner der möglichen Werte"],
    twice: "wird zweimal gefüllt",
    missing: ["Das gibt es hier nicht", "Gehen Sie zurück"],
};

const FRENCH: Told = Told {
    language: "fr",
    header_row: "placeholder=\"ligne 1 (détecté)\"",
    map: [
        "point-virgule (détecté)",
        "virgule ,",
        "le nom de la colonne est",
        "contient des civilités, et aucun champ ne les accepte",
    ],
    review: [
        "E-Mail : adresse e-mail invalide",
        "Status : hors des choix possibles",
        "ce n’est pas une adresse e-mail valide ; elle a la forme name@example.com",
        "le texte n’est aucun des choix possibles",
    ],
    import: [
        "terminé",
        "équilibré",
        "ce n’est pas une adresse e-mail valide",
        "le texte n’est aucun des choix possibles",
    ],
    twice: "est rempli deux fois",
    missing: ["Cela n’existe pas ici", "Revenez en arrière"],
};

/// The text of a page without what is marked as English.
fn unmarked(shown: &Shown) -> String {
    let mut parts = shown.html.split("<span lang=\"en\">");
    let mut html = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        html.push_str(part.split_once("</span>").map_or("", |(_, rest)| rest));
    }
    Shown { html, status: shown.status, path: shown.path.clone(), head: String::new() }.text()
}

fn says(shown: &Shown, told: &[&str]) {
    let text = unmarked(shown);
    for words in told {
        assert!(text.contains(words), "no `{words}` in {text}");
    }
    for english in ENGLISH {
        assert!(!text.contains(english), "`{english}` stands in {text}");
    }
}

#[test]
fn a_bad_file_is_told_in_the_language_of_the_page() {
    for told in [GERMAN, FRENCH] {
        let server = Server::start(Kind::Sqlite);
        let mut browser = Browser::signed_in(&server);
        browser.language = told.language;
        let map = browser.send_file("contacts", "people.csv", FILE);
        says(&map, &told.map);
        assert!(map.html.contains(told.header_row), "{}", map.html);

        let mut entered = form_of(&map.html);
        entered.retain(|name, _| name.contains('.') || name == "match" || name == "on_duplicate");
        entered.insert("field.4".to_owned(), "email".to_owned());
        let send = |entered: &std::collections::BTreeMap<String, String>, browser: &mut Browser<'_>| {
            let fields: Vec<(&str, &str)> =
                entered.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            browser.post(&format!("{}/mapping", map.path), &fields)
        };
        let twice = send(&entered, &mut browser);
        assert_eq!(twice.status, 422, "{}", twice.text());
        says(&twice, &[told.twice]);
        let kept = form_of(&twice.html);
        assert_eq!((kept["field.1"].as_str(), kept["field.4"].as_str()), ("email", "email"));

        entered.insert("field.4".to_owned(), String::new());
        let review = send(&entered, &mut browser);
        says(&review, &told.review);
        assert!(review.html.contains("<span lang=\"en\">the choices are "), "{}", review.html);
        let done = browser.post(&format!("{}/confirm", map.path), &[]);
        assert!(done.path.starts_with("/imports/"), "{}: {}", done.path, done.text());
        assert!(done.html.contains("aria-current=\"step\""), "{}", done.html);
        says(&done, &told.import);
        let missing = browser.get("/records/nothing");
        assert_eq!(missing.status, 404);
        says(&missing, &told.missing);
    }
}
