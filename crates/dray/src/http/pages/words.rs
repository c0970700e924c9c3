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
    embedding: "Embedding", "Einbetten", "Intégration";
    embed_origins: "Pages that may show imports", "Seiten, die Importe zeigen dürfen", "Pages pouvant afficher des importations";
    embed_origins_label: "Origins, one on each line", "Ursprünge (Origins), einer je Zeile", "Origines, une par ligne";
    embed_origins_hint: "Scheme and host, as in https://app.example.com. Without any, nobody shows imports.", "Schema und Host, wie in https://app.example.com. Ohne einen zeigt niemand Importe.", "Schéma et hôte, comme https://app.example.com. Sans aucune, personne n’affiche d’importations.";
    embed_how: "How it is done", "So geht es", "Comment faire";
    embed_token_hint: "Your server asks for a token for each visitor:", "Ihr Server holt für jeden Besucher ein Token:", "Votre serveur demande un jeton pour chaque visiteur :";
    embed_page_hint: "Your page shows the import with it:", "Ihre Seite zeigt den Import damit:", "Votre page affiche l’importation avec ce jeton :";
    record_endpoint: "Endpoint", "Endpunkt", "Point d’entrée";
    record_endpoint_hint: "Others send events to this address, with one of the two tokens.", "An diese Adresse senden andere Ereignisse, mit einem der beiden Token.", "D’autres envoient des événements à cette adresse, avec l’un des deux jetons.";
    bearer_token: "Bearer token", "Bearer-Token", "Jeton bearer";
    secret_token: "Secret token", "Geheimes Token", "Jeton secret";
    bearer_hint: "Sent as Authorization: Bearer …", "Gesendet als Authorization: Bearer …", "Envoyé comme Authorization: Bearer …";
    secret_hint: "Signs what is sent (HMAC-SHA-256)", "Signiert, was gesendet wird (HMAC-SHA-256)", "Signe ce qui est envoyé (HMAC-SHA-256)";
    tokens_shown_once: "Copy them now: they are not shown again.", "Jetzt kopieren: Sie werden nicht noch einmal gezeigt.", "Copiez-les maintenant : ils ne seront plus affichés.";
    show_tokens: "Show the tokens", "Token zeigen", "Afficher les jetons";
    show_tokens_hint: "They are shown once.", "Sie werden einmal gezeigt.", "Ils sont affichés une seule fois.";
    new_tokens: "Make new tokens", "Neue Token machen", "Créer de nouveaux jetons";
    new_tokens_sure: "Make new tokens? Those there are work for one more day.", "Neue Token machen? Die bisherigen gelten noch einen Tag.", "Créer de nouveaux jetons ? Les anciens restent valables un jour.";
    tokens_seen: "The tokens were shown", "Die Token wurden gezeigt", "Les jetons ont été affichés";
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
    comma: "comma", "Komma", "virgule";
    semicolon: "semicolon", "Semikolon", "point-virgule";
    tab: "tab", "Tabulator", "tabulation";
    bar: "pipe", "senkrechter Strich", "barre verticale";
    blank: "blank", "Leerzeichen", "espace";
    no_header: "none", "keine", "aucune";
    line_number: "line {0}", "Zeile {0}", "ligne {0}";
    line_numbers: "lines {0} to {1}", "Zeilen {0} bis {1}", "lignes {0} à {1}";
    row_number: "row {0}", "Zeile {0}", "ligne {0}";
    row_numbers: "rows {0} to {1}", "Zeilen {0} bis {1}", "lignes {0} à {1}";
    first_array: "the first array", "das erste Array", "le premier tableau";
    sheet_found: "“{0}” ({1} of {2})", "„{0}“ ({1} von {2})", "« {0} » ({1} sur {2})";
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
    by_expression: "an expression", "einen Ausdruck", "une expression";
    expression_help: "How expressions are written", "Wie Ausdrücke geschrieben werden", "Comment écrire une expression";
    columns_are_named: "The columns are named", "Die Spalten heißen", "Les colonnes se nomment";
    filled_twice: "“{0}” is filled twice: leave one of the two out.", "„{0}“ wird zweimal gefüllt: lassen Sie eines davon weg.", "« {0} » est rempli deux fois : supprimez l’un des deux.";
    review_title: "Review the plan", "Den Plan prüfen", "Vérifier le plan";
    nothing_written_yet: "Nothing is written yet. This is what applying would do, row by row.", "Noch ist nichts geschrieben. Das würde geschehen, Zeile für Zeile.", "Rien n’est encore écrit. Voici ce qui se passerait, ligne par ligne.";
    what_would_happen: "What would happen", "Was geschehen würde", "Ce qui se passerait";
    import_one_row: "Import 1 row", "1 Zeile importieren", "Importer 1 ligne";
    import_rows: "Import {0} rows", "{0} Zeilen importieren", "Importer {0} lignes";
    problems: "Problems", "Probleme", "Problèmes";
    row: "Row", "Zeile", "Ligne";
    rows: "rows", "Zeilen", "lignes";
    what_is_wrong: "What is wrong", "Was nicht stimmt", "Ce qui ne va pas";
    repaired_once: "1 repair is applied to the file.", "1 Reparatur ist auf die Datei angewandt.", "1 correction est appliquée au fichier.";
    repaired: "{0} repairs are applied to the file.", "{0} Reparaturen sind auf die Datei angewandt.", "{0} corrections sont appliquées au fichier.";
    forget_repairs: "Take the repairs back", "Reparaturen zurücknehmen", "Annuler les corrections";
    leave_them_empty: "Leave them empty", "Leer lassen", "Les laisser vides";
    match_values: "Match the values of {0}", "Werte von {0} zuordnen", "Associer les valeurs de {0}";
    quoted: "“{0}”", "„{0}“", "« {0} »";
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
    rejected_once_hint: "1 row, with the reason beside it. Repair the file and send it again: the mapping is remembered.", "1 Zeile, mit ihrem Grund. Reparieren Sie die Datei und senden Sie sie noch einmal: die Zuordnung ist gemerkt.", "1 ligne, avec sa raison. Corrigez le fichier et renvoyez-le : l’association est mémorisée.";
    rejected_hint: "{0} rows, each with the reason beside it. Repair the file and send it again: the mapping is remembered.", "{0} Zeilen, jede mit ihrem Grund. Reparieren Sie die Datei und senden Sie sie noch einmal: die Zuordnung ist gemerkt.", "{0} lignes, chacune avec sa raison. Corrigez le fichier et renvoyez-le : l’association est mémorisée.";
    download_rejected: "Download rejected rows", "Abgewiesene Zeilen herunterladen", "Télécharger les lignes rejetées";
    send_repaired: "Send the repaired file", "Die reparierte Datei senden", "Envoyer le fichier corrigé";
    jobs: "Jobs", "Aufträge", "Tâches";
    no_jobs: "There are no jobs yet.", "Es gibt noch keine Aufträge.", "Il n’y a encore aucune tâche.";
    progress: "Progress", "Fortschritt", "Progression";
    stop: "Stop", "Anhalten", "Arrêter";
    try_again: "Try again", "Noch einmal", "Réessayer";

    // Small words that many pages have.
    copy: "Copy", "Kopieren", "Copier";
    name: "Name", "Name", "Nom";
    kind: "Kind", "Art", "Type";
    change: "Change", "Ändern", "Modifier";
    open: "Open", "Öffnen", "Ouvrir";
    never: "never", "nie", "jamais";
    without_limit: "without limit", "ohne Grenze", "sans limite";
    shown_once: "Copy it now: it is not shown again.", "Jetzt kopieren: es wird nicht wieder gezeigt.", "Copiez-le maintenant : il ne sera plus affiché.";
    last_use: "Last used", "Zuletzt benutzt", "Dernière utilisation";
    role: "Role", "Rolle", "Rôle";
    role_admin: "Administrator: everything", "Verwaltung: alles", "Administrateur : tout";
    role_member: "Member: reads records", "Mitglied: liest Datensätze", "Membre : lit les enregistrements";
    role_planner: "Planner: prepares imports", "Planung: bereitet Importe vor", "Planificateur : prépare les importations";
    role_admin_short: "administrator", "Verwaltung", "administrateur";
    role_member_short: "member", "Mitglied", "membre";
    role_planner_short: "planner", "Planung", "planificateur";
    description: "Description", "Beschreibung", "Description";
    actions: "Actions", "Aktionen", "Actions";
    optional: "optional", "freiwillig", "facultatif";

    // Settings.
    settings: "Settings", "Einstellungen", "Réglages";
    objects: "Objects", "Objekte", "Objets";
    objects_lead: "What records are about, and what is known of each.", "Wovon Datensätze handeln und was über jeden bekannt ist.", "Ce que décrivent les enregistrements, et ce que l’on sait de chacun.";
    fields: "Fields", "Felder", "Champs";
    fields_of: "Fields of {0}", "Felder von {0}", "Champs de {0}";
    name_in_files: "Name in files and API", "Name in Dateien und API", "Nom dans les fichiers et l’API";
    name_made: "Small letters, digits and underscores; made of the label where it is left out.", "Kleine Buchstaben, Ziffern und Unterstriche; aus der Bezeichnung gemacht, wenn es leer bleibt.", "Minuscules, chiffres et tirets bas ; formé à partir du libellé s’il est vide.";
    label: "Label", "Bezeichnung", "Libellé";
    rules: "Rules", "Regeln", "Règles";
    unique: "unique", "eindeutig", "unique";
    match_key: "recognizes records", "erkennt Datensätze", "reconnaît les enregistrements";
    list_of_values: "several values", "mehrere Werte", "plusieurs valeurs";
    choices: "Choices", "Auswahl", "Choix";
    choices_hint: "One in each line; for a choice only.", "Eine in jeder Zeile; nur für eine Auswahl.", "Un par ligne ; seulement pour un choix.";
    refers_to: "Refers to", "Verweist auf", "Renvoie à";
    refers_to_hint: "For a reference only.", "Nur für einen Verweis.", "Seulement pour une référence.";
    add_object: "Add an object", "Objekt hinzufügen", "Ajouter un objet";
    first_field: "Its first field", "Sein erstes Feld", "Son premier champ";
    first_field_hint: "What it is called by, such as a name or a title. More fields come next.", "Wie es heißt, etwa ein Name oder ein Titel. Weitere Felder folgen danach.", "Ce qui le désigne, comme un nom ou un titre. D’autres champs viennent ensuite.";
    add_field: "Add a field", "Feld hinzufügen", "Ajouter un champ";
    add_field_hint: "A hidden field of the same name and kind comes back with its values.", "Ein verborgenes Feld mit gleichem Namen und gleicher Art kommt mit seinen Werten zurück.", "Un champ masqué de même nom et de même type revient avec ses valeurs.";
    hide: "Hide", "Verbergen", "Masquer";
    hide_sure: "Hide the field {0}? Its values stay and come back when it is added again.", "Das Feld {0} verbergen? Seine Werte bleiben und kommen zurück, wenn es wieder hinzugefügt wird.", "Masquer le champ {0} ? Ses valeurs restent et reviennent quand il est ajouté à nouveau.";
    kind_text: "Text", "Text", "Texte";
    kind_email: "E-mail address", "E-Mail-Adresse", "Adresse e-mail";
    kind_phone: "Phone number", "Telefonnummer", "Numéro de téléphone";
    kind_url: "Web address", "Webadresse", "Adresse web";
    kind_integer: "Whole number", "Ganze Zahl", "Nombre entier";
    kind_decimal: "Decimal number", "Dezimalzahl", "Nombre décimal";
    kind_boolean: "Yes or no", "Ja oder nein", "Oui ou non";
    kind_date: "Date", "Datum", "Date";
    kind_datetime: "Date and time", "Datum und Uhrzeit", "Date et heure";
    kind_time: "Time of day", "Uhrzeit", "Heure";
    kind_uuid: "UUID", "UUID", "UUID";
    kind_json: "JSON", "JSON", "JSON";
    kind_choice: "Choice", "Auswahl", "Choix";
    kind_reference: "Reference", "Verweis", "Référence";
    kind_expression: "Expression", "Ausdruck", "Expression";
    kind_address: "Postal address", "Postanschrift", "Adresse postale";
    users: "Users", "Personen", "Utilisateurs";
    users_lead: "Who signs in, and what they may do.", "Wer sich anmeldet und was wer darf.", "Qui se connecte, et avec quels droits.";
    add_user: "Add a user", "Person hinzufügen", "Ajouter un utilisateur";
    password_or_link: "At least ten letters. Without one, you get a link that signs them in once within a day.", "Mindestens zehn Zeichen. Ohne Passwort bekommen Sie einen Link, der innerhalb eines Tages einmal anmeldet.", "Au moins dix caractères. Sans mot de passe, vous recevez un lien qui connecte une fois, dans la journée.";
    sign_in_link: "The sign-in link of {0}", "Der Anmeldelink von {0}", "Le lien de connexion de {0}";
    sign_in_link_hint: "Copy it now and send it to them: it is not shown again, signs in once, and works for a day.", "Jetzt kopieren und weitergeben: er wird nicht wieder gezeigt, meldet einmal an und gilt einen Tag.", "Copiez-le maintenant et transmettez-le : il n’est plus affiché, connecte une seule fois et vaut un jour.";
    has_password: "has a password", "hat ein Passwort", "a un mot de passe";
    has_no_password: "no password yet", "noch kein Passwort", "pas encore de mot de passe";
    set_password: "Set the password", "Passwort setzen", "Définir le mot de passe";
    set_password_hint: "At least ten letters. All their browsers are signed out.", "Mindestens zehn Zeichen. Alle ihre Browser werden abgemeldet.", "Au moins dix caractères. Tous leurs navigateurs sont déconnectés.";
    password_set: "The password is set.", "Das Passwort ist gesetzt.", "Le mot de passe est défini.";
    user_delete_sure: "Delete {0}? They are signed out at once and cannot come back.", "{0} löschen? Die Anmeldung endet sofort und ist nicht mehr möglich.", "Supprimer {0} ? La déconnexion est immédiate et définitive.";
    keys: "Keys", "Schlüssel", "Clés";
    keys_lead: "Programs and agents come in with a key of their own.", "Programme und Agenten kommen mit einem eigenen Schlüssel herein.", "Les programmes et agents entrent avec leur propre clé.";
    no_keys: "There are no keys yet.", "Es gibt noch keine Schlüssel.", "Il n’y a encore aucune clé.";
    key: "Key", "Schlüssel", "Clé";
    new_key: "Make a key", "Schlüssel anlegen", "Créer une clé";
    key_made: "The new key {0}", "Der neue Schlüssel {0}", "La nouvelle clé {0}";
    ends: "Ends", "Endet", "Fin";
    ends_day: "in a day", "in einem Tag", "dans un jour";
    ends_week: "in a week", "in einer Woche", "dans une semaine";
    ends_month: "in 30 days", "in 30 Tagen", "dans 30 jours";
    ends_year: "in a year", "in einem Jahr", "dans un an";
    revoke: "Revoke", "Widerrufen", "Révoquer";
    revoked: "revoked", "widerrufen", "révoquée";
    ended: "ended", "beendet", "terminée";
    active: "active", "aktiv", "active";
    revoke_sure: "Revoke the key {0}? Whoever uses it is refused from now on.", "Den Schlüssel {0} widerrufen? Wer ihn benutzt, wird ab sofort abgewiesen.", "Révoquer la clé {0} ? Quiconque l’utilise est refusé dès maintenant.";
    webhooks: "Webhooks", "Webhooks", "Webhooks";
    webhooks_lead: "Addresses that are told when a job has ended, signed with a secret of their own.", "Adressen, die erfahren, wenn ein Auftrag zu Ende ist, mit einem eigenen Geheimnis signiert.", "Adresses prévenues quand une tâche se termine, signées avec leur propre secret.";
    no_webhooks: "Nobody is told yet.", "Noch erfährt niemand davon.", "Personne n’est encore prévenu.";
    webhook: "Webhook", "Webhook", "Webhook";
    new_webhook: "Add a webhook", "Webhook hinzufügen", "Ajouter un webhook";
    address: "Address", "Adresse", "Adresse";
    events: "Events", "Ereignisse", "Événements";
    events_hint: "All of them where none is ticked.", "Alle, wenn keines angekreuzt ist.", "Tous si aucun n’est coché.";
    all_events: "all", "alle", "tous";
    event: "Event", "Ereignis", "Événement";
    event_completed: "a job was completed", "ein Auftrag ist fertig", "une tâche est terminée";
    event_failed: "a job failed", "ein Auftrag ist gescheitert", "une tâche a échoué";
    event_cancelled: "a job was cancelled", "ein Auftrag wurde abgebrochen", "une tâche a été abandonnée";
    event_test: "test", "Probe", "essai";
    enabled: "enabled", "eingeschaltet", "activé";
    disabled: "disabled", "ausgeschaltet", "désactivé";
    switch_on: "Switch on", "Einschalten", "Activer";
    switch_off: "Switch off", "Ausschalten", "Désactiver";
    send_test: "Send a test", "Probe senden", "Envoyer un essai";
    new_secret: "New secret", "Neues Geheimnis", "Nouveau secret";
    new_secret_sure: "Make a new secret? The one before signs beside it for a day.", "Ein neues Geheimnis machen? Das bisherige signiert noch einen Tag daneben.", "Créer un nouveau secret ? L’ancien signe encore pendant un jour.";
    secret_of: "The secret of {0}", "Das Geheimnis von {0}", "Le secret de {0}";
    webhook_delete_sure: "Delete this webhook? What waits to be told there is not told.", "Diesen Webhook löschen? Was dort noch zu melden war, wird nicht gemeldet.", "Supprimer ce webhook ? Ce qui restait à transmettre ne le sera pas.";
    secrets: "Secrets", "Geheimnisse", "Secrets";
    secrets_lead: "Connectors read them by their names, as in $secret.KEY. Values are not shown again.", "Konnektoren lesen sie mit ihrem Namen, etwa als $secret.KEY. Werte werden nicht wieder gezeigt.", "Les connecteurs les lisent par leur nom, par exemple $secret.KEY. Les valeurs ne sont plus affichées.";
    no_secrets: "There are no secrets yet.", "Es gibt noch keine Geheimnisse.", "Il n’y a encore aucun secret.";
    keep_secret: "Add or replace a secret", "Geheimnis anlegen oder ersetzen", "Ajouter ou remplacer un secret";
    secret_name_hint: "Letters from A to Z, digits and underscores. A name that is there gets the new value.", "Buchstaben von A bis Z, Ziffern und Unterstriche. Ein Name, den es schon gibt, bekommt den neuen Wert.", "Lettres de A à Z, chiffres et tirets bas. Un nom déjà présent reçoit la nouvelle valeur.";
    secret_value_hint: "It is not shown again.", "Er wird nicht wieder gezeigt.", "Elle n’est plus affichée.";
    secret_delete_sure: "Delete the secret {0}? Connectors that read it no longer work.", "Das Geheimnis {0} löschen? Konnektoren, die es lesen, arbeiten dann nicht mehr.", "Supprimer le secret {0} ? Les connecteurs qui le lisent ne fonctionneront plus.";
    deliveries: "Deliveries", "Zustellungen", "Envois";
    no_deliveries: "Nothing was told yet.", "Noch wurde nichts gemeldet.", "Rien n’a encore été transmis.";
    delivered: "delivered", "zugestellt", "transmis";
    attempts: "Attempts", "Versuche", "Tentatives";
    last_answer: "Last answer", "Letzte Antwort", "Dernière réponse";
    send_again: "Send again", "Noch einmal senden", "Renvoyer";
    of_jobs: "Addresses that jobs name themselves", "Adressen, die Aufträge selbst nennen", "Adresses que les tâches indiquent elles-mêmes";
    plan_and_limits: "Plan and limits", "Plan und Grenzen", "Forfait et limites";
    organization: "Organization", "Organisation", "Organisation";
    plan: "Plan", "Plan", "Forfait";
    rows_per_import: "Rows of one import", "Zeilen eines Imports", "Lignes d’une importation";
    records_per_object: "Records of each object", "Datensätze je Objekt", "Enregistrements par objet";
    features: "Features", "Funktionen", "Fonctions";
    all_features: "all", "alle", "toutes";
    largest_file: "Largest file", "Größte Datei", "Plus grand fichier";
    files_kept: "Rejected rows and jobs are kept for", "Abgewiesene Zeilen und Aufträge bleiben", "Lignes rejetées et tâches gardées";
    exports_kept: "Exports are kept for", "Exporte bleiben", "Exportations gardées";
    days: "{0} days", "{0} Tage", "{0} jours";
    hours: "{0} hours", "{0} Stunden", "{0} heures";
    used: "Used", "Benutzt", "Utilisé";
    of_allowed: "{0} of {1}", "{0} von {1}", "{0} sur {1}";
    empty_means_unlimited: "Empty means without limit.", "Leer heißt ohne Grenze.", "Vide signifie sans limite.";
    change_organization: "Change the organization", "Organisation ändern", "Modifier l’organisation";
    server_limits: "What the server allows", "Was der Server erlaubt", "Ce que le serveur permet";

    // Exports.
    exports: "Exports", "Exporte", "Exportations";
    exports_lead: "Files of exports that were made in the background. Each is kept for a while and can be fetched as often as needed.", "Dateien von Exporten, die im Hintergrund entstanden. Jede bleibt eine Weile und lässt sich beliebig oft herunterladen.", "Fichiers des exportations faites en arrière-plan. Chacun est gardé un moment et peut être téléchargé à volonté.";
    no_exports: "Nothing was exported in the background yet.", "Noch wurde nichts im Hintergrund exportiert.", "Rien n’a encore été exporté en arrière-plan.";
    new_export: "Export in the background", "Im Hintergrund exportieren", "Exporter en arrière-plan";
    new_export_hint: "For large files: you need not wait. A smaller one comes at once from the list of records.", "Für große Dateien: Sie müssen nicht warten. Eine kleinere kommt sofort aus der Liste der Datensätze.", "Pour les grands fichiers : inutile d’attendre. Un plus petit s’obtient tout de suite depuis la liste des enregistrements.";
    what_to_export: "Records", "Datensätze", "Enregistrements";
    every_record_of: "All records: {0}", "Alle Datensätze: {0}", "Tous les enregistrements : {0}";
    report_named: "Report: {0}", "Bericht: {0}", "Rapport : {0}";
    format: "Format", "Format", "Format";
    packing: "Packing", "Packung", "Compression";
    not_packed: "not packed", "nicht gepackt", "aucune";
    size: "Size", "Größe", "Taille";
    made: "Made", "Gemacht", "Créé";
    kept_until: "Kept until", "Bleibt bis", "Gardé jusqu’au";
    download: "Download", "Herunterladen", "Télécharger";
    gone: "gone", "nicht mehr da", "disparu";

    // Audit.
    audit: "Audit", "Protokoll", "Journal";
    audit_lead: "Who imported, exported, saw or changed what, and what was refused. Nobody can change it.", "Wer was importiert, exportiert, gesehen oder geändert hat und was abgewiesen wurde. Niemand kann es ändern.", "Qui a importé, exporté, consulté ou modifié quoi, et ce qui a été refusé. Personne ne peut le modifier.";
    audit_empty: "Nothing was written down that matches.", "Nichts Passendes wurde aufgeschrieben.", "Rien de correspondant n’a été consigné.";
    who: "Who", "Wer", "Qui";
    when: "When", "Wann", "Quand";
    action: "Action", "Handlung", "Action";
    about_what: "About what", "Woran", "Sur quoi";
    from_day: "From", "Von", "Du";
    until_day: "Until", "Bis", "Au";
    answer: "Answer", "Antwort", "Réponse";
    details: "Details", "Einzelheiten", "Détails";
    show: "Show", "Anzeigen", "Afficher";
    from_address: "from {0}", "von {0}", "depuis {0}";

    // Reports.
    reports: "Reports", "Berichte", "Rapports";
    reports_lead: "Saved questions about records: who, which columns, in which order.", "Gespeicherte Fragen an die Datensätze: welche, welche Spalten, in welcher Reihenfolge.", "Questions enregistrées sur les données : lesquelles, quelles colonnes, dans quel ordre.";
    no_reports: "There are no reports yet.", "Es gibt noch keine Berichte.", "Il n’y a encore aucun rapport.";
    new_report: "New report", "Neuer Bericht", "Nouveau rapport";
    new_report_about: "New report: {0}", "Neuer Bericht: {0}", "Nouveau rapport : {0}";
    change_report: "Change the report {0}", "Den Bericht {0} ändern", "Modifier le rapport {0}";
    save_as_report: "Save as report", "Als Bericht speichern", "Enregistrer comme rapport";
    search_not_kept: "Reports have no search: the words “{0}” are left out.", "Berichte haben keine Suche: die Wörter „{0}“ fallen weg.", "Les rapports n’ont pas de recherche : les mots « {0} » sont omis.";
    filters: "Filters", "Filter", "Filtres";
    filters_hint: "All of them must hold. A row without a field counts for nothing.", "Alle müssen zutreffen. Eine Zeile ohne Feld zählt nicht.", "Toutes doivent être vraies. Une ligne sans champ ne compte pas.";
    filters_json: "Filters as JSON", "Filter als JSON", "Filtres en JSON";
    filters_json_hint: "These filters are more than a list of conditions, so they are changed as the API writes them.", "Diese Filter sind mehr als eine Liste von Bedingungen und werden deshalb so geändert, wie die API sie schreibt.", "Ces filtres sont plus qu’une liste de conditions : ils se modifient tels que l’API les écrit.";
    condition_number: "Condition {0}", "Bedingung {0}", "Condition {0}";
    sort_by: "Sorted by", "Sortiert nach", "Trié par";
    direction: "Direction", "Richtung", "Sens";
    ascending: "smallest first", "kleinste zuerst", "croissant";
    descending: "largest first", "größte zuerst", "décroissant";
    most_records: "At most so many records", "Höchstens so viele Datensätze", "Nombre maximal d’enregistrements";
    columns_hint: "The usual ones where none is ticked.", "Die üblichen, wenn keine angekreuzt ist.", "Les colonnes habituelles si aucune n’est cochée.";
    see_in_grid: "See in the list", "In der Liste ansehen", "Voir dans la liste";
    report_delete_sure: "Delete the report {0}? Its records stay.", "Den Bericht {0} löschen? Seine Datensätze bleiben.", "Supprimer le rapport {0} ? Ses enregistrements restent.";

    // Connections.
    connections: "Connections", "Verbindungen", "Connexions";
    connections_lead: "Places where files lie: pipelines read from them and write to them.", "Orte, an denen Dateien liegen: Pipelines lesen von dort und schreiben dorthin.", "Lieux où se trouvent les fichiers : les pipelines y lisent et y écrivent.";
    no_connections: "There are no connections yet.", "Es gibt noch keine Verbindungen.", "Il n’y a encore aucune connexion.";
    new_connection: "New connection", "Neue Verbindung", "Nouvelle connexion";
    connection: "Connection", "Verbindung", "Connexion";
    read_from: "Files are read from", "Dateien werden gelesen von", "Les fichiers sont lus depuis";
    written_to: "Files are written to", "Dateien werden geschrieben nach", "Les fichiers sont écrits vers";
    reads: "reads", "liest", "lit";
    writes: "writes", "schreibt", "écrit";
    storage_folder: "Folder of the server", "Ordner des Servers", "Dossier du serveur";
    storage_s3: "S3 bucket", "S3-Bucket", "Compartiment S3";
    storage_sftp: "SFTP server", "SFTP-Server", "Serveur SFTP";
    storage_http: "HTTP server", "HTTP-Server", "Serveur HTTP";
    storage_folder_hint: "Files lie in the folder that the server has for connections, in one with the name of the organization. There is nothing to set.", "Dateien liegen im Ordner des Servers für Verbindungen, in einem mit dem Namen der Organisation. Es gibt nichts einzustellen.", "Les fichiers se trouvent dans le dossier du serveur réservé aux connexions, dans celui au nom de l’organisation. Il n’y a rien à régler.";
    never_shown_again: "Settings are sealed and never shown again.", "Einstellungen werden versiegelt und nie wieder gezeigt.", "Les réglages sont scellés et ne sont plus jamais affichés.";
    access_key: "Access key", "Zugangsschlüssel", "Clé d’accès";
    secret_access_key: "Secret access key", "Geheimer Zugangsschlüssel", "Clé d’accès secrète";
    region: "Region", "Region", "Région";
    bucket: "Bucket", "Bucket", "Compartiment";
    endpoint: "Address of the store", "Adresse des Speichers", "Adresse du stockage";
    endpoint_hint: "Unless it is Amazon’s: https://minio.example.com:9000", "Wenn es nicht der von Amazon ist: https://minio.example.com:9000", "S’il n’est pas celui d’Amazon : https://minio.example.com:9000";
    path_style: "The bucket stands in the path, not before the host", "Der Bucket steht im Pfad, nicht vor dem Host", "Le compartiment est dans le chemin, pas devant l’hôte";
    host: "Host", "Host", "Hôte";
    port: "Port", "Port", "Port";
    port_hint: "{0} where it is left out.", "{0}, wenn es leer bleibt.", "{0} s’il est vide.";
    username: "User name", "Benutzername", "Nom d’utilisateur";
    private_key: "Private key", "Privater Schlüssel", "Clé privée";
    private_key_hint: "In place of the password or before it, as ssh-keygen writes it.", "Statt des Passworts oder vor ihm, wie ssh-keygen ihn schreibt.", "À la place du mot de passe ou avant lui, comme l’écrit ssh-keygen.";
    passphrase: "Passphrase of the key", "Passphrase des Schlüssels", "Phrase secrète de la clé";
    host_public_key: "Public key of the server", "Öffentlicher Schlüssel des Servers", "Clé publique du serveur";
    host_public_key_hint: "Where it is left out, the key that the server shows now is remembered, and no other is let in later.", "Bleibt es leer, wird der Schlüssel gemerkt, den der Server jetzt zeigt; ein anderer gilt später nicht.", "S’il est vide, la clé que le serveur présente maintenant est retenue, et aucune autre n’est admise ensuite.";
    temp_folder: "Folder for files under way", "Ordner für unfertige Dateien", "Dossier des fichiers en cours";
    temp_folder_hint: "Beside the file where it is left out.", "Neben der Datei, wenn es leer bleibt.", "À côté du fichier s’il est vide.";
    scheme: "How it is asked", "Wie er gefragt wird", "Protocole";
    headers: "Headers", "Kopfzeilen", "En-têtes";
    headers_hint: "Sent with every request, one in each line: X-Api-Key: …", "Bei jeder Anfrage mitgeschickt, eine in jeder Zeile: X-Api-Key: …", "Envoyés avec chaque requête, un par ligne : X-Api-Key: …";
    test: "Test", "Prüfen", "Tester";
    test_good: "The connection works.", "Die Verbindung steht.", "La connexion fonctionne.";
    host_key_is: "The server showed this key:", "Der Server zeigte diesen Schlüssel:", "Le serveur a présenté cette clé :";
    rename: "Rename", "Umbenennen", "Renommer";
    replace_settings: "Replace the settings", "Einstellungen ersetzen", "Remplacer les réglages";
    replace_settings_hint: "All of them anew: those there are now are not shown.", "Alle neu: die jetzigen werden nicht gezeigt.", "Tous à nouveau : les réglages actuels ne sont pas affichés.";
    connection_delete_sure: "Delete {0}? Its pipelines and the identities they brought go with it.", "{0} löschen? Ihre Pipelines und die Identitäten, die sie brachten, verschwinden mit ihr.", "Supprimer {0} ? Ses pipelines et les identités qu’ils ont apportées disparaissent avec elle.";
    pipelines: "Pipelines", "Pipelines", "Pipelines";
    no_pipelines: "There are no pipelines yet.", "Es gibt noch keine Pipelines.", "Il n’y a encore aucun pipeline.";
    new_pipeline: "New pipeline", "Neue Pipeline", "Nouveau pipeline";

    // Pipelines.
    pipelines_lead: "Saved imports of users from files and saved exports of profiles, on request or by a schedule.", "Gespeicherte Importe von Personen aus Dateien und gespeicherte Exporte von Profilen, auf Wunsch oder nach Plan.", "Importations d’utilisateurs et exportations de profils enregistrées, à la demande ou selon un horaire.";
    connection_first: "A pipeline needs a connection: make one first.", "Eine Pipeline braucht eine Verbindung: legen Sie zuerst eine an.", "Un pipeline a besoin d’une connexion : créez-en d’abord une.";
    schedule: "Schedule", "Zeitplan", "Horaire";
    last_run: "Last run", "Letzter Lauf", "Dernière exécution";
    runs: "Runs", "Läufe", "Exécutions";
    no_runs: "It has not run yet.", "Sie ist noch nie gelaufen.", "Il n’a encore jamais été exécuté.";
    run_now: "Run now", "Jetzt ausführen", "Exécuter maintenant";
    run_fully: "Run over everything", "Über alles laufen lassen", "Tout reprendre";
    on: "on", "an", "actif";
    off: "off", "aus", "inactif";
    by_request: "only on request", "nur auf Wunsch", "seulement à la demande";
    every_minutes: "every {0} minutes", "alle {0} Minuten", "toutes les {0} minutes";
    every_hour: "every hour", "jede Stunde", "toutes les heures";
    every_hours: "every {0} hours", "alle {0} Stunden", "toutes les {0} heures";
    every_day: "every day", "jeden Tag", "chaque jour";
    how_often: "How often", "Wie oft", "Fréquence";
    from_time: "From what time on (UTC)", "Ab welcher Uhrzeit (UTC)", "À partir de quelle heure (UTC)";
    from_time_hint: "Where it is left out, the server spreads the pipelines over the day.", "Bleibt es leer, verteilt der Server die Pipelines über den Tag.", "S’il est vide, le serveur répartit les pipelines sur la journée.";
    step: "Step", "Schritt", "Étape";
    passed: "passed", "weiter", "passées";
    failed: "failed", "gescheitert", "échouées";
    step_receive: "Received", "Empfangen", "Reçues";
    step_input: "Values checked", "Werte geprüft", "Valeurs vérifiées";
    step_filter: "Filtered", "Gefiltert", "Filtrées";
    step_consent: "Consent", "Einwilligung", "Consentement";
    step_transform: "Transformed", "Umgeformt", "Transformées";
    step_output: "Result checked", "Ergebnis geprüft", "Résultat vérifié";
    step_write: "Written", "Geschrieben", "Écrites";
    written: "written", "geschrieben", "écrites";
    rows_per_day: "Rows per day", "Zeilen pro Tag", "Lignes par jour";
    last_days: "last {0} days", "letzte {0} Tage", "{0} derniers jours";
    chart_said: "{0} in {1} days", "{0} in {1} Tagen", "{0} en {1} jours";
    definition: "Definition", "Definition", "Définition";
    failed_rows: "Failed rows", "Gescheiterte Zeilen", "Lignes échouées";
    import_number: "Import {0}", "Import {0}", "Importation {0}";
    pipeline_delete_sure: "Delete {0}? The identities it brought go with it.", "{0} löschen? Die Identitäten, die sie brachte, verschwinden mit ihr.", "Supprimer {0} ? Les identités qu’il a apportées disparaissent avec lui.";
    path: "Path", "Pfad", "Chemin";
    path_read_hint: "A * in the last part takes the newest file that matches.", "Ein * im letzten Teil nimmt die neueste passende Datei.", "Un * dans la dernière partie prend le fichier correspondant le plus récent.";
    path_write_hint: "${today}, ${now} and ${unix} stand for the time of the export.", "${today}, ${now} und ${unix} stehen für die Zeit des Exports.", "${today}, ${now} et ${unix} désignent l’instant de l’exportation.";
    has_header: "The first row names the columns", "Die erste Zeile nennt die Spalten", "La première ligne nomme les colonnes";
    json_properties: "Properties of the records", "Eigenschaften der Datensätze", "Propriétés des enregistrements";
    json_properties_hint: "For JSON: one in each line; a ! behind it where every record has it.", "Für JSON: eine in jeder Zeile; ein ! dahinter, wenn jeder Datensatz sie hat.", "Pour JSON : une par ligne ; un ! derrière si chaque enregistrement l’a.";
    for_workbooks: "For workbooks.", "Für Arbeitsmappen.", "Pour les classeurs.";
    for_csv: "For CSV.", "Für CSV.", "Pour CSV.";
    line_ends_crlf: "Lines end as on Windows", "Zeilen enden wie unter Windows", "Fins de ligne comme sous Windows";
    json_indent: "JSON with a line for each member", "JSON mit einer Zeile je Eigenschaft", "JSON avec une ligne par propriété";
    look_at_file: "Look at the file", "Datei ansehen", "Regarder le fichier";
    look_first: "Look at the file first: its columns are what comes next.", "Sehen Sie zuerst die Datei an: danach geht es mit ihren Spalten weiter.", "Regardez d’abord le fichier : ses colonnes viennent ensuite.";
    rows_before: "Rows of the file", "Zeilen der Datei", "Lignes du fichier";
    rows_after: "What becomes of them", "Was daraus wird", "Ce qu’elles deviennent";
    who_is_who: "Who a row is about", "Um wen es in einer Zeile geht", "De qui parle une ligne";
    user_column: "Column that identifies the user", "Spalte, an der die Person erkannt wird", "Colonne qui identifie l’utilisateur";
    updated_column: "Column with the time of the last update", "Spalte mit der Zeit der letzten Änderung", "Colonne avec l’heure de la dernière mise à jour";
    updated_format: "How it says the time", "Wie sie die Zeit schreibt", "Format de cette heure";
    updated_format_hint: "ISO8601, Excel or a format such as %d.%m.%Y.", "ISO8601, Excel oder ein Format wie %d.%m.%Y.", "ISO8601, Excel ou un format tel que %d.%m.%Y.";
    only_newer: "Take only what was updated since the last run", "Nur nehmen, was seit dem letzten Lauf geändert wurde", "Ne prendre que ce qui a changé depuis la dernière exécution";
    newest_counts: "Of two rows about one user the newest counts, not the last", "Von zwei Zeilen über eine Person zählt die neueste, nicht die letzte", "De deux lignes sur un utilisateur, la plus récente compte, pas la dernière";
    exact_types: "The file must have exactly these types", "Die Datei muss genau diese Typen haben", "Le fichier doit avoir exactement ces types";
    which_rows: "Which rows", "Welche Zeilen", "Quelles lignes";
    all_or_one: "Which of them must hold", "Welche davon zutreffen müssen", "Lesquelles doivent être vraies";
    all_of_them: "all of them", "alle", "toutes";
    one_of_them: "one of them", "eine davon", "l’une d’elles";
    several_with_commas: "Several values with commas. A row without a property counts for nothing.", "Mehrere Werte mit Kommas. Eine Zeile ohne Eigenschaft zählt nicht.", "Plusieurs valeurs séparées par des virgules. Une ligne sans propriété ne compte pas.";
    property: "Property", "Eigenschaft", "Propriété";
    expression: "Expression", "Ausdruck", "Expression";
    mapping: "Properties of the profile", "Eigenschaften des Profils", "Propriétés du profil";
    mapping_hint: "A column, or an expression over columns such as initcap(trim(First_Name)). What is empty stays unfilled.", "Eine Spalte oder ein Ausdruck über Spalten wie initcap(trim(First_Name)). Was leer ist, bleibt ungefüllt.", "Une colonne ou une expression sur des colonnes comme initcap(trim(First_Name)). Ce qui est vide reste sans valeur.";
    try_it: "Try it", "Ausprobieren", "Essayer";
    switched_on: "It runs, by its schedule and on request", "Sie läuft, nach Plan und auf Wunsch", "Il s’exécute, selon l’horaire et à la demande";
    properties_written: "Properties that are written", "Eigenschaften, die geschrieben werden", "Propriétés écrites";
    is_not_one_of: "is not one of", "ist keines von", "n’est pas l’un de";
    is_before: "is before", "ist vor", "est avant";
    is_after: "is after", "ist nach", "est après";
    is_true: "is true", "ist wahr", "est vrai";
    is_false: "is false", "ist falsch", "est faux";
    exists: "is there", "ist vorhanden", "existe";
    exists_not: "is not there", "ist nicht vorhanden", "n’existe pas";
    definition_json: "Definition as JSON", "Definition als JSON", "Définition en JSON";
    definition_json_hint: "Everything a pipeline can be told, also what the form does not have: functions, schemas, every setting. See the API reference.", "Alles, was eine Pipeline wissen kann, auch was das Formular nicht hat: Funktionen, Schemata, jede Einstellung. Siehe API-Referenz.", "Tout ce qu’un pipeline peut recevoir, y compris ce que le formulaire n’a pas : fonctions, schémas, chaque réglage. Voir la référence de l’API.";
    made_by_function: "Made by a function in {0}", "Gemacht von einer Funktion in {0}", "Fait par une fonction en {0}";
    job_pipeline: "Run of a pipeline", "Lauf einer Pipeline", "Exécution d’un pipeline";
    job_resolution: "Resolution of identities", "Zusammenführung der Identitäten", "Rapprochement des identités";
    rows_a_second: "{0} rows a second", "{0} Zeilen pro Sekunde", "{0} lignes par seconde";
    throughput: "Throughput", "Durchsatz", "Débit";

    // Connectors.
    try_out: "Test", "Ausprobieren", "Essayer";
    test_lead: "Nothing is sent: every step is shown as it would be done.", "Nichts wird gesendet: Jeder Schritt wird gezeigt, wie er geschähe.", "Rien n’est envoyé : chaque étape est montrée telle qu’elle serait faite.";
    payload: "Payload", "Payload", "Payload";
    payload_hint: "JSON, as it would be sent here. It is kept as the example when you save.", "JSON, wie es hierher gesendet würde. Beim Speichern wird es als Beispiel aufbewahrt.", "JSON, tel qu’il serait envoyé ici. Il est conservé comme exemple à l’enregistrement.";
    lookup_answer: "Answer of the lookup", "Antwort des Lookups", "Réponse du lookup";
    lookup_answer_hint: "JSON that the lookup is taken to answer; it is not kept.", "JSON, das als Antwort des Lookups gilt; es wird nicht aufbewahrt.", "JSON considéré comme la réponse du lookup ; il n’est pas conservé.";
    give_payload: "Enter a payload, then try it.", "Geben Sie eine Payload ein und probieren Sie sie aus.", "Saisissez un payload, puis essayez.";
    mistakes_at_fields: "Something is wrong with what was entered:", "Mit den Eingaben stimmt etwas nicht:", "Quelque chose ne va pas dans la saisie :";
    missing_secrets: "Secrets that are missing:", "Geheimnisse, die fehlen:", "Secrets manquants :";
    step_trigger: "Trigger", "Trigger", "Trigger";
    step_lookup: "Lookup", "Lookup", "Lookup";
    step_process: "Process", "Process", "Process";
    step_perform: "Perform", "Perform", "Perform";
    steps_taken: "Steps", "Schritte", "Étapes";
    trigger_matched: "matched", "trifft zu", "vérifié";
    trigger_not_matched: "not matched", "trifft nicht zu", "non vérifié";
    would_be_ignored: "The event would be ignored, and nothing of what follows would happen.", "Das Ereignis würde ignoriert, und nichts von dem Folgenden geschähe.", "L’événement serait ignoré, et rien de ce qui suit n’aurait lieu.";
    nothing_performed: "Nothing is done in the end: the event is kept, and that is all.", "Am Ende wird nichts getan: Das Ereignis wird nur aufbewahrt.", "Rien n’est fait à la fin : l’événement est seulement conservé.";
    record_of: "A record of {0}", "Ein Datensatz von {0}", "Un enregistrement de {0}";
    record_of_by: "A record of {0}, recognized by {1}", "Ein Datensatz von {0}, erkannt an {1}", "Un enregistrement de {0}, reconnu par {1}";
    saved: "Saved.", "Gespeichert.", "Enregistré.";
    paths: "Paths", "Pfade", "Chemins";
    send_event: "Send an event", "Ein Ereignis senden", "Envoyer un événement";
    token_hint: "The token is shown once, on the record’s page:", "Das Token wird einmal gezeigt, auf der Seite des Datensatzes:", "Le jeton est affiché une fois, sur la page de l’enregistrement :";
    connector_disabled: "It is disabled: nothing is received until its status is “enabled”.", "Ausgeschaltet: Nichts wird empfangen, solange der Status nicht „enabled“ ist.", "Désactivé : rien n’est reçu tant que l’état n’est pas « enabled ».";
    event_pending: "pending", "ausstehend", "en attente";
    event_ignored: "ignored", "ignoriert", "ignoré";
    show_events: "Show the events of this record", "Die Ereignisse dieses Datensatzes zeigen", "Afficher les événements de cet enregistrement";
    see_all_events: "All events", "Alle Ereignisse", "Tous les événements";
    no_events: "No events have come yet.", "Noch sind keine Ereignisse gekommen.", "Aucun événement n’est encore arrivé.";
    no_such_events: "There are no events of this status.", "Es gibt keine Ereignisse mit diesem Status.", "Il n’y a aucun événement dans cet état.";
    replay_failed: "Send all failed ones again", "Alle gescheiterten noch einmal senden", "Renvoyer tous les échoués";
    replay_failed_sure: "Send all failed events again ({0})?", "Alle gescheiterten Ereignisse noch einmal senden ({0})?", "Renvoyer tous les événements échoués ({0}) ?";
    use_as_example: "Use as example", "Als Beispiel nehmen", "Prendre comme exemple";
    received: "Received", "Empfangen", "Reçu";
    finished: "Finished", "Beendet", "Terminé";
    next_attempt: "Next attempt", "Nächster Versuch", "Prochain essai";
    message_number: "Message number", "Nummer der Nachricht", "Numéro du message";
    duration: "Duration", "Dauer", "Durée";
    error: "Error", "Fehler", "Erreur";
}

/// One text in every language: English, German, French.
pub type Texts = [&'static str; 3];

impl Words {
    /// The text in this language.
    pub fn one_of(&self, [english, german, french]: Texts) -> &'static str {
        match self.code {
            "de" => german,
            "fr" => french,
            _ => english,
        }
    }

    /// True where texts of the engine are in the language of the page.
    pub fn is_english(&self) -> bool {
        self.code == ENGLISH.code
    }
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
        "upload": words.upload, "paths": words.paths,
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

/// A text for one, or for as many as there are.
pub fn counted(one: &str, many: &str, number: u64) -> String {
    if number == 1 { one.to_owned() } else { filled(many, &[&count(number)]) }
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
