//! Texts in all encodings: what a person could tell is found, everything can be named, and bytes that are
//! no text are told with their place.

use dray_model::problem::ProblemCode;
use encoding_rs::Encoding;
use proptest::prelude::*;

use super::{Contents, Trickle, open, read, read_all, tiny};
use crate::{ReadOptions, open_reader};

const GERMAN: &str = "Name;Straße;Ort\nJürgen Müller;Hauptstraße 5;Köln\nBärbel Groß;Am Südpark 12;Düsseldorf\n\
    Käthe Böhm;Schöne Aussicht 3;Würzburg\nÖzgür Weiß;Königsallee 7;Münster\n";
const FRENCH: &str = "nom,prénom,ville,remarque\nLefèvre,Hélène,Besançon,livré à l'étage\nGarçon,Noël,Orléans,très bien\n\
    Crété,Zoé,Nîmes,château\nMaître,François,Hyères,où ça\n";
const EURO: &str = "article,prix\ncœur de bœuf,12 €\nœillet,3 €\nchêne,45 €\n";
const SPANISH: &str =
    "nombre,ciudad,nota\nMuñoz Ibáñez,Málaga,¿mañana?\nPeña,Cádiz,camión número 3\nNúñez,León,niño\n";
const NORDIC: &str =
    "navn;by\nSøren Ærø;København\nÅse Bjørnstad;Tromsø\nGöran Sjöström;Malmö\nPäivi Mäkelä;Jyväskylä\n";
const POLISH: &str = "imię,nazwisko,miasto\nŁukasz,Wiśniewski,Łódź\nMałgorzata,Dąbrowska,Gdańsk\nGrażyna,Święcicka,Częstochowa\n\
    Stanisław,Wójcik,Kraków\n";
const CZECH: &str = "jméno,město\nJiří Dvořák,Plzeň\nŠárka Němcová,České Budějovice\nTomáš Říha,Příbram\nZdeněk Žižka,Třebíč\n";
const TURKISH: &str = "ad,soyad,şehir\nGülşen,Yıldırım,İstanbul\nÇağrı,Öztürk,Eskişehir\nIşıl,Doğan,Muğla\nŞükrü,Kılıç,Balıkesir\n";
const LITHUANIAN: &str = "vardas,miestas\nŽydrūnas Jankauskas,Šiauliai\nRūta Čepaitė,Panevėžys\nEglė Žukauskaitė,Kėdainiai\nĄžuolas,Mažeikiai\n";
const RUSSIAN: &str = "имя,фамилия,город\nАлексей,Иванов,Москва\nЕкатерина,Смирнова,Санкт-Петербург\nЮрий,Щукин,Нижний Новгород\n\
    Елена,Яковлева,Екатеринбург\nМария,Королёва,Хабаровск\n";
const GREEK: &str = "όνομα,πόλη\nΓιώργος Παπαδόπουλος,Αθήνα\nΜαρία Νικολάου,Θεσσαλονίκη\nΕλένη Ιωάννου,Ηράκλειο\nΔημήτρης,Πάτρα\n";
const HEBREW: &str = "שם,עיר\nדוד כהן,ירושלים\nשרה לוי,תל אביב\nמשה מזרחי,חיפה\nרחל פרץ,באר שבע\n";
const ARABIC: &str =
    "الاسم,المدينة\nمحمد علي,القاهرة\nفاطمة حسن,الإسكندرية\nأحمد إبراهيم,بغداد\nليلى عبد الله,دمشق\n";
