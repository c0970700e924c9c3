//! What people ask for, whichever way they ask: the command line, the doors and the jobs call these, and
//! these call the engine. Blocking.

pub mod objects;
pub mod reading;
pub mod filters;
pub mod policy;
pub mod ledger;
pub mod job_words;
pub mod quota;
pub mod import;
pub mod export;
pub mod reports;
pub mod looked_through;
pub mod upload;
pub mod import_job;
pub mod export_job;
pub mod mapping_memory;
pub mod refined_mapping;
pub mod outcomes;
pub mod record;
pub mod history;
pub mod definitions;
pub mod profile_schema;
pub mod identities;
pub mod merged_profiles;
pub mod resolution;
pub mod profiles;
pub mod selection;
pub mod pages;
pub mod plans;
pub mod sample;
pub mod drafts;
pub mod connectors;
pub mod pipelines;
