//! A process whose clock is wrong: it is told so by a library that is loaded before the system's own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::stage::Stage;
use super::webhook::Webhook;
use crate::load::Load;

/// The wall clock, ahead by as many seconds as a file says; other clocks as they are.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    const char *path = getenv("SECONDS_AHEAD");
    if (result == 0 && clock == CLOCK_REALTIME && path) {
        FILE *file = fopen(path, "r");
        long ahead = 0;
        if (file) {
            if (fscanf(file, "%ld", &ahead) == 1) now->tv_sec += ahead;
            fclose(file);
        }
    }
    return result;
}
"#;

/// The clock of a process.
pub(super) struct Clock {
    _folder: TempDir,
    library: PathBuf,
    ahead: PathBuf,
}

impl Clock {
    /// One that is right.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (library, ahead) = (folder.path().join("clock.so"), folder.path().join("ahead"));
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
        let clock = Self { _folder: folder, library, ahead };
        clock.set(0);
        clock
    }

    /// So many seconds ahead, or behind.
    fn set(&self, ahead: i64) {
        let next = self.ahead.with_extension("next");
        fs::write(&next, ahead.to_string()).expect("a file");
        fs::rename(next, &self.ahead).expect("it is swapped");
    }

    /// What a process goes by it with.
    pub(super) fn environment(&self) -> [(&str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("SECONDS_AHEAD", &self.ahead)]
    }
}

const DAY: i64 = 24 * 3600;

/// The API server's clock is the one that counts, and it is right.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_wrong_replaces_nothing() {
    let stage = Stage::set().await;
    let clock = Clock::new();
    // Everything is looked at every five seconds.
    let flags = ["--certificate-validity", "2m", "--certificate-renew-before", "20s"];
    let webhook = Webhook::asked_by(&clock, stage.sandbox, &flags);
    stage.admits().await;
    stage.trusts().await;
    let before = stage.stored().await.expect("an answer").expect("a Secret");
    for (ahead, told) in
        [(60 * DAY, "set this machine's clock"), (0, "clock agrees with the API server's again")]
    {
        clock.set(ahead);
        webhook.logs(told).await;
        let load = Load::of(&stage.client(), 20, Duration::from_secs(2)).await;
        assert!(load.failed.is_empty(), "{}: {:?}", load.told(), load.failed.first());
    }
    assert_eq!(stage.stored().await.expect("an answer"), Some(before));
}
