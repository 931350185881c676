//! Label selectors as a text, `a=b,c in (d, e),!f`: what `labels.Parse` of
//! `k8s.io/apimachinery` takes, which kustomize and Flux read them with.
//!
//! ```text
//! selector    = [ requirement { "," requirement } ]
//! requirement = [ "!" ] key | key ( "=" | "==" | "!=" | ">" | "<" ) [ value ]
//!             | key ( "in" | "notin" ) "(" [ value { "," value } ] ")"
//! ```

use crate::names;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// `=`, `==`, `!=`, `>` or `<`.
    Operator(&'a str),
    Not,
    Comma,
    Open,
    Close,
}

/// Says why the text is no selector.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    let tokens = tokens(text)?;
    let mut rest = tokens.as_slice();
    if rest.is_empty() {
        return Ok(());
    }
    loop {
        rest = requirement(rest)?;
        match rest {
            [] => return Ok(()),
            [Token::Comma, after @ ..] => rest = after,
            _ => return Err("a requirement is followed by something else than a comma"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '=' | '!' if rest.get(1..).is_some_and(|after| after.starts_with('=')) => 2,
            _ if is_special(first) => 1,
            _ => rest.find(|c| is_space(c) || is_special(c)).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at_checked(length).ok_or("it cannot be read")?;
        tokens.push(match token {
            "!" => Token::Not,
            "," => Token::Comma,
            "(" => Token::Open,
            ")" => Token::Close,
            "=" | "==" | "!=" | ">" | "<" => Token::Operator(token),
            word => Token::Word(word),
        });
        rest = after.trim_start_matches(is_space);
    }
    Ok(tokens)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_special(character: char) -> bool {
    matches!(character, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

/// Reads one requirement; gives what is left.
fn requirement<'t, 'a>(tokens: &'t [Token<'a>]) -> Result<&'t [Token<'a>], &'static str> {
    let (key, rest, is_negated) = match tokens {
        [Token::Not, Token::Word(key), rest @ ..] => (key, rest, true),
        [Token::Word(key), rest @ ..] => (key, rest, false),
        _ => return Err("a requirement has no key"),
    };
    if !names::is_label_key(key) {
        return Err("a key is none that a label can have");
    }
    match rest {
        [] | [Token::Comma, ..] => Ok(rest),
        _ if is_negated => Err("nothing may follow a key behind !"),
        [Token::Word("in" | "notin"), Token::Open, rest @ ..] => values(rest),
        [Token::Operator(operator), Token::Word(value), rest @ ..] => {
            is_value(operator, value)?;
            Ok(rest)
        }
        [Token::Operator(operator), rest @ ..] if matches!(rest.first(), None | Some(Token::Comma)) => {
            is_value(operator, "")?;
            Ok(rest)
        }
        [Token::Word("in" | "notin"), ..] => Err("the values of in and notin stand in parentheses"),
        _ => Err("a key is followed by no operator"),
    }
}

fn is_value(operator: &str, value: &str) -> Result<(), &'static str> {
    if matches!(operator, ">" | "<") && value.parse::<i64>().is_err() {
        return Err("what stands behind > and < must be an integer");
    }
    if names::is_label_value(value) { Ok(()) } else { Err("a value is none that a label can have") }
}

/// The values of `in` and `notin`, of which the parenthesis has been read.
fn values<'t, 'a>(tokens: &'t [Token<'a>]) -> Result<&'t [Token<'a>], &'static str> {
    let end = tokens.iter().position(|token| *token == Token::Close).ok_or("a parenthesis is not closed")?;
    let (listed, rest) = tokens.split_at_checked(end).ok_or("a parenthesis is not closed")?;
    // An empty value is one, too: `(a,)`.
    for value in listed.split(|token| *token == Token::Comma) {
        match value {
            [] => {}
            [Token::Word(value)] => is_value("in", value)?,
            _ => return Err("the values of in and notin are separated by commas"),
        }
    }
    Ok(rest.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_kubernetes_parses() {
        let long = format!("a={}", "x".repeat(64));
        let good = [
            "",
            " ",
            "a",
            "!a",
            "a=b",
            "a==b",
            "a!=b",
            "a = b",
            "a=",
            "a=,b",
            "example.com/team=web",
            "a,b",
            "a>1",
            "a in (b)",
            "a in ()",
            "a in (b, c),d notin (e)",
            "a in (,)",
            "a in (b,)",
            "in",
            "in in (in)",
            "a in(b)",
            "a,!b,c=d",
        ];
        for text in good {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
        let bad = [
            ",",
            "a,",
            "a,,b",
            "=b",
            "a b",
            "a!",
            "a in",
            "a in b",
            "a in (b",
            "a in (b c)",
            "a in b)",
            "!a=b",
            "!",
            "a>b",
            "a>",
            "a<-1",
            "A_/b=c",
            "a=b=c",
            "a===b",
            "a=b c",
            "a=ü",
            "-a",
            long.as_str(),
            "(a)",
            "a in (b))",
        ];
        for text in bad {
            assert!(check(text).is_err(), "{text:?}");
        }
    }
}
