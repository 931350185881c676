//! Processes die, and are stopped.

use super::*;

fn shell(name: &str, script: &str) -> Spec {
    Spec {
        name: name.to_owned(),
        program: "/bin/sh".into(),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: Vec::new(),
        layer: Layer::Client,
    }
}

fn home(name: &str) -> PathBuf {
    let home = std::env::temp_dir().join(format!("fleetgate-sandbox-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&home).unwrap();
    home
}

#[test]
fn an_early_death_is_told_with_the_log() {
    let home = home("death");
    let processes = Processes::new(&home).unwrap();
    processes.spawn(shell("etcd", "echo 'no space left'; exit 3")).unwrap();
    let mut seen = String::new();
    assert!(wait::until_blocking(Duration::from_secs(10), || match processes.check() {
        Ok(()) => false,
        Err(error) => {
            seen = error.to_string();
            true
        }
    }));
    assert!(seen.starts_with("etcd has ended (exit status: 3); the end of its log "), "{seen}");
    assert!(seen.ends_with("    no space left"), "{seen}");
    std::fs::remove_dir_all(home).unwrap();
}

#[test]
fn drop_ends_a_process_and_its_children() {
    let home = home("drop");
    let processes = Processes::new(&home).unwrap();
    processes.spawn(shell("sleeper", "sleep 600 & echo $!; wait")).unwrap();
    let log = processes.log("sleeper");
    let mut pid = String::new();
    assert!(wait::until_blocking(Duration::from_secs(10), || {
        pid = std::fs::read_to_string(&log).unwrap().trim().to_owned();
        !pid.is_empty()
    }));
    drop(processes);
    let grandchild = Pid::from_raw(pid.parse().unwrap());
    let gone = || nix::sys::signal::kill(grandchild, None).is_err() || zombie(grandchild);
    assert!(wait::until_blocking(Duration::from_secs(10), gone));
    std::fs::remove_dir_all(home).unwrap();
}

fn zombie(pid: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}
