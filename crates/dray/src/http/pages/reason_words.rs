//! Why a field is suggested for a column, in the languages that the engine does not speak.

use dray_engine::suggest::{HeaderSays, Meaning, Reason, Told, ValuesSay};

use super::words::{Words, filled};

/// German and French; English is what the engine says.
type Translated = [&'static str; 2];

fn of(words: &Words, [german, french]: Translated) -> &'static str {
    // English is told by the engine before anything is asked here.
    words.one_of([german, german, french])
}

/// The reason in the language of the page.
pub fn reason(words: &Words, reason: &Reason) -> String {
    if words.is_english() { reason.to_string() } else { translated(words, reason) }
}

fn translated(words: &Words, reason: &Reason) -> String {
    let said = |texts: Translated, parts: &[&str]| filled(of(words, texts), parts);
    match reason {
        Reason::Confirmed => {
            said(["für diesen Spaltennamen schon bestätigt", "déjà confirmé pour ce nom de colonne"], &[])
        }
        Reason::Opinion => said(["eine zweite Meinung", "un deuxième avis"], &[]),
        Reason::Stored => said(
            [
                "die Werte sind schon in diesem Feld gespeichert",
                "les valeurs sont déjà enregistrées dans ce champ",
            ],
            &[],
        ),
        Reason::NextType => said(
            [
                "ein weiterer Wert dieses Feldes; seine übliche Art ist vergeben",
                "une autre valeur de ce champ ; son type habituel est pris",
            ],
            &[],
        ),
        Reason::Read(HeaderSays::Nothing, ValuesSay::OneFits) => said(
            [
                "der Spaltenname sagt nichts, aber der Wert passt",
                "le nom de la colonne ne dit rien, mais la valeur convient",
            ],
            &[],
        ),
        Reason::Read(HeaderSays::Nothing, ValuesSay::Fit) => said(
            [
                "der Spaltenname sagt nichts, aber die Werte passen",
                "le nom de la colonne ne dit rien, mais les valeurs conviennent",
            ],
            &[],
        ),
        Reason::Read(header, values) => {
            format!("{}, {}", header_says(words, header), of(words, values_say(*values)))
        }
        Reason::LeftOutBefore => said(["schon früher weggelassen", "déjà ignoré auparavant"], &[]),
        Reason::Filled { field, by } => {
            said(["„{0}“ wird durch „{1}“ gefüllt", "« {0} » est rempli par « {1} »"], &[field, by])
        }
        Reason::OtherAddress { field } => said(
            [
                "„{0}“ nimmt eine Adresse, und eine andere dieser Tabelle ist vollständiger oder steht zuerst",
                "« {0} » n’accepte qu’une adresse, et une autre de ce tableau est plus complète ou vient en premier",
            ],
            &[field],
        ),
        Reason::Unsure { field } => said(
            ["vielleicht „{0}“, aber zu wenig spricht dafür", "peut-être « {0} », mais trop peu d’indices"],
            &[field],
        ),
        Reason::TypeBeside => said(["die Art des Werts daneben", "le type de la valeur voisine"], &[]),
        Reason::SomebodyElse => said(
            [
                "handelt von jemand anderem als dem Datensatz",
                "concerne quelqu’un d’autre que l’enregistrement",
            ],
            &[],
        ),
        Reason::Salutations => said(
            [
                "enthält Anreden, und kein Feld nimmt sie",
                "contient des civilités, et aucun champ ne les accepte",
            ],
            &[],
        ),
        Reason::AboutValue => {
            said(["sagt etwas über einen Wert, nicht den Wert", "décrit une valeur sans être la valeur"], &[])
        }
        Reason::NothingKnown => said(
            [
                "der Spaltenname ist unbekannt, und es gibt keine Werte",
                "le nom de la colonne est inconnu, et il n’y a pas de valeurs",
            ],
            &[],
        ),
        Reason::NoField => said(
            [
                "weder der Spaltenname noch die Werte lassen ein Feld erkennen",
                "ni le nom de la colonne ni les valeurs n’indiquent un champ",
            ],
            &[],
        ),
        Reason::NoFieldFor(meaning) => said(
            [
                "der Spaltenname bedeutet „{0}“, und kein Feld nimmt das",
                "le nom de la colonne signifie « {0} », et aucun champ ne l’accepte",
            ],
            &[&told(words, meaning)],
        ),
    }
}

