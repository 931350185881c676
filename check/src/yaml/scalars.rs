//! The words that YAML 1.1 takes for booleans and nulls, in the forms that
//! kubectl's parser takes for them (`resolve.go` of go.yaml.in/yaml/v2).

/// The words, in lower case. `y`, `n` and `~` have no other form that is not one.
const WORDS: [&str; 7] = ["yes", "no", "on", "off", "true", "false", "null"];

/// Whether it is one of the words in a form that is a text to kubectl: `yEs`,
/// but neither `yes` nor `Yes` nor `YES`.
pub(super) fn is_text_to_kubectl(word: &str) -> bool {
    let is_form = |rest: &str, of: fn(&u8) -> bool| rest.as_bytes().iter().all(of);
    let Some((first, rest)) = word.split_at_checked(1) else {
        return false;
    };
    let is_lower = is_form(rest, u8::is_ascii_lowercase);
    let is_upper = is_form(first, u8::is_ascii_uppercase) && is_form(rest, u8::is_ascii_uppercase);
    !is_lower && !is_upper && WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether there may be such a word in `document`: most have none, and need no
/// second look.
pub(super) fn may_have_texts_like_words(document: &str) -> bool {
    let words = document.as_bytes().split(|byte| !byte.is_ascii_alphabetic());
    // They all have an upper-case letter behind the first, as few words have.
    let mut mixed = words.filter(|word| word.iter().skip(1).any(u8::is_ascii_uppercase));
    mixed.any(|word| str::from_utf8(word).is_ok_and(is_text_to_kubectl))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_of_a_word_are_the_word() {
        for word in ["yes", "Yes", "YES", "null", "Off", "TRUE", "y", "N", "", "~", "maybe", "mAybe", "é"] {
            assert!(!is_text_to_kubectl(word), "{word}");
        }
        for text in ["yEs", "oN", "nUll", "tRUE", "fALSE", "YEs"] {
            assert!(is_text_to_kubectl(text), "{text}");
            assert!(may_have_texts_like_words(&format!("a: {text}\n")));
        }
        assert!(!may_have_texts_like_words("a: yes\nb: Noon\n"));
    }
}
