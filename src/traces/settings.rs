//! What is asked for: by the flag, and by the variables of the standard.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use axum::http::uri::{Authority, Scheme};

use super::ENDPOINTS;

/// Where a collector takes spans, below its endpoint.
const PATH: &str = "/v1/traces";
/// How long sending a batch may take, as the standard has it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads the endpoint of a collector.
///
/// # Errors
///
/// When none can be there.
pub(crate) fn endpoint(text: &str) -> Result<Uri, String> {
    let is_http = |uri: &Uri| matches!(uri.scheme().map(Scheme::as_str), Some("http" | "https"));
    let is_place = |authority: &Authority| {
        let has_port = !authority.as_str().ends_with(authority.host());
        !authority.host().is_empty() && (!has_port || authority.port().is_some())
    };
    let uri = text.parse::<Uri>().ok().filter(|uri| is_http(uri) && uri.query().is_none());
    let Some(uri) = uri.filter(|uri| uri.authority().is_some_and(is_place)) else {
        return Err(
            "no endpoint of a collector, which is http:// or https:// with a host and no query, and mostly a port, as http://otel-collector.observability:4318 is".to_owned(),
        );
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(
            "credentials in an endpoint would be logged: give them by OTEL_EXPORTER_OTLP_HEADERS".to_owned()
        );
    }
    Ok(uri)
}

/// How spans are to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Where a collector takes them.
    pub(super) url: Uri,
    /// How long sending a batch may take.
    pub(super) timeout: Duration,
    /// The file with whom a collector is trusted by, if not by all whom the system trusts.
    pub(super) authorities: Option<PathBuf>,
    /// What is asked for and not done.
    pub(super) unmet: Vec<String>,
}

impl Settings {
    /// What the flag and the variables ask for, if they ask for spans. The flag counts first, as it is for
    /// this program alone, but who switches traces off switches them off.
    ///
    /// # Errors
    ///
    /// When there can be no collector where it is said to be.
    pub(super) fn of(
        flag: Option<&Uri>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, String> {
        let is = |name: &str, value: &str| variable(name).is_some_and(|it| it.eq_ignore_ascii_case(value));
        if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
            return Ok(None);
        }
        let [of_traces, of_all] = ENDPOINTS;
        let read = |name: &str| {
            let text = variable(name);
            text.map(|text| endpoint(&text).map_err(|error| format!("{name} is {error}"))).transpose()
        };
        let url = match (flag, read(of_traces)) {
            (Some(base), _) => below(base)?,
            (None, Ok(Some(url))) => url,
            (None, Err(error)) => return Err(error),
            (None, Ok(None)) => match read(of_all)? {
                Some(base) => below(&base)?,
                None => return Ok(None),
            },
        };
        // What is said of traces goes before what is said of all signals.
        let setting = |name: &str| {
            let found = variable(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"));
            found.or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        let timeout = setting("TIMEOUT").and_then(|millis| millis.trim().parse().ok());
        let unmet = |(name, done): (&str, &str)| {
            let asked = setting(name).filter(|asked| !asked.eq_ignore_ascii_case(done))?;
            Some(format!(
                "OTEL_EXPORTER_OTLP_{name} is {asked:?}, which is not there: spans are sent by {done:?}"
            ))
        };
        Ok(Some(Self {
            url,
            timeout: timeout.map_or(TIMEOUT, Duration::from_millis),
            authorities: setting("CERTIFICATE").map(PathBuf::from),
            unmet: [("PROTOCOL", "http/protobuf"), ("COMPRESSION", "none")]
                .into_iter()
                .filter_map(unmet)
                .collect(),
        }))
    }
}

/// Where the collector at an endpoint takes spans.
fn below(base: &Uri) -> Result<Uri, String> {
    let url = format!("{}{PATH}", base.to_string().trim_end_matches('/'));
    url.parse().map_err(|error| format!("{url} is no URL: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_where_a_collector_may_be() {
        let table = [
            ("http://otel-collector.observability:4318", None),
            ("https://[::1]:4318/collector/", None),
            ("collector:4318", Some("no endpoint")),
            ("collector", Some("no endpoint")),
            ("", Some("no endpoint")),
            ("grpc://collector:4317", Some("no endpoint")),
            ("http://", Some("no endpoint")),
            ("http:///v1/traces", Some("no endpoint")),
            ("http://collector:4318?tenant=a", Some("no endpoint")),
            ("http://collector:port", Some("no endpoint")),
            ("http://user:word@collector:4318", Some("credentials")),
        ];
        for (text, refusal) in table {
            let read = endpoint(text);
            let is_expected = match (&read, refusal) {
                (Ok(_), None) => true,
                (Err(error), Some(start)) => error.starts_with(start) && !error.contains("word"),
                _ => false,
            };
            assert!(is_expected, "{text}: {read:?}");
        }
    }

    type Variables<'a> = &'a [(&'a str, &'a str)];

    /// What the flag and the variables come to.
    fn settings(flag: Option<&str>, variables: Variables<'_>) -> Result<Option<Settings>, String> {
        let flag = flag.map(|flag| endpoint(flag).expect("an endpoint"));
        Settings::of(flag.as_ref(), |asked| {
            let found = variables.iter().find(|(name, _)| *name == asked);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_flag_goes_before_the_variables_and_those_of_traces_before_those_of_all() {
        const OF_ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/");
        const OF_TRACES: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/here");
        let table: [(Option<&str>, Variables<'_>, Option<&str>); 8] = [
            (None, &[], None),
            (Some("http://flag:4318"), &[OF_ALL, OF_TRACES], Some("http://flag:4318/v1/traces")),
            (None, &[OF_ALL, OF_TRACES], Some("http://traces:4318/here")),
            (None, &[OF_ALL], Some("http://all:4318/v1/traces")),
            (Some("http://flag:4318"), &[("OTEL_SDK_DISABLED", "TRUE")], None),
            (None, &[OF_ALL, ("OTEL_TRACES_EXPORTER", "none")], None),
            (None, &[OF_ALL, ("OTEL_TRACES_EXPORTER", "otlp")], Some("http://all:4318/v1/traces")),
            (None, &[OF_ALL, ("OTEL_SDK_DISABLED", "false")], Some("http://all:4318/v1/traces")),
        ];
        for (flag, variables, expected) in table {
            let found = settings(flag, variables).expect("nothing is wrong");
            assert_eq!(
                found.map(|found| found.url.to_string()).as_deref(),
                expected,
                "{flag:?} {variables:?}"
            );
        }
    }

    #[test]
    fn what_is_wrong_and_what_is_not_done_is_said() {
        let wrong = settings(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]);
        assert!(wrong.is_err_and(|error| error.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT is no endpoint")));
        let variables = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "NONE"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.crt"),
        ];
        let found = settings(Some("http://flag:4318"), &variables).expect("fine").expect("there is one");
        assert_eq!(
            found.unmet,
            [
                "OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\", which is not there: spans are sent by \"http/protobuf\""
            ]
        );
        assert_eq!(found.timeout, Duration::from_millis(250));
        assert_eq!(found.authorities, Some(PathBuf::from("/ca.crt")));
    }
}
