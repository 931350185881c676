//! One CEL expression, bounded before it is parsed and while it runs.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use kube_cel::cel;
use kube_cel::cel::common::ast::IdedExpr;
use kube_cel::cel::parser::Parser;
use kube_cel::cel::{Context, ExecutionError};
use serde_json::Value;

use super::needs::Needs;
use super::{convert, guard};

/// The value that a rule is about.
pub(super) const SELF: &str = "self";

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 2048;
/// The most brackets that are opened. The parser goes down its whole grammar at
/// each of them.
const MAX_BRACKETS: usize = 64;

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Program {
    expression: IdedExpr,
    pub(super) needs: Needs,
    loops: bool,
}

/// A value, as far as programs read it.
pub(super) struct Subject<'a>(Context<'a>);

impl<'a> Subject<'a> {
    /// `None` if that is too much, or of a type that is not converted.
    pub(super) fn new(
        context: &'a Context<'static>,
        schema: &Value,
        value: &Value,
        needs: &Needs,
    ) -> Option<Self> {
        let this = convert::to_cel(schema, value, needs)?;
        let mut scope = context.new_inner_scope();
        scope.add_variable_from_value(SELF, this);
        Some(Self(scope))
    }
}

/// What came of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Holds,
    Fails,
    /// It reads a field that is not there, for which the API server refuses, too.
    Lacks(String),
    /// It cannot be judged here.
    Unknown,
}

/// Why an expression is not evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    TooLong,
    Unreadable,
    AboutChanges,
    Unbounded,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "longer or deeper than rules that are judged",
            Self::Unreadable => "cannot be parsed",
            Self::AboutChanges => "about a change, and there is nothing to compare with",
            Self::Unbounded => "calls a function that may take any amount of time or memory",
        })
    }
}

impl Program {
    /// Parses an expression; needs [a large stack](super::PARSER_STACK).
    pub(super) fn compile(source: &str) -> Result<Self, Refused> {
        if source.len() > MAX_LENGTH || source.matches(['(', '[', '{']).count() > MAX_BRACKETS {
            return Err(Refused::TooLong);
        }
        if has_doubled_sign(source) {
            return Err(Refused::Unreadable);
        }
        // The parser is generated, large and not ours. It is not asked for optional
        // fields (`self.?x`): the interpreter fails where one is absent.
        let parsed = catch_unwind(|| Parser::new().parse(source));
        let mut expression = parsed.ok().and_then(Result::ok).ok_or(Refused::Unreadable)?;
        let needs = Needs::of(&expression);
        let loops = guard::bound(&mut expression)?;
        Ok(Self { expression, needs, loops })
    }

    /// Evaluates a rule.
    pub(super) fn judge(&self, subject: &Subject<'_>) -> Outcome {
        match self.run(subject) {
            Some(Ok(cel::Value::Bool(true))) => Outcome::Holds,
            Some(Ok(cel::Value::Bool(false))) => Outcome::Fails,
            // In a loop CEL forgives an error if another step decides, and the
            // interpreter does not.
            Some(Err(ExecutionError::NoSuchKey(key))) if !self.loops => Outcome::Lacks(key.to_string()),
            _ => Outcome::Unknown,
        }
    }

