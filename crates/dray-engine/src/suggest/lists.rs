//! Lists of words that values are compared with, folded: salutations, degrees, countries.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::words::fold;

/// The words of a list, which is written with blanks between them.
fn listed(words: &'static str) -> HashSet<String> {
    words.split_whitespace().map(fold).collect()
}

/// Yes and no in other words than those that `check` reads.
pub(super) static YES_AND_NO: LazyLock<HashSet<String>> = LazyLock::new(|| {
    listed(
        "yes no ja nein oui non si sim nao nee tak nie nej ano ne kylla ei igen nem evet hayir да нет ναι \
         οχι wahr falsch vrai faux",
    )
});

/// How people are addressed.
pub(super) static SALUTATIONS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    listed(
        "mr mrs ms miss mx sir madam herr frau herrn familie firma m mme mlle monsieur madame sr sra srta \
         senor senora sig sigra signor signora dott dottssa dhr mevr mevrouw heer pan pani hr fr fru \
         rouva herra domnul doamna dl dna bay bayan ur no holgy г-н г-жа гн гжа господин госпожа κος κα \
         senhor senhora exmo dr",
    )
});

/// Academic degrees and other additions to a name.
pub(super) static DEGREES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    listed("dr prof profdr dipling ing mag mba phd msc bsc drmed ba ma jr dring mgr bc mudr judr")
});

/// Codes of countries, and their names in English and in their own and their neighbours' languages.
pub(super) static COUNTRIES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    listed(
        "ad ae al am ar at au az ba bd be bg bh bo br by ca ch cl cn co cr cy cz de dk dz ec ee eg es fi \
         fr gb ge gr gt hk hr hu id ie il in ir is it jo jp ke kr kw kz lb li lk lt lu lv ma mc md me mk \
         mt mx my ng nl no nz om pa pe ph pk pl pt py qa ro rs ru sa se sg si sk sn th tn tr tw ua uk us \
         usa uy uz ve vn za aut bel bgr bra can che chn cze deu dnk esp est fin fra gbr grc hrv hun ind \
         irl isl ita jpn ltu lux lva mex nld nor pol prt rou rus srb svk svn swe tur ukr germany \
         deutschland allemagne alemania germania alemanha duitsland niemcy tyskland nemecko saksa almanya \
         германия france frankreich francia franca frankrijk francja frankrike франция spain spanien \
         espana espagne spagna espanha spanje hiszpania испания italy italien italia italie wlochy италия \
         portugal portugalia portogallo austria osterreich oesterreich autriche oostenrijk austriche \
         switzerland schweiz suisse svizzera suiza suica zwitserland szwajcaria швейцария netherlands \
         thenetherlands niederlande nederland paysbas paisesbajos paesibassi holandia holland belgium \
         belgien belgie belgique belgica belgio belgia luxembourg luxemburg poland polen polska pologne \
         polonia польша sweden schweden sverige suede suecia svezia szwecja denmark danemark danmark \
         dinamarca danimarca dania norway norwegen norge norvege noruega norvegia norwegia finland \
         finnland suomi finlande finlandia czechrepublic czechia tschechien cesko ceskarepublika slovakia \
         slowakei slovensko hungary ungarn magyarorszag hongrie hungria ungheria wegry romania rumanien \
         roumanie rumania bulgaria bulgarien българия greece griechenland grece grecia ελλαδα ellada \
         turkey turkei turkiye turquie turquia ireland irland irlande irlanda unitedkingdom greatbritain \
         england scotland wales grossbritannien vereinigteskonigreich royaumeuni reinounido regnounito \
         verenigdkoninkrijk wielkabrytania unitedstates unitedstatesofamerica vereinigtestaaten etatsunis \
         estadosunidos statiuniti verenigdestaten stanyzjednoczone сша canada kanada australia australien \
         australie newzealand neuseeland japan japon giappone china chine cina india indien inde brazil \
         brasil brasilien bresil brasile mexico mexiko mexique argentina argentinien chile colombia \
         kolumbien peru russia russland russie rusia россия ukraine україна украина egypt agypten egypte \
         egipto morocco marokko maroc marruecos southafrica sudafrika israel unitedarabemirates \
         saudiarabia singapore singapur southkorea thailand vietnam indonesia malaysia philippines \
         estonia estland eesti latvia lettland latvija lithuania litauen lietuva croatia kroatien \
         hrvatska slovenia slowenien slovenija serbia serbien srbija iceland island malta cyprus zypern \
         liechtenstein kenya nigeria pakistan tunisia tunesien tunisie algeria algerie",
    )
});
