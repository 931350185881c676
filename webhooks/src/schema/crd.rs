//! Whether an object would be accepted by its CRD.

use serde_json::{Value, json};

use super::cel::Rules;
use super::fault::SchemaFault;
use super::structural::{NotStructural, StructuralSchema};

/// One version of a CRD, ready to judge objects: its schema and its rules. The
/// default one accepts everything.
#[derive(Debug, Default)]
pub struct CrdCheck {
    schema: StructuralSchema,
    rules: Rules,
    skipped: Vec<String>,
}

impl CrdCheck {
    /// Compiles an `openAPIV3Schema`. Takes milliseconds; see
    /// [`checker_for`](super::checker_for) for one that has been compiled.
    ///
    /// # Errors
    /// If the document is no structural schema.
    pub fn compile(mut schema: Value) -> Result<Self, NotStructural> {
        know_object(&mut schema);
        let schema = StructuralSchema::compile(schema)?;
        let (rules, skipped) = Rules::compile(schema.root());
        Ok(Self { schema, rules, skipped })
    }

    /// What the API server would say at the creation of the object, which it
    /// prepares first: what is against its schema, or if nothing is, against
    /// the rules of the CRD.
    pub fn check(&self, object: &mut Value) -> Vec<SchemaFault> {
        self.schema.prepare(object);
        let faults = self.schema.faults(object);
        if faults.is_empty() { self.rules.faults(self.schema.root(), object) } else { faults }
    }

    /// The rules that are not judged, each with the reason.
    #[must_use]
    pub fn skipped_rules(&self) -> &[String] {
        &self.skipped
    }
}

/// A CRD leaves the fields of every object to the API server, but its rules may
/// read them (`WithTypeAndObjectMeta`).
fn know_object(schema: &mut Value) {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let text = json!({"type": "string"});
        let metadata = json!({"type": "object", "properties": {"name": text, "generateName": text}});
        for (name, schema) in [("apiVersion", &text), ("kind", &text), ("metadata", &metadata)] {
            let known = properties.entry(name).or_insert_with(|| schema.clone());
            if let (Value::Object(known), Value::Object(schema)) = (known, schema) {
                for (keyword, value) in schema {
                    known.entry(keyword).or_insert_with(|| value.clone());
                }
            }
        }
    }
}
