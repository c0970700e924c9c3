//! What a column's name tells about its cells. Names only tip the scale where cells leave it open.

use dray_model::object::fold_name;

/// A column's name and what it tells.
#[derive(Debug)]
pub(super) struct Name {
    /// The header text.
    pub(super) header: String,
    /// Numbers, codes, symbols: text that is never calculated with.
    pub(super) is_identifier: bool,
    /// Postal codes, which have as many digits as the country wants.
    pub(super) is_postal: bool,
    /// Phone numbers, which have as many digits as anybody wants.
    pub(super) is_phone: bool,
    /// Countries.
    pub(super) is_country: bool,
    /// Dates or parts of them.
    pub(super) is_date: bool,
    /// The digits a code of this name always has.
    pub(super) width: Option<usize>,
}

impl Name {
    pub(super) fn new(header: &str) -> Self {
        const IDENTIFIERS: &[&str] = &[
            "id",
            "ids",
            "identifier",
            "number",
            "nummer",
            "nr",
            "no",
            "num",
            "numero",
            "número",
            "numéro",
            "code",
            "codes",
            "key",
            "sku",
            "ean",
            "gtin",
            "upc",
            "isbn",
            "barcode",
            "serial",
            "account",
            "konto",
            "ref",
            "reference",
            "tracking",
            "imei",
            "card",
            "gene",
            "genes",
            "symbol",
            "model",
            "part",
            "article",
            "artikel",
            "kundennummer",
            "artikelnummer",
            "bestellnummer",
            "rechnungsnummer",
            "vat",
            "siren",
            "siret",
            "ssn",
            "npi",
        ];
        const POSTAL: &[&str] = &[
            "zip",
            "zipcode",
            "postal",
            "postalcode",
            "postcode",
            "postleitzahl",
            "plz",
            "cp",
            "cap",
            "codigopostal",
        ];
        const PHONE: &[&str] = &[
            "phone",
            "phones",
            "telephone",
            "téléphone",
            "telefon",
            "teléfono",
            "telefono",
            "telefone",
            "tel",
            "mobile",
            "mobil",
            "móvil",
            "handy",
            "cell",
            "fax",
            "gsm",
            "whatsapp",
            "portable",
        ];
        const COUNTRY: &[&str] =
            &["country", "countrycode", "land", "pays", "país", "pais", "paese", "kraj", "nation", "staat"];
        const DATE: &[&str] = &[
            "date",
            "datum",
            "fecha",
            "data",
            "day",
            "month",
            "monat",
            "mois",
            "mes",
            "tag",
            "jour",
            "week",
            "period",
            "quarter",
            "when",
            "birthday",
            "geburtsdatum",
            "start",
            "end",
            "at",
        ];
        // The widths are those of national registers and of trade, which are never shorter.
        const WIDTHS: &[(&str, usize)] =
            &[("zip", 5), ("zipcode", 5), ("ssn", 9), ("siren", 9), ("siret", 14), ("upc", 12)];
        let words: Vec<String> = header
            .split(|c: char| !c.is_alphanumeric())
            .map(str::to_lowercase)
            .chain(std::iter::once(fold_name(header)))
            .collect();
        let any_of = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
        let counts_things = words.windows(2).any(|pair| pair[1] == "of");
        let is_phone = any_of(PHONE);
        let width =
            WIDTHS.iter().find(|(word, _)| words.iter().any(|own| own == word)).map(|(_, width)| *width);
        let is_international = any_of(&["postal", "postcode", "country"]);
        Self {
            is_identifier: (any_of(IDENTIFIERS) || is_phone) && !counts_things,
            is_postal: any_of(POSTAL),
            is_phone,
            is_country: any_of(COUNTRY),
            is_date: any_of(DATE),
            width: width.filter(|_| !is_international),
            header: header.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell() {
        assert!(Name::new("Phone Number").is_phone);
        assert!(Name::new("Record ID").is_identifier);
        assert!(!Name::new("Number of Page Views").is_identifier);
        assert!(Name::new("Default Address Country Code").is_country);
        let (zip, postal) = (Name::new("Zip"), Name::new("Mailing Zip/Postal Code"));
        assert!(zip.is_postal && zip.width == Some(5));
        assert!(postal.is_postal && postal.width.is_none());
        assert!(Name::new("PLZ").is_postal);
        assert!(Name::new("Create Date").is_date);
        assert!(!Name::new("Amount").is_identifier);
    }
}
