//! What tells faults of two versions of an object apart.

use std::collections::HashMap;

use fleetgate_plan::names::{digest, named_or_generated};
use serde_json::Value;

use crate::field_path::{FieldPath, Segment};
use crate::finding::Finding;

/// What two findings of two versions of an object are one by.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    code: &'static str,
    item: Option<String>,
    rest: Vec<Segment>,
    value: String,
}

/// One version of an object.
pub(super) struct Version<'a> {
    object: &'a Value,
    places: Vec<Place>,
    /// What stands where something was found, as digests: there may be a
    /// thousand faults in one text of a megabyte.
    standing: HashMap<FieldPath, String>,
}

impl<'a> Version<'a> {
    pub(super) fn of(object: &'a Value) -> Self {
        Self { object, places: Place::all(object), standing: HashMap::new() }
    }

    pub(super) fn identity(&mut self, finding: &Finding) -> Identity {
        let place = self.places.iter().find(|place| finding.path.is_within(&place.list));
        let (item, rest) = place.and_then(|place| place.item_of(&finding.path)).unzip();
        let rest = rest.unwrap_or_else(|| finding.path.segments()).to_vec();
        // A finding without a value is about all that stands there.
        let value = finding.value.as_ref().map_or_else(|| self.standing_at(&finding.path), digest_of);
        Identity { code: finding.code, item, rest, value }
    }

    fn standing_at(&mut self, path: &FieldPath) -> String {
        if let Some(known) = self.standing.get(path) {
            return known.clone();
        }
        let found = path.get(self.object).map(digest_of).unwrap_or_default();
        self.standing.insert(path.clone(), found.clone());
        found
    }
}

/// Equal values are written equally.
fn digest_of(value: &Value) -> String {
    /// All hexadecimal digits that there are.
    const WHOLE: usize = 64;
    digest(value.to_string().as_bytes(), WHOLE)
}

/// A list whose items are told apart by what they are called, and not by where
/// they stand.
struct Place {
    list: FieldPath,
    names: Vec<String>,
}

impl Place {
    /// Those of an object: an Application's policies, a Fleet's clusters.
    fn all(object: &Value) -> Vec<Self> {
        let items =
            |field: &str| object.get("spec").and_then(|spec| spec.get(field)).and_then(Value::as_array);
        let application = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let policies = items("syncPolicies").into_iter().map(|items| {
            let name =
                |(index, item): (usize, &Value)| named_or_generated(application, index, text(item, "name"));
            Self::of("syncPolicies", items.iter().enumerate().map(name).collect())
        });
        let clusters = items("clusters").into_iter().map(|items| {
            let name = |item: &Value| {
                format!(
                    "{}/{}",
                    text(item, "kind").unwrap_or_default(),
                    text(item, "name").unwrap_or_default()
                )
            };
            Self::of("clusters", items.iter().map(name).collect())
        });
        policies.chain(clusters).collect()
    }

    fn of(field: &'static str, names: Vec<String>) -> Self {
        Self { list: FieldPath::spec().field(field), names }
    }

    /// The name of the item that `path` leads into, and the path inside of it.
    fn item_of<'a>(&self, path: &'a FieldPath) -> Option<(String, &'a [Segment])> {
        let inside = path.segments().get(self.list.segments().len()..)?;
        let (Segment::Index(index), rest) = inside.split_first()? else { return None };
        Some((format!("{}[{}]", self.list, self.names.get(*index)?), rest))
    }
}

fn text<'a>(item: &'a Value, field: &str) -> Option<&'a str> {
    item.get(field).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::Version;
    use crate::judge::judge;
    use crate::schema::Kind;
    use crate::test_fixtures::{application, catalog, git_source, kustomization};
    use serde_json::json;

    #[test]
    fn many_faults_of_one_long_text_take_little() {
        let patch = format!("{}# {}", "a: b\n---\n".repeat(500), "x".repeat(100_000));
        let mut policy = kustomization();
        policy["patches"] = json!([{"patch": patch}]);
        let spec = json!({"source": git_source(), "syncPolicies": [{"kustomization": policy}]});
        let verdict = judge(Kind::Application, application("shop", spec), None, &catalog());
        assert_eq!(verdict.findings.len(), 500);
        let mut version = Version::of(&verdict.object);
        let identities = verdict.findings.iter().map(|finding| version.identity(finding));
        assert!(identities.map(|identity| identity.value.len()).sum::<usize>() < 100_000);
        assert_eq!(version.standing.len(), 1, "it is read once");
        let again = judge(Kind::Application, verdict.object.clone(), Some(&verdict.object), &catalog());
        assert!(again.is_admitted());
    }
}
