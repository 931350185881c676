//! What went wrong between here and a cluster, by the types of the errors, in
//! words of our own: those of the errors may repeat what a server sent.

use std::error::Error;
use std::io;

use axum::http::StatusCode;
use fleetgate_api::ConditionReason;
use rustls::CertificateError;

use super::{DEADLINE, Unreached};

/// What went wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The kubeconfig makes no client.
    Unusable,
    /// All of it took too long.
    Late,
    /// No answer came.
    Broken(kube::Error),
    /// An answer came that is no success.
    Answered { path: &'static str, status: StatusCode },
    /// An answer that does not end.
    Garbled { path: &'static str },
    /// What answers says no version.
    NoVersion,
}

impl Fault {
    /// What that says of the cluster at `server`.
    pub(super) fn of(&self, server: &str) -> Unreached {
        let (reason, what) = match self {
            Self::Unusable => {
                let message = "the kubeconfig cannot be used: certificates and keys must be base64 of PEM, and a proxy is not \
                               supported";
                return Unreached { reason: ConditionReason::KubeconfigInvalid, message: message.to_owned() };
            }
            Self::Late => (
                ConditionReason::Unreachable,
                format!("does not answer within {} seconds", DEADLINE.as_secs()),
            ),
            Self::Broken(error) => broken(error),
            Self::Answered { path, status } => answered(path, *status),
            Self::Garbled { path } => (
                ConditionReason::Unreachable,
                format!("breaks off its answer to {path}, or does not come to its end"),
            ),
            Self::NoVersion => (
                ConditionReason::Unreachable,
                "does not say which version of Kubernetes it is: is it the API server of a cluster?"
                    .to_owned(),
            ),
        };
        Unreached { reason, message: format!("{server} {what}") }
    }
}

fn answered(path: &str, status: StatusCode) -> (ConditionReason, String) {
    let code = status.as_u16();
    match status {
        StatusCode::UNAUTHORIZED => (
            ConditionReason::Unauthorized,
            "does not know the kubeconfig's user (401): its token or certificate has expired, was revoked, or is of another \
             cluster"
                .to_owned(),
        ),
        StatusCode::FORBIDDEN => (
            ConditionReason::Unauthorized,
            format!("does not let the kubeconfig's user ask for {path} (403)"),
        ),
        status if status.is_redirection() => (
            ConditionReason::Unreachable,
            format!("sends {path} elsewhere ({code}), which is not followed: name the API server itself"),
        ),
        _ => (ConditionReason::Unreachable, format!("is not ready: it answers {path} with {code}")),
    }
}

fn broken(error: &(dyn Error + 'static)) -> (ConditionReason, String) {
    let mut last = error;
    for cause in causes(error) {
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return (ConditionReason::TlsFailed, tls(error).to_owned());
        }
        if cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return (
                ConditionReason::Unreachable,
                format!("does not answer within {} seconds", DEADLINE.as_secs()),
            );
        }
        last = cause;
    }
    // The system's words, or those of the HTTP parser: neither has any of the answer.
    (ConditionReason::Unreachable, format!("cannot be reached: {last}"))
}

/// The error, what caused it, and so on. What an I/O error was made of is not
/// among its sources, only what caused that.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
}

fn tls(error: &rustls::Error) -> &'static str {
    use CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature) => {
            "has a certificate that is not of the authority in the kubeconfig's certificate-authority-data"
        }
        rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "has a certificate that has expired"
        }
        rustls::Error::InvalidCertificate(
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. },
        ) => "has a certificate that is not valid yet: do the clocks agree?",
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => "has a certificate for other names: set server, or tls-server-name, to one of them",
        rustls::Error::InvalidCertificate(_) => "has a certificate that cannot be accepted",
        rustls::Error::AlertReceived(_) => {
            "breaks off the TLS handshake: it may not accept the kubeconfig's client certificate"
        }
        rustls::Error::InvalidMessage(_) => "does not speak TLS: is it the right port?",
        _ => "does not come to terms in the TLS handshake",
    }
}
