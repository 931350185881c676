use super::*;
use proptest::prelude::*;

#[test]
fn what_re2_takes_and_rust_does_not() {
    for expression in [
        "",
        ".*Firefox.*",
        "^(.*?;)?(user=jason)(;.*)?$",
        "[[]",
        "[^[]*",
        "[a[b]",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
        "x{",
        "x{,5}",
        "{a}",
        "a{1,x}",
        r"\0",
        r"\01",
        r"\123",
        r"\Qa*(\E*",
        r"\Q",
        r"\_",
        r"\-",
        r"[\]]",
        r"[\0-\x{10FFFF}]",
        r"\x41",
        r"\pN",
        r"\PN",
        r"\p{Greek}",
        r"\p{^Greek}",
        r"[\pL\d-z]",
        "[[:alpha:][:^digit:]]",
        "[[:foo]",
        "a{1000}",
        "(a{10}){100}",
        "(?:a{0}){1000}",
        "(?i)a",
        "(?i:a)",
        "(?-s:a)",
        "(?i-m)a",
        "(?)",
        "a||b",
        "(|a)*",
        "()*",
        "^*",
        "$+",
        "a(?i)*",
        "a??",
        "a{2}?",
        "(?P<a_1>x)",
        "(?<n>x)",
        r"a\Q\E*",
        "ä",
        "[ä-ü]",
    ] {
        assert_eq!(check(expression), Ok(()), "{expression}");
    }
}

#[test]
fn what_no_dialect_takes() {
    for expression in [
        "([",
        "(",
        "a)",
        "[",
        "[a",
        "[]",
        "[^]",
        "+a",
        "a|?",
        "(+)",
        "(?:",
        "\\",
        "[\\",
        "[z-a]",
        r"[b-\x61]",
        "a{3,2}",
    ] {
        assert!(
            matches!(check(expression), Err(Refusal::Malformed(_))),
            "{expression}: {:?}",
            check(expression)
        );
    }
}

#[test]
fn what_only_other_dialects_take() {
    for expression in [
        "(?=a)",
        "(?!a)",
        "(?<=a)b>",
        "(?<!a)",
        "(?>a)",
        "(?x)a",
        "(?P=n)",
        "(?#a)",
        "(?-)",
        "(?i-:a)",
        "(*UTF8)a",
        "a**",
        "a*+",
        "a++",
        "a{2}{3}",
        "a*??",
        r"\1",
        r"\8",
        r"\C",
        r"\Z",
        r"\K",
        r"\h",
        r"\e",
        r"\xZZ",
        r"\x{}",
        r"\x{110000}",
        r"\u0041",
        r"\pX",
        r"\p{}",
        r"\p{L&}",
        r"\p{",
        "[[:foo:]]",
        r"[a-\d]",
        r"[\b]",
        "a{1001}",
        "a{0,1001}",
        "a{99999999999}",
        "(a{100}){11}",
        "((a{10}){10}){11}",
        "(?P<>a)",
        "(?P<a b>a)",
    ] {
        assert!(
            matches!(check(expression), Err(Refusal::Dialect(_))),
            "{expression}: {:?}",
            check(expression)
        );
    }
}

#[test]
fn time_is_in_proportion() {
    for part in ["[[:", "(", "a{2}", r"\Q", r"\p{", "(?P<", "[", "\\x{0", "(?i"] {
        let _ = check(&part.repeat(100_000));
    }
}

proptest! {
    #[test]
    fn no_expression_makes_it_panic(
        any in "\\PC{0,60}",
        likely in r"([a-z]|\\[A-Za-z0-9{}]|[\[\](){}|*+?^$.:,0-9<>=!#-]|\(\?|\[:|:\]|P<|\\Q|\\E){0,40}",
    ) {
        let _ = (check(&any), check(&likely));
    }
}
