//! Dray's pages in a real browser, for the tests and for pictures of them. `driver` is chromedriver as a process,
//! `browser` what somebody does in a browser, `keyboard` what they press, `walk` the ways they go through Dray, `tour`
//! the pages there are. It speaks as much of W3C WebDriver as that needs, and waits for what it looks for.
//!
//! The clients there are (thirtyfour, fantoccini) are asynchronous and bring some thirty crates for a dozen routes of JSON.

mod driver;
mod keyboard;
mod browser;
mod walk;
mod tour;

pub use browser::{Browser, Element, Log};
pub use driver::{Driver, Setting};
pub use tour::{PAGES, Tour};

/// What was done, or a sentence that says what could not be done, and where.
pub type Result<T> = std::result::Result<T, String>;
