//! See `tests/laws/src/update.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|documents: &[u8]| fleetgate_laws::update(documents));
