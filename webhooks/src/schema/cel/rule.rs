//! One rule of a CRD: what it asks, and what it says where that does not hold.

use kube_cel::cel::Context;
use serde_json::Value;

use super::held::Held;
use super::needs::Needs;
use super::place::{self, Place};
use super::program::{Outcome, Program, Subject};
use crate::field_path::FieldPath;
use crate::finding::Fault;
use crate::schema::fault::SchemaFault;

/// One of `x-kubernetes-validations`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) program: Program,
    held: Option<Held>,
    message: String,
    message_program: Option<Program>,
    fault: Fault,
    /// The field that it is about, from the value on.
    field: FieldPath,
}

impl Rule {
    /// Compiles the rule; or says why it is not judged.
    pub(super) fn compile(rule: &Value) -> Result<Self, String> {
        let text = |field: &str| rule.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let source = text("rule").unwrap_or_default();
        let program = Program::compile(source).map_err(|refused| format!("{source}: {refused}"))?;
        let message = text("message").map_or_else(|| format!("failed rule: {source}"), str::to_owned);
        // A message that cannot be computed here is not worth the rule.
        let message_program = text("messageExpression").and_then(|source| Program::compile(source).ok());
        let fault = match text("reason") {
            Some("FieldValueRequired") => Fault::Required,
            Some("FieldValueForbidden") => Fault::Forbidden,
            Some("FieldValueDuplicate") => Fault::Duplicate,
            _ => Fault::Invalid,
        };
        let field = text("fieldPath").map(place::parse).unwrap_or_default();
        let held = Held::of(&program.needs);
        Ok(Self { program, held, message, message_program, fault, field })
    }

    /// The rule itself, and its message.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Program> {
        std::iter::once(&self.program).chain(&self.message_program)
    }

    /// Whether it has held for all that has the fields of `value`.
    pub(super) fn is_known_to_hold(&self, value: &Value) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_known(value))
    }

    /// What this rule reads of `value`.
    pub(super) fn subject<'a>(
        &self,
        context: &'a Context<'static>,
        schema: &Value,
        value: &Value,
    ) -> Option<Subject<'a>> {
        let mut needs = Needs::default();
        self.programs().for_each(|program| needs.add(&program.needs));
        Subject::new(context, schema, value, &needs)
    }

    /// What it says against `value`, of which `subject` is what it reads.
    pub(super) fn fault(
        &self,
        subject: &Subject<'_>,
        value: &Value,
        place: &Place<'_>,
    ) -> Option<SchemaFault> {
        let message = match self.program.judge(subject) {
            Outcome::Holds => {
                self.held.iter().for_each(|held| held.remember(value));
                return None;
            }
            Outcome::Unknown => return None,
            Outcome::Fails => self.computed_message(subject).unwrap_or_else(|| self.message.clone()),
            Outcome::Lacks(key) => {
                format!("the rule of the CRD needs {key}, which is not set ({})", self.message)
            }
        };
        let path = place.path().join(&self.field);
        let value = Some(value).filter(|_| self.field.segments().is_empty());
        Some(SchemaFault::of_rule(path, self.fault, message, value))
    }

    fn computed_message(&self, subject: &Subject<'_>) -> Option<String> {
        let text = self.message_program.as_ref()?.text(subject)?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty() && !text.contains('\n'))
    }
}
