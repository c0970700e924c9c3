//! What went wrong, by the code of the failure: a heading and what to do, in every language.

use maud::{Markup, html};

use super::pieces::of_engine;
use super::words::{Texts, Words};
use crate::http::answer::Failure;

macro_rules! failures {
    ($($($code:literal)|+: $english:literal, $german:literal, $french:literal;
        $advice:literal, $in_german:literal, $in_french:literal;)*) => {
        /// A heading, and what somebody can do.
        fn said(code: &str) -> Option<(Texts, Texts)> {
            Some(match code {
                $($($code)|+ => ([$english, $german, $french], [$advice, $in_german, $in_french]),)*
                _ => return None,
            })
        }
    };
}

failures! {
    "NOT_FOUND" | "JOB_NOT_FOUND" | "REPORT_NOT_FOUND" | "EXPORT_JOB_NOT_FOUND" | "UPLOAD_NOT_FOUND":
        "This is not here", "Das gibt es hier nicht", "Cela n’existe pas ici";
        "It was deleted or moved, or it belongs to somebody else. Go back and look for it.",
        "Es wurde gelöscht, oder es gehört jemand anderem. Gehen Sie zurück und suchen Sie es.",
        "Cela a été supprimé ou appartient à quelqu’un d’autre. Revenez en arrière et cherchez-le.";
    "WRONG_PASSWORD":
        "E-mail address or password is wrong", "E-Mail-Adresse oder Passwort ist falsch", "Adresse e-mail ou mot de passe incorrect";
        "Try again, or ask an administrator for a link.",
        "Versuchen Sie es noch einmal, oder bitten Sie die Verwaltung um einen Link.",
        "Réessayez, ou demandez un lien à un administrateur.";
    "PERMISSION_DENIED":
        "You may not do this", "Das dürfen Sie nicht", "Vous n’avez pas ce droit";
        "Ask an administrator to do it, or to give you the right.",
        "Bitten Sie jemanden aus der Verwaltung darum oder um das Recht dazu.",
        "Demandez à un administrateur de le faire ou de vous donner ce droit.";
    "VALIDATION_ERROR":
        "Something entered is not right", "Eine Angabe stimmt nicht", "Une saisie n’est pas correcte";
        "Go back, change it, and try again.",
        "Gehen Sie zurück, ändern Sie die Angabe und versuchen Sie es noch einmal.",
        "Revenez en arrière, corrigez la saisie et réessayez.";
    "INVALID_SOURCE" | "INVALID_FILE" | "UNSUPPORTED_FILE_TYPE" | "UNSUPPORTED_MEDIA_TYPE":
        "The file cannot be read", "Die Datei lässt sich nicht lesen", "Le fichier ne peut pas être lu";
        "Open it in the program it comes from, save it again, and send it once more.",
        "Öffnen Sie sie in ihrem Programm, speichern Sie sie neu und senden Sie sie noch einmal.",
        "Ouvrez-le dans son programme, enregistrez-le à nouveau et renvoyez-le.";
    "FILE_GONE" | "PLAN_EXPIRED" | "EXPORT_EXPIRED":
        "This is no longer kept", "Das wird nicht mehr aufbewahrt", "Ceci n’est plus conservé";
        "Its time is over. Begin again.",
        "Die Zeit dafür ist um. Beginnen Sie von vorn.",
        "Le délai est dépassé. Recommencez depuis le début.";
    "CONFLICT" | "VERSION_CONFLICT" | "IMPORT_RUNNING" | "ALREADY_CONFIRMED" | "ALREADY_ROLLED_BACK" | "UPLOAD_BUSY":
        "Something stands in the way", "Etwas steht im Weg", "Quelque chose s’y oppose";
        "Something else happened meanwhile or is going on. Look at it again, then try once more.",
        "Inzwischen ist etwas anderes geschehen oder im Gange. Sehen Sie nach und versuchen Sie es dann noch einmal.",
        "Autre chose s’est produit entre-temps ou est en cours. Vérifiez, puis réessayez.";
    "PLAN_LIMIT":
        "Your plan allows no more", "Ihr Plan erlaubt nicht mehr", "Votre forfait ne permet pas davantage";
        "Make it smaller, or ask an administrator to change the plan.",
        "Verkleinern Sie es, oder bitten Sie die Verwaltung, den Plan zu ändern.",
        "Réduisez la quantité, ou demandez à un administrateur de changer le forfait.";
    "LIMIT_EXCEEDED" | "PAYLOAD_TOO_LARGE" | "FILE_TOO_LARGE":
        "This is too large", "Das ist zu groß", "C’est trop volumineux";
        "Divide it, and send the parts one after the other.",
        "Teilen Sie es auf und senden Sie die Teile nacheinander.",
        "Divisez-le et envoyez les parties l’une après l’autre.";
    "RATE_LIMITED":
        "Too many requests", "Zu viele Anfragen", "Trop de requêtes";
        "Wait a minute, then try again.",
        "Warten Sie eine Minute und versuchen Sie es dann noch einmal.",
        "Attendez une minute, puis réessayez.";
    "TOKEN_EXPIRED":
        "The time of this page is over", "Die Zeit dieser Seite ist um", "Cette page a expiré";
        "Load the page around it again.",
        "Laden Sie die umgebende Seite neu.",
        "Rechargez la page qui l’entoure.";
    "TOKEN_REVOKED" | "TOKEN_INVALID":
        "This page may not be shown here", "Diese Seite darf hier nicht gezeigt werden", "Cette page ne peut pas être affichée ici";
        "Ask whoever runs the application around it.",
        "Wenden Sie sich an die Betreiber der umgebenden Anwendung.",
        "Adressez-vous aux responsables de l’application qui l’entoure.";
    "UNAVAILABLE" | "STOPPED" | "TOO_SLOW":
        "The server is busy", "Der Server ist beschäftigt", "Le serveur est occupé";
        "Wait a few seconds, then try again.",
        "Warten Sie einige Sekunden und versuchen Sie es dann noch einmal.",
        "Attendez quelques secondes, puis réessayez.";
    "INTERNAL_ERROR":
        "The server made a mistake", "Der Server hat einen Fehler gemacht", "Le serveur a rencontré une erreur";
        "Try again. If it happens again, tell whoever runs the server: its log knows more.",
        "Versuchen Sie es noch einmal. Geschieht es wieder, sagen Sie es den Betreibern des Servers: sein Protokoll weiß mehr.",
        "Réessayez. Si cela se reproduit, prévenez les responsables du serveur : son journal en sait plus.";
}

/// A heading for a failure.
pub fn heading(words: &Words, failure: &Failure) -> &'static str {
    said(failure.code).map_or(words.not_done, |(heading, _)| words.one_of(heading))
}

/// What went wrong, in a line: in other languages than the engine's, with the heading before.
pub fn short(words: &Words, failure: &Failure) -> Markup {
    let heading = said(failure.code).filter(|_| !words.is_english()).map(|(heading, _)| heading);
    html! {
        @if let Some(heading) = heading { strong { (words.one_of(heading)) } ". " }
        (of_engine(words, &failure.message))
    }
}

/// The same above what was entered.
pub fn notice(words: &Words, failure: &Failure) -> Markup {
    html! { p.notice.error role="alert" { (short(words, failure)) } }
}

/// What went wrong, and what to do.
pub fn explained(words: &Words, failure: &Failure) -> Markup {
    html! {
        p.notice.error role="alert" { (of_engine(words, &failure.message)) }
        @if let Some((_, advice)) = said(failure.code) { p { (words.one_of(advice)) } }
    }
}
