//! How much a request holds: a value takes more memory than it has bytes, and
//! what is said about one even more.

use crate::rules::object::MAX_VALUES as MAX_OF_SPEC;

/// The most values of a request: as many as two objects may have that are
/// updated, with a status and the names of who wrote what, and who asks for it.
const MAX_VALUES: usize = 2 * (MAX_OF_SPEC + 2_000) + 1_000;

/// So few bytes are not looked at: whatever they hold, it is little.
const FEW_BYTES: usize = 2 * 1024;
/// So many values are not counted more precisely.
const FEW_VALUES: usize = 500;
/// So many bytes weigh as much as one value.
const BYTES_OF_ONE: usize = 256;

/// How much memory and time a review of that body takes, counted in values, of which an object is two.
#[must_use]
pub fn weight(body: &[u8]) -> usize {
    if body.len() <= FEW_BYTES {
        return body.len() / 4;
    }
    // The first look is cheap, and also counts what stands in texts.
    let at_most = marks(body);
    let held = if at_most <= FEW_VALUES { at_most } else { values(body) };
    let objects = body.iter().filter(|byte| begins_object(**byte)).count();
    held + objects.min(held) + body.len() / BYTES_OF_ONE
}

/// What is too much about it, if anything is.
pub(super) fn excess(body: &[u8]) -> Option<String> {
    let is_excessive = body.len() > MAX_VALUES && marks(body) > MAX_VALUES && values(body) > MAX_VALUES;
    is_excessive.then(|| {
        format!("the AdmissionReview holds more than {MAX_VALUES} values, and no object needs as many: split the object")
    })
}

/// What begins or follows a value.
const fn is_mark(byte: u8) -> bool {
    matches!(byte, b',' | b'[' | b'{')
}

const fn begins_object(byte: u8) -> bool {
    matches!(byte, b'{')
}

fn marks(body: &[u8]) -> usize {
    body.iter().filter(|byte| is_mark(**byte)).count()
}

/// How many values there are, give or take those of empty lists.
fn values(body: &[u8]) -> usize {
    let (mut count, mut in_text, mut is_escaped) = (0, false, false);
    for byte in body {
        match (in_text, is_escaped, byte) {
            (true, true, _) => is_escaped = false,
            (true, false, b'\\') => is_escaped = true,
            (_, _, b'"') => in_text = !in_text,
            (false, _, byte) if is_mark(*byte) => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_one_value() {
        for (body, expected) in [
            ("", 0),
            ("[]", 1),
            (r#"{"a": [1, 2, {}]}"#, 5),
            (r#"{"a,[{": "b,[{"}"#, 1),
            (r#"["\"[,{", "\\", 1]"#, 3),
        ] {
            assert_eq!(values(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn a_body_weighs_as_much_as_it_holds() {
        let text = |bytes: usize| format!("[{:?}]", "{".repeat(bytes));
        let list = |count| format!("[{}0]", "0,".repeat(count));
        for (body, expected) in [
            (String::new(), 0),
            ("{}".repeat(1_000), 500),
            ("{}".repeat(1_024), 512),
            (list(20_000), 20_000 + 1 + 156),
            (text(256 * 1024), 2 + 1_024),
            ("{},".repeat(1_000), 3_000 + 11),
        ] {
            assert_eq!(weight(body.as_bytes()), expected, "{} bytes", body.len());
        }
    }

    #[test]
    fn many_values_are_too_many_and_a_long_text_is_not() {
        let list = |count| format!("[{}0]", "0,".repeat(count));
        assert_eq!(excess(list(MAX_VALUES - 1).as_bytes()), None);
        assert!(excess(list(MAX_VALUES).as_bytes()).is_some_and(|reason| reason.contains("76000")));
        assert_eq!(excess(format!("[{:?}]", list(MAX_VALUES)).as_bytes()), None);
    }
}
