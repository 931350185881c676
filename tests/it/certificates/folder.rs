//! A certificate from elsewhere: `--cert-dir`, as a kubelet keeps it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::made::Made;
use super::stage::Stage;
use super::webhook::{Webhook, text};

/// Has the folder show what is in a folder of that name: a link to it is swapped in one step.
fn swap(folder: &Path, name: &str, made: &Made) {
    let real = folder.join(name);
    fs::create_dir(&real).expect("a folder");
    fs::write(real.join("tls.crt"), &made.chain).expect("a file");
    fs::write(real.join("tls.key"), &made.key).expect("a file");
    symlink(name, folder.join("..data_tmp")).expect("a link");
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("it is swapped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_read_again_and_never_written() {
    let stage = Stage::set().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let (one, two, three) = (Made::new(), Made::new(), Made::new());
    swap(path, "..one", &one);
    for name in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{name}"), path.join(name)).expect("a link");
    }
    let before = stage.bundle().await.unwrap_or_default();
    let webhook = Webhook::asked(stage.sandbox, &["--cert-dir", &path.display().to_string()]);
    webhook.serves(&one.chain, &one.authority).await;
    let mut connection = webhook.shake(&one.authority).await.expect("it shakes hands");

    swap(path, "..two", &two);
    fs::remove_dir_all(path.join("..one")).expect("it is removed");
    webhook.serves(&two.chain, &two.authority).await;
    // Whoever was connected stays.
    let request = "GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");

    // One of the two is written first.
    fs::write(path.join("..two/tls.key"), &three.key).expect("a file");
    webhook.logs("the certificate and the key do not go together").await;
    webhook.serves(&two.chain, &two.authority).await;
    fs::write(path.join("..two/tls.crt"), &three.chain).expect("a file");
    webhook.serves(&three.chain, &three.authority).await;

    assert_eq!((text(&path.join("tls.crt")), text(&path.join("tls.key"))), (three.chain, three.key));
    assert_eq!(fs::read_dir(path).expect("a folder").count(), 4, "nothing was put there");
    assert!(stage.stored().await.expect("an answer").is_none(), "nothing is stored");
    assert_eq!(stage.bundle().await.unwrap_or_default(), before, "and nobody is told whom to trust");
}
