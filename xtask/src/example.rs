//! Makes `examples/contacts.csv`: about a thousand contacts as a CRM exports them, with everything that
//! goes wrong in such files. Seeded, so that the ledger in the README holds.

use std::fmt::Write as _;

use crate::random::Random;

const FIRST: &[&str] = &[
    "Ada",
    "Alan",
    "Amélie",
    "Björn",
    "Carla",
    "Chloé",
    "Elena",
    "Fatima",
    "François",
    "Grace",
    "Hiro",
    "Ibrahim",
    "Inès",
    "Jana",
    "João",
    "Kai",
    "Lars",
    "Leïla",
    "Lucía",
    "Mehmet",
    "Nadia",
    "Olga",
    "Priya",
    "Søren",
    "Tomás",
    "Uma",
    "Wei",
    "Yuki",
    "Zoë",
    "Østen",
    "Мария",
    "美咲",
];
const LAST: &[&str] = &[
    "Almeida",
    "Bauer",
    "Castro",
    "Dubois",
    "Evans",
    "Fernández",
    "García",
    "Hansen",
    "Ito",
    "Jensen",
    "Kowalski",
    "Lefèvre",
    "Müller",
    "Nguyen",
    "O'Brien",
    "Petrov",
    "Ramírez",
    "Sørensen",
    "Tanaka",
    "Virtanen",
    "Wójcik",
    "Yılmaz",
    "Zhang",
    "van der Berg",
];
const COMPANY: &[&str] = &[
    "Acme, Inc.",
    "Blue Freight Ltd",
    "Cobalt Robotics GmbH",
    "Globex S.A.",
    "Green & Sons",
    "Initech",
    "Lumen \"Light\" Studios",
    "Nova Pharma AG",
    "Quartz, Stone & Co",
    "Umbra Textiles Oy",
];
const TITLE: &[&str] =
    &["CEO", "Head of Sales", "Engineer", "Buyer", "Office Manager", "Vice President, Marketing", ""];
const STATUS: &[&str] = &["Lead", "Qualified", "Customer", "Active", "Inactive", ""];
const SOURCE: &[&str] = &["Web", "Referral", "Trade fair", "Cold call", "Newsletter"];
const PLACE: &[(&str, &str, &str, &str)] = &[
    ("12 rue de la Paix", "Paris", "75002", "France"),
    ("Hauptstraße 5", "Berlin", "10115", "Germany"),
    ("Marienplatz 1, Hof 2", "München", "80331", "Germany"),
    ("100 Main Street\nSuite 20", "Austin", "78701", "United States"),
    ("8 Beacon St", "Boston", "02108", "United States"),
    ("Gran Vía 21", "Madrid", "28013", "Spain"),
    ("Rua Augusta 300", "São Paulo", "01304-000", "Brazil"),
    ("1-2-3 Umeda", "大阪", "530-0001", "Japan"),
];
const HEADER: &[&str] = &[
    "Record ID",
    "First Name",
    "Last Name",
    "E-mail",
    "Mobile",
    "Phone",
    "Company",
    "Job Title",
    "Lifecycle Stage",
    "Lead Source",
    "Mailing Street",
    "Mailing City",
    "Mailing Zip/Postal Code",
    "Mailing Country",
    "Date of Birth",
    "Created Date",
    "Tags",
    "Notes",
    "Number of Page Views",
];

/// Writes the file.
pub(crate) fn run() -> Result<(), String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/contacts.csv");
    std::fs::write(path, contacts(1_000)).map_err(|why| format!("{path} cannot be written: {why}"))
}

/// The file's text.
pub(crate) fn contacts(count: u64) -> String {
    let mut random = Random::new(20_260_501);
    let mut out = String::from("\u{feff}");
    line(&mut out, &HEADER.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for number in 0..count {
        let row = match number {
            // Every fortieth row is an earlier one again, as two salespeople enter the same person.
            n if n % 40 == 39 => {
                let earlier = usize::try_from(random.below(number)).unwrap_or_default();
                let mut again = rows[earlier].clone();
                again[0] = String::new();
                again[3] = again[3].to_uppercase();
                again
            }
            _ => contact(number, &mut random),
        };
        line(&mut out, &row);
        rows.push(row);
    }
    out
}

fn contact(number: u64, random: &mut Random) -> Vec<String> {
    let (first, last) = (random.pick(FIRST), random.pick(LAST));
    let plain =
        |name: &str| name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    let company = random.pick(COMPANY);
    let domain = plain(company.split([',', ' ']).next().unwrap_or_default());
    let mut email = format!("{}.{}{number}@{domain}.example", plain(first), plain(last)).replace("..", ".");
    email = email.trim_start_matches('.').to_owned();
    if random.chance(8) {
        email.clear();
    } else if number % 83 == 17 {
        email = email.replace('@', " at ");
    }
    let place = PLACE[usize::try_from(random.below(PLACE.len() as u64)).unwrap_or_default()];
    let mobile = if random.chance(60) {
        format!("+49 15{} {:07}", random.below(10), random.below(10_000_000))
    } else {
        String::new()
    };
    let phone = if random.chance(40) {
        format!("({:03}) {:03}-{:04}", 200 + random.below(700), random.below(1000), random.below(10_000))
    } else {
        String::new()
    };
    let birthday = match random.below(10) {
        0..4 => String::new(),
        _ if number % 97 == 31 => "31/02/1985".to_owned(),
        _ if number % 97 == 62 => "unknown".to_owned(),
        _ => format!("{:02}/{:02}/{}", 1 + random.below(28), 1 + random.below(12), 1950 + random.below(55)),
    };
    let created = format!(
        "20{}-{:02}-{:02} {:02}:{:02}:{:02}",
        20 + random.below(6),
        1 + random.below(12),
        1 + random.below(28),
        random.below(24),
        random.below(60),
        random.below(60)
    );
    let tags = match random.below(5) {
        0 => "vip; newsletter",
        1 => "partner",
        _ => "",
    };
    let notes = match random.below(12) {
        0 => "Said \"call me, maybe\" on the phone.".to_owned(),
        1 => "Met at the fair;\nwants a quote, soon.".to_owned(),
        2 => "Prefers e-mail, never calls.".to_owned(),
        _ => String::new(),
    };
    let title = random.pick(TITLE);
    let status = random.pick(STATUS);
    let source = random.pick(SOURCE);
    let views = random.below(500);
    [
        &format!("{:05}", 100 + number),
        first,
        last,
        &email,
        &mobile,
        &phone,
        company,
        title,
        status,
        source,
        place.0,
        place.1,
        place.2,
        place.3,
        &birthday,
        &created,
        tags,
        &notes,
        &views.to_string(),
    ]
    .map(str::to_owned)
    .to_vec()
}

fn line(out: &mut String, cells: &[String]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            let _ = write!(out, "\"{}\"", cell.replace('"', "\"\""));
        } else {
            out.push_str(cell);
        }
    }
    out.push_str("\r\n");
}
