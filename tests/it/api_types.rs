//! The Application's types against Flux's own CRDs, in the versions that the sandbox runs.
//!
//! An Application embeds what Flux's objects can say, under the looser constraint of Flux's API
//! and Kurator's. An upgrade of Flux that adds, retypes or loosens a field fails here, with the
//! list of what is to be taken over.

use std::collections::BTreeMap;
use std::fmt;

use fleetgate_sandbox::tools::flux_crds;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// A Flux kind, and where an Application holds its spec.
struct Embedded {
    kind: &'static str,
    version: &'static str,
    at: &'static str,
}

const EMBEDDED: [Embedded; 6] = [
    Embedded { kind: "GitRepository", version: "v1", at: "spec.source.gitRepository" },
    Embedded { kind: "HelmRepository", version: "v1", at: "spec.source.helmRepository" },
    Embedded { kind: "OCIRepository", version: "v1", at: "spec.source.ociRepository" },
    Embedded { kind: "Bucket", version: "v1", at: "spec.source.bucket" },
    Embedded { kind: "Kustomization", version: "v1", at: "spec.syncPolicies[].kustomization" },
    Embedded { kind: "HelmRelease", version: "v2", at: "spec.syncPolicies[].helm" },
];

/// A field of Flux that an Application does not have, and all below it.
struct Exception {
    kind: &'static str,
    field: &'static str,
    reason: &'static str,
}

const EXCEPTIONS: [Exception; 5] = [
    Exception { kind: "Kustomization", field: "sourceRef", reason: "the source is the Application's own" },
    Exception {
        kind: "Kustomization",
        field: "kubeConfig",
        reason: "the cluster is the destination's, and so are its credentials",
    },
    Exception {
        kind: "HelmRelease",
        field: "kubeConfig",
        reason: "the cluster is the destination's, and so are its credentials",
    },
    Exception {
        kind: "HelmRelease",
        field: "chart.spec.sourceRef",
        reason: "the source is the Application's own",
    },
    Exception {
        kind: "HelmRelease",
        field: "chartRef",
        reason: "written by the plan when the Application's source is an OCI artifact",
    },
];

/// What is wrong with one field, as a line of the failure message.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Missing { flux_type: String },
    Retyped { flux_type: String, our_type: String },
    Refused { values: Vec<String> },
    Demanded,
    Tightened { constraint: &'static str },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { flux_type } => write!(f, "is missing; in Flux it is: {flux_type}"),
            Self::Retyped { flux_type, our_type } => {
                write!(f, "is {our_type} here and {flux_type} in Flux")
            }
            Self::Refused { values } => write!(f, "refuses what Flux accepts: {}", values.join(", ")),
            Self::Demanded => f.write_str("is required here and optional in Flux"),
            Self::Tightened { constraint } => write!(f, "has a {constraint} that Flux does not have"),
        }
    }
}

/// A field's schema, and whether its object must have it.
#[derive(Clone, Copy)]
struct Field<'a> {
    schema: &'a JSONSchemaProps,
    required: bool,
}

type Fields<'a> = BTreeMap<String, Field<'a>>;

#[test]
fn an_application_can_say_all_that_flux_can() -> anyhow::Result<()> {
    let flux = flux_crds()?;
    let ours = application();
    let ours = fields_of(&ours, "v1alpha1");

    let mut faults = Vec::new();
    for embedded in &EMBEDDED {
        for (field, theirs) in flux_fields(&flux, embedded) {
            if exception(embedded.kind, &field).is_some() {
                continue;
            }
            let path = join(embedded.at, &field);
            let found = compare(ours.get(&path).copied(), theirs);
            faults.extend(found.into_iter().map(|fault| format!("{}: {path} {fault}", embedded.kind)));
        }
    }
    assert!(
        faults.is_empty(),
        "{} differences between fleetgate-api and Flux's CRDs (take the field over, or add an \
         exception with its reason):\n  {}",
        faults.len(),
        faults.join("\n  "),
    );
    Ok(())
}

/// An exception whose field Flux has dropped, or that an Application has after all, says nothing.
#[test]
fn every_exception_is_needed() -> anyhow::Result<()> {
    let flux = flux_crds()?;
    let ours = application();
    let ours = fields_of(&ours, "v1alpha1");

    for embedded in &EMBEDDED {
        let theirs = flux_fields(&flux, embedded);
        for excepted in EXCEPTIONS.iter().filter(|excepted| excepted.kind == embedded.kind) {
            let Exception { kind, field, reason } = excepted;
            assert!(theirs.contains_key(*field), "Flux's {kind} has no {field} (any more): {reason}");
            let path = join(embedded.at, field);
            assert!(!ours.contains_key(&path), "an Application has {path}, which is excepted: {reason}");
        }
    }
    Ok(())
}

/// A new storage version of Flux's API is to be looked at, not to be passed over.
#[test]
fn flux_stores_the_versions_that_are_embedded() -> anyhow::Result<()> {
    let flux = flux_crds()?;
    for Embedded { kind, version, .. } in &EMBEDDED {
        let stored: Vec<&str> = flux
            .iter()
            .filter(|crd| crd.spec.names.kind == *kind)
            .flat_map(|crd| &crd.spec.versions)
            .filter(|version| version.storage && version.served)
            .map(|version| version.name.as_str())
            .collect();
        assert_eq!(stored, [*version], "the storage version of Flux's {kind}");
    }
    Ok(())
}