const THAI: &str = "ชื่อ,เมือง\nสมชาย ใจดี,กรุงเทพมหานคร\nสมหญิง รักไทย,เชียงใหม่\nประเสริฐ,ขอนแก่น\nวิภา,ภูเก็ต\n";
const VIETNAMESE: &str = "tên,thành phô\u{301}\nNguyê\u{303}n Văn Đư\u{301}c,Hà Nô\u{323}i\nTrâ\u{300}n Thi\u{323} Hương,Đà Nă\u{303}ng\nLê Quô\u{301}c Viê\u{323}t,Huê\u{301}\nPha\u{323}m Hô\u{300}ng,Câ\u{300}n Thơ\n";
const JAPANESE: &str = "氏名,住所\n山田太郎,東京都千代田区\n佐藤花子,大阪府大阪市\n鈴木一郎,北海道札幌市\nタナカ,カタカナのテスト\n";
const CHINESE: &str = "姓名,城市\n王小明,北京市\n李丽华,上海市\n张伟,广州市天河区\n刘洋,深圳\n陈静,成都市\n";
const TAIWANESE: &str = "姓名,城市\n王小明,臺北市\n李麗華,高雄市\n張偉,臺中市\n劉洋,新竹縣\n陳靜,花蓮縣\n";
const KOREAN: &str =
    "이름,도시\n김철수,서울특별시\n이영희,부산광역시\n박민수,대구\n최지우,인천광역시\n정수빈,광주\n";

/// `text` in an encoding.
fn encode(text: &str, name: &str) -> Vec<u8> {
    let units = |big: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    match name {
        "UTF-16LE" => units(false),
        "UTF-16BE" => units(true),
        "UTF-32LE" => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        "UTF-32BE" => text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        name => {
            let encoding = Encoding::for_label(name.as_bytes()).unwrap();
            let (bytes, _, failed) = encoding.encode(text);
            assert!(!failed, "{name} has all characters of {text}");
            bytes.into_owned()
        }
    }
}

/// Encodings, and a text that people write in them.
const TEXTS: [(&str, &str); 45] = [
    ("UTF-8", GERMAN),
    ("UTF-8", JAPANESE),
    ("UTF-16LE", GERMAN),
    ("UTF-16LE", RUSSIAN),
    ("UTF-16LE", JAPANESE),
    ("UTF-16BE", GERMAN),
    ("UTF-16BE", RUSSIAN),
    ("UTF-16BE", CHINESE),
    ("UTF-32LE", FRENCH),
    ("UTF-32BE", JAPANESE),
    ("windows-1252", GERMAN),
    ("windows-1252", FRENCH),
    ("windows-1252", SPANISH),
    ("windows-1252", NORDIC),
    ("ISO-8859-15", EURO),
    ("macintosh", GERMAN),
    ("macintosh", FRENCH),
    ("macintosh", SPANISH),
    ("macintosh", NORDIC),
    ("windows-1250", POLISH),
    ("windows-1250", CZECH),
    ("ISO-8859-2", POLISH),
    ("ISO-8859-2", CZECH),
    ("windows-1254", TURKISH),
    ("windows-1257", LITHUANIAN),
    ("ISO-8859-13", LITHUANIAN),
    ("windows-1251", RUSSIAN),
    ("KOI8-R", RUSSIAN),
    ("KOI8-U", RUSSIAN),
    ("ISO-8859-5", RUSSIAN),
    ("IBM866", RUSSIAN),
    ("x-mac-cyrillic", RUSSIAN),
    ("windows-1253", GREEK),
    ("ISO-8859-7", GREEK),
    ("windows-1255", HEBREW),
    ("ISO-8859-8", HEBREW),
    ("windows-1256", ARABIC),
    ("ISO-8859-6", ARABIC),
    ("windows-874", THAI),
    ("windows-1258", VIETNAMESE),
    ("Shift_JIS", JAPANESE),
    ("EUC-JP", JAPANESE),
    ("ISO-2022-JP", JAPANESE),
    ("gb18030", CHINESE),
    ("EUC-KR", KOREAN),
];

fn named(encoding: &str) -> ReadOptions {
    ReadOptions { encoding: Some(encoding.to_owned()), ..ReadOptions::default() }
}

/// What was found out about the encoding, at the end of the file.
fn encoding_of(bytes: &[u8]) -> (String, f64) {
    let mut source = open("x.csv", bytes, &ReadOptions::default()).unwrap();
    read_all(source.as_mut()).unwrap();
    let found = source.detected().into_iter().find(|found| found.what == "encoding").unwrap();
    (found.value, found.confidence)
}

