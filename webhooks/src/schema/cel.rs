//! The CEL rules of a CRD (`x-kubernetes-validations`), at whatever depth.
//!
//! ```text
//! openAPIV3Schema ─compile─▶ Rules: the branches that have rules, and no others
//! object ─────────evaluate─▶ at each of them, unless it is known to hold: what the rule reads of `self` ─▶ program ─▶ fault
//! ```
//!
//! **Invariant**: a rule refuses only what the API server would refuse. What
//! cannot be evaluated here (an unknown function, a rule about changes, one that
//! takes too long) has not been judged, and admits.
//!
//! An installed CRD is somebody's input: rules are bounded before they run
//! ([`program`], [`guard`]), what they read before it is converted ([`convert`]), and their
//! time by a deadline ([`functions`]).

mod convert;
mod functions;
mod guard;
mod held;
mod needs;
mod place;
mod program;
mod rule;

use std::thread;

use serde_json::Value;

use self::needs::Needs;
use self::place::Place;
use self::program::Subject;
use self::rule::Rule;
use super::fault::SchemaFault;

/// The parser of expressions goes down its grammar at every bracket, and takes
/// up to 200 KiB for it in a debug build; there are at most 64 ([`program`]).
/// Memory that is not used is not taken.
const PARSER_STACK: usize = 32 << 20;

/// The rules of a schema and of the schemas below it.
#[derive(Debug, Default)]
pub(super) struct Rules {
    own: Vec<Rule>,
    /// What they read, all of them together.
    needs: Needs,
    properties: Vec<(String, Self)>,
    items: Option<Box<Self>>,
    /// Those of a map's values.
    values: Option<Box<Self>>,
    /// Those of `allOf`, about the same value.
    branches: Vec<Self>,
}

impl Rules {
    /// Compiles the rules of `schema`, whose depth has been bounded; with the
    /// rules that cannot be judged here, each with the reason.
    pub(super) fn compile(schema: &Value) -> (Self, Vec<String>) {
        let compiled = thread::scope(|scope| {
            let parse = || {
                let mut skipped = Vec::new();
                let rules = compile(schema, &mut skipped).unwrap_or_default();
                (rules, skipped)
            };
            let parser = thread::Builder::new().stack_size(PARSER_STACK).spawn_scoped(scope, parse);
            parser.map(thread::ScopedJoinHandle::join)
        });
        match compiled {
            Ok(Ok(compiled)) => compiled,
            Ok(Err(_)) => (Self::default(), vec!["all rules: the parser panics".to_owned()]),
            Err(error) => (Self::default(), vec![format!("all rules: no thread to parse them: {error}")]),
        }
    }

    /// What the rules say against an object that has the schema.
    pub(super) fn faults(&self, schema: &Value, object: &Value) -> Vec<SchemaFault> {
        let mut faults = Vec::new();
        if !self.is_empty() {
            functions::with_deadline(|| self.evaluate(schema, object, &Place::Root, &mut faults));
        }
        faults
    }

    fn is_empty(&self) -> bool {
        self.own.is_empty()
            && self.properties.is_empty()
            && self.items.is_none()
            && self.values.is_none()
            && self.branches.is_empty()
    }

