use super::*;
use proptest::prelude::*;

const QUERY: &str =
    "sum(\n  rate(\n    http_requests_total{\n      status!~\"5.*\"\n    }[{{ interval }}]\n  )\n) * 100\n";

#[test]
fn what_go_takes() {
    for template in [
        "",
        "up",
        QUERY,
        "}}",
        "{ {",
        "{{interval}}",
        "{{- interval -}}",
        "{{ (interval) }}",
        "{{/* a comment */}}",
        "{{- /* c */ -}}",
        "{{ . }}",
        "{{ $ }}",
        "{{ $x := name }}{{ $x }}",
        "{{ $x := name }}{{ $x = target }}",
        "{{ printf \"%s-%d\" name 3 }}",
        "{{ `a\\d` }}",
        "{{ \"\\u00e4\\n\" }}",
        "{{ 'x' }}",
        "{{ -1.5e3 }}",
        "{{ .5 }}",
        "{{ 0x1F }}",
        "{{ 1_000 }}",
        "{{ 0b01 }}",
        "{{ 1+2i }}",
        "{{ 0x1p-2 }}",
        "{{ nil }}",
        "{{ name | printf \"%q\" | len }}",
        "{{ if name }}a{{ else if target }}b{{ else }}c{{ end }}",
        "{{ with name }}{{ . }}{{ else with target }}{{ . }}{{ end }}",
        "{{ range $i, $v := variables }}{{ $i }}{{ break }}{{ else }}{{ end }}",
        "{{ range $v := variables }}{{ continue }}{{ end }}",
        "{{ range variables }}{{ .x }}{{ end }}",
        "{{ index variables \"x\" }}",
        "{{ if and (ne name \"a\") (len .x) }}{{ end }}",
        "{{ if false }}{{ .x }}{{ variables.x }}{{ name 1 }}{{ end }}",
        "{{ and false .x }}",
        "{{ with $x := name }}{{ $x }}{{ end }}",
        "{{ define \"t\" }}{{ . }}{{ .x }}{{ end }}{{ template \"t\" name }}",
        "{{ block \"b\" name }}{{ . }}{{ end }}",
        "{{ template \"t\" }}",
        "{{\nname\n}}",
        "{{ (printf \"a\") }}",
        "{{ call . }}",
        "{{ name | }}",
    ] {
        assert_eq!(check(template), Ok(()), "{template}");
    }
}

#[test]
fn what_go_refuses() {
    for template in [
        "{{",
        "{{ name",
        "{{ name }",
        "{{}}",
        "{{ | name }}",
        "{{ name || target }}",
        "{{ (name }}",
        "{{ name) }}",
        "{{ () }}",
        "{{ \"a }}",
        "{{ `a }}",
        "{{ 'a }}",
        "{{ \"\\d\" }}",
        "{{/* c }}",
        "{{/* c */ x }}",
        "{{ /* c */ }}",
        "{{ if name }}",
        "{{ if }}{{ end }}",
        "{{ end }}",
        "{{ else }}",
        "{{ if name }}{{ else }}{{ else }}{{ end }}",
        "{{ range variables }}{{ else if name }}{{ end }}",
        "{{ if name }}{{ else with name }}{{ end }}",
        "{{ break }}",
        "{{ if name }}{{ continue }}{{ end }}",
        "{{ $x }}",
        "{{ if $x := name }}{{ end }}{{ $x }}",
        "{{ $a, $b := name }}",
        "{{ range $a, $b, $c := variables }}{{ end }}",
        "{{ if name }}{{ define \"x\" }}{{ end }}{{ end }}",
        "{{ template name }}",
        "{{ define }}{{ end }}",
        "{{ name | 3 }}",
        "{{ name | . }}",
        "{{ 3.x }}",
        "{{ 5m }}",
        "{{ nil.x }}",
        "{{ \"a\".x }}",
        "{{ name, target }}",
        "{{ {name} }}",
        "{{ name: }}",
        "{{ na-me }}",
        "{{ - }}",
        "{{ name; }}",
        "{{ ä! }}",
        "{{ $x := name }}{{ define \"t\" }}{{ $x }}{{ end }}",
        "up{{{ name }}}",
    ] {
        assert!(
            matches!(check(template), Err(Fault::Fails(_) | Fault::Unknown(_))),
            "{template}: {:?}",
            check(template)
        );
    }
}

#[test]
fn what_fails_when_it_is_executed() {
    for (template, fault) in [
        ("{{ nmespace }}", Fault::Unknown("nmespace".into())),
        ("{{ if false }}{{ nmespace }}{{ end }}", Fault::Unknown("nmespace".into())),
        ("{{ .Namespace }}", Fault::Unknown(".Namespace".into())),
        ("{{ $.Namespace }}", Fault::Unknown("$.Namespace".into())),
        ("{{ printf \"%s\" (print .x) }}", Fault::Unknown(".x".into())),
        ("{{ if .x }}{{ end }}", Fault::Unknown(".x".into())),
        ("{{ variables.x }}", Fault::Fails("variables has nothing in it here, and no .x".into())),
        ("{{ name.x }}", Fault::Fails("name is a text and has no .x".into())),
        ("{{ interval 5 }}", Fault::Fails("interval takes no argument".into())),
        ("{{ 5 | interval }}", Fault::Fails("interval takes no argument".into())),
    ] {
        assert_eq!(check(template), Err(fault), "{template}");
    }
}

#[test]
fn what_is_too_much_is_not_read() {
    let nested = |times: usize| format!("{{{{ {}name{} }}}}", "(".repeat(times), ")".repeat(times));
    assert_eq!(check(&nested(64)), Ok(()));
    assert_eq!(check(&nested(65)), Err(Fault::Unread));
    assert_eq!(check(&"{{if name}}".repeat(100)), Err(Fault::Unread));
    assert_eq!(check(&"{{ $x := name }}".repeat(64)), Err(Fault::Unread));
    assert_eq!(check(&" ".repeat(LONGEST)), Ok(()));
    assert_eq!(check(&" ".repeat(LONGEST + 1)), Err(Fault::Unread));
}

proptest! {
    #[test]
    fn no_template_makes_it_panic(
        any in "\\PC{0,60}",
        likely in r#"(\{\{|\}\}|-|if|else|end|range|with|define|block|template|break|name|variables|and|\$x|:=|=|,|\.x|\.|"a"|`|'|1|\(|\)|\||/\*|\*/| ){0,40}"#,
    ) {
        let _ = (check(&any), check(&likely));
    }
}