#[test]
fn the_encoding_is_found_or_named() {
    for (name, text) in TEXTS.into_iter().chain([("Big5", TAIWANESE)]) {
        let expected = read("x.csv", text.as_bytes(), &ReadOptions::default());
        let bytes = encode(text, name);
        for options in [ReadOptions::default(), named(name), named(&name.to_lowercase())] {
            let contents = read("x.csv", &bytes, &options);
            assert_eq!(
                (contents.header, contents.rows),
                (expected.header.clone(), expected.rows.clone()),
                "{name}"
            );
            assert_eq!(contents.problems, [], "{name}");
        }
        // The first rows alone tell as much.
        let first: String = text.split_inclusive('\n').take(3).collect();
        let contents = read("x.csv", &encode(&first, name), &ReadOptions::default());
        assert_eq!(contents.rows, expected.rows[..2], "{name}");
        let (_, confidence) = encoding_of(&bytes);
        assert!((0.5..=1.0).contains(&confidence), "{name}: {confidence}");
    }
}

#[test]
fn one_word_is_often_enough() {
    for name in ["windows-1252", "macintosh"] {
        for word in [
            "Müller",
            "José",
            "Zoë",
            "François",
            "Ångström",
            "Español",
            "Straße",
            "Bär",
            "Håkon",
            "Übergröße",
            "MÜLLER",
            "“quoted” – text",
            "it’s fine",
            "5 € pro Stück",
            "crème brûlée",
            "São Paulo",
            "Ökonom",
        ] {
            let bytes = encode(&format!("id,name\n1,{word}\n2,plain\n"), name);
            let contents = read("x.csv", &bytes, &ReadOptions::default());
            assert_eq!(contents.rows[0][1].as_deref(), Some(word), "{name}");
        }
    }
}

#[test]
fn signs_alone_are_those_of_the_usual_encoding() {
    for word in [
        "100 €",
        "100€",
        "20°C",
        "20 °C",
        "5 µm",
        "±5 mm",
        "12 m²",
        "§ 5",
        "£20",
        "½ l",
        "¿qué?",
        "naïve",
        "10–20",
        "5‰",
        "Ø 12 mm",
        "× 3",
        "a·b",
        "®",
        "™ Acme",
        "1 ª",
        "café",
        "Å",
        "«oui»",
        "l’été",
        "¥ 100",
        "¢",
        "château",
    ] {
        let bytes = encode(&format!("id,name\n1,{word}\n2,plain\n"), "windows-1252");
        let contents = read("x.csv", &bytes, &ReadOptions::default());
        assert_eq!(contents.rows[0][1].as_deref(), Some(word));
    }
}

#[test]
fn digits_alone_show_the_width_of_a_character() {
    let digits: String = (0..9).map(|n| format!("{n}\n")).collect();
    for name in ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"] {
        assert_eq!(encoding_of(&encode(&digits, name)).0, name);
    }
}

#[test]
fn marks_are_followed_and_taken_off() {
    for (name, text) in TEXTS.into_iter().filter(|(name, _)| name.starts_with("UTF")) {
        let marked = encode(&format!("\u{feff}{text}"), name);
        let expected = read("x.csv", text.as_bytes(), &ReadOptions::default());
        let family = name.trim_end_matches("LE").trim_end_matches("BE");
        for options in [ReadOptions::default(), named(name), named(family)] {
            let contents = read("x.csv", &marked, &options);
            assert_eq!(
                (contents.header, contents.rows),
                (expected.header.clone(), expected.rows.clone()),
                "{name}"
            );
        }
        assert_eq!(encoding_of(&marked), (name.to_owned(), 1.0));
    }
}

