//! See `tests/laws/src/review.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|content: &[u8]| fleetgate_laws::review(content));
