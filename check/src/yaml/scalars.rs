//! The words that YAML 1.1 takes for booleans and nulls, in the forms that
//! kubectl's parser takes for them (`resolve.go` of go.yaml.in/yaml/v2), and
//! the numbers that are too large for one.

/// The words, in lower case. `y`, `n` and `~` have no other form that is not one.
const WORDS: [&str; 7] = ["yes", "no", "on", "off", "true", "false", "null"];

/// What is no number of JSON's, as kubectl's parser knows it, without its sign.
const ENDLESS: [&str; 6] = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"];

/// Whether it is read as something else than a text, which it is to kubectl.
pub(super) fn is_text_to_kubectl(word: &str) -> bool {
    is_word_in_another_form(word) || is_too_large(word)
}

/// Whether it is a number to kubectl, too, which then refuses it.
pub(super) fn is_no_number_of_json(word: &str) -> bool {
    ENDLESS.contains(&unsigned(word))
}

/// Whether it is one of the words in a form that is a text to kubectl: `yEs`,
/// but neither `yes` nor `Yes` nor `YES`.
fn is_word_in_another_form(word: &str) -> bool {
    let is_form = |rest: &str, of: fn(&u8) -> bool| rest.as_bytes().iter().all(of);
    let Some((first, rest)) = word.split_at_checked(1) else {
        return false;
    };
    let is_lower = is_form(rest, u8::is_ascii_lowercase);
    let is_upper = is_form(first, u8::is_ascii_uppercase) && is_form(rest, u8::is_ascii_uppercase);
    !is_lower && !is_upper && WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether it is written like a number, and is larger than any: `63e5721`. So
/// is `.iNf`, which kubectl does not know.
fn is_too_large(word: &str) -> bool {
    let number = unsigned(word);
    let is_numeral = number.starts_with(|first: char| first.is_ascii_digit());
    let is_endless = ENDLESS.iter().any(|known| known.eq_ignore_ascii_case(number));
    is_numeral && number.parse().is_ok_and(f64::is_infinite) || is_endless && !is_no_number_of_json(word)
}

fn unsigned(word: &str) -> &str {
    word.strip_prefix(['+', '-']).unwrap_or(word)
}

/// Whether there may be such a word in `document`: most have none, and need no
/// second look.
pub(super) fn may_have_texts_like_words(document: &str) -> bool {
    let words = document.as_bytes().split(|byte| !byte.is_ascii_alphabetic());
    // They all have an upper-case letter behind the first, as few words have.
    let mut mixed = words.filter(|word| word.iter().skip(1).any(u8::is_ascii_uppercase));
    mixed.any(|word| str::from_utf8(word).is_ok_and(is_word_in_another_form))
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

    #[test]
    fn a_number_that_is_too_large_is_a_text() {
        for text in
            ["63e5721", "-63e5721", "+63E+5721", "1.5e999", "5.e999", "1e309", ".inF", "-.iNF", ".nAn"]
        {
            assert!(is_text_to_kubectl(text) && !is_no_number_of_json(text), "{text}");
        }
        for number in ["1e308", "63e-5721", "0e99999", "12", "1e", "e5", "inf", "infinity", ""] {
            assert!(!is_text_to_kubectl(number) && !is_no_number_of_json(number), "{number}");
        }
        for endless in [".inf", "-.Inf", "+.INF", ".nan", ".NaN", ".NAN"] {
            assert!(!is_text_to_kubectl(endless) && is_no_number_of_json(endless), "{endless}");
        }
    }
}
