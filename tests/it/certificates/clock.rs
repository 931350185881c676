//! A process whose clocks are wrong: it is told so by a library that is loaded before the system's own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use fleetgate_sandbox::wait::{Probe, until};
use tempfile::TempDir;

use super::stage::Stage;
use super::webhook::{PATIENCE, Webhook};
use crate::load::Load;

/// The wall clock, ahead by as many seconds as a file says; and the clock that nobody sets, behind by as many as
/// another one says: it stands still while a machine is suspended.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long seconds(const char *variable) {
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "r") : NULL;
    long seconds = 0;
    if (file) {
        if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
        fclose(file);
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += seconds("SECONDS_AHEAD");
    if (result == 0 && clock == CLOCK_MONOTONIC) now->tv_sec -= seconds("SECONDS_ASLEEP");
    return result;
}
"#;

/// The clocks of a process.
pub(super) struct Clock {
    _folder: TempDir,
    library: PathBuf,
    ahead: PathBuf,
    asleep: PathBuf,
}

impl Clock {
    /// One that is right.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [library, ahead, asleep] = ["clock.so", "ahead", "asleep"].map(|name| folder.path().join(name));
        let mut compiler = Command::new("cc")
            .args(["-shared", "-fPIC", "-x", "c", "-", "-ldl", "-o"])
            .arg(&library)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a C compiler runs");
        let mut source = compiler.stdin.take().expect("its input");
        source.write_all(LIBRARY.as_bytes()).expect("it is written");
        drop(source);
        assert!(compiler.wait().expect("it ends").success());
        Self { _folder: folder, library, ahead, asleep }
    }

    /// So many seconds ahead, or behind.
    fn set(&self, ahead: i64) {
        write(&self.ahead, &ahead.to_string());
    }

    /// What a process goes by it with.
    pub(super) fn environment(&self) -> [(&str, &Path); 3] {
        [("LD_PRELOAD", &self.library), ("SECONDS_AHEAD", &self.ahead), ("SECONDS_ASLEEP", &self.asleep)]
    }

    /// Has the machine of the webhook suspended until then, once.
    async fn suspend(&self, webhook: &Webhook, end: SystemTime) {
        webhook.signal("-STOP");
        let start = SystemTime::now();
        let slept = until("the machine to wake", PATIENCE, async || {
            let now = SystemTime::now();
            Ok(if now > end {
                Probe::Done(now.duration_since(start)?)
            } else {
                Probe::NotYet("asleep".to_owned())
            })
        });
        let slept = slept.await.expect("it wakes");
        write(&self.asleep, &slept.as_secs().to_string());
        webhook.signal("-CONT");
    }
}

/// Who reads the file meanwhile reads what was there, or what is now.
fn write(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).expect("a file");
    fs::rename(next, path).expect("it is swapped");
}

const DAY: i64 = 24 * 3600;

/// The API server's clock is the one that counts, and it is right. All replicas are told another time: that it is
/// time to renew, that all has expired, and that it was made tomorrow.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_are_set_wrong_replace_nothing() {
    let stage = Stage::set().await;
    let clock = Clock::new();
    let webhooks =
        [Webhook::asked_by(&clock, stage.sandbox, &[]), Webhook::beside_by(&clock, stage.sandbox, &[])];
    stage.admits().await;
    stage.trusts().await;
    let before = stage.stored().await.expect("an answer").expect("a Secret");
    for webhook in &webhooks {
        webhook.serves_what(&stage).await;
    }
    let leaps = async {
        let mut leaps = 0;
        for (times, ahead) in (1..).zip([60 * DAY, 100 * DAY, -DAY]) {
            for (ahead, told) in
                [(ahead, "set this machine's clock"), (0, "clock agrees with the API server's again")]
            {
                clock.set(ahead);
                leaps += 1;
                for webhook in &webhooks {
                    // An answer that was under way may tell before: of the next leap nobody would hear then.
                    webhook.logs_so_often("this machine was suspended, or its clock was set", leaps).await;
                    webhook.logs_so_often(told, times).await;
                }
            }
        }
    };
    let load = Load::during(&stage.client(), 100, leaps).await;
    println!("all clocks leap: {}", load.told());
    assert!(load.failed.is_empty(), "{}: {:?}", load.told(), load.failed.first());
    assert_eq!(stage.stored().await.expect("an answer"), Some(before));
}

/// Time stands still for who is suspended, so that it waits for a minute that has long been over. The wall clock tells it;
/// until then it shows what has expired.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_suspended_notices() {
    let stage = Stage::set().await;
    let clock = Clock::new();
    let (webhook, short, end) = stage.briefly_serves(|| Webhook::asked_by(&clock, stage.sandbox, &[])).await;
    clock.suspend(&webhook, end + Duration::from_secs(3)).await;
    webhook.logs("this machine was suspended").await;
    let stored = stage.holds("another certificate", |stored| stored["tls.crt"] != short.chain).await;
    webhook.serves(&stored["tls.crt"], &stored["ca.crt"]).await;
    stage.admits().await;
    let load = Load::of(&stage.client(), 100, Duration::from_secs(1)).await;
    assert!(load.failed.is_empty(), "{}: {:?}", load.told(), load.failed.first());
}
