//! What the targets share.

use fleetgate_laws::mutation::mutated;
use libfuzzer_sys::fuzzer_mutate;

/// Changes the input in `data`, `size` bytes long, and says how long it is
/// then: mostly as the JSON that it is, sometimes as bytes.
pub fn mutate_json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mutated = data
        .get(..size)
        .filter(|_| !seed.is_multiple_of(8))
        .and_then(|input| mutated(input, seed, mutate_text))
        .filter(|mutated| mutated.len() <= max_size);
    match mutated.and_then(|mutated| Some((data.get_mut(..mutated.len())?, mutated))) {
        Some((place, mutated)) => {
            place.copy_from_slice(&mutated);
            mutated.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
}

/// libFuzzer's own mutations, of a text.
fn mutate_text(text: &str) -> String {
    /// How much longer a text may become, in bytes.
    const ROOM: usize = 64;
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(text.len() + ROOM, 0);
    let room = bytes.len();
    let size = fuzzer_mutate(&mut bytes, text.len(), room);
    bytes.truncate(size);
    String::from_utf8_lossy(&bytes).into_owned()
}
