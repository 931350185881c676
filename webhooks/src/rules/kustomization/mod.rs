//! Rules about a `kustomization` policy, and about kustomize's patches
//! wherever an Application has them.

mod document;
mod health;
mod merge;
mod operation;
mod patch;
mod substitute;

pub use self::health::HEALTH_CHECK;
pub use self::patch::{PATCH_TARGET, check_patch};
pub use self::substitute::SUBSTITUTE;
use super::Input;
use crate::field_path::FieldPath;
use crate::finding::Findings;

pub(super) fn check(input: Input<'_>, findings: &mut Findings) {
    for (index, policy) in input.application.spec.sync_policies.iter().enumerate() {
        let Some(kustomization) = &policy.kustomization else { continue };
        let path = FieldPath::policy(index).field("kustomization");
        for (index, patch) in kustomization.patches.iter().flatten().enumerate() {
            check_patch(patch, &path.field("patches").index(index), findings);
        }
        health::check(kustomization, &path, findings);
        if let Some(post_build) = &kustomization.post_build {
            substitute::check(post_build, &path.field("postBuild"), findings);
        }
    }
}