#[test]
fn names_that_are_none_are_refused() {
    for name in ["", "utf-9", "latin", "replacement", "iso-2022-kr"] {
        let error = open("x.csv", b"a,b\n1,2\n", &named(name)).err().unwrap();
        assert_eq!(error.to_string(), format!("there is no encoding `{name}`"));
        assert!(error.hint.unwrap().contains("windows-1252"));
    }
    for name in ["latin1", "ascii", "ansi", "cp1252", " ISO-8859-1 ", "macroman", "cp932", "utf-8-sig"] {
        assert_eq!(read("x.csv", b"a,b\n1,2\n", &named(name)).rows.len(), 1, "{name}");
    }
}

/// The messages of all problems, each of which must be about an encoding.
fn faults(contents: &Contents) -> Vec<String> {
    let message = |problem: &dray_model::problem::Problem| {
        assert_eq!(problem.code, ProblemCode::InvalidEncoding);
        let told = problem.message.split_once("; ").unwrap().0.to_owned();
        format!("{} {}: {told}", problem.row_number, problem.column.as_deref().unwrap_or("?"))
    };
    contents.problems.iter().map(message).collect()
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let broken = |name: &str, text: &str, bytes: &[u8]| {
        let (before, behind) = text.split_once('#').unwrap();
        let mut encoded = encode(before, name);
        let at = encoded.len();
        encoded.extend_from_slice(bytes);
        encoded.extend(encode(behind, name));
        (encoded, at)
    };
    for (name, text, bytes, told) in [
        ("windows-1252", "id,name\n1,Jürgen\n2,Gr#ün\n3,Öl\n", &b"\x81"[..], "the byte 0x81"),
        ("windows-1253", "id,name\n1,Μαρία\n2,Πάτρ#α\n3,Γιώργος\n", b"\xD2", "the byte 0xD2"),
        ("Shift_JIS", "id,name\n1,東京都\n2,大#阪市\n3,札幌市\n", b"\xFD", "the byte 0xFD"),
        ("EUC-KR", "id,name\n1,서울\n2,부#산\n3,대구\n", b"\xFF", "the byte 0xFF"),
        ("gb18030", "id,name\n1,北京\n2,上#海\n3,深圳\n", b"\xFF", "the byte 0xFF"),
        ("UTF-16LE", "id,name\n1,Jürgen\n2,Gr#ün\n3,Öl\n", b"\x00\xDC", "the bytes 0x00 0xDC"),
        ("UTF-16BE", "id,name\n1,Jürgen\n2,Gr#ün\n3,Öl\n", b"\xD8\x00", "the bytes 0xD8 0x00"),
        (
            "UTF-32LE",
            "id,name\n1,Jürgen\n2,Gr#ün\n3,Öl\n",
            b"\x00\x00\x11\x00",
            "the bytes 0x00 0x00 0x11 0x00",
        ),
        ("UTF-8", "id,name\n1,Jürgen\n2,Gr#ün\n3,Öl\n", b"\xE9", "the byte 0xE9"),
    ] {
        let (encoded, at) = broken(name, text, bytes);
        let contents = read("x.csv", &encoded, &named(name));
        let is = if told.contains("bytes") { "are" } else { "is" };
        let encoding = if name == "UTF-8" { "UTF-8" } else { name };
        assert_eq!(
            faults(&contents),
            [format!("2 name: {told} at offset {at} of the file {is} no text in {encoding}")]
        );
        let cell = text.lines().nth(2).unwrap().trim_start_matches("2,").replace('#', "\u{fffd}");
        assert_eq!(contents.rows[1][1].as_deref(), Some(cell.as_str()), "{name}");
        // The same in pieces.
        let reader = Box::new(Trickle(std::io::Cursor::new(encoded)));
        let options = ReadOptions { encoding: Some(name.to_owned()), ..tiny(1, 1, 5) };
        let pieces = read_all(open_reader("x.csv", reader, &options).unwrap().as_mut()).unwrap();
        assert_eq!((pieces.rows, pieces.problems), (contents.rows, contents.problems), "{name}");
    }
}