/// All that is wrong with our field, given Flux's.
fn compare(ours: Option<Field<'_>>, theirs: Field<'_>) -> Vec<Fault> {
    let flux_type = type_of(theirs.schema);
    let Some(ours) = ours else { return vec![Fault::Missing { flux_type }] };
    let our_type = type_of(ours.schema);
    if our_type != flux_type {
        return vec![Fault::Retyped { flux_type, our_type }];
    }

    let mut faults = Vec::new();
    let refused = refused_values(ours.schema, theirs.schema);
    if !refused.is_empty() {
        faults.push(Fault::Refused { values: refused });
    }
    if ours.required && !theirs.required {
        faults.push(Fault::Demanded);
    }
    faults.extend(tightened(ours.schema, theirs.schema).map(|constraint| Fault::Tightened { constraint }));
    faults
}

/// The values that Flux's enum has and ours lacks. Without an enum, ours takes any.
fn refused_values(ours: &JSONSchemaProps, theirs: &JSONSchemaProps) -> Vec<String> {
    let Some(ours) = &ours.enum_ else { return Vec::new() };
    match &theirs.enum_ {
        None => vec!["anything outside our enum".to_owned()],
        Some(theirs) => {
            theirs.iter().filter(|value| !ours.contains(value)).map(|value| value.0.to_string()).collect()
        }
    }
}

/// The constraints that ours has and Flux's has not, or has otherwise.
fn tightened(ours: &JSONSchemaProps, theirs: &JSONSchemaProps) -> impl Iterator<Item = &'static str> {
    fn differs<T: PartialEq>(ours: Option<&T>, theirs: Option<&T>) -> bool {
        ours.is_some() && ours != theirs
    }
    [
        ("pattern", differs(ours.pattern.as_ref(), theirs.pattern.as_ref())),
        ("minLength", differs(ours.min_length.as_ref(), theirs.min_length.as_ref())),
        ("maxLength", differs(ours.max_length.as_ref(), theirs.max_length.as_ref())),
        ("minimum", differs(ours.minimum.as_ref(), theirs.minimum.as_ref())),
        ("maximum", differs(ours.maximum.as_ref(), theirs.maximum.as_ref())),
        ("maxItems", differs(ours.max_items.as_ref(), theirs.max_items.as_ref())),
        ("minItems", differs(ours.min_items.as_ref(), theirs.min_items.as_ref())),
    ]
    .into_iter()
    .filter_map(|(constraint, tighter)| tighter.then_some(constraint))
}

/// The type, as far as it decides what a document may look like.
fn type_of(schema: &JSONSchemaProps) -> String {
    match (&schema.type_, &schema.additional_properties) {
        (Some(kind), Some(JSONSchemaPropsOrBool::Schema(_))) => format!("map ({kind})"),
        (Some(kind), _) => kind.clone(),
        (None, _) => "any".to_owned(),
    }
}

fn exception(kind: &str, field: &str) -> Option<&'static Exception> {
    EXCEPTIONS.iter().find(|excepted| {
        excepted.kind == kind
            && field.strip_prefix(excepted.field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn application() -> CustomResourceDefinition {
    fleetgate_api::crds().into_iter().find(|crd| crd.spec.names.kind == "Application").unwrap_or_default()
}

/// The fields of an embedded kind's spec, by their path below it.
fn flux_fields<'a>(flux: &'a [CustomResourceDefinition], embedded: &Embedded) -> Fields<'a> {
    let spec = flux
        .iter()
        .filter(|crd| crd.spec.names.kind == embedded.kind)
        .flat_map(|crd| fields_of(crd, embedded.version));
    let fields: Fields<'a> =
        spec.filter_map(|(path, field)| Some((path.strip_prefix("spec.")?.to_owned(), field))).collect();
    assert!(!fields.is_empty(), "Flux has no {} {}", embedded.kind, embedded.version);
    fields
}

/// Every field of one version of a kind, by its path: `spec.images[].name`, `spec.labels{}`.
fn fields_of<'a>(crd: &'a CustomResourceDefinition, version: &str) -> Fields<'a> {
    let mut fields = Fields::new();
    let schema = crd
        .spec
        .versions
        .iter()
        .find(|candidate| candidate.name == version)
        .and_then(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref());
    if let Some(schema) = schema {
        collect(schema, "", &mut fields);
    }
    fields
}

/// Adds what is below a schema: its properties, its items, its values.
fn collect<'a>(schema: &'a JSONSchemaProps, path: &str, fields: &mut Fields<'a>) {
    let required = |name: &String| {
        let has_default = schema
            .properties
            .iter()
            .flatten()
            .any(|(property, schema)| property == name && schema.default.is_some());
        schema.required.iter().flatten().any(|required| required == name) && !has_default
    };
    for (name, property) in schema.properties.iter().flatten() {
        add(property, required(name), join(path, name), fields);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
        add(item, false, format!("{path}[]"), fields);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &schema.additional_properties {
        add(value, false, format!("{path}{{}}"), fields);
    }
}

fn add<'a>(schema: &'a JSONSchemaProps, required: bool, path: String, fields: &mut Fields<'a>) {
    collect(schema, &path, fields);
    fields.insert(path, Field { schema, required });
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
