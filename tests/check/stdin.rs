//! Standard input, and what else can be read only once.

use crate::support::{GOOD, bad, check_stdin, feed, fleetgate, found, piped, said};

#[test]
fn standard_input_is_a_file() {
    let mut child = check_stdin(&["--output", "json"]);
    feed(&mut child, &bad());
    let (code, text) = said(child.wait_with_output().expect("check ends"));
    assert_eq!(code, Some(1));
    let document = serde_json::from_str(&text).expect("JSON");
    assert_eq!(found(&document), ["<stdin>:8:7 source/url spec.source.gitRepository.url"]);
}

/// As a shell hands over `<(…)`: what is read of it is gone. A long object is asked for again, and so is the line of a
/// finding.
#[test]
fn a_pipe_is_read_once() {
    let noise: Vec<String> = (0_u32..1_500).map(|number| format!("v{}", number.pow(3))).collect();
    let long = |text: &str| format!("{text}  # a comment\nstatus: {{unknown: {noise:?}}}\n");
    for text in [bad(), long(&bad())] {
        let (code, said) = piped(&["check", "/dev/stdin", "--output", "json"], &text);
        let document = serde_json::from_str(&said).expect("JSON");
        let found = found(&document);
        assert_eq!(code, Some(1), "{found:?}");
        assert!(
            found.contains(&"/dev/stdin:8:7 source/url spec.source.gitRepository.url".to_owned()),
            "{found:?}"
        );
        let (_, said) = piped(&["check", "/dev/stdin"], &text);
        assert!(said.contains("8 |       url: https://\n"), "{said}");
        let (code, said) = piped(&["render", "-f", "/dev/stdin"], &text);
        assert!(code == Some(1) && said.starts_with("/dev/stdin:8:7: error: "), "{said}");
    }
    let annotated = GOOD
        .replace("  name: shop", &format!("  name: shop\n  annotations: {{noise: \"{}\"}}", noise.join(" ")));
    let (code, said) = piped(&["check", "/dev/stdin"], &annotated);
    assert!(code == Some(0) && said.starts_with("1 object checked in 1 file: 0 errors"), "{said}");
    let (code, said) = piped(&["render", "-f", "/dev/stdin"], &annotated);
    assert!(code == Some(0) && said.contains("kind: Kustomization"), "{said}");
}

#[test]
fn standard_input_is_named_once() {
    let said_once = "error: standard input can be read only once\n";
    for arguments in [
        &["check", "-", "-"][..],
        &["check", "-", "--catalog", "-"],
        &["render", "-f", "-", "--catalog", "-"],
    ] {
        let (code, text) = said(fleetgate().args(arguments).output().expect("it runs"));
        assert!(code == Some(2) && text.starts_with(said_once), "{arguments:?}: {text}");
        assert!(text.contains(&format!("Usage: fleetgate {} ", arguments[0])), "{text}");
    }
}
