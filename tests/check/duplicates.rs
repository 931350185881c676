//! An object that stands among the files twice.

use crate::support::{GOOD, bad, check, check_json, fleet, folder, found};

#[test]
fn the_second_of_two_is_told_where_the_first_one_is() {
    let again = GOOD.replace("  name: shop\n", "  namespace: default\n  name: shop\n");
    let folder = folder(&[
        ("a/app.yaml", format!("# A comment.\n---\n{GOOD}---\n{}", fleet("shop")).as_bytes()),
        ("b.yaml", format!("{}---\n{again}", GOOD.replace("name: shop", "name: other")).as_bytes()),
        ("c.yaml", GOOD.as_bytes()),
        ("d.yaml", GOOD.replace("name: shop", "name: shop\n  namespace: web").as_bytes()),
        (
            "e.yaml",
            GOOD.replace("name: shop", "generateName: shop")
                .repeat(2)
                .replace("true\napi", "true\n---\napi")
                .as_bytes(),
        ),
    ]);
    let (code, document) = check_json(folder.path(), &["."]);
    assert_eq!(code, Some(0));
    let of_twins = |document: &serde_json::Value| {
        let mut found = found(document);
        found.retain(|line| line.contains("object/duplicate"));
        found
    };
    assert_eq!(
        of_twins(&document),
        ["./b.yaml:19:3 object/duplicate metadata.name", "./c.yaml:4:3 object/duplicate metadata.name"]
    );
    let (code, text) = check(folder.path(), &[".", "--warnings-as-errors"]);
    assert_eq!(code, Some(1));
    let expected = "\
warning[object/duplicate]: metadata.name: Duplicate value: \"shop\": stands at ./a/app.yaml:6 already: kubectl applies both, and the last one takes the other's place
 --> ./c.yaml:4:3
  |
4 |   name: shop
  |   ^^^^
  |
  = help: keep one of them, or rename one; check what is for different clusters in runs of their own
";
    assert!(text.contains(expected), "{text}");
    // A file that is named twice is one file, and what is looked at beside it is no second one.
    let (_, document) = check_json(folder.path(), &["c.yaml", "./c.yaml", "a/../c.yaml", "--catalog", "a"]);
    assert_eq!(of_twins(&document), [""; 0]);
}

#[test]
fn tests_of_one_name_are_kept_apart() {
    let named = |text: &str, name: &str| text.replace("name: shop", &format!("name: {name}"));
    let texts = [named(GOOD, "web"), GOOD.to_owned(), bad(), GOOD.to_owned()];
    let folder = folder(&[("app.yaml", texts.join("---\n").as_bytes())]);
    let (code, text) = check(folder.path(), &["app.yaml", "--output", "junit"]);
    assert_eq!(code, Some(1));
    let report = quick_junit::Report::deserialize_from_str(&text).expect("JUnit");
    let cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let told = cases.map(|case| {
        let is_good = matches!(case.status, quick_junit::TestCaseStatus::Success { .. });
        let is_warned =
            case.system_out.as_ref().is_some_and(|text| text.as_str().contains("app.yaml:18 already"));
        (case.name.as_str(), is_good, is_warned)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("Application default/shop", true, false),
            ("Application default/shop (2)", false, true),
            ("Application default/shop (3)", true, true),
            ("Application default/web", true, false),
        ]
    );
}
