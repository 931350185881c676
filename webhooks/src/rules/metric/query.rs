//! The part of `rollout/metric-template` that is about the query.

use super::go_template::{self, OF_FLAGGER, OF_GO};
use super::template::METRIC_TEMPLATE;
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};
use crate::names;

/// What is wrong with a query, if anything is.
pub(super) fn check(query: Option<&str>, path: FieldPath) -> Option<Finding> {
    let Some(query) = query.filter(|query| !query.trim().is_empty()) else {
        let message = "must say what is asked";
        return Some(Finding::error(&METRIC_TEMPLATE, path, Fault::Required, message));
    };
    let fault = go_template::check(query).err()?;
    let error = |message: String| {
        Finding::error(&METRIC_TEMPLATE, path.clone(), Fault::Invalid, message).value(query)
    };
    Some(match fault {
        go_template::Fault::Fails(reason) => error(format!("fails as the Go template that it is: {reason}")),
        go_template::Fault::Unknown(name) => {
            let reason =
                if name.contains('.') { "there is no data to have it" } else { "there is no such function" };
            error(format!("fails as the Go template that it is, at {name}: {reason}")).hint(way_out(&name))
        }
        go_template::Fault::Unread => {
            let message = "is too long or too deep to be looked at";
            Finding::warning(&METRIC_TEMPLATE, path, Fault::Invalid, message)
        }
    })
}

/// What to write in place of a name that nothing defines.
fn way_out(name: &str) -> String {
    let bare = name.trim_start_matches(['.', '$']).to_lowercase();
    if OF_FLAGGER.contains(&bare.as_str()) {
        return format!("write {{{{ {bare} }}}}: Flagger's values are functions");
    }
    let known = OF_FLAGGER.into_iter().chain(OF_GO);
    let near = (!name.contains('.')).then(|| names::nearest(name, known)).flatten();
    match near {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("Flagger has {}", OF_FLAGGER.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn said(query: &str) -> Option<Finding> {
        check(Some(query), FieldPath::root())
    }

    #[test]
    fn queries() {
        let long = " {{name}}".repeat(2_000);
        for query in ["up", "rate(x{ns=\"{{ namespace }}\"}[{{ interval }}])"] {
            assert_eq!(said(query), None, "{query}");
        }
        assert_eq!(check(None, FieldPath::root()).map(|finding| finding.fault), Some(Fault::Required));
        assert_eq!(said(" \n").map(|finding| finding.fault), Some(Fault::Required));
        assert_eq!(said(&long).map(|finding| finding.severity), Some(Severity::Warning));
    }

    #[test]
    fn a_fault_comes_with_the_way_out() {
        for (query, message, hint) in [
            (
                "up{ns=\"{{ nmespace }}\"}",
                "at nmespace: there is no such function",
                Some("did you mean \"namespace\"?"),
            ),
            (
                "{{ .Namespace }}",
                "at .Namespace: there is no data to have it",
                Some("write {{ namespace }}: Flagger's values are functions"),
            ),
            (
                "{{ Target }}",
                "at Target: there is no such function",
                Some("write {{ target }}: Flagger's values are functions"),
            ),
            ("{{ $labels.instance }}", "the variable $labels is not defined", None),
            (
                "{{ .Values.x }}",
                "at .Values: there is no data to have it",
                Some("Flagger has name, namespace, target, service, ingress, route, interval, variables"),
            ),
            ("{{ variables.x }}", "variables has nothing in it here, and no .x", None),
            ("{{ interval", "an action is not closed", None),
        ] {
            let finding = said(query).expect("a finding");
            assert!(finding.message.contains(message), "{query}: {finding}");
            assert_eq!(finding.hint.as_deref(), hint, "{query}");
            assert_eq!(finding.severity, Severity::Error, "{query}");
        }
    }
}
