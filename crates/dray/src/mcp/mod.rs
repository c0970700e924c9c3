//! MCP for agents. A tool is one route of the API, called inside the process with the agent's own key: so
//! an agent may do what its key may do, and is counted, limited and written down like everybody.

mod tools;
mod service;

pub use service::{http_service, serve_stdio};
