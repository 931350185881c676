//! Which fields there were where a rule has held.
//!
//! Most rules of Flux's CRDs ask which fields there are, and read the value of one
//! only if it is there. Where it is not, the fields that there are decide alone: a
//! rule that has held for them holds again, and need not be asked.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::needs::Needs;

/// The most fields that a rule asks for: with each of them or without it makes as
/// many selections as there are bits.
const MAX_ASKED: usize = u64::BITS.ilog2() as usize;

/// What one rule reads, and for which of it the rule has held.
#[derive(Debug)]
pub(super) struct Held {
    /// Fields that only have to be there, or not to be.
    asked: Vec<String>,
    /// Fields whose values are read.
    read: Vec<String>,
    /// A bit for each selection of those that are asked for.
    selections: AtomicU64,
}

impl Held {
    /// `None` where it takes more than a few fields of the value to say what a rule says.
    pub(super) fn of(needs: &Needs) -> Option<Self> {
        // Any other name may be that of another field, as CEL says it.
        let is_plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (read, asked): (Vec<_>, Vec<_>) =
            needs.fields.iter().partition(|(_, needs)| needs.whole || !needs.fields.is_empty());
        let is_few = !needs.whole && asked.len() <= MAX_ASKED && needs.fields.keys().all(is_plain);
        let names = |fields: Vec<(&String, _)>| fields.into_iter().map(|(name, _)| name.clone()).collect();
        is_few.then(|| Self { asked: names(asked), read: names(read), selections: AtomicU64::default() })
    }

    /// Whether the rule is known to hold for `value`.
    pub(super) fn is_known(&self, value: &Value) -> bool {
        self.selection(value)
            .is_some_and(|selection| self.selections.load(Ordering::Relaxed) & selection != 0)
    }

    /// From now on it is, if that can be said.
    pub(super) fn remember(&self, value: &Value) {
        self.selections.fetch_or(self.selection(value).unwrap_or_default(), Ordering::Relaxed);
    }

    /// The bit of what there is of `value`; `None` where its own values count.
    fn selection(&self, value: &Value) -> Option<u64> {
        let fields = value.as_object()?;
        if self.read.iter().any(|name| fields.contains_key(name)) {
            return None;
        }
        let number =
            self.asked.iter().fold(0, |number, name| number << 1 | u32::from(fields.contains_key(name)));
        1_u64.checked_shl(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_cel::cel::Program;
    use serde_json::json;

    fn held(rule: &str) -> Option<Held> {
        Held::of(&Needs::of(Program::compile(rule).expect("it parses").expression()))
    }

    #[test]
    fn a_rule_is_known_for_what_has_the_same_fields_and_no_value_that_it_reads() {
        let rule = "!has(self.a) || has(self.b) || self.read == 'x'";
        let table = [
            (json!({}), json!({}), true),
            (json!({}), json!({"other": 1}), true),
            (json!({"a": 1, "b": 1}), json!({"a": 2, "b": {}}), true),
            (json!({"a": 1}), json!({"b": 1}), false),
            (json!({}), json!({"a": 1}), false),
            (json!({}), json!({"read": "x"}), false),
            (json!({"read": "x"}), json!({"read": "x"}), false),
            (json!({}), json!("text"), false),
            (json!(null), json!({}), false),
        ];
        for (first, second, expected) in table {
            let held = held(rule).expect("two fields");
            assert!(!held.is_known(&first), "{first}");
            held.remember(&first);
            assert_eq!(held.is_known(&second), expected, "{first} {second}");
        }
    }

    #[test]
    fn what_takes_more_than_a_few_fields_is_asked_each_time() {
        let asks =
            |count: usize| (0..count).map(|n| format!("has(self.a{n})")).collect::<Vec<_>>().join(" || ");
        for (rule, expected) in [
            (asks(MAX_ASKED), true),
            (asks(MAX_ASKED + 1), false),
            ("size(self) > 0".to_owned(), false),
            ("has(self.a__dash__b)".to_owned(), false),
            ("true".to_owned(), true),
        ] {
            assert_eq!(held(&rule).is_some(), expected, "{rule}");
        }
    }

    #[test]
    fn every_selection_has_a_bit_of_its_own() {
        let rule = (0..MAX_ASKED).map(|n| format!("has(self.a{n})")).collect::<Vec<_>>().join(" || ");
        let held = held(&rule).expect("few enough");
        let all = (0..1_u64 << MAX_ASKED).map(|number| {
            let there =
                (0..MAX_ASKED).filter(|bit| number >> bit & 1 == 1).map(|bit| (format!("a{bit}"), json!(1)));
            there.collect::<Value>()
        });
        for value in all {
            assert!(!held.is_known(&value), "{value}");
            held.remember(&value);
            assert!(held.is_known(&value), "{value}");
        }
    }
}
