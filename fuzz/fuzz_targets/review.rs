//! See `tests/laws/src/review.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|content: &[u8]| fleetgate_laws::review(content));

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fleetgate_fuzz::mutate_json(data, size, max_size, seed)
});
