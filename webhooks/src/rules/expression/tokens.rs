//! As much of CEL's grammar as says that a text is certainly no expression: its
//! brackets, its quotations, and that operands and operators take turns.
//!
//! It is not parsed: a parser goes down its grammar at each bracket, and the
//! crate's own may end the process (see `schema/cel`).
//!
//! **Invariant**: what CEL parses is never refused; one pass, no recursion.

/// What came last.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// Nothing, an opening bracket, a comma, or another sign that a value follows.
    Start,
    /// An operator between two values.
    Operator,
    /// A dot: a field follows.
    Dot,
    /// A value, or the end of one.
    Operand,
}

/// Why `text` is no expression, if it certainly is none.
pub(super) fn fault(text: &str) -> Option<String> {
    let mut scanner = Scanner { rest: text, open: Vec::new(), last: Last::Start };
    match scanner.run() {
        Err(fault) => Some(fault),
        Ok(()) if !scanner.open.is_empty() => Some("a bracket is not closed".to_owned()),
        Ok(()) if scanner.last != Last::Operand => Some("it ends where a value should follow".to_owned()),
        Ok(()) => None,
    }
}

/// The signs between two values, longer ones first. `-` may stand before one, too.
const OPERATORS: [&str; 14] = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "*", "/", "%", "?", ":"];

struct Scanner<'a> {
    rest: &'a str,
    /// How the brackets that are open have to be closed.
    open: Vec<char>,
    last: Last,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{c}']);
            if let Some(comment) = self.rest.strip_prefix("//") {
                self.rest = comment.split_once('\n').map_or("", |(_, after)| after);
                continue;
            }
            let Some(first) = self.rest.chars().next() else { return Ok(()) };
            match first {
                '"' | '\'' | '`' => self.quotation(first, false)?,
                '_' | '0'..='9' | 'a'..='z' | 'A'..='Z' => self.word()?,
                '(' | '[' | '{' => self.open_bracket(first),
                ')' | ']' | '}' => self.close_bracket(first)?,
                _ => self.sign(first)?,
            }
        }
    }

    fn take(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }

    fn operand(&mut self, what: &str) -> Result<(), String> {
        if self.last == Last::Operand {
            return Err(format!("no operator stands before {what}"));
        }
        self.last = Last::Operand;
        Ok(())
    }

    fn word(&mut self) -> Result<(), String> {
        let length =
            self.rest.find(|c: char| !(c == '_' || c.is_ascii_alphanumeric())).unwrap_or(self.rest.len());
        let (word, after) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        if word == "in" && self.last == Last::Operand {
            self.take(length);
            self.last = Last::Operator;
            return Ok(());
        }
        let prefix = word.to_ascii_lowercase();
        if let (Some(quote @ ('"' | '\'')), "r" | "b" | "br") = (after.chars().next(), prefix.as_str()) {
            self.take(length);
            return self.quotation(quote, prefix.contains('r'));
        }
        self.operand(&format!("{word:?}"))?;
        self.take(length);
        // The rest of a number: its fraction, and its exponent's sign.
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            self.rest = number(word, self.rest);
        }
        Ok(())
    }

    /// A text to its end; three quotes at once may have lines within.
    fn quotation(&mut self, quote: char, is_raw: bool) -> Result<(), String> {
        self.operand("a text")?;
        let triple = quote.to_string().repeat(3);
        let is_long = quote != '`' && self.rest.starts_with(&triple);
        let closing = if is_long { triple } else { quote.to_string() };
        self.take(closing.len());
        let mut is_escaped = false;
        for (at, character) in self.rest.char_indices() {
            if is_escaped {
                is_escaped = false;
            } else if character == '\\' && !is_raw {
                is_escaped = true;
            } else if self.rest.get(at..).is_some_and(|rest| rest.starts_with(&closing)) {
                self.take(at + closing.len());
                return Ok(());
            } else if character == '\n' && !is_long {
                break;
            }
        }
        Err("a quotation is not closed".to_owned())
    }

    fn open_bracket(&mut self, bracket: char) {
        self.open.push(match bracket {
            '(' => ')',
            '[' => ']',
            _ => '}',
        });
        self.take(1);
        self.last = Last::Start;
    }

    fn close_bracket(&mut self, bracket: char) -> Result<(), String> {
        if self.open.pop() != Some(bracket) {
            return Err(format!("{bracket:?} closes no bracket"));
        }
        if matches!(self.last, Last::Operator | Last::Dot) {
            return Err(format!("a value is missing before {bracket:?}"));
        }
        self.take(1);
        self.last = Last::Operand;
        Ok(())
    }

    fn sign(&mut self, first: char) -> Result<(), String> {
        // Optional fields and elements, which Flux turns on: `a.?b`, `[?x]`.
        if first == '?' && self.last != Last::Operand {
            self.take(1);
            return Ok(());
        }
        if let Some(operator) = OPERATORS.into_iter().find(|operator| self.rest.starts_with(operator)) {
            if self.last != Last::Operand {
                return Err(format!("a value is missing before {operator:?}"));
            }
            self.take(operator.len());
            self.last = Last::Operator;
            return Ok(());
        }
        self.last = match first {
            '-' => Last::Operator,
            '!' if self.last != Last::Operand => Last::Operator,
            '.' if self.last != Last::Dot => Last::Dot,
            ',' if self.last == Last::Operand && !self.open.is_empty() => Last::Start,
            '=' => return Err("\"=\" is no operator; write \"==\"".to_owned()),
            _ => return Err(format!("{first:?} means nothing there")),
        };
        self.take(1);
        Ok(())
    }
}

