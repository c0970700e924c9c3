//! What the pages say, in every language they speak. A text that is missing in one is an error of the compiler.

use axum::http::{HeaderMap, header};
use serde_json::json;

/// The cookie with the language somebody chose.
pub const COOKIE: &str = "dray_language";

macro_rules! words {
    ($($name:ident: $english:literal, $german:literal, $french:literal;)*) => {
        /// The texts of one language. `{0}`, `{1}` stand for what is filled in.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "each is named by what it says")]
        pub struct Words {
            /// As `lang` and `hreflang` say it.
            pub code: &'static str,
            /// What the language calls itself.
            pub own_name: &'static str,
            $(pub $name: &'static str,)*
        }

        static ENGLISH: Words = Words { code: "en", own_name: "English", $($name: $english,)* };
        static GERMAN: Words = Words { code: "de", own_name: "Deutsch", $($name: $german,)* };
        static FRENCH: Words = Words { code: "fr", own_name: "Français", $($name: $french,)* };
    };
}

words! {
    skip: "Skip to the content", "Zum Inhalt springen", "Aller au contenu";
    main_navigation: "Main", "Hauptmenü", "Navigation principale";
    menu: "Menu", "Menü", "Menu";
    records: "Records", "Datensätze", "Enregistrements";
    work: "Work", "Arbeit", "Travail";
    imports: "Imports", "Importe", "Importations";
    reference: "API reference", "API-Referenz", "Référence de l’API";
    language: "Language", "Sprache", "Langue";
    sign_in: "Sign in", "Anmelden", "Se connecter";
    sign_out: "Sign out", "Abmelden", "Se déconnecter";
    email: "E-mail address", "E-Mail-Adresse", "Adresse e-mail";
    password: "Password", "Passwort", "Mot de passe";
    signs_in_once: "This link signs you in once.", "Dieser Link meldet Sie einmal an.", "Ce lien vous connecte une seule fois.";
    link_used: "This link no longer works", "Dieser Link gilt nicht mehr", "Ce lien ne fonctionne plus";
    link_used_hint: "It was used, or its time is over. Whoever made it can make another.", "Er wurde benutzt, oder seine Zeit ist um. Wer ihn gemacht hat, kann einen neuen machen.", "Il a été utilisé ou il a expiré. La personne qui l’a créé peut en créer un autre.";
    first_sign_in: "New here? Start the server once: it prints a link that signs you in.", "Neu hier? Der Server zeigt beim Start einen Link, der Sie anmeldet.", "Première visite ? Au démarrage, le serveur affiche un lien de connexion.";
    not_done: "That did not work", "Das ging nicht", "Cela n’a pas fonctionné";
    back: "Back", "Zurück", "Retour";
    search: "Search", "Suchen", "Rechercher";
    search_records: "Search {0}", "{0} durchsuchen", "Rechercher dans {0}";
    add_filter: "Add a filter", "Filter hinzufügen", "Ajouter un filtre";
    apply: "Apply", "Anwenden", "Appliquer";
    remove_filter: "Remove this filter", "Diesen Filter entfernen", "Retirer ce filtre";
    clear_all: "Clear all", "Alle entfernen", "Tout effacer";
    field: "Field", "Feld", "Champ";
    condition: "Condition", "Bedingung", "Condition";
    value: "Value", "Wert", "Valeur";
    columns: "Columns", "Spalten", "Colonnes";
    export: "Export", "Exportieren", "Exporter";
    export_all: "Export All", "Alles exportieren", "Tout exporter";
    export_all_hint: "Every record, whatever is filtered here", "Jeder Datensatz, unabhängig von Filtern", "Tous les enregistrements, quels que soient les filtres";
    export_view: "Export Current View", "Aktuelle Ansicht exportieren", "Exporter la vue actuelle";
    export_view_hint: "These filters, this order, these columns", "Diese Filter, diese Reihenfolge, diese Spalten", "Ces filtres, cet ordre, ces colonnes";
    import: "Import", "Importieren", "Importer";
    new_record: "New record", "Neuer Datensatz", "Nouvel enregistrement";
    count_exact: "{0} records", "{0} Datensätze", "{0} enregistrements";
    count_one: "1 record", "1 Datensatz", "1 enregistrement";
    count_estimate: "about {0} records", "etwa {0} Datensätze", "environ {0} enregistrements";
    count_at_least: "more than {0} records", "mehr als {0} Datensätze", "plus de {0} enregistrements";
    first_page: "First page", "Erste Seite", "Première page";
    next_page: "Next page", "Nächste Seite", "Page suivante";
    pages: "Pages", "Seiten", "Pages";
    nothing_found: "Nothing matches these filters.", "Nichts entspricht diesen Filtern.", "Rien ne correspond à ces filtres.";
    nothing_yet: "There are no records yet.", "Es gibt noch keine Datensätze.", "Il n’y a encore aucun enregistrement.";
    empty: "empty", "leer", "vide";
    sorted_by: "Sort by {0}", "Nach {0} sortieren", "Trier par {0}";
    nothing: "—", "—", "—";
    save: "Save", "Speichern", "Enregistrer";
    delete: "Delete", "Löschen", "Supprimer";
    delete_sure: "Delete this record? This cannot be taken back.", "Diesen Datensatz löschen? Das lässt sich nicht zurücknehmen.", "Supprimer cet enregistrement ? Cette action est irréversible.";
    required: "required", "Pflichtfeld", "obligatoire";
    record: "Record {0}", "Datensatz {0}", "Enregistrement {0}";
    created: "Created", "Angelegt", "Créé";
    changed: "Changed", "Geändert", "Modifié";
    version: "Version", "Version", "Version";
    endpoint: "Endpoint", "Endpunkt", "Point d’entrée";
    endpoint_hint: "Others send events to this address, with one of the two tokens.", "An diese Adresse senden andere Ereignisse, mit einem der beiden Token.", "D’autres envoient des événements à cette adresse, avec l’un des deux jetons.";
    address: "Address", "Adresse", "Adresse";
    bearer_token: "Bearer token", "Bearer-Token", "Jeton bearer";
    secret_token: "Secret token", "Geheimes Token", "Jeton secret";
    bearer_hint: "Sent as Authorization: Bearer …", "Gesendet als Authorization: Bearer …", "Envoyé comme Authorization: Bearer …";
    secret_hint: "Signs what is sent (HMAC-SHA-256)", "Signiert, was gesendet wird (HMAC-SHA-256)", "Signe ce qui est envoyé (HMAC-SHA-256)";
    shown_once: "Copy them now: they are not shown again.", "Jetzt kopieren: Sie werden nicht noch einmal gezeigt.", "Copiez-les maintenant : ils ne seront plus affichés.";
    show_tokens: "Show the tokens", "Token zeigen", "Afficher les jetons";
    show_tokens_hint: "They are shown once.", "Sie werden einmal gezeigt.", "Ils sont affichés une seule fois.";
    new_tokens: "Make new tokens", "Neue Token machen", "Créer de nouveaux jetons";
    new_tokens_sure: "Make new tokens? Those there are work for one more day.", "Neue Token machen? Die bisherigen gelten noch einen Tag.", "Créer de nouveaux jetons ? Les anciens restent valables un jour.";
    tokens_seen: "The tokens were shown", "Die Token wurden gezeigt", "Les jetons ont été affichés";
    copy: "Copy", "Kopieren", "Copier";
    show_endpoint: "Show the endpoint of this record", "Den Endpunkt dieses Datensatzes zeigen", "Afficher le point d’entrée de cet enregistrement";
    history: "History", "Verlauf", "Historique";
    show_history: "Show where each value came from", "Zeigen, woher jeder Wert kam", "Montrer l’origine de chaque valeur";
    history_cut: "What came before is no longer kept.", "Was davor war, wird nicht mehr aufbewahrt.", "Ce qui précède n’est plus conservé.";
    made_by: "Made by {0}", "Angelegt von {0}", "Créé par {0}";
    changed_by: "Changed by {0}", "Geändert von {0}", "Modifié par {0}";
    made_by_import: "Made by import {0}", "Angelegt durch Import {0}", "Créé par l’importation {0}";
    changed_by_import: "Changed by import {0}", "Geändert durch Import {0}", "Modifié par l’importation {0}";
    changed_elsewhere: "Changed outside of Dray; which cells is not known", "Außerhalb von Dray geändert; welche Zellen, ist nicht bekannt", "Modifié en dehors de Dray ; les cellules concernées ne sont pas connues";
    changed_meanwhile: "Somebody else changed this record meanwhile. Look at it again.", "Jemand hat diesen Datensatz inzwischen geändert. Bitte noch einmal ansehen.", "Quelqu’un a modifié cet enregistrement entre-temps. Vérifiez-le à nouveau.";
    yes: "yes", "ja", "oui";
    no: "no", "nein", "non";
    is: "is", "ist", "est";
    is_not: "is not", "ist nicht", "n’est pas";
    contains: "contains", "enthält", "contient";
    contains_not: "does not contain", "enthält nicht", "ne contient pas";
    starts_with: "starts with", "beginnt mit", "commence par";
    ends_with: "ends with", "endet mit", "se termine par";
    greater: "is greater than", "ist größer als", "est supérieur à";
    greater_or_equal: "is at least", "ist mindestens", "est au moins";
    less: "is less than", "ist kleiner als", "est inférieur à";
    less_or_equal: "is at most", "ist höchstens", "est au plus";
    is_one_of: "is one of", "ist eines von", "est l’un de";
    is_empty: "is empty", "ist leer", "est vide";
    is_filled: "is filled", "ist gefüllt", "est rempli";
    sending: "Sending …", "Wird gesendet …", "Envoi …";
    sent_reading: "{0} sent. Reading the file …", "{0} gesendet. Die Datei wird gelesen …", "{0} envoyés. Lecture du fichier …";
    not_taken: "The server did not take the file.", "Der Server hat die Datei nicht angenommen.", "Le serveur n’a pas accepté le fichier.";
    broke_off: "The connection broke off. Nothing was imported; choose the file again.", "Die Verbindung brach ab. Nichts wurde importiert; wählen Sie die Datei noch einmal.", "La connexion a été interrompue. Rien n’a été importé ; choisissez à nouveau le fichier.";
    trying_again: "The connection broke off. Trying again …", "Die Verbindung brach ab. Neuer Versuch …", "La connexion a été interrompue. Nouvel essai …";
    stopped: "Stopped. Nothing was imported.", "Angehalten. Nichts wurde importiert.", "Arrêté. Rien n’a été importé.";
    no_errors_left: "No errors left on this page.", "Keine Fehler mehr auf dieser Seite.", "Plus aucune erreur sur cette page.";
    copied: "Copied", "Kopiert", "Copié";
    press_copy: "Press Ctrl+C", "Strg+C drücken", "Appuyez sur Ctrl+C";
    cancel: "Cancel", "Abbrechen", "Annuler";
    upload: "Upload", "Hochladen", "Envoyer";
    steps: "Steps of the import", "Schritte des Imports", "Étapes de l’importation";
    step_upload: "Upload", "Hochladen", "Envoyer";
    step_map: "Map", "Zuordnen", "Associer";
    step_review: "Review", "Prüfen", "Vérifier";
    step_done: "Done", "Fertig", "Terminé";
    import_into: "Import {0}", "{0} importieren", "Importer dans {0}";
    drop_here: "Drop a file here, or paste a table", "Eine Datei hierher ziehen oder eine Tabelle einfügen", "Déposez un fichier ici, ou collez un tableau";
    formats_read: "CSV, Excel, OpenDocument, JSON or Parquet, also packed with gzip, zip, bzip2, xz or zstd.", "CSV, Excel, OpenDocument, JSON oder Parquet, auch mit gzip, zip, bzip2, xz oder zstd gepackt.", "CSV, Excel, OpenDocument, JSON ou Parquet, aussi compressés par gzip, zip, bzip2, xz ou zstd.";
    at_most_rows: "At most {0} rows.", "Höchstens {0} Zeilen.", "Au plus {0} lignes.";
    at_most_bytes: "At most {0}.", "Höchstens {0}.", "Au plus {0}.";
    nothing_is_written: "Nothing is written before you have seen the plan and agreed to it.", "Nichts wird geschrieben, bevor Sie den Plan gesehen und ihm zugestimmt haben.", "Rien n’est écrit avant que vous ayez vu le plan et l’ayez accepté.";
    file_into: "{0} into {1}", "{0} in {1}", "{0} dans {1}";
    say_which: "{0} rows, {1} columns. Say which field each column belongs to.", "{0} Zeilen, {1} Spalten. Zu welchem Feld gehört jede Spalte?", "{0} lignes, {1} colonnes. À quel champ appartient chaque colonne ?";
    how_read: "How the file was read", "Wie die Datei gelesen wurde", "Comment le fichier a été lu";
    how_read_hint: "Change what does not look right.", "Ändern Sie, was nicht stimmt.", "Modifiez ce qui ne va pas.";
    found_out: "{0} (found)", "{0} (erkannt)", "{0} (détecté)";
    find_out: "find out", "erkennen", "détecter";
    encoding: "Encoding", "Zeichensatz", "Encodage";
    delimiter: "Delimiter", "Trennzeichen", "Séparateur";
    header_row: "Header row", "Kopfzeile", "Ligne d’en-tête";
    header_row_hint: "The line that names the columns; 0 where there is none.", "Die Zeile mit den Spaltennamen; 0, wenn es keine gibt.", "La ligne qui nomme les colonnes ; 0 s’il n’y en a pas.";
    sheet: "Sheet", "Blatt", "Feuille";
    first_rows: "First rows", "Erste Zeilen", "Premières lignes";
    column_of_file: "Column of the file", "Spalte der Datei", "Colonne du fichier";
    column: "Column", "Spalte", "Colonne";
    values: "Values", "Werte", "Valeurs";
    why: "Why", "Warum", "Pourquoi";
    different: "{0} different", "{0} verschiedene", "{0} différentes";
    filled_share: "{0} % filled", "{0} % gefüllt", "{0} % remplies";
    field_for: "Field for {0}", "Feld für {0}", "Champ pour {0}";
    leave_out: "Leave out", "Weglassen", "Ignorer";
    already_there: "Rows that are already there", "Zeilen, die schon da sind", "Lignes déjà présentes";
    recognized_by: "Recognize by", "Erkennen an", "Reconnaître par";
    as_usual: "as usual: {0}", "wie üblich: {0}", "comme d’habitude : {0}";
    make_them: "Make them", "Anlegen", "Les créer";
    then: "Then", "Dann", "Alors";
    fill_empty: "fill empty fields only", "nur leere Felder füllen", "remplir seulement les champs vides";
    prefer_import: "update; empty cells change nothing", "ändern; leere Zellen ändern nichts", "mettre à jour ; les cellules vides ne changent rien";
    overwrite: "overwrite, also with empty cells", "überschreiben, auch mit leeren Zellen", "écraser, même par des cellules vides";
    skip_known: "leave the record as it is", "den Datensatz lassen, wie er ist", "laisser l’enregistrement tel quel";
    create_anyway: "add another record", "einen weiteren Datensatz anlegen", "ajouter un autre enregistrement";
    more_fields: "Fields that no column fills", "Felder, die keine Spalte füllt", "Champs qu’aucune colonne ne remplit";
    more_fields_hint: "Give them the same value in every row, or compute them from the columns.", "Geben Sie ihnen in jeder Zeile denselben Wert, oder berechnen Sie sie aus den Spalten.", "Donnez-leur la même valeur dans chaque ligne, ou calculez-les à partir des colonnes.";
    filled_by: "Filled by", "Gefüllt durch", "Rempli par";
    same_value: "the same value in every row", "denselben Wert in jeder Zeile", "la même valeur dans chaque ligne";
    expression: "an expression", "einen Ausdruck", "une expression";
    expression_help: "How expressions are written", "Wie Ausdrücke geschrieben werden", "Comment écrire une expression";
    columns_are_named: "The columns are named", "Die Spalten heißen", "Les colonnes se nomment";
    filled_twice: "“{0}” is filled twice: leave one of the two out.", "„{0}“ wird zweimal gefüllt: lassen Sie eines davon weg.", "« {0} » est rempli deux fois : supprimez l’un des deux.";
    review_title: "Review the plan", "Den Plan prüfen", "Vérifier le plan";
    nothing_written_yet: "Nothing is written yet. This is what applying would do, row by row.", "Noch ist nichts geschrieben. Das würde geschehen, Zeile für Zeile.", "Rien n’est encore écrit. Voici ce qui se passerait, ligne par ligne.";
    what_would_happen: "What would happen", "Was geschehen würde", "Ce qui se passerait";
    import_rows: "Import {0} rows", "{0} Zeilen importieren", "Importer {0} lignes";
    problems: "Problems", "Probleme", "Problèmes";
    row: "Row", "Zeile", "Ligne";
    rows: "rows", "Zeilen", "lignes";
    what_is_wrong: "What is wrong", "Was nicht stimmt", "Ce qui ne va pas";
    repaired: "{0} repairs are applied to the file.", "{0} Reparaturen sind auf die Datei angewandt.", "{0} corrections sont appliquées au fichier.";
    forget_repairs: "Take the repairs back", "Reparaturen zurücknehmen", "Annuler les corrections";
    leave_them_empty: "Leave them empty", "Leer lassen", "Les laisser vides";
    match_values: "Match the values of {0}", "Werte von {0} zuordnen", "Associer les valeurs de {0}";
    find: "Find", "Suchen", "Chercher";
    replace_with: "Replace with", "Ersetzen durch", "Remplacer par";
    all_columns: "All columns", "Alle Spalten", "Toutes les colonnes";
    replace_everywhere: "Replace in all rows", "In allen Zeilen ersetzen", "Remplacer dans toutes les lignes";
    next_error: "Next error", "Nächster Fehler", "Erreur suivante";
    rows_to_repair: "Rows to repair", "Zu reparierende Zeilen", "Lignes à corriger";
    check_again: "Check again", "Noch einmal prüfen", "Vérifier à nouveau";
    changes: "Changes", "Änderungen", "Modifications";
    changed_cells: "{0} cells", "{0} Zellen", "{0} cellules";
    record_word: "Record", "Datensatz", "Enregistrement";
    old_and_new: "Old → new", "Alt → neu", "Ancien → nouveau";
    read: "read", "gelesen", "lues";
    fate_created: "created", "angelegt", "créées";
    fate_updated: "updated", "geändert", "modifiées";
    fate_unchanged: "unchanged", "unverändert", "inchangées";
    fate_duplicate: "duplicate", "doppelt", "en double";
    fate_filtered: "filtered", "gefiltert", "filtrées";
    fate_rejected: "rejected", "abgewiesen", "rejetées";
    fate_conflicted: "conflicted", "im Konflikt", "en conflit";
    fate_not_reached: "not reached", "nicht erreicht", "non atteintes";
    status_completed: "completed", "fertig", "terminé";
    status_running: "running", "läuft", "en cours";
    status_interrupted: "interrupted", "unterbrochen", "interrompu";
    status_failed: "failed", "gescheitert", "échoué";
    status_undone: "undone", "zurückgenommen", "annulé";
    status_waiting: "waiting", "wartet", "en attente";
    status_cancelled: "cancelled", "abgebrochen", "abandonné";
    no_imports: "Nothing was imported yet.", "Noch wurde nichts importiert.", "Rien n’a encore été importé.";
    file: "File", "Datei", "Fichier";
    object: "Object", "Objekt", "Objet";
    status: "Status", "Status", "État";
    begun: "Begun", "Begonnen", "Commencé";
    by: "By", "Von", "Par";
    what: "What", "Was", "Quoi";
    undo_of: "Undo of import {0}", "Rücknahme von Import {0}", "Annulation de l’importation {0}";
    undo: "Undo", "Zurücknehmen", "Annuler l’importation";
    undo_sure: "Undo this import? {0} records are deleted and {1} get their old values back. Records changed since stay as they are.", "Diesen Import zurücknehmen? {0} Datensätze werden gelöscht, {1} bekommen ihre alten Werte zurück. Seither geänderte bleiben, wie sie sind.", "Annuler cette importation ? {0} enregistrements sont supprimés et {1} retrouvent leurs anciennes valeurs. Ceux modifiés depuis restent tels quels.";
    see_records: "See {0}", "{0} ansehen", "Voir {0}";
    ledger: "Ledger", "Zeilenbilanz", "Bilan des lignes";
    balanced: "balanced", "geht auf", "équilibré";
    not_balanced: "not balanced", "geht nicht auf", "non équilibré";
    took: "{0} seconds", "{0} Sekunden", "{0} secondes";
    rejected_rows: "Rejected rows", "Abgewiesene Zeilen", "Lignes rejetées";
    rejected_hint: "{0} rows, each with the reason beside it. Repair the file and send it again: the mapping is remembered.", "{0} Zeilen, jede mit ihrem Grund. Reparieren Sie die Datei und senden Sie sie noch einmal: die Zuordnung ist gemerkt.", "{0} lignes, chacune avec sa raison. Corrigez le fichier et renvoyez-le : l’association est mémorisée.";
    download_rejected: "Download rejected rows", "Abgewiesene Zeilen herunterladen", "Télécharger les lignes rejetées";
    send_repaired: "Send the repaired file", "Die reparierte Datei senden", "Envoyer le fichier corrigé";
    jobs: "Jobs", "Aufträge", "Tâches";
    no_jobs: "There are no jobs yet.", "Es gibt noch keine Aufträge.", "Il n’y a encore aucune tâche.";
    progress: "Progress", "Fortschritt", "Progression";
    stop: "Stop", "Anhalten", "Arrêter";
    try_again: "Try again", "Noch einmal", "Réessayer";
}

/// All languages.
pub static LANGUAGES: [&Words; 3] = [&ENGLISH, &GERMAN, &FRENCH];

/// The language of this code.
pub fn of_code(code: &str) -> Option<&'static Words> {
    LANGUAGES.into_iter().find(|words| words.code == code)
}