fn header_says(words: &Words, header: &HeaderSays) -> String {
    let (texts, meaning) = match header {
        HeaderSays::Name => {
            (["der Spaltenname ist der Name des Feldes", "le nom de la colonne est celui du champ"], None)
        }
        HeaderSays::Synonym => (
            [
                "der Spaltenname gehört zu den bekannten des Feldes",
                "le nom de la colonne est connu pour ce champ",
            ],
            None,
        ),
        HeaderSays::Means(meaning) => {
            (["der Spaltenname bedeutet „{0}“", "le nom de la colonne signifie « {0} »"], Some(meaning))
        }
        HeaderSays::MeansBesideOthers(meaning) => (
            [
                "neben den anderen Spalten bedeutet der Name „{0}“",
                "à côté des autres colonnes, le nom signifie « {0} »",
            ],
            Some(meaning),
        ),
        HeaderSays::Misspelt => (
            [
                "der Spaltenname weicht um einen Buchstaben von einem bekannten ab",
                "le nom de la colonne diffère d’une lettre d’un nom connu",
            ],
            None,
        ),
        HeaderSays::MeansBesideUnknown(meaning) => (
            [
                "der Spaltenname bedeutet „{0}“, neben unbekannten Wörtern",
                "le nom de la colonne signifie « {0} », avec des mots inconnus",
            ],
            Some(meaning),
        ),
        HeaderSays::MeansAmongOthers(meaning) => (
            [
                "der Spaltenname bedeutet unter anderem „{0}“",
                "le nom de la colonne signifie entre autres « {0} »",
            ],
            Some(meaning),
        ),
        HeaderSays::SharesWords => (
            [
                "der Spaltenname hat Wörter mit dem Feld gemein",
                "le nom de la colonne partage des mots avec le champ",
            ],
            None,
        ),
        HeaderSays::Nothing => (["der Spaltenname sagt nichts", "le nom de la colonne ne dit rien"], None),
    };
    filled(of(words, texts), &[&meaning.map(|meaning| told(words, meaning)).unwrap_or_default()])
}

fn values_say(values: ValuesSay) -> Translated {
    match values {
        ValuesSay::OneFits => ["und der Wert passt", "et la valeur convient"],
        ValuesSay::Fit => ["und die Werte passen", "et les valeurs conviennent"],
        ValuesSay::MayBe => ["und die Werte sind möglich", "et les valeurs sont possibles"],
        ValuesSay::Missing => {
            ["und es gibt keine Werte zum Vergleich", "et il n’y a pas de valeurs à comparer"]
        }
        ValuesSay::FewFit => ["aber nur wenige Werte passen", "mais peu de valeurs conviennent"],
        ValuesSay::Contradict => ["obwohl die Werte nicht passen", "bien que les valeurs ne conviennent pas"],
    }
}

fn told(words: &Words, meaning: &Meaning) -> String {
    match meaning.told() {
        Told::Itself(name) | Told::Plain(name) => concept(words, name),
        Told::Kind(property, kind) | Told::Of(property, kind) => {
            format!("{} ({})", concept(words, property), concept(words, kind))
        }
    }
}

fn concept(words: &Words, name: &str) -> String {
    let known = CONCEPTS.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| name.replace('_', " "), |(_, texts)| of(words, *texts).to_owned())
}

