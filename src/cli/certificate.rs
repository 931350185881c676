//! Where the webhook's certificate comes from.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fleetgate_certs::{Place, Timing};
use k8s_openapi::jiff::SignedDuration;

use crate::manifests::webhooks::CONFIGURATION;
use crate::manifests::{CERTIFICATE, NAMESPACE, WEBHOOK};

/// The certificate that the webhook serves.
#[derive(Debug, Args)]
#[command(next_help_heading = "Certificate")]
pub(crate) struct CertificateOptions {
    /// Folder with a certificate of your own: tls.crt and tls.key, in PEM. It is read again when it changes, and the
    /// webhook configurations are yours to tell whom to trust; without it the webhook makes its certificate, and tells them
    #[arg(long, env = "FLEETGATE_CERT_DIR", value_name = "DIR")]
    pub(crate) cert_dir: Option<PathBuf>,
    /// The namespace of the webhook's Service, and of the Secret with the certificate that it makes
    #[arg(long = "namespace", env = "FLEETGATE_NAMESPACE", default_value = NAMESPACE, value_name = "NAME")]
    service_namespace: String,
    /// The Service by which the API server calls the webhook
    #[arg(long, env = "FLEETGATE_SERVICE_NAME", default_value = WEBHOOK, value_name = "NAME")]
    service_name: String,
    /// How long a certificate that the webhook makes is valid
    #[arg(long, env = "FLEETGATE_CERTIFICATE_VALIDITY", default_value = "2160h", value_parser = duration, value_name = "DURATION")]
    certificate_validity: Duration,
    /// How long before its end the next one is made
    #[arg(long, env = "FLEETGATE_CERTIFICATE_RENEW_BEFORE", default_value = "720h", value_parser = duration, value_name = "DURATION")]
    certificate_renew_before: Duration,
}

impl CertificateOptions {
    /// How long certificates last.
    ///
    /// # Errors
    ///
    /// When they would have to be renewed too early, or too late.
    pub(crate) fn timing(&self) -> anyhow::Result<Timing> {
        Timing::new(self.certificate_validity, self.certificate_renew_before).map_err(|error| {
            anyhow::anyhow!("--certificate-validity and --certificate-renew-before: {error}")
        })
    }

    /// Where the certificate is kept, who trusts it, and what it is for. The API server asks for the
    /// Service's name with `.svc`.
    pub(crate) fn place(&self) -> Place {
        let Self { service_namespace: namespace, service_name, .. } = self;
        Place {
            namespace: namespace.clone(),
            secret: CERTIFICATE.to_owned(),
            configuration: CONFIGURATION.to_owned(),
            service: service_name.clone(),
            names: vec![format!("{service_name}.{namespace}.svc"), format!("{service_name}.{namespace}")],
        }
    }
}

/// As Go and Kubernetes write them: `2160h`, `1h30m`.
fn duration(text: &str) -> Result<Duration, &'static str> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed.ok_or("must be a duration of h, m, s such as 2160h or 1h30m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn parsed(flags: &str) -> Option<CertificateOptions> {
        #[derive(clap::Parser)]
        struct Flags {
            #[command(flatten)]
            certificate: CertificateOptions,
        }
        let flags = std::iter::once("fleetgate").chain(flags.split_whitespace());
        Flags::try_parse_from(flags).ok().map(|flags| flags.certificate)
    }

    #[test]
    fn how_long_certificates_last() {
        let table = [
            ("", true, true),
            ("--certificate-validity 24s --certificate-renew-before 22s", true, true),
            ("--certificate-validity 1h30m --certificate-renew-before 30m", true, true),
            ("--certificate-validity 1h", true, false),
            ("--certificate-renew-before 1s", true, false),
            ("--certificate-validity 90", false, false),
            ("--certificate-validity=-1h", false, false),
            ("--certificate-validity long", false, false),
        ];
        for (flags, is_read, works) in table {
            let options = parsed(flags);
            assert_eq!(options.is_some(), is_read, "{flags}");
            assert_eq!(options.is_some_and(|options| options.timing().is_ok()), works, "{flags}");
        }
    }

    #[test]
    fn the_certificate_is_for_the_name_that_the_api_server_calls() {
        let place = parsed("--namespace gate --service-name hook").expect("flags").place();
        assert_eq!(place.names, ["hook.gate.svc", "hook.gate"]);
    }
}
