//! What is tried is what the tests of `dray-formats` try for a second or two; this crate only lends it
//! the names it uses.

use dray_formats::{
    Format, FormulaGuard, LineEnd, OutputColumn, QuoteStyle, ReadLimits, ReadOptions, TextStyle, WriteOptions,
    open_reader, writer,
};

#[path = "../../crates/dray-formats/src/tests/contract.rs"]
pub mod contract;
#[path = "../../crates/dray-formats/src/tests/targets.rs"]
pub mod targets;

/// A panic in a library that a reader catches and reports is no finding; libFuzzer's own hook would end
/// the process at once. What no reader catches ends it still.
pub fn let_readers_catch_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let ends_the_process = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let in_a_library = panic.location().is_some_and(|place| place.file().contains("/registry/src/"));
            if !in_a_library {
                ends_the_process(panic);
            }
        }));
    });
}
