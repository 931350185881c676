//! What `valuesFrom` and `substituteFrom` share: a ConfigMap or Secret of the
//! Application's namespace, by kind and name.

use super::Rule;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};
use crate::names;

/// A ConfigMap or Secret, as it is named in an Application.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataSource<'a> {
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    /// Whether Flux goes on without it.
    pub(super) optional: bool,
}

impl DataSource<'_> {
    /// What `rule` says of the reference at `path`.
    pub(super) fn check(self, rule: &Rule, path: &FieldPath, findings: &mut Findings) {
        if !matches!(self.kind, "ConfigMap" | "Secret") {
            let message = "must be ConfigMap or Secret";
            findings.push(
                Finding::error(rule, path.field("kind"), Fault::NotSupported, message).value(self.kind),
            );
        }
        let path = path.field("name");
        if self.name.is_empty() {
            findings.push(Finding::error(rule, path, Fault::Required, "must be the object's name"));
        } else if !self.optional && !names::is_dns_subdomain(self.name) {
            let message = "is no name that such an object can have (RFC 1123)";
            findings.push(Finding::error(rule, path, Fault::Invalid, message).value(self.name));
        }
    }
}