    fn evaluate(&self, schema: &Value, value: &Value, place: &Place<'_>, faults: &mut Vec<SchemaFault>) {
        // Rules are about values: a null has none.
        if value.is_null() || functions::is_late() {
            return;
        }
        self.evaluate_own(schema, value, place, faults);
        for branch in &self.branches {
            branch.evaluate(schema, value, place, faults);
        }
        match value {
            Value::Object(fields) => {
                let properties = schema.get("properties");
                for (name, rules) in &self.properties {
                    if let (Some(schema), Some(value)) =
                        (properties.and_then(|known| known.get(name)), fields.get(name))
                    {
                        rules.evaluate(schema, value, &Place::Field(place, name), faults);
                    }
                }
                if let (Some(rules), Some(schema)) = (&self.values, schema.get("additionalProperties")) {
                    for (name, value) in fields {
                        rules.evaluate(schema, value, &Place::Field(place, name), faults);
                    }
                }
            }
            Value::Array(items) => {
                if let (Some(rules), Some(schema)) = (&self.items, schema.get("items")) {
                    for (index, item) in items.iter().enumerate() {
                        rules.evaluate(schema, item, &Place::Index(place, index), faults);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Rules {
    fn evaluate_own(&self, schema: &Value, value: &Value, place: &Place<'_>, faults: &mut Vec<SchemaFault>) {
        let doubtful = || self.own.iter().filter(|rule| !rule.is_known_to_hold(value));
        if doubtful().next().is_none() {
            return;
        }
        functions::with_context(|context| {
            let shared = Subject::new(context, schema, value, &self.needs);
            for rule in doubtful() {
                // One rule that reads too much does not keep the others from judging.
                let alone = if shared.is_none() { rule.subject(context, schema, value) } else { None };
                if let Some(subject) = shared.as_ref().or(alone.as_ref()) {
                    faults.extend(rule.fault(subject, value, place));
                }
            }
        });
    }
}

fn compile(schema: &Value, skipped: &mut Vec<String>) -> Option<Rules> {
    let own = schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
    let own = own.filter_map(|rule| match Rule::compile(rule) {
        Ok(rule) => Some(rule),
        Err(reason) => {
            skipped.push(reason);
            None
        }
    });
    let mut rules = Rules { own: own.collect(), ..Rules::default() };
    for rule in &rules.own {
        rule.programs().for_each(|program| rules.needs.add(&program.needs));
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        rules.properties.extend(compile(property, skipped).map(|below| (name.clone(), below)));
    }
    let mut below =
        |keyword: &str| schema.get(keyword).and_then(|schema| compile(schema, skipped)).map(Box::new);
    rules.items = below("items");
    rules.values = below("additionalProperties");
    let branches = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    rules.branches = branches.filter_map(|branch| compile(branch, skipped)).collect();
    (!rules.is_empty()).then_some(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Fault;
    use serde_json::json;
    use std::time::{Duration, Instant};

    fn said(schema: &Value, object: &Value) -> Vec<String> {
        let (rules, _) = Rules::compile(schema);
        let faults = rules.faults(schema, object);
        faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect()
    }

    #[test]
    fn rules_are_found_at_any_depth() {
        let positive = json!({"type": "integer", "x-kubernetes-validations": [{"rule": "self > 0", "message": "must be positive"}]});
        let schema = json!({
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": {"type": "object", "properties": {"n": positive}}},
                "values": {"type": "object", "additionalProperties": positive},
                "nullable": {"type": "integer", "nullable": true, "x-kubernetes-validations": [{"rule": "self > 0"}]},
                "both": {"type": "integer", "allOf": [{"x-kubernetes-validations": [{"rule": "self % 2 == 0", "message": "must be even"}]}]},
            },
        });
        let object = json!({
            "items": [{"n": 1}, {"n": 0}, {}], "values": {"a.b": -1, "c": 1}, "nullable": null, "both": 3,
        });
        assert_eq!(
            said(&schema, &object),
            ["both: must be even", "items[1].n: must be positive", "values[a.b]: must be positive"]
        );
    }

    #[test]
    fn messages_paths_and_reasons_are_the_rules_own() {
        let schema = json!({
            "type": "object",
            "properties": {"min": {"type": "integer"}, "max": {"type": "integer"}},
            "x-kubernetes-validations": [
                {"rule": "self.min <= self.max", "messageExpression": "'at most ' + string(self.max)", "fieldPath": ".min", "reason": "FieldValueForbidden"},
                {"rule": "self.min <= self.max", "message": "static", "messageExpression": "self.nothing"},
                {"rule": "self.min > self.max + 1"},
                {"rule": "self.min ==", "message": "not a rule"},
            ],
        });
        let (rules, skipped) = Rules::compile(&schema);
        assert_eq!(skipped, ["self.min ==: cannot be parsed"]);
        let faults = rules.faults(&schema, &json!({"min": 2, "max": 1}));
        let said: Vec<_> = faults
            .iter()
            .map(|fault| (fault.path.to_string(), fault.fault, fault.message.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                ("min".to_owned(), Fault::Forbidden, "at most 1"),
                (String::new(), Fault::Invalid, "static"),
                (String::new(), Fault::Invalid, "failed rule: self.min > self.max + 1"),
            ]
        );
    }

    #[test]
    fn a_rule_that_reads_too_much_does_not_silence_the_others() {
        let schema = json!({
            "type": "object",
            "properties": {"list": {"type": "array", "items": {"type": "integer"}}, "n": {"type": "integer"}},
            "x-kubernetes-validations": [{"rule": "self.list.all(x, x > 0)"}, {"rule": "self.n > 0", "message": "must be positive"}],
        });
        assert_eq!(said(&schema, &json!({"list": vec![0; 10_000], "n": 0})), [": must be positive"]);
    }

    #[test]
    fn many_items_share_one_deadline() {
        let rule = json!([{"rule": "self.all(x, self.all(y, self.all(z, x + y + z > 0)))"}]);
        let list = json!({"type": "array", "items": {"type": "integer"}, "x-kubernetes-validations": rule});
        let schema = json!({"type": "array", "items": list});
        let object = json!(vec![vec![1; 200]; 1000]);
        let start = Instant::now();
        assert_eq!(said(&schema, &object), [] as [&str; 0]);
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }
}
