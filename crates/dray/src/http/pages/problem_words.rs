//! What can be wrong with a row, in every language. A problem that lacks one is an error of the compiler.

use dray_model::problem::ProblemCode;
use maud::{Markup, html};
use serde_json::Value;

use super::pieces::{of_engine, text};
use super::words::{Texts, Words};

/// What is said of a problem.
struct Said {
    name: Texts,
    sentence: Texts,
    /// The engine says more that somebody needs: the choices, the limit, the place.
    is_detailed: bool,
}

macro_rules! problems {
    ($($code:ident $extent:ident:
        $english:literal, $german:literal, $french:literal; $in_german:literal, $in_french:literal;)*) => {
        fn said(code: ProblemCode) -> Said {
            match code {
                $(ProblemCode::$code => Said {
                    name: [$english, $german, $french],
                    sentence: [code.about().1, $in_german, $in_french],
                    is_detailed: problems!(@ $extent),
                },)*
            }
        }
    };
    (@ whole) => { false };
    (@ detailed) => { true };
}

// `whole` where the sentence is all there is to say, `detailed` where the message of the engine says more.
problems! {
    NoHeader whole: "no header", "keine Kopfzeile", "pas d’en-tête";
        "die Datei nennt ihre Spalten nicht; sie werden nach ihren Nummern benannt", "le fichier ne nomme pas ses colonnes ; elles sont désignées par leur numéro";
    SkippedLines detailed: "skipped lines", "ausgelassene Zeilen", "lignes ignorées";
        "Zeilen, die weder Kopf noch Daten sind, wurden ausgelassen", "des lignes qui ne sont ni en-tête ni données ont été ignorées";
    OtherTable detailed: "other table", "andere Tabelle", "autre tableau";
        "die Zeile gehört zu einer anderen Tabelle; nur die erste wird gelesen", "la ligne appartient à un autre tableau ; seul le premier est lu";
    HiddenRows detailed: "hidden rows", "ausgeblendete Zeilen", "lignes masquées";
        "das Blatt hat ausgeblendete Zeilen oder Spalten; sie werden mitgelesen", "la feuille a des lignes ou des colonnes masquées ; elles sont lues aussi";
    HiddenSheets detailed: "hidden sheets", "ausgeblendete Blätter", "feuilles masquées";
        "die Arbeitsmappe hat ausgeblendete Blätter; sie werden nicht gelesen", "le classeur a des feuilles masquées ; elles ne sont pas lues";
    OtherSheets detailed: "other sheets", "weitere Blätter", "autres feuilles";
        "die Arbeitsmappe hat mehr Blätter als das gelesene", "le classeur a d’autres feuilles que celle qui est lue";
    MergedCells detailed: "merged cells", "verbundene Zellen", "cellules fusionnées";
        "Zellen sind verbunden; der Text gehört zur ersten davon", "des cellules sont fusionnées ; le texte appartient à la première";
    RepairedRow detailed: "repaired row", "berichtigte Zeile", "ligne rectifiée";
        "die Zeile passte nicht zu den Spalten und wurde berichtigt", "la ligne ne correspondait pas aux colonnes et a été rectifiée";
    UnclearRow detailed: "unclear row", "unklare Zeile", "ligne ambiguë";
        "die Zeile passt nicht zu den Spalten, und wie sie zu teilen ist, ist unklar", "la ligne ne correspond pas aux colonnes, et la façon de la découper n’est pas claire";
    StrayQuote whole: "stray quote", "einzelnes Anführungszeichen", "guillemet isolé";
        "ein Anführungszeichen, das keine Zelle öffnet oder schließt, wurde als Text gelesen", "un guillemet qui n’ouvre ni ne ferme aucune cellule a été lu comme du texte";
    TooManyCells detailed: "too many cells", "zu viele Zellen", "trop de cellules";
        "die Zeile hat mehr Zellen als die Kopfzeile", "la ligne a plus de cellules que l’en-tête";
    UnclosedQuote detailed: "unclosed quote", "offenes Anführungszeichen", "guillemet non fermé";
        "ein Anführungszeichen wird geöffnet und nie geschlossen", "un guillemet s’ouvre et ne se ferme jamais";
    CellError detailed: "cell error", "Fehler in der Zelle", "erreur dans la cellule";
        "die Zelle enthält einen Fehler des Tabellenprogramms", "la cellule contient une erreur du tableur";
    InvalidEncoding whole: "invalid encoding", "falscher Zeichensatz", "encodage incorrect";
        "die Zelle enthält Bytes, die in diesem Zeichensatz kein Text sind", "la cellule contient des octets qui ne sont pas du texte dans cet encodage";
    InvalidCharacter whole: "invalid character", "unzulässiges Zeichen", "caractère non admis";
        "die Zelle enthält ein NUL-Zeichen; entfernen Sie es", "la cellule contient un caractère NUL ; retirez-le";
    CellTooLarge detailed: "cell too large", "zu große Zelle", "cellule trop grande";
        "die Zelle ist größer als erlaubt", "la cellule dépasse la taille permise";
    InvalidRecord detailed: "invalid record", "unlesbarer Datensatz", "enregistrement illisible";
        "der Datensatz lässt sich nicht lesen", "l’enregistrement ne peut pas être lu";
    UnknownMember detailed: "unknown member", "unbekannte Eigenschaft", "propriété inconnue";
        "der Datensatz hat eine Eigenschaft, die der Kopf nicht nennt", "l’enregistrement a une propriété que l’en-tête ne nomme pas";
    Required whole: "required", "Pflichtfeld leer", "champ obligatoire vide";
        "ein Pflichtfeld ist leer; geben Sie ihm einen Wert", "un champ obligatoire est vide ; donnez-lui une valeur";
    TooLong detailed: "too long", "zu lang", "trop long";
        "der Text ist länger, als das Feld erlaubt", "le texte est plus long que le champ ne le permet";
    PatternMismatch detailed: "pattern mismatch", "falsche Form", "forme incorrecte";
        "der Text hat nicht die verlangte Form", "le texte n’a pas la forme exigée";
    TooSmall detailed: "too small", "zu klein", "trop petit";
        "der Wert liegt unter dem kleinsten erlaubten", "la valeur est inférieure au minimum permis";
    TooLarge detailed: "too large", "zu groß", "trop grand";
        "der Wert liegt über dem größten erlaubten", "la valeur est supérieure au maximum permis";
    NotAnInteger whole: "not an integer", "keine ganze Zahl", "pas un nombre entier";
        "keine ganze Zahl; schreiben Sie nur Ziffern, etwa 42", "ce n’est pas un nombre entier ; écrivez seulement des chiffres, comme 42";
    NotADecimal detailed: "not a decimal", "keine Zahl", "pas un nombre";
        "der Text ist keine Zahl", "le texte n’est pas un nombre";
    TooManyDecimals detailed: "too many decimals", "zu viele Nachkommastellen", "trop de décimales";
        "die Zahl hat mehr Nachkommastellen als erlaubt", "le nombre a plus de décimales que permis";
    NotABoolean whole: "not a boolean", "weder ja noch nein", "ni oui ni non";
        "weder ja noch nein; schreiben Sie ja oder nein, true oder false, 1 oder 0", "ni oui ni non ; écrivez yes ou no, true ou false, 1 ou 0";
    NotADate detailed: "not a date", "kein Datum", "pas une date";
        "kein Datum; schreiben Sie es als 2025-04-03", "ce n’est pas une date ; écrivez-la sous la forme 2025-04-03";
    NotATime whole: "not a time", "keine Uhrzeit", "pas une heure";
        "keine Uhrzeit; schreiben Sie sie als 14:30 oder 14:30:15", "ce n’est pas une heure ; écrivez-la sous la forme 14:30 ou 14:30:15";
    NotADateTime detailed: "not a datetime", "kein Datum mit Uhrzeit", "pas une date avec heure";
        "kein Datum mit Uhrzeit; schreiben Sie es als 2025-04-03T14:30:00Z", "ce n’est pas une date avec heure ; écrivez-la sous la forme 2025-04-03T14:30:00Z";
    NotAUuid whole: "not a uuid", "keine UUID", "pas un UUID";
        "keine UUID; sie hat 32 hexadezimale Ziffern", "ce n’est pas un UUID ; il compte 32 chiffres hexadécimaux";
    InvalidJson detailed: "invalid json", "ungültiges JSON", "JSON invalide";
        "der Text ist kein gültiges JSON", "le texte n’est pas du JSON valide";
    InvalidShape detailed: "invalid shape", "falscher Aufbau", "structure incorrecte";
        "das JSON hat nicht den verlangten Aufbau", "le JSON n’a pas la structure exigée";
    DamagedText detailed: "damaged text", "beschädigter Wert", "valeur endommagée";
        "ein Tabellenprogramm hat den Wert beschädigt", "un tableur a endommagé la valeur";
    InvalidEmail whole: "invalid email", "ungültige E-Mail-Adresse", "adresse e-mail invalide";
        "keine gültige E-Mail-Adresse; sie hat die Form name@example.com", "ce n’est pas une adresse e-mail valide ; elle a la forme name@example.com";
    InvalidPhone whole: "invalid phone", "ungültige Telefonnummer", "numéro de téléphone invalide";
        "keine gültige Telefonnummer; schreiben Sie sie etwa als +49 30 123456", "ce n’est pas un numéro de téléphone valide ; écrivez par exemple +33 1 23 45 67 89";
    InvalidUrl whole: "invalid url", "ungültige Webadresse", "adresse web invalide";
        "keine gültige Webadresse; sie beginnt mit http:// oder https:// und hat keine Leerzeichen", "ce n’est pas une adresse web valide ; elle commence par http:// ou https:// et n’a pas d’espace";
    InvalidExpression detailed: "invalid expression", "ungültiger Ausdruck", "expression invalide";
        "der Text ist kein gültiger Ausdruck", "le texte n’est pas une expression valide";
    NotAChoice detailed: "not a choice", "nicht in der Auswahl", "hors des choix possibles";
        "der Text ist keiner der möglichen Werte", "le texte n’est aucun des choix possibles";
    ReferenceNotFound whole: "reference not found", "Verweis nicht gefunden", "référence introuvable";
        "es gibt keinen Datensatz mit diesem Namen", "aucun enregistrement ne porte ce nom";
    ReferenceAmbiguous whole: "reference ambiguous", "mehrdeutiger Verweis", "référence ambiguë";
        "mehrere Datensätze haben diesen Namen", "plusieurs enregistrements portent ce nom";
    NotUnique whole: "not unique", "nicht eindeutig", "valeur déjà prise";
        "ein anderer Datensatz hat diesen Wert schon", "un autre enregistrement a déjà cette valeur";
    MatchAmbiguous whole: "match ambiguous", "mehrere Treffer", "plusieurs correspondances";
        "die Zeile passt zu mehreren Datensätzen; erkennen Sie sie an einem Feld, dessen Wert nur ein Datensatz hat", "la ligne correspond à plusieurs enregistrements ; reconnaissez-la par un champ dont la valeur est unique";
    TooManyRows detailed: "too many rows", "zu viele Zeilen", "trop de lignes";
        "die Datei hat mehr Zeilen als erlaubt", "le fichier a plus de lignes que permis";
    NotTransformed detailed: "not transformed", "nicht umgeformt", "non transformée";
        "die Umformung hat für die Zeile kein Ergebnis", "la transformation ne donne aucun résultat pour la ligne";
    InvalidResult detailed: "invalid result", "unbrauchbares Ergebnis", "résultat inutilisable";
        "was die Umformung aus der Zeile gemacht hat, ist nicht verwendbar", "ce que la transformation a fait de la ligne est inutilisable";
}

/// A few words for a problem of this code.
pub fn name(words: &Words, code: &str) -> String {
    match ProblemCode::from_word(code) {
        Some(code) => words.one_of(said(code).name).to_owned(),
        None => code.replace('_', " "),
    }
}

/// What a problem says.
pub fn sentence(words: &Words, problem: &Value) -> Markup {
    let message = text(problem, "message");
    let code = ProblemCode::from_word(text(problem, "code"));
    let Some(code) = code.filter(|_| !words.is_english()) else { return of_engine(words, message) };
    let said = said(code);
    let details = message.strip_prefix(code.about().1).unwrap_or(message).trim_start_matches([':', ' ']);
    html! {
        (words.one_of(said.sentence))
        @if said.is_detailed && !details.is_empty() { " " span.hint { (of_engine(words, details)) } }
    }
}
