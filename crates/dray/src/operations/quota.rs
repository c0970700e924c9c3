//! How many rows and records an organization may have; asked before the first write.

use dray_model::Result;
use dray_model::catalog::Session;
use dray_model::object::Object;

/// The limits of an organization's plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quota {
    /// The most rows of one import.
    pub rows_per_import: Option<u64>,
    /// The most records an object may have.
    pub records_per_object: Option<u64>,
}

/// A limit that a request would pass.
#[derive(Debug, Clone)]
pub struct Exceeded {
    /// Which limit: `rows_per_import`, `records_per_object`.
    pub limit: &'static str,
    /// How many are allowed.
    pub allowed: u64,
    /// How many there would be.
    pub wanted: u64,
    /// What is wrong and what to do.
    pub message: String,
}

impl Quota {
    /// The limit that an import of so many rows, which makes so many records, would pass.
    pub fn exceeded(
        &self,
        session: &mut dyn Session,
        object: &Object,
        rows: u64,
        created: u64,
    ) -> Result<Option<Exceeded>> {
        if let Some(allowed) = self.rows_per_import.filter(|&allowed| rows > allowed) {
            let message = format!(
                "the plan of this organization allows {allowed} rows in one import, this one has {rows}: \
                 split the file, or ask for a larger plan"
            );
            return Ok(Some(Exceeded { limit: "rows_per_import", allowed, wanted: rows, message }));
        }
        let Some(allowed) = self.records_per_object else { return Ok(None) };
        if created == 0 {
            return Ok(None);
        }
        let wanted = session.count_records(object, None, allowed.saturating_add(1))?.saturating_add(created);
        if wanted <= allowed {
            return Ok(None);
        }
        let message = format!(
            "the plan of this organization allows {allowed} records of `{}`, there would be {wanted} or more: \
             delete some, or ask for a larger plan",
            object.name()
        );
        Ok(Some(Exceeded { limit: "records_per_object", allowed, wanted, message }))
    }
}
