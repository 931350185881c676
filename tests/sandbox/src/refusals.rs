//! What the API server refused to Fleetgate's programs for want of rights, as their logs tell it.
//!
//! The programs of a sandbox run for as long as its tests do, so that no single test could look: the
//! logs are read when the tests' own process ends, and have it fail. What the product's own roles give
//! is refused, too, by an API server that has just started and does not know them yet: that is none.

mod asked;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use kube::api::DynamicObject;
use nix::libc;

use self::asked::Asked;
use crate::{manifests, workdir};

/// What every API server says.
const REFUSED: &str = "is forbidden";

/// Why an API server refuses whoever asks.
const NO_MATTER_WHO: [&str; 2] = ["because it is being terminated", "not yet ready to handle request"];

/// Where the product's roles are.
const ROLES: [&str; 2] = ["manifests/rbac.yaml", "manifests/certificates.yaml"];

/// A story that causes refusals, and all that their lines say.
pub type OnPurpose = (&'static str, &'static [&'static str]);

/// Logs stay open: their folders may be gone by the end.
static LOGS: Mutex<Vec<(String, File)>> = Mutex::new(Vec::new());

static ON_PURPOSE: OnceLock<&[OnPurpose]> = OnceLock::new();

/// Has the log of a program looked at in the end. One that cannot be opened is nobody's.
pub fn watch(program: &str, log: &Path) {
    if let Ok(file) = File::open(log) {
        LOGS.lock().unwrap_or_else(PoisonError::into_inner).push((program.to_owned(), file));
    }
}

/// Has this process fail as it ends if a log tells by then of another refusal than these.
pub fn fail_but(on_purpose: &'static [OnPurpose]) {
    ON_PURPOSE.get_or_init(|| {
        at_exit();
        on_purpose
    });
}

#[expect(unsafe_code, reason = "Rust itself runs nothing when a process ends")]
fn at_exit() {
    // SAFETY: the function is there for as long as the process is, and unwinds into nobody: a panic in
    // it ends the process.
    let registered = unsafe { libc::atexit(look) };
    assert_eq!(registered, 0, "there is room for it");
}

extern "C" fn look() {
    let told = told();
    let found = unexpected(&told, &roles(), ON_PURPOSE.get().copied().unwrap_or_default());
    if found.is_empty() {
        return;
    }
    let lines: Vec<&str> = found.into_iter().collect();
    let text = format!(
        "\nFleetgate was refused what its roles do not give, and no story causes on purpose:\n  {}\n",
        lines.join("\n  ")
    );
    // A closed standard error must not keep this from being a failure.
    drop(io::stderr().write_all(text.as_bytes()));
    end();
}

#[expect(unsafe_code, reason = "whoever ends already cannot end with another status otherwise")]
fn end() -> ! {
    // SAFETY: nothing is left to be done but what the kernel does.
    unsafe { libc::_exit(1) }
}

/// The product's roles and their bindings; none where they cannot be read, so that all is found.
fn roles() -> Vec<DynamicObject> {
    let read = ROLES.iter().map(|path| manifests::read(&workdir::repository_root().join(path)));
    read.flat_map(Result::unwrap_or_default).collect()
}

/// All lines of all logs, with their programs.
fn told() -> Vec<String> {
    let mut lines = Vec::new();
    for (program, file) in LOGS.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
        let mut log = Vec::new();
        if let Err(error) = file.read_to_end(&mut log) {
            lines.push(format!("{program}: its log {REFUSED} to be read: {error}"));
        }
        // What is quoted within quotes reads like what is not.
        let log = String::from_utf8_lossy(&log).replace('\\', "");
        lines.extend(log.lines().map(|line| format!("{program}: {line}")));
    }
    lines
}

/// Those that tell of a refusal which is none of those on purpose, and of no right that the roles give; each once.
fn unexpected<'a>(
    lines: &'a [String],
    roles: &[DynamicObject],
    on_purpose: &[OnPurpose],
) -> BTreeSet<&'a str> {
    let is_meant =
        |line: &str| on_purpose.iter().any(|(_, said)| said.iter().all(|part| line.contains(part)));
    let mut seen = BTreeSet::new();
    let mut is_found = |line: &str| match Asked::read(line) {
        Some(asked) => !asked.is_given(roles) && seen.insert(asked),
        None => true,
    };
    // A namespace on its way out takes nothing new, and an API server that has just started nothing at all, whoever has
    // what rights.
    let is_late = |line: &str| NO_MATTER_WHO.iter().any(|why| line.contains(why));
    let refused = lines.iter().map(String::as_str);
    let refused = refused.filter(|line| line.contains(REFUSED) && !is_meant(line) && !is_late(line));
    refused.filter(|line| is_found(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_meant_or_given_may_be_refused() {
        let refused = |secret: &str, namespace: &str| {
            format!(
                "secrets \"{secret}\" is forbidden: User \"system:serviceaccount:fleetgate-system:fleetgate-webhook\" cannot \
                 watch resource \"secrets\" in API group \"\" in the namespace \"{namespace}\""
            )
        };
        let certificate = "fleetgate-webhook-certificate";
        let lines = [
            refused(certificate, "meant"),
            refused(certificate, "fleetgate-system"),
            refused("b", "fleetgate-system"),
            "a review was answered".to_owned(),
            format!("later: {}", refused("b", "fleetgate-system")),
            "pods \"c\" is forbidden: violates PodSecurity".to_owned(),
            "pods \"d\" is forbidden: not yet ready to handle request".to_owned(),
        ];
        let found = unexpected(&lines, &roles(), &[("a story", &["webhook", "in the namespace \"meant\""])]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [&lines[5], &lines[2]]);
    }
}
