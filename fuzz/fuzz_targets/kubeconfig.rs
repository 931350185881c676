//! See `tests/laws/src/kubeconfig.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(|content: &[u8]| fleetgate_laws::kubeconfig(content));
