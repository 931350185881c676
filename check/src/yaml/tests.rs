use super::*;
use fleetgate_webhooks::FieldPath;
use serde_json::json;

fn parse(text: &str) -> Vec<Result<Value, SyntaxError>> {
    let mut documents = Vec::new();
    read(text, |_, document| documents.push(document));
    documents
}

fn values(text: &str) -> Vec<Value> {
    parse(text).into_iter().map(|document| document.expect("YAML")).collect()
}

fn at(line: usize, column: usize) -> Position {
    Position { line, column }
}

#[test]
fn documents_are_cut_at_their_lines() {
    assert_eq!(
        values("\u{feff}a: 1\n---\n# nothing\n--- # comment\r\nb: 2\n"),
        [json!({"a": 1}), Value::Null, json!({"b": 2})]
    );
    let mixed = parse("a: [\n---\nb: 2\n");
    assert_eq!(mixed.len(), 2);
    assert!(mixed[0].is_err() && mixed[1].is_ok());
}

#[test]
fn json_objects_may_follow_each_other() {
    let text = "{\"a\": 1.0}{\"b\":\n  2}\n{\"c\":\t3}\n---\n{d: 4,}\n";
    assert_eq!(values("{\"a\": 63e5721, \"b\": .5}"), [json!({"a": "63e5721", "b": 0.5})]);
    let mut starts = Vec::new();
    let mut content = Vec::new();
    read(text, |extent, value| {
        let value = value.expect("JSON or YAML");
        if !value.is_null() {
            starts.push(extent.start);
            content.push((extent.of(text).to_owned(), value));
        }
    });
    let texts: Vec<&str> = content.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(texts, ["{\"a\": 1.0}", "{\"b\":\n  2}", "{\"c\":\t3}", "{d: 4,}\n"]);
    assert_eq!(starts, [at(1, 1), at(1, 11), at(3, 1), at(5, 1)]);
    let values: Vec<Value> = content.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [json!({"a": 1}), json!({"b": 2}), json!({"c": 3}), json!({"d": 4})]);

    let broken = parse("{\"a\": 1}\n{\"b\": }}");
    assert_eq!(broken.len(), 2);
    assert_eq!(broken[1].as_ref().expect_err("no JSON").position.line, 2);
}

#[test]
fn a_carriage_return_ends_a_line_too() {
    let found = |text: &str| {
        let mut found = Vec::new();
        read(text, |extent, document| found.push((extent.start, document.err().map(|error| error.position))));
        found
    };
    let table = [
        ("a: 1\rb:\r\n  2\n---\n\rc: ]\n", [(at(1, 1), None), (at(5, 1), Some(at(6, 4)))]),
        ("{\"a\":\r1}\r{\"b\": ]}", [(at(1, 1), None), (at(2, 3), Some(at(3, 1)))]),
    ];
    for (text, expected) in table {
        assert_eq!(found(text), expected, "{text:?}");
    }
}

/// The expectations are what `YAMLToJSON` of sigs.k8s.io/yaml 1.6 answers.
#[test]
fn scalars_are_what_kubectl_makes_of_them() {
    let table = [
        ("yes", json!(true)),
        ("y", json!(true)),
        ("Y", json!(true)),
        ("On", json!(true)),
        ("NO", json!(false)),
        ("n", json!(false)),
        ("Off", json!(false)),
        ("yEs", json!("yEs")),
        ("oN", json!("oN")),
        ("nUll", json!("nUll")),
        ("'yes'", json!("yes")),
        ("\"n\"", json!("n")),
        ("!!str yes", json!("yes")),
        ("|\n  yes", json!("yes\n")),
        ("0o17", json!(15)),
        ("017", json!(15)),
        ("0888", json!(888)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("1_000", json!(1000)),
        ("1e3", json!(1000)),
        ("9898.0", json!(9898)),
        ("1.5", json!(1.5)),
        ("63e5721", json!("63e5721")),
        ("-63E+5721", json!("-63E+5721")),
        ("+1.5e999", json!("+1.5e999")),
        ("007e999", json!("007e999")),
        ("5.e999", json!("5.e999")),
        (".5e999", json!(".5e999")),
        ("6_3e5721", json!("6_3e5721")),
        ("63e-5721", json!(0)),
        ("1e308", json!(1e308)),
        ("1e309", json!("1e309")),
        (".inF", json!(".inF")),
        ("inf", json!("inf")),
        ("!!str 63e5721", json!("63e5721")),
        ("{b: [63e5721, 1e3, ~]}", json!({"b": ["63e5721", 1000, null]})),
        ("1:30", json!("1:30")),
        ("2020-01-01", json!("2020-01-01")),
        ("~", Value::Null),
        ("Null", Value::Null),
        ("\"\\u0041\"", json!("A")),
    ];
    for (text, expected) in table {
        assert_eq!(values(&format!("a: {text}\n"))[0]["a"], expected, "{text}");
        assert_eq!(values(&format!("a: &a {text}\nb: *a\n"))[0]["b"], expected, "{text}");
    }
    let keys = values("80: port\ny: boolean\n1.5: float\n'n': text\n");
    assert_eq!(keys, [json!({"80": "port", "true": "boolean", "1.5": "float", "n": "text"})]);
    assert_eq!(values("a: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}\n")[0]["d"], json!({"b": 1, "c": 3}));
}

#[test]
fn positions_count_from_the_files_first_line() {
    let text = "kind: A\n---\nspec:\n  list:\n  - name: x\n  - name: y\n";
    let path = FieldPath::spec().field("list").index(1);
    let table = [
        (path.field("name"), at(6, 5), 4),
        (path.field("missing"), at(6, 5), 0),
        (FieldPath::spec(), at(3, 1), 4),
    ];
    let mut extents = Vec::new();
    read(text, |extent, _| extents.push(extent));
    let places = Places::of(extents[1].of(text)).expect("places");
    for (path, expected, width) in table {
        let place = places.place(&path);
        assert_eq!(place.position.after(extents[1].start), expected, "{path}");
        assert_eq!(place.width, width, "{path}");
    }
}

#[test]
fn hostile_documents_end() {
    let deep = format!("a: {}", "[".repeat(100_000));
    let deep_json = format!("{{\"a\": {}", "[".repeat(100_000));
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g]\n";
    for text in [
        deep.as_str(),
        &deep_json,
        bomb,
        "a: \u{0}",
        "a: 1\na: 2\n",
        "{\"a\": 1, \"a\": 2}",
        "1: a\n'1': b\n",
    ] {
        assert!(parse(text)[0].is_err());
    }
}

