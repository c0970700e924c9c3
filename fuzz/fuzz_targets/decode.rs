#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    dray_fuzz::let_readers_catch_panics();
    dray_fuzz::targets::decode(bytes);
});
