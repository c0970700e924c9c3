//! The steps of a run, and how many records passed and failed each (spec section 6.3).

use serde::{Deserialize, Serialize};

/// A step of a run, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Step {
    /// A row is read: its user and its time are known.
    Receive = 0,
    /// Its values are of the types of the schema.
    InputValidation = 1,
    /// The filter lets it through.
    Filter = 2,
    /// Of events only.
    Consent = 3,
    /// It is transformed.
    Transformation = 4,
    /// What came of it is of the types of the output.
    OutputValidation = 5,
    /// It is written.
    Finalize = 6,
}

/// How many steps there are.
pub const STEPS: usize = 7;

impl Step {
    /// All of them.
    pub const ALL: [Self; STEPS] = [
        Self::Receive,
        Self::InputValidation,
        Self::Filter,
        Self::Consent,
        Self::Transformation,
        Self::OutputValidation,
        Self::Finalize,
    ];

    /// Its name, as requests and answers spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Receive => "Receive",
            Self::InputValidation => "InputValidation",
            Self::Filter => "Filter",
            Self::Consent => "Consent",
            Self::Transformation => "Transformation",
            Self::OutputValidation => "OutputValidation",
            Self::Finalize => "Finalize",
        }
    }

    /// The step of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// Records that passed and failed each step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Passed, by step.
    pub passed: [u64; STEPS],
    /// Failed, by step.
    pub failed: [u64; STEPS],
}

impl Counts {
    /// Some passed a step.
    pub fn pass(&mut self, step: Step, records: u64) {
        self.passed[step as usize] += records;
    }

    /// Adds those of others.
    pub fn add_all(&mut self, others: &Self) {
        for step in Step::ALL {
            self.pass(step, others.passed[step as usize]);
            self.fail(step, others.failed[step as usize]);
        }
    }

    /// Some failed at a step.
    pub fn fail(&mut self, step: Step, records: u64) {
        self.failed[step as usize] += records;
    }
}
