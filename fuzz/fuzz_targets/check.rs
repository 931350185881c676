//! See `tests/laws/src/check.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(
    // A file may hold a CRD whose rules make the CEL parser panic, which is
    // caught where it is called: only what comes through is a find.
    init: drop(std::panic::take_hook()),
    |content: &[u8]| fleetgate_laws::check(content)
);

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    fleetgate_fuzz::mutate_json(data, size, max_size, seed)
});
