//! Forms: what people entered, and the fields they enter it into.

use axum::extract::{Form, FromRequest, Request};
use maud::{Markup, Render, html};

use super::failure_words::notice;
use super::words::Words;
use crate::http::answer::{Answer, Failure};
use crate::server::app::App;

/// What was entered: names and texts, in the order of the form. A name may stand several times.
#[derive(Debug, Default)]
pub struct Entered(pub Vec<(String, String)>);

impl Entered {
    /// The text under a name as it was entered; empty where there is none.
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text)
    }

    /// The same without blanks around it.
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The same, where anything was entered.
    pub fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// All texts under a name.
    pub fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// True where a box is ticked.
    pub fn is_on(&self, name: &str) -> bool {
        !self.raw(name).is_empty()
    }

    /// A whole number, where anything was entered.
    pub fn number(&self, name: &str) -> Answer<Option<u64>> {
        let wrong = |text: &str| Failure::validation(format!("`{name}`: `{text}` is no whole number"));
        self.filled(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }

    /// The lines of a text that hold anything.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let lines = self.raw(name).lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    }
}

impl FromRequest<App> for Entered {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Answer<Self> {
        let form = Form::<Vec<(String, String)>>::from_request(request, app).await;
        form.map(|Form(pairs)| Self(pairs)).map_err(|rejection| {
            let why = rejection.body_text();
            Failure::new(rejection.status(), "VALIDATION_ERROR", format!("the form cannot be read: {why}"))
        })
    }
}

/// A line to write into, with its label.
#[derive(Debug)]
pub struct Field<'f> {
    name: &'f str,
    label: &'f str,
    value: &'f str,
    kind: &'static str,
    hint: &'f str,
    is_required: bool,
    is_whole: bool,
}

impl<'f> Field<'f> {
    /// A text.
    pub fn new(name: &'f str, label: &'f str, value: &'f str) -> Self {
        Self { name, label, value, kind: "text", hint: "", is_required: false, is_whole: false }
    }

    /// A text that nobody shall read over a shoulder; it is never shown again.
    pub fn secret(name: &'f str, label: &'f str) -> Self {
        Self::new(name, label, "").kind("password")
    }

    /// Another kind of input.
    #[must_use]
    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// A sentence below.
    #[must_use]
    pub fn hint(self, hint: &'f str) -> Self {
        Self { hint, ..self }
    }

    /// It must be filled.
    #[must_use]
    pub fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// It is as wide as the form.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { is_whole: true, ..self }
    }

    fn describes(&self) -> Option<String> {
        (!self.hint.is_empty()).then(|| format!("{}-hint", self.name))
    }

    fn around(&self, input: &Markup) -> Markup {
        html! {
            div.field.whole[self.is_whole] {
                label for=(self.name) { (self.label) }
                (input)
                @if let Some(id) = self.describes() { p.hint id=(id) { (self.hint) } }
            }
        }
    }

    /// The same with several lines.
    pub fn lines(&self, rows: u8) -> Markup {
        self.around(&html! {
            textarea id=(self.name) name=(self.name) rows=(rows) required[self.is_required] aria-describedby=[self.describes()] { (self.value) }
        })
    }

    /// The same with several lines of a program or of JSON.
    pub fn code(&self, rows: u8) -> Markup {
        self.around(&html! {
            textarea.code id=(self.name) name=(self.name) rows=(rows) spellcheck="false" autocapitalize="off"
                required[self.is_required] aria-describedby=[self.describes()] { (self.value) }
        })
    }

    /// The same as a choice: value and text of each.
    pub fn choice<'o>(&self, options: impl IntoIterator<Item = (&'o str, &'o str)>) -> Markup {
        self.around(&html! {
            select id=(self.name) name=(self.name) required[self.is_required] aria-describedby=[self.describes()] {
                @for (value, text) in options { option value=(value) selected[value == self.value] { (text) } }
            }
        })
    }
}

impl Render for Field<'_> {
    fn render(&self) -> Markup {
        let is_secret = self.kind == "password";
        self.around(&html! {
            input id=(self.name) name=(self.name) type=(self.kind) value=[(!is_secret).then_some(self.value)]
                required[self.is_required] autocomplete=(if is_secret { "new-password" } else { "off" })
                aria-describedby=[self.describes()];
        })
    }
}

/// A box to tick.
pub fn tick(name: &str, label: &str, is_on: bool) -> Markup {
    html! { label { input type="checkbox" name=(name) value="on" checked[is_on]; " " (label) } }
}

/// What is wrong with what was entered, above the form.
pub fn wrong(words: &Words, failure: Option<&Failure>) -> Markup {
    html! {
        @if let Some(failure) = failure { (notice(words, failure)) }
    }
}

/// A name as files and the API spell it, made of one for people: `Shoe size` → `shoe_size`.
pub fn name_of(label: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let mut name = String::new();
    for letter in label.nfkd().filter(|letter| !matches!(letter, '\u{300}'..='\u{36f}')) {
        match letter.to_ascii_lowercase() {
            'ß' => name.push_str("ss"),
            letter if letter.is_ascii_alphanumeric() => name.push(letter),
            _ if name.ends_with('_') || name.is_empty() => {}
            _ => name.push('_'),
        }
    }
    name.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_labels() {
        for (label, name) in [
            ("Shoe size", "shoe_size"),
            ("  Größe (cm) ", "grosse_cm"),
            ("Numéro n° 1", "numero_n_1"),
            ("日本", ""),
        ] {
            assert_eq!(name_of(label), name);
        }
    }

    #[test]
    fn what_was_entered_is_found_by_name() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let entered =
            Entered(vec![pair("a", " 1 "), pair("b", ""), pair("a", "2"), pair("c", "x\r\n\r\n y ")]);
        assert_eq!((entered.text("a"), entered.raw("a"), entered.filled("b")), ("1", " 1 ", None));
        assert_eq!(entered.all("a").collect::<Vec<_>>(), [" 1 ", "2"]);
        assert_eq!(entered.number("a").expect("a number"), Some(1));
        assert!(entered.number("c").is_err());
        assert_eq!(entered.lines("c"), ["x", "y"]);
        assert!(entered.is_on("a") && !entered.is_on("b") && !entered.is_on("z"));
    }
}