#[test]
fn a_long_list_is_no_attack() {
    let list = format!("items:\n{}", "- {a: 1, b: 2}\n".repeat(100_000));
    assert_eq!(values(&list)[0]["items"].as_array().map(Vec::len), Some(100_000));
}

#[test]
fn errors_speak_to_who_writes_the_file() {
    let deep = format!("a: {}", "[".repeat(100_000));
    let repeated = format!("a: &a {}\nb: [{}]\n", "x".repeat(1_000_000), ["*a"; 100].join(", "));
    let table = [
        (repeated.as_str(), "it is too large, or nested too deeply"),
        ("a: 1\na: 2\n", "the key a stands twice in one mapping"),
        ("a: 1\n...\nb: 2\n", "another document begins without a line of `---`"),
        ("a: .nan\n", ".nan is not a number that JSON has"),
        ("a: 63e5721\nb: -.Inf\n", "-.Inf is not a number that JSON has"),
        (deep.as_str(), "recursion limit exceeded"),
        ("a: *b\n", "reference to unknown value"),
        ("~: b\n", "a key must be a text, a number or a boolean"),
    ];
    for (text, expected) in table {
        let error = parse(text).remove(0).expect_err("no YAML");
        assert_eq!(error.message, expected);
    }
    let error = parse("a: 1\n--- {b: 2}\n").remove(1).expect_err("no separator");
    assert_eq!(error.position, at(2, 1));
    assert_eq!(error.message, "a line that begins with `---` may hold nothing else but a comment");
}

/// What is read is what `YAMLToJSON` of sigs.k8s.io/yaml 1.6 answers, and what is not, it reads in another way or not at all.
#[test]
fn merge_keys_mean_the_same_to_everyone() {
    let read = [
        ("x: &x {a: 1}\nd: {<<: *x, a: 3, b: 2}\n", json!({"a": 3, "b": 2})),
        ("x: &x {a: 1, c: 1}\nd: {a: 1, b: 2, <<: *x}\n", json!({"a": 1, "b": 2, "c": 1})),
        ("x: &x {a: 1}\nd: {b: 2, <<: *x, a: 3}\n", json!({"a": 3, "b": 2})),
        ("d: {<<: [{a: 1}, {a: 2, b: 2}]}\n", json!({"a": 1, "b": 2})),
        ("x: &x {a: 1}\ny: &y {<<: [*x], b: 2}\nd: {<<: *y}\n", json!({"a": 1, "b": 2})),
        ("x: &x {a: 1}\ny: &y\n  <<: *x\n  a: 2\nd:\n  a: 2\n  <<: *y\n", json!({"a": 2})),
        ("d: {<<: []}\n", json!({})),
        ("d: {a: 3, \"<<\": {a: 4}}\n", json!({"a": 3, "<<": {"a": 4}})),
        ("d: {a: a << b}\n", json!({"a": "a << b"})),
    ];
    let object = |text: &str| format!("apiVersion: v1\n{text}");
    for (text, expected) in read {
        assert_eq!(values(&object(text))[0]["d"], expected, "{text}");
    }
    let above = "the key a stands above a `<<` that has another value for it";
    let refused = [
        ("x: &x {a: 1}\nd: {a: 3, <<: *x}\n", above, at(2, 11)),
        ("x: &x {a: 1}\nd:\n  a: 3\n  <<: *x\n", above, at(4, 3)),
        ("x: &x {a: {b: 1}}\nd: {a: {b: 2}, <<: *x}\n", above, at(2, 16)),
        ("d: {a: 3, <<: [{a: 1}, {a: 3}]}\n", above, at(1, 11)),
        ("d: {<<: {a: 3, <<: {a: 4}}}\n", above, at(1, 16)),
        ("d: {a: 63e5721, <<: {a: 63e5722}}\n", above, at(1, 17)),
        ("x: &x {a: 1}\nd: {<<: *x, <<: *x}\n", "`<<` stands twice in one mapping", at(2, 13)),
        ("d: {<<: ~}\n", "what `<<` merges must be a mapping", at(1, 5)),
        ("d: {<<: 5}\n", "what `<<` merges must be a mapping", at(1, 9)),
        ("d: {<<: [[{a: 1}]]}\n", "what `<<` merges must be a mapping", at(1, 5)),
        ("l: &l [{a: 1}]\nd: {<<: *l}\n", "what `<<` merges must be a mapping", at(2, 5)),
    ];
    for (text, expected, position) in refused {
        let error = parse(&object(text)).remove(0).expect_err(text);
        assert!(error.message.starts_with(expected), "{text}: {}", error.message);
        assert_eq!(error.position.line, position.line + 1, "{text}");
        assert_eq!(error.position.column, position.column, "{text}");
    }
    // What is no object is another tool's.
    assert_eq!(values("d: {a: 3, <<: {a: 1}}\n"), [json!({"d": {"a": 3}})]);
}
