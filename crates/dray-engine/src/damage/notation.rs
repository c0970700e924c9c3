//! Columns in which long numbers stand in scientific notation: is that damage, or are they measurements?

use super::exponent::Scientific;
use super::finding::{DamageKind, Finding, Tally};
use super::name::Name;
use super::repair::Repair;
use super::texts::Texts;

/// The cells of a column in scientific notation.
#[derive(Debug, Default)]
pub(super) struct ScientificCells {
    found: Tally,
    whole: u64,
    may_be_codes: u64,
}

impl ScientificCells {
    pub(super) fn add(&mut self, found: Scientific<'_>, row_number: u64, line: u64, text: &str) {
        self.found.add(row_number, line, text);
        self.whole += u64::from(found.written_out().is_some());
        self.may_be_codes += u64::from(found.may_be_a_code());
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.found.count
    }

    /// A finding where the column is one of codes and not of measurements: no cell is a number with
    /// decimals, and either other cells are whole numbers or codes, or the name says that it is one of codes.
    pub(super) fn judge(
        &self,
        name: &Name,
        whole_numbers: u64,
        decimals: u64,
        texts: &Texts,
    ) -> Option<Finding> {
        let all_may_be_codes = self.may_be_codes == self.count();
        let among_codes = if texts.count() > whole_numbers {
            texts.are_codes()
        } else {
            all_may_be_codes && (whole_numbers > 0 || name.is_identifier)
        };
        if self.count() == 0 || decimals > 0 || !among_codes {
            return None;
        }
        let rest = match self.whole {
            0 => {
                "the digits that are not shown are gone; take the column from the original as text".to_owned()
            }
            whole if whole == self.count() => {
                "they can be written out, for all digits are there; compare with the original".to_owned()
            }
            whole => format!(
                "{whole} of them can be written out; of the others digits are gone: take the column from the original as \
                 text"
            ),
        };
        let message = format!(
            "{} in `{}` became numbers with an exponent, as a spreadsheet program shows long numbers: {rest}",
            self.found.cells(),
            name.header
        );
        let repair = (self.whole > 0).then_some(Repair::ExpandExponent);
        Some(self.found.clone().into_finding(DamageKind::ScientificNotation, message, repair))
    }
}
