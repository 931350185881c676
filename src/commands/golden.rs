//! What commands print, beside what they printed last.

use std::path::Path;

/// Compares `actual` with the file of that name in `tests/golden`, which is
/// written anew with `UPDATE_GOLDEN` set.
pub(super) fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).expect("the file is written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} is out of date: run UPDATE_GOLDEN=1 cargo test --bin fleetgate\n{actual}",
        path.display()
    );
}

#[test]
fn the_documentation_shows_what_is_printed() {
    let page = include_str!("../../docs/terminal.md");
    let printed =
        [include_str!("../../tests/golden/status.txt"), include_str!("../../tests/golden/diff.txt")];
    assert!(printed.iter().all(|printed| page.contains(printed)), "docs/terminal.md is out of date");
}
