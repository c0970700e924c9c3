//! What an organization's plan allows; refused before the first write.

use serde::{Deserialize, Serialize};

use crate::operations::quota::Quota;

/// The limits and features of an organization. The default plan has everything, without limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Plan {
    /// Its name for people.
    pub name: String,
    /// The most records an object may have.
    pub records_per_object: Option<u64>,
    /// The most rows of one import.
    pub rows_per_import: Option<u64>,
    /// What may be used: `data_io`, `pipelines`, `connectors` …; `None` for all.
    pub features: Option<Vec<String>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { name: "unlimited".to_owned(), records_per_object: None, rows_per_import: None, features: None }
    }
}

impl Plan {
    /// How much it allows.
    pub fn quota(&self) -> Quota {
        Quota { rows_per_import: self.rows_per_import, records_per_object: self.records_per_object }
    }

    /// True where the plan has this feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.as_ref().is_none_or(|features| features.iter().any(|known| known == feature))
    }
}
