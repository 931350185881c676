//! The part of `source/url` about a bucket: where it is, and what it is called.

use std::net::Ipv4Addr;

use fleetgate_api::source::Bucket;

use super::url::{URL, check_password};
use crate::address::{self, Refusal};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding, Findings};

pub(super) fn check(bucket: &Bucket, findings: &mut Findings) {
    let path = FieldPath::spec().field("source").field("bucket");
    check_name(bucket, path.field("bucketName"), findings);
    let path = path.field("endpoint");
    match bucket.provider.as_deref() {
        // Flux asks Google's own service whatever the endpoint says.
        Some("gcp") => {}
        Some("azure") => check_azure(&bucket.endpoint, path, findings),
        _ => check_host(&bucket.endpoint, path, findings),
    }
}

fn check_name(bucket: &Bucket, path: FieldPath, findings: &mut Findings) {
    let name = bucket.bucket_name.as_str();
    if name.is_empty() {
        findings.push(Finding::error(&URL, path, Fault::Required, "must be the name of the bucket"));
        return;
    }
    // Google's and Azure's rules are their own, and no stricter in what counts.
    let is_s3 = matches!(bucket.provider.as_deref(), None | Some("" | "generic" | "aws"));
    if is_s3 && !is_bucket_name(name) {
        let message = "must be a bucket's name: 3 to 63 letters, digits, '-', '.' and '_', with a letter or digit at both ends, and no address";
        findings.push(Finding::error(&URL, path, Fault::Invalid, message).value(name));
    }
}

/// What Flux's S3 client takes (`CheckValidBucketName` of `minio-go`).
fn is_bucket_name(name: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    (3..=63).contains(&name.len())
        && is_end(name.as_bytes().first())
        && is_end(name.as_bytes().last())
        && name.bytes().all(is_inner)
        && !["..", ".-", "-."].iter().any(|pair| name.contains(pair))
        && name.parse::<Ipv4Addr>().is_err()
}

/// Flux hands the endpoint to Azure's client as it is, which wants a URL.
fn check_azure(endpoint: &str, path: FieldPath, findings: &mut Findings) {
    match address::parse(endpoint) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => check_password(&url, path, findings),
        _ => findings.push(
            Finding::error(&URL, path, Fault::Invalid, "must be a URL with provider azure")
                .value(endpoint)
                .hint("write https://ACCOUNT.blob.core.windows.net"),
        ),
    }
}

/// Flux's S3 client puts the scheme in front itself, and refuses a path.
fn check_host(endpoint: &str, path: FieldPath, findings: &mut Findings) {
    let error = |message: &str| Finding::error(&URL, path.clone(), Fault::Invalid, message).value(endpoint);
    if endpoint.contains("://") {
        let message = "must be a host without a scheme";
        findings.push(error(message).hint("leave the scheme out; insecure: true means plain HTTP"));
        return;
    }
    match address::parse(&format!("https://{endpoint}")) {
        Ok(url) if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() => {
            findings.push(error("may not have a path").hint("the bucket's name goes into bucketName"));
        }
        Ok(url) => check_password(&url, path, findings),
        Err(Refusal::NoHost) => findings.push(error("must have a host")),
        Err(Refusal::NoPort) => findings.push(error("must be a host, or host:port with a port up to 65535")),
        Err(Refusal::Malformed(reason)) => {
            findings.push(error(&format!("must be a host, or host:port: {reason}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::test_fixtures::{codes, findings, kustomization};
    use serde_json::{Value, json};

    fn with(bucket: Value) -> Value {
        json!({"source": {"bucket": bucket}, "syncPolicies": [{"kustomization": kustomization()}]})
    }

    #[test]
    fn endpoints() {
        let table = [
            ("generic", "minio.example.com", ""),
            ("generic", "minio.example.com:9000", ""),
            ("generic", "minio.example.com/", ""),
            ("generic", "10.0.0.1:9000", ""),
            ("generic", "[fd00::1]:9000", ""),
            ("generic", "minio_1.default.svc", ""),
            ("generic", "https://minio.example.com", "E source/url"),
            ("generic", "minio.example.com/shop", "E source/url"),
            ("generic", "minio.example.com:99999", "E source/url"),
            ("generic", "minio.example.com?x=1", "E source/url"),
            ("generic", "///minio.example.com", "E source/url"),
            ("generic", "mini o", "E source/url"),
            ("generic", "", "E source/url"),
            ("generic", "me:secret@minio.example.com", "W source/url"),
            ("aws", "s3.amazonaws.com", ""),
            ("aws", "https://s3.amazonaws.com", "E source/url"),
            ("azure", "https://shop.blob.core.windows.net", ""),
            ("azure", "shop.blob.core.windows.net", "E source/url"),
            ("azure", "https:///shop.blob.core.windows.net", "E source/url"),
            ("azure", "", "E source/url"),
            ("gcp", "storage.googleapis.com", ""),
            ("gcp", "", ""),
        ];
        for (provider, endpoint, expected) in table {
            let bucket =
                json!({"bucketName": "shop", "endpoint": endpoint, "provider": provider, "interval": "5m"});
            assert_eq!(codes(with(bucket)), expected, "{provider} {endpoint:?}");
        }
    }

    #[test]
    fn a_bucket_has_a_name() {
        let long = "x".repeat(64);
        let table = [
            ("generic", "shop.v1_a-b", ""),
            ("aws", "Shop", ""),
            ("generic", "", "E source/url"),
            ("gcp", "", "E source/url"),
            ("generic", "ab", "E source/url"),
            ("aws", "a..b", "E source/url"),
            ("generic", "-ab", "E source/url"),
            ("generic", "shop/web", "E source/url"),
            ("generic", "10.0.0.1", "E source/url"),
            ("generic", long.as_str(), "E source/url"),
            ("gcp", long.as_str(), ""),
        ];
        for (provider, name, expected) in table {
            let bucket = json!({"bucketName": name, "endpoint": "minio.example.com", "provider": provider, "interval": "5m"});
            assert_eq!(codes(with(bucket)), expected, "{provider} {name:?}");
        }
    }

    #[test]
    fn no_password_is_repeated() {
        for endpoint in ["me:hunter2@h", "https://me:hunter2@h", "me:hunter2@h/shop", "me:hunter2@h:99999"] {
            let said = findings(with(json!({"bucketName": "shop", "endpoint": endpoint, "interval": "5m"})));
            assert!(!said.is_empty());
            assert!(said.iter().all(|finding| !finding.to_string().contains("hunter2")), "{said:?}");
        }
    }
}