#[test]
fn text_that_breaks_off_inside_a_character_is_told() {
    for (name, text, cut) in
        [("Shift_JIS", JAPANESE, 1), ("UTF-16LE", GERMAN, 1), ("UTF-32BE", GERMAN, 3), ("UTF-8", JAPANESE, 1)]
    {
        let bytes = encode(text.trim_end(), name);
        let contents = read("x.csv", &bytes[..bytes.len() - cut], &named(name));
        assert_eq!(contents.problems.len(), 1, "{name}");
        assert_eq!(contents.problems[0].code, ProblemCode::InvalidEncoding);
    }
}

#[test]
fn a_few_broken_bytes_do_not_hide_the_encoding() {
    for (name, text) in
        TEXTS.into_iter().filter(|(name, _)| !name.starts_with("UTF-") && *name != "ISO-2022-JP")
    {
        let mut bytes = encode(&text.repeat(20), name);
        let (expected, _) = encoding_of(&bytes);
        let middle =
            bytes.iter().skip(bytes.len() / 2).position(|&byte| byte == b'\n').unwrap() + bytes.len() / 2;
        bytes.insert(middle, 0xFF);
        bytes.insert(middle, 0x81);
        let (found, _) = encoding_of(&bytes);
        assert_eq!(found, expected, "{name}");
    }
    // Windows-1252 lines in UTF-8 are faults of UTF-8, not the other way round.
    let mixed = [GERMAN.as_bytes(), &encode("Jörg;Weg 1;Ulm\n", "windows-1252")].concat();
    let contents = read("x.csv", &mixed, &ReadOptions::default());
    assert_eq!(faults(&contents).len(), 1);
    let (name, confidence) = encoding_of(&mixed);
    assert!(name == "UTF-8" && confidence < 1.0);
}

#[test]
fn rejected_rows_come_back_with_the_same_fault() {
    let bytes =
        encode("id,name\n1,Gr#ün\n", "windows-1252").into_iter().map(|b| if b == b'#' { 0x81 } else { b });
    let mut source = open("x.csv", &bytes.collect::<Vec<u8>>(), &named("windows-1252")).unwrap();
    let format = source.failed_rows();
    let batch = source.next_batch().unwrap().unwrap();
    assert_eq!(batch.problems.len(), 1);
    let mut failed = Vec::new();
    format.begin(&mut failed);
    format.row(batch.raw.row(0), ["1", "name", "invalid_encoding", "no text"], &mut failed);
    let again = read("x.csv", &failed, &ReadOptions::default());
    assert_eq!(again.rows[0][1].as_deref(), Some("Gr\u{fffd}ün"));
    assert_eq!(again.problems.len(), 1);
}

#[test]
fn an_encoding_that_shows_late_is_found() {
    let plain = "1,plain text that says nothing\n".repeat(20_000);
    assert!(plain.len() > 512 << 10);
    for (name, late) in [
        ("UTF-8", "2,Grüße aus Köln\n3,Straße\n"),
        ("windows-1252", "2,Grüße aus Köln\n3,Straße\n"),
        ("macintosh", "2,Grüße aus Köln\n3,Straße\n"),
        ("windows-1251", "2,Привет из Москвы\n3,Санкт-Петербург\n"),
        ("Shift_JIS", "2,東京都千代田区\n3,大阪府大阪市\n"),
    ] {
        let late = late.repeat(20_000);
        let bytes = encode(&format!("id,text\n{plain}{late}"), name);
        let expected = read("x.csv", format!("id,text\n{plain}{late}").as_bytes(), &ReadOptions::default());
        let contents = read("x.csv", &bytes, &ReadOptions::default());
        assert_eq!(contents.problems, [], "{name}");
        assert!(contents.rows == expected.rows, "{name}");
        assert_eq!(encoding_of(&bytes).0, name);
        let reader = Box::new(Trickle(std::io::Cursor::new(bytes)));
        let mut source = open_reader("x.csv", reader, &ReadOptions::default()).unwrap();
        assert!(read_all(source.as_mut()).unwrap().rows == expected.rows, "{name}");
    }
    let mut bytes =
        encode(&format!("id,text\n{plain}{}3,#\n", "2,Grüße aus Köln\n".repeat(20)), "windows-1252");
    let at = bytes.len() - 2;
    bytes[at] = 0x8D;
    let contents = read("x.csv", &bytes, &ReadOptions::default());
    assert_eq!(
        faults(&contents),
        [format!("20021 text: the byte 0x8D at offset {at} of the file is no text in windows-1252")]
    );
}

