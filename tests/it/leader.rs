//! Several replicas of the controller, of which one works.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fleetgate_sandbox::wait::{Probe, until};
use fleetgate_sandbox::{Options, Progress, Sandbox, Scope};
use kube::{Client, Config};

use crate::support::{Running, apply, free_port, kubectl, terminate};

/// How long a leader that says nothing is waited for.
const LEASE: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(40);

struct Replica {
    process: Running,
    http: Client,
}

impl Replica {
    fn start(sandbox: &Sandbox) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let seconds = LEASE.as_secs().to_string();
        let process = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
            .args(["controller", "--metrics-bind", &address, "--lease-seconds", &seconds])
            .args(["--lease-renew-seconds", "6"])
            .env("FLEETGATE_LEASE_RETRY_SECONDS", "1")
            .env("KUBECONFIG", sandbox.controller_kubeconfig())
            .stderr(Stdio::null())
            .spawn()
            .expect("a replica runs");
        let config = Config::new(format!("http://{address}").parse().expect("a URL"));
        Self { process: Running(process), http: Client::try_from(config).expect("a client") }
    }

    async fn get(&self, path: &str) -> anyhow::Result<String> {
        Ok(self.http.request_text(http::Request::get(path).body(Vec::new())?).await?)
    }

    /// Waits until its numbers say so.
    async fn says(&self, line: &str, deadline: Duration) {
        let said = until(line, deadline, async || {
            Ok(match self.get("/metrics").await {
                Ok(text) if text.lines().any(|said| said.starts_with(line)) => Probe::Done(()),
                Ok(text) => Probe::NotYet(text),
                Err(error) => Probe::NotYet(error.to_string()),
            })
        });
        said.await.expect("its numbers say so");
    }

    async fn is_idle(&self) -> bool {
        !self.get("/metrics").await.expect("its numbers").contains("fleetgate_reconcile_seconds_count")
    }
}

/// An Application, and what is said of it: this host has no Flux.
async fn is_looked_after(sandbox: &Sandbox, name: &str) {
    let application = format!(
        "apiVersion: apps.kurator.dev/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: default}}\nspec:\n  \
         source: {{gitRepository: {{url: 'https://github.com/o/r', interval: 3m}}}}\n  \
         syncPolicies: [{{kustomization: {{interval: 5m, prune: true}}}}]\n"
    );
    assert!(apply(sandbox, &application).await.success());
    let message = ["get", "application", name, "--output", "jsonpath={.status.conditions[0].message}"];
    let said = until("the condition", DEADLINE, async || {
        let text = kubectl(sandbox, &message).await.stdout;
        Ok(if text.contains("are not installed on the host") { Probe::Done(()) } else { Probe::NotYet(text) })
    });
    said.await.expect("an Application is looked after");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_works_and_another_takes_over() {
    let options = Options::new(env!("CARGO_BIN_EXE_fleetgate"), Scope::Admission);
    let sandbox = &Sandbox::start(options, &Progress::stderr()).await.expect("the sandbox starts");
    let mut first = Replica::start(sandbox);
    first.says("fleetgate_leader 1", DEADLINE).await;
    let mut second = Replica::start(sandbox);
    second.says("fleetgate_leader 0", DEADLINE).await;
    is_looked_after(sandbox, "one").await;
    first.says("fleetgate_reconcile_seconds_count{controller=\"application\"", DEADLINE).await;
    first
        .says("fleetgate_writes_total{verb=\"apply\",kind=\"Application\",outcome=\"succeeded\"}", DEADLINE)
        .await;
    assert!(second.is_idle().await, "who waits looks at nothing");
    assert_eq!(second.get("/livez").await.expect("an answer"), "ok");
    assert_eq!(second.get("/readyz").await.expect("an answer"), "ok");
    second.says("fleetgate_watch_age_seconds{watch=\"Application\"}", DEADLINE).await;

    // Killed, it cannot say that it goes: it is waited for, and no longer than that.
    first.process.0.kill().expect("it can be killed");
    let killed = Instant::now();
    second.says("fleetgate_leader 1", LEASE + Duration::from_secs(8)).await;
    assert!(killed.elapsed() > LEASE / 2, "{:?}", killed.elapsed());
    is_looked_after(sandbox, "two").await;

    // Asked to stop, it hands over.
    let third = Replica::start(sandbox);
    third.says("fleetgate_leader 0", DEADLINE).await;
    let ended = terminate(&mut second.process);
    third.says("fleetgate_leader 1", LEASE / 2).await;
    assert!(ended.await.success());
    is_looked_after(sandbox, "three").await;
}

#[test]
fn a_lease_that_ends_before_its_leader_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_fleetgate"))
        .args(["controller", "--lease-seconds", "10", "--lease-renew-seconds", "10"])
        .env("KUBECONFIG", "/nonexistent")
        .output()
        .expect("it runs");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("--lease-seconds must be more than --lease-renew-seconds"), "{text}");
}