/// The language somebody chose, or the first of those their browser asks for that is known.
pub fn of_request(headers: &HeaderMap) -> &'static Words {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let chosen = text(header::COOKIE).split(';').filter_map(|cookie| cookie.trim().split_once('='));
    let chosen = chosen.filter(|(name, _)| *name == COOKIE).find_map(|(_, code)| of_code(code));
    let asked = text(header::ACCEPT_LANGUAGE).split(',').take(20);
    let asked = asked.filter_map(|range| range.split([';', '-']).next());
    chosen.or_else(|| asked.filter_map(|code| of_code(code.trim())).next()).unwrap_or(&ENGLISH)
}

/// What the script of the pages says, as JSON.
pub fn of_script(words: &Words) -> String {
    json!({
        "sending": words.sending, "sent_reading": words.sent_reading, "not_taken": words.not_taken,
        "broke_off": words.broke_off, "trying_again": words.trying_again, "stopped": words.stopped, "no_errors_left": words.no_errors_left,
        "copied": words.copied, "press_copy": words.press_copy, "cancel": words.cancel, "stop": words.stop,
        "upload": words.upload,
    })
    .to_string()
}

/// A text with what is filled in.
pub fn filled(text: &str, parts: &[&str]) -> String {
    let mut out = text.to_owned();
    for (index, part) in parts.iter().enumerate() {
        out = out.replace(&format!("{{{index}}}"), part);
    }
    out
}

/// A count with its thousands apart.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_chosen_or_asked_for() {
        let of = |accepted: &str, cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().expect("a value"));
            headers.insert(header::COOKIE, cookie.parse().expect("a value"));
            of_request(&headers).code
        };
        assert_eq!(of("", ""), "en");
        assert_eq!(of("pt-BR, de-AT;q=0.8, fr", ""), "de");
        assert_eq!(of("de", "a=b; dray_language=fr"), "fr");
        assert_eq!(of("de", "dray_language=xx"), "de");
    }

    #[test]
    fn texts_are_filled() {
        assert_eq!(filled("{1} of {0}", &["a", "b"]), "b of a");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
    }
}