    /// Evaluates a message.
    pub(super) fn text(&self, subject: &Subject<'_>) -> Option<String> {
        match self.run(subject)? {
            Ok(cel::Value::String(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    /// `None` where the interpreter panics, as it does in some corners.
    fn run(&self, subject: &Subject<'_>) -> Option<Result<cel::Value, ExecutionError>> {
        catch_unwind(AssertUnwindSafe(|| subject.0.resolve(&self.expression))).ok()
    }
}

/// Whether there is a `!!` or a `--`. The parser takes them for one sign, and
/// parses what follows twice: nested ones would keep it busy for ever. Not even a
/// comment may stand between them.
fn has_doubled_sign(source: &str) -> bool {
    let mut last = None;
    let is_doubled = |char| last.replace(char) == Some(char) && matches!(char, '!' | '-');
    let is_found = source.chars().filter(|char| !char.is_whitespace()).any(is_doubled);
    is_found || (source.contains("//") && source.contains('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::cel::{Rules, functions};
    use serde_json::json;
    use std::thread;
    use std::time::{Duration, Instant};

    /// What one rule says about an object with fields of all types.
    fn holds(rule: &str) -> Option<bool> {
        let text = json!({"type": "string"});
        let schema = json!({
            "type": "object",
            "properties": {
                "text": text, "namespace": text, "a-b": text, "when": {"type": "string", "format": "date-time"},
                "count": {"type": "integer"}, "ratio": {"type": "number"}, "on": {"type": "boolean"},
                "port": {"x-kubernetes-int-or-string": true},
                "list": {"type": "array", "items": {"type": "string"}},
                "labels": {"type": "object", "additionalProperties": text},
                "missing": text,
            },
        });
        let object = json!({
            "text": "grün", "namespace": "n", "a-b": "c", "when": "2006-01-02T15:04:05Z", "count": 5, "ratio": 2,
            "on": true, "port": "http", "list": ["a", "b"], "labels": {"example.com/team": "x"},
        });
        let schema = json!({"allOf": [{"x-kubernetes-validations": [{"rule": rule}]}], "properties": schema["properties"]});
        let (rules, skipped) = Rules::compile(&schema);
        let Some(rule) = rules.branches.first().and_then(|branch| branch.own.first()) else {
            assert_eq!(skipped.len(), 1);
            return None;
        };
        let outcome = functions::with_context(|context| {
            rule.subject(context, &schema, &object).map(|subject| rule.program.judge(&subject))
        });
        match outcome? {
            Outcome::Holds => Some(true),
            Outcome::Fails | Outcome::Lacks(_) => Some(false),
            Outcome::Unknown => None,
        }
    }

    #[test]
    fn rules_see_what_the_api_server_shows_them() {
        let table = [
            ("self.text.size() == 4", Some(true)),
            ("self.__namespace__ == 'n' && self.a__dash__b == 'c'", Some(true)),
            ("self.count == 5 && self.ratio == 2.0 && self.on", Some(true)),
            ("self.port == 'http' || self.port == 80", Some(true)),
            ("self.list.all(item, item in ['a', 'b'])", Some(true)),
            ("self.list.exists(item, item == 'c')", Some(false)),
            ("'example.com/team' in self.labels && self.labels['example.com/team'] == 'x'", Some(true)),
            ("has(self.text) && !has(self.missing)", Some(true)),
            ("self.text.matches('^\\\\w+$')", Some(false)),
            ("isURL('https://e.com') && quantity('1Gi').isGreaterThan(quantity('1M'))", Some(true)),
            ("self.text.startsWith('gr') ? self.count > 4 : false", Some(true)),
            // A field that is not there is an error, which refuses, too.
            ("self.missing == 'x'", Some(false)),
            ("!has(self.missing) || self.missing == 'x'", Some(true)),
            // What is not judged here.
            ("self.when > timestamp('2000-01-01T00:00:00Z')", None),
            ("self.count == oldSelf.count", None),
            ("self.unheardOf()", None),
            ("self.?missing.orValue('x') == 'x'", None),
            ("self.list.exists(item, self.missing == item)", None),
            ("self.count", None),
            ("!!self.on", None),
            ("'a-b' == 'a-b' && -1 < 0 && !(!self.on)", Some(true)),
            ("Struct{field: 1} == self", None),
            ("self.text.matches(self.text)", None),
            ("self.text.replace('g', self.text) == ''", None),
            ("sets.contains(self.list, ['a'])", None),
            ("self.list.distinct().size() == 2", None),
        ];
        for (rule, expected) in table {
            assert_eq!(holds(rule), expected, "{rule}");
        }
    }

    #[test]
    fn hostile_rules_end_soon() {
        let loops = |depth: usize| {
            let names = (0..depth).fold(String::new(), |rule, n| rule + "self.all(x" + &n.to_string() + ", ");
            names + "true" + &")".repeat(depth)
        };
        let doubled = format!("['x']{}.size() > 0", ".map(v, v + v)".repeat(60));
        let bombs = [
            loops(12),
            doubled,
            "1 + ".repeat(500) + "1 > 0",
            "(".repeat(64) + "true" + &")".repeat(64),
            "[".repeat(64) + &"]".repeat(64),
            "[".repeat(64),
            "[".repeat(900) + &"]".repeat(900),
            "!".repeat(2000) + "true",
            "!!(".repeat(60) + "true" + &")".repeat(60),
            "- -(".repeat(60) + "1" + &")".repeat(60),
            "! //\n!(".repeat(60) + "true" + &")".repeat(60),
            "-".repeat(2000) + "1 > 0",
            "self".to_owned() + &".a".repeat(1000),
            "true?1:".repeat(280) + "true",
            "size(".repeat(60) + "self" + &")".repeat(60),
            "{1:".repeat(60) + "1" + &"}".repeat(60),
            "[1].all(x,".repeat(32) + "true" + &")".repeat(32),
            "x".repeat(1 << 20),
        ];
        let list = json!(vec!["x"; 1000]);
        for bomb in bombs {
            let schema = json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": [{"rule": bomb}]});
            // The stack of a worker thread.
            let list = list.clone();
            let judged = thread::Builder::new().stack_size(2 << 20).spawn(move || {
                let start = Instant::now();
                let faults = Rules::compile(&schema).0.faults(&schema, &list);
                (faults, start.elapsed())
            });
            let (faults, took) = judged.expect("a thread").join().expect("no panic");
            let bomb = bomb.get(..bomb.len().min(40));
            assert_eq!(faults, [], "{bomb:?}");
            assert!(took < Duration::from_secs(30), "{bomb:?} took {took:?}");
        }
    }
}