/// What headers mean, by the names of the engine's vocabulary.
#[rustfmt::skip]
const CONCEPTS: [(&str, Translated); 82] = [
    ("first_name", ["Vorname", "prénom"]),
    ("last_name", ["Nachname", "nom de famille"]),
    ("full_name", ["voller Name", "nom complet"]),
    ("middle_name", ["zweiter Vorname", "deuxième prénom"]),
    ("nickname", ["Spitzname", "surnom"]),
    ("phonetic_name", ["Lautschrift des Namens", "nom phonétique"]),
    ("birth_name", ["Geburtsname", "nom de naissance"]),
    ("initials", ["Initialen", "initiales"]),
    ("salutation", ["Anrede", "civilité"]),
    ("degree", ["akademischer Grad", "titre universitaire"]),
    ("name_suffix", ["Namenszusatz", "suffixe du nom"]),
    ("gender", ["Geschlecht", "sexe"]),
    ("birthday", ["Geburtstag", "date de naissance"]),
    ("birth_place", ["Geburtsort", "lieu de naissance"]),
    ("personal_detail", ["persönliche Angabe", "détail personnel"]),
    ("anniversary", ["Jahrestag", "anniversaire"]),
    ("email", ["E-Mail-Adresse", "adresse e-mail"]),
    ("phone", ["Telefonnummer", "numéro de téléphone"]),
    ("fax", ["Faxnummer", "numéro de fax"]),
    ("website", ["Website", "site web"]),
    ("linkedin", ["LinkedIn", "LinkedIn"]),
    ("social", ["soziales Netzwerk", "réseau social"]),
    ("job_title", ["Berufsbezeichnung", "fonction"]),
    ("department", ["Abteilung", "service"]),
    ("industry", ["Branche", "secteur d’activité"]),
    ("employees", ["Zahl der Beschäftigten", "effectif"]),
    ("revenue", ["Umsatz", "chiffre d’affaires"]),
    ("domain", ["Domain", "domaine"]),
    ("address", ["Adresse", "adresse"]),
    ("street", ["Straße", "rue"]),
    ("street2", ["Adresszusatz", "complément d’adresse"]),
    ("house_number", ["Hausnummer", "numéro de rue"]),
    ("city", ["Ort", "ville"]),
    ("state", ["Bundesland oder Region", "région"]),
    ("zip", ["Postleitzahl", "code postal"]),
    ("country", ["Land", "pays"]),
    ("place_detail", ["Ortsangabe", "précision de lieu"]),
    ("time_zone", ["Zeitzone", "fuseau horaire"]),
    ("ip", ["IP-Adresse", "adresse IP"]),
    ("tax_id", ["Steuernummer", "numéro fiscal"]),
    ("national_id", ["Ausweisnummer", "numéro d’identité"]),
    ("bank", ["Bankverbindung", "coordonnées bancaires"]),
    ("source", ["Herkunft", "source"]),
    ("owner", ["zuständige Person", "responsable"]),
    ("tags", ["Schlagwörter", "étiquettes"]),
    ("notes", ["Notizen", "notes"]),
    ("language", ["Sprache", "langue"]),
    ("currency", ["Währung", "devise"]),
    ("created", ["Erstellungszeit", "date de création"]),
    ("updated", ["Änderungszeit", "date de modification"]),
    ("joined", ["Beitrittsdatum", "date d’adhésion"]),
    ("event_date", ["Datum eines Ereignisses", "date d’un événement"]),
    ("expected_close", ["erwarteter Abschluss", "clôture prévue"]),
    ("occurred", ["Zeitpunkt", "horodatage"]),
    ("amount", ["Betrag", "montant"]),
    ("money", ["Geldbetrag", "somme d’argent"]),
    ("quantity", ["Anzahl", "quantité"]),
    ("score", ["Punktzahl", "score"]),
    ("consent", ["Einwilligung", "consentement"]),
    ("medium", ["Bild oder Datei", "image ou fichier"]),
    ("login", ["Zugangsdaten", "identifiants de connexion"]),
    ("pipeline", ["Angabe zum Vertrieb", "donnée commerciale"]),
    ("company_detail", ["Angabe zur Firma", "détail sur l’entreprise"]),
    ("survey_question", ["Umfragefrage", "question d’enquête"]),
    ("survey_answer", ["Umfrageantwort", "réponse à une enquête"]),
    ("name", ["Name", "nom"]),
    ("title", ["Titel", "titre"]),
    ("id", ["Kennung", "identifiant"]),
    ("status", ["Status", "statut"]),
    ("description", ["Beschreibung", "description"]),
    ("date", ["Datum", "date"]),
    ("measure", ["Messwert", "valeur"]),
    ("type", ["Art", "type"]),
    ("company", ["Firma", "entreprise"]),
    ("person", ["Person", "personne"]),
    ("party", ["Kunde oder Partner", "client ou partenaire"]),
    ("supplier", ["Lieferant", "fournisseur"]),
    ("deal", ["Geschäft", "affaire"]),
    ("other", ["sonstiges", "autre"]),
    ("mobile", ["mobil", "mobile"]),
    ("work", ["Arbeit", "travail"]),
    ("home", ["privat", "domicile"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::pages::words::LANGUAGES;

    #[test]
    fn everything_a_header_can_mean_is_translated() {
        let translated: BTreeSet<&str> = CONCEPTS.iter().map(|(name, _)| *name).collect();
        assert_eq!(translated, dray_engine::suggest::concepts());
    }

    #[test]
    fn reasons_are_sentences_in_every_language() {
        let meaning = Meaning { property: "phone", entity: None, kind: Some("mobile") };
        let because = Reason::Read(HeaderSays::Means(meaning), ValuesSay::Fit);
        let said = LANGUAGES.map(|words| reason(words, &because));
        assert_eq!(
            said,
            [
                "the header means phone (mobile), and the values fit",
                "der Spaltenname bedeutet „Telefonnummer (mobil)“, und die Werte passen",
                "le nom de la colonne signifie « numéro de téléphone (mobile) », et les valeurs conviennent",
            ]
        );
    }
}
