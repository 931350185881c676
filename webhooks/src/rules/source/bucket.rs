//! The part of `source/url` about a bucket: where it is, and what it is called.

use fleetgate_api::source::Bucket;
use url::Url;

use super::url::{URL, check_password};
use crate::field_path::FieldPath;
use crate::finding::{Fault, Finding};

pub(super) fn check(bucket: &Bucket, findings: &mut Vec<Finding>) {
    let path = FieldPath::spec().field("source").field("bucket");
    if bucket.bucket_name.is_empty() {
        let message = "must be the name of the bucket";
        findings.push(Finding::error(&URL, path.field("bucketName"), Fault::Required, message));
    }
    let path = path.field("endpoint");
    match bucket.provider.as_deref() {
        // Flux asks Google's own service whatever the endpoint says.
        Some("gcp") => {}
        Some("azure") => check_azure(&bucket.endpoint, path, findings),
        _ => check_host(&bucket.endpoint, path, findings),
    }
}

/// Flux hands the endpoint to Azure's client as it is, which wants a URL.
fn check_azure(endpoint: &str, path: FieldPath, findings: &mut Vec<Finding>) {
    match Url::parse(endpoint) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => check_password(&url, path, findings),
        _ => findings.push(
            Finding::error(&URL, path, Fault::Invalid, "must be a URL with provider azure")
                .value(endpoint)
                .hint("write https://ACCOUNT.blob.core.windows.net"),
        ),
    }
}

/// Flux's S3 client puts the scheme in front itself, and refuses a path.
fn check_host(endpoint: &str, path: FieldPath, findings: &mut Vec<Finding>) {
    let error = |message: &str| Finding::error(&URL, path.clone(), Fault::Invalid, message).value(endpoint);
    if endpoint.contains("://") {
        let message = "must be a host without a scheme";
        findings.push(error(message).hint("leave the scheme out; insecure: true means plain HTTP"));
        return;
    }
    match Url::parse(&format!("https://{endpoint}")) {
        Ok(url) if !matches!(url.path(), "" | "/") => {
            findings.push(error("may not have a path").hint("the bucket's name goes into bucketName"));
        }
        Ok(url) => check_password(&url, path, findings),
        Err(url::ParseError::EmptyHost) => findings.push(error("must have a host")),
        Err(cause) => findings.push(error(&format!("must be a host, or host:port: {cause}"))),
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
            ("generic", "mini o", "E source/url"),
            ("generic", "", "E source/url"),
            ("generic", "me:secret@minio.example.com", "W source/url"),
            ("aws", "s3.amazonaws.com", ""),
            ("aws", "https://s3.amazonaws.com", "E source/url"),
            ("azure", "https://shop.blob.core.windows.net", ""),
            ("azure", "shop.blob.core.windows.net", "E source/url"),
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
        let bucket = json!({"bucketName": "", "endpoint": "minio.example.com", "interval": "5m"});
        assert_eq!(codes(with(bucket)), "E source/url");
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