/// What follows a number that begins with `word`.
fn number<'a>(word: &str, rest: &'a str) -> &'a str {
    let is_digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let fraction =
        rest.strip_prefix('.').filter(|after| is_digits && after.starts_with(|c: char| c.is_ascii_digit()));
    let (last, rest) = match fraction {
        None => (word, rest),
        Some(after) => {
            let length = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
            after.split_at_checked(length).unwrap_or((after, ""))
        }
    };
    let has_exponent = last.ends_with(['e', 'E']) && !last.starts_with("0x");
    match rest.strip_prefix(['+', '-']).filter(|_| has_exponent) {
        Some(after) => after.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::fault;
    use proptest::prelude::*;

    #[test]
    fn what_cel_parses_passes() {
        let good = [
            "true",
            "status.phase == 'Ready'",
            "!has(status.x) || status.x in ['a', \"b\",]",
            "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True' && e.observedGeneration == metadata.generation)",
            "-1 < 1.5e-3 + 0x1F * 2u - .5",
            "1.e",
            "a ? b : c ? d : e",
            "a.?b.orValue('x') == a[?0].value()",
            "{'a': 1, ?b: c}.size() > 0",
            "[?x, 1]",
            "r'\\d+' + R\"\\\" + b'x' + br'y'",
            "'''a\nb''' + \"\"\"\"x\"\"\"",
            "'it\\'s' // a comment with (\n == x",
            "!!a && --1 == 1",
            "a.`b-c` == .root",
            "google.protobuf.Duration{seconds: 1}",
            "a\n\t&& b",
            "dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
            "in_progress && inner",
            "a[0].b[-1]",
            "f()",
            "[]",
            "{}",
            "1 - 1 - -1",
            "1-1",
            "a.in",
        ];
        for text in good {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn what_it_cannot_parse() {
        let bad = [
            " ",
            "status.ready ==",
            "(a",
            "a)",
            "[a)",
            "a = b",
            "a b",
            "it is ready",
            "'a",
            "\"a\nb\"",
            "a & b",
            "a | b",
            "a;b",
            "a == == b",
            "a.",
            "a..b",
            "== a",
            "a &&",
            "a && || b",
            "{{ a }} ${b}",
            "a #b",
            "f(a,,b)",
            "f(,a)",
            "a, b",
            "(a ==)",
            "a == 'x' 'y'",
            "status.phase is 'Ready'",
            "ü",
            "a ? : b",
        ];
        for text in bad {
            assert!(fault(text).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a1.eE+'\"`\\\\ \\n(\\[{}\\])?:!=<>&|,rb/ü-]{0,40}") {
            fault(&text);
        }
    }
}
