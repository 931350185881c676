//! The laws of a kubeconfig, which is data from a tenant.

use fleetgate_webhooks::Severity;
use fleetgate_webhooks::rules::cluster::content::problems;
use kube::config::Kubeconfig;

/// What stands in for every secret of the seeds.
const MARKER: &str = "S3CRET";

/// What is said of a kubeconfig repeats none of its secrets; and one that is
/// not refused has nothing, as the controllers' own parser reads it, that would
/// run a program or read a file.
pub fn kubeconfig(content: &[u8]) {
    let problems = problems(content);
    for problem in &problems {
        let is_safe = !problem.what.contains(MARKER) && !problem.what.contains(char::is_control);
        assert!(is_safe && !problem.what.is_empty(), "{problem:?}");
    }
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return;
    }
    let text = std::str::from_utf8(content).expect("what is not refused is a text");
    if let Ok(kubeconfig) = Kubeconfig::from_yaml(text) {
        stays_inside(kubeconfig);
    }
}

fn stays_inside(kubeconfig: Kubeconfig) {
    for user in kubeconfig.auth_infos.into_iter().filter_map(|named| named.auth_info) {
        assert!(user.exec.is_none(), "a program");
        assert!(user.auth_provider.is_none(), "a program");
        for file in [user.token_file, user.client_certificate, user.client_key] {
            assert!(file.is_none_or(|file| file.is_empty()), "a file");
        }
    }
    for cluster in kubeconfig.clusters.into_iter().filter_map(|named| named.cluster) {
        assert!(cluster.certificate_authority.is_none_or(|file| file.is_empty()), "a file");
    }
}
