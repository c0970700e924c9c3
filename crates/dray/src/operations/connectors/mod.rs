//! Connectors: what is to be done with what others send to a record's endpoint, as the fields of the record say
//! it (the list pages' document, "Connector Field Reference"). No input or output happens here.

pub mod values;
pub mod paths;
pub mod request;
pub mod connector;
pub mod steps;
