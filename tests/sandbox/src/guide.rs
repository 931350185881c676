//! What a person reads once the sandbox is up. The only place that prints on standard output.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context as _;
use fleetgate_sandbox::Sandbox;

const TO_TRY: &str = "\
# 1. Deliver an Application to both members, and watch it become ready:
kubectl apply -f examples/application/gitrepo-kustomization-demo.yaml
kubectl get applications -w

# 2. Misspell the fleet, and read what the gate answers (nothing is changed):
sed 's/fleet: quickstart/fleet: quikstart/' examples/application/gitrepo-kustomization-demo.yaml |
  kubectl apply --dry-run=server -f -

# 3. Make several mistakes at once, and read all of them; or check files without a cluster:
kubectl apply -f - <<'EOF'
apiVersion: apps.kurator.dev/v1alpha1
kind: Application
metadata: {name: broken, namespace: default}
spec:
  source:
    gitRepository: {url: 'https://', interval: 5m}
    helmRepository: {url: 'https://charts.example.com'}
  syncPolicies:
    - destination: {fleet: quickstart, clusterSelector: {matchLabels: {env: 'not valid!'}}}
      kustomization: {interval: often, prune: true}
    - kustomization: {interval: 5m, prune: 'yes'}
EOF
fleetgate check examples

# 4. Look at the pods in a member, then take everything away again:
kubectl --kubeconfig \"$MEMBER1\" get pods --all-namespaces
kubectl delete -f examples/application/gitrepo-kustomization-demo.yaml";

/// Prints how to use the sandbox: lines that a shell can take over as they are.
pub(crate) fn print(sandbox: &Sandbox, without_fleetgate: bool) -> anyhow::Result<()> {
    let text = text(sandbox, without_fleetgate)?;
    // A reader that has read enough, such as `head`, must not end the sandbox.
    let _closed_is_fine = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

fn text(sandbox: &Sandbox, without_fleetgate: bool) -> anyhow::Result<String> {
    let mut text = String::from("\n# In another terminal, in this folder:\n");
    writeln!(text, "export KUBECONFIG={}", sandbox.kubeconfig().display())?;
    for (index, name) in sandbox.member_names().enumerate() {
        writeln!(text, "export MEMBER{}={}", index + 1, sandbox.member_kubeconfig(name)?.display())?;
    }
    let bin = sandbox.work_dir().join("bin");
    let programs = if without_fleetgate { "kubectl" } else { "kubectl and fleetgate" };
    writeln!(text, "export PATH={}:$PATH   # {programs}", bin.display())?;
    if without_fleetgate {
        text.push_str(
            "\n# Fleetgate is yours to run; until its webhook listens, Applications are refused:\n",
        );
        text.extend(sandbox.fleetgate_commands().map(|command| command + "\n"));
    }
    if sandbox.member_names().next().is_some() {
        writeln!(text, "\n{TO_TRY}")?;
    }
    write!(text, "\n# The logs are in {}", sandbox.logs().display()).context("cannot write the guide")?;
    Ok(text)
}