#[test]
fn long_files_are_decoded_completely() {
    let text: String = (0..60_000).map(|n| format!("{n};Grüße № {n};Łódź, Ærø, 東京\n")).collect();
    for name in ["UTF-16LE", "UTF-16BE", "UTF-32LE", "gb18030"] {
        let bytes = encode(&format!("id;a;b\n{text}"), name);
        let contents = read("x.csv", &bytes, &ReadOptions::default());
        assert_eq!(contents.rows.len(), 60_000, "{name}");
        assert_eq!(contents.rows[59_999][1].as_deref(), Some("Grüße № 59999"));
        assert_eq!(contents.problems, []);
    }
}

#[test]
fn progress_counts_the_bytes_of_the_file() {
    let text = format!("id;a\n{}", "1;Grüße aus Köln und Düsseldorf\n".repeat(60_000));
    for name in ["UTF-8", "windows-1252", "UTF-16LE"] {
        let bytes = encode(&text, name);
        let mut source = open("x.csv", &bytes, &ReadOptions::default()).unwrap();
        while source.next_batch().unwrap().is_some() {
            assert!(source.bytes_read() <= bytes.len() as u64);
        }
        assert_eq!(source.bytes_read(), bytes.len() as u64, "{name}");
    }
}

#[test]
fn json_comes_in_any_encoding() {
    let text = "[{\"name\":\"Jürgen\",\"city\":\"東京\"},\n{\"name\":\"Łódź\"}]";
    for name in ["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"] {
        for mark in ["", "\u{feff}"] {
            let contents = read("x.json", &encode(&format!("{mark}{text}"), name), &ReadOptions::default());
            assert_eq!(contents.header, ["name", "city"], "{name}");
            assert_eq!(contents.rows[0][1].as_deref(), Some("東京"));
        }
    }
    let lines = b"{\"name\":\"J\xFCrgen\"}\n{\"name\":\"Gr\x81\xFCn\"}\n";
    let contents = read("x.jsonl", lines, &ReadOptions::default());
    assert_eq!(contents.rows[0][0].as_deref(), Some("Jürgen"));
    assert_eq!(
        faults(&contents),
        ["2 name: the byte 0x81 at offset 29 of the file is no text in windows-1252"]
    );
}

#[test]
fn a_nul_is_a_problem_of_its_cell() {
    let contents = read("x.csv", b"a,b\n1,x\0y\n\"\0\",2\n3,4\n", &ReadOptions::default());
    let told: Vec<_> =
        contents.problems.iter().map(|p| (p.row_number, p.column.as_deref(), p.code)).collect();
    let code = ProblemCode::InvalidCharacter;
    assert_eq!(told, [(1, Some("b"), code), (2, Some("a"), code)]);
    assert_eq!(contents.rows[0][1].as_deref(), Some("x\u{fffd}y"));
    assert!(contents.problems[0].message.contains("offset 7 "), "{}", contents.problems[0].message);
}

proptest! {
    #[test]
    fn any_text_comes_through_any_unicode(
        rows in prop::collection::vec("[a-zéß€東𝄞а-я]{1,12}", 1..40),
        encoding in prop::sample::select(vec!["UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE", "gb18030"]),
        read_bytes in 1..40_usize,
    ) {
        let text = format!("header\n{}\n", rows.join("\n"));
        let options = ReadOptions { encoding: Some(encoding.to_owned()), ..tiny(3, 50, read_bytes) };
        let contents = read("x.csv", &encode(&text, encoding), &options);
        let cells: Vec<String> = contents.rows.into_iter().map(|row| row[0].clone().unwrap()).collect();
        prop_assert_eq!(cells, rows);
    }
}
