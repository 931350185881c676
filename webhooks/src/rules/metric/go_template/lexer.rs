//! The tokens of a Go template (`text/template/parse/lex.go`).

use super::Fault;
use super::token::{Keyword, Token};

/// The tokens of a template, without its comments.
pub(super) fn tokens(template: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = template;
    while let Some((text, action)) = rest.split_once("{{") {
        if !text.is_empty() {
            tokens.push(Token::Text);
        }
        rest = match comment(action)? {
            Some(after) => after,
            None => Action { rest: without_left_mark(action), depth: 0, tokens: &mut tokens }.read()?,
        };
    }
    if !rest.is_empty() {
        tokens.push(Token::Text);
    }
    Ok(tokens)
}

fn fails<T>(words: &str) -> Result<T, Fault> {
    Err(Fault::Fails(words.to_owned()))
}

/// A minus and a space after the opening braces trim the text before them.
fn without_left_mark(action: &str) -> &str {
    match action.strip_prefix('-') {
        Some(rest) => rest.strip_prefix(is_space).unwrap_or(action),
        None => action,
    }
}

/// What follows a comment, which fills its action alone.
fn comment(action: &str) -> Result<Option<&str>, Fault> {
    let Some(text) = without_left_mark(action).strip_prefix("/*") else {
        return Ok(None);
    };
    let Some((_, after)) = text.split_once("*/") else {
        return fails("a comment is not closed");
    };
    match closing(after) {
        Some(after) => Ok(Some(after)),
        None => fails("a comment ends before its action does"),
    }
}

/// What follows the closing braces, which a space and a minus may precede.
fn closing(text: &str) -> Option<&str> {
    let mark = text.strip_prefix(is_space).and_then(|rest| rest.strip_prefix('-'));
    mark.and_then(|rest| rest.strip_prefix("}}")).or_else(|| text.strip_prefix("}}"))
}

/// What may follow a backslash in a text.
const ESCAPES: &str = "abfnrtv\\\"xuU01234567";

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

/// One action: what is left of the template, and how many parentheses are open.
struct Action<'a, 't> {
    rest: &'a str,
    depth: usize,
    tokens: &'t mut Vec<Token<'a>>,
}

impl<'a> Action<'a, '_> {
    /// Reads to the action's end, and says what follows it.
    fn read(mut self) -> Result<&'a str, Fault> {
        self.tokens.push(Token::Open);
        loop {
            if let Some(after) = closing(self.rest) {
                if self.depth > 0 {
                    return fails("a parenthesis is not closed");
                }
                self.tokens.push(Token::Close);
                return Ok(after);
            }
            let token = self.token()?;
            self.tokens.push(token);
        }
    }

    fn token(&mut self) -> Result<Token<'a>, Fault> {
        let mut characters = self.rest.chars();
        let Some(first) = characters.next() else {
            return fails("an action is not closed: \"{{\" without \"}}\"");
        };
        let second = characters.next();
        if is_space(first) {
            return Ok(self.space());
        }
        match first {
            ':' if second == Some('=') => Ok(self.sign(2, Token::Assign)),
            ':' => fails("\":\" without \"=\""),
            '=' => Ok(self.sign(1, Token::Assign)),
            '|' => Ok(self.sign(1, Token::Pipe)),
            '(' => {
                self.depth += 1;
                Ok(self.sign(1, Token::OpenParenthesis))
            }
            ')' => {
                let Some(depth) = self.depth.checked_sub(1) else {
                    return fails("a parenthesis is closed twice");
                };
                self.depth = depth;
                Ok(self.sign(1, Token::CloseParenthesis))
            }
            '"' | '\'' => self.quoted(first),
            '`' => self.raw(),
            '$' => self.name(1).map(Token::Variable),
            '.' if !second.is_some_and(|next| next.is_ascii_digit()) => self.field(),
            '.' | '+' | '-' | '0'..='9' => self.number(),
            _ if is_alphanumeric(first) => self.word(),
            ',' => Ok(self.sign(1, Token::Comma)),
            '}' => fails("an action is not closed: \"}\" without another"),
            _ => fails("an action has a character that means nothing there"),
        }
    }

    /// Takes that many bytes.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn sign(&mut self, length: usize, token: Token<'a>) -> Token<'a> {
        self.take(length);
        token
    }

    /// All white space but what belongs to the closing braces.
    fn space(&mut self) -> Token<'a> {
        let spaces = self.rest.len() - self.rest.trim_start_matches(is_space).len();
        let closes = self.rest.get(spaces..).is_some_and(|rest| rest.starts_with("-}}"));
        self.take(if closes { spaces.saturating_sub(1).max(1) } else { spaces });
        Token::Space
    }

    /// A name after `skip` bytes of its sign; what follows must end it.
    fn name(&mut self, skip: usize) -> Result<&'a str, Fault> {
        let after = self.rest.get(skip..).unwrap_or_default();
        let length = skip + after.len() - after.trim_start_matches(is_alphanumeric).len();
        let name = self.take(length);
        let ends = match self.rest.chars().next() {
            None => true,
            Some(next) => is_space(next) || ".,|:()".contains(next) || self.rest.starts_with("}}"),
        };
        if ends { Ok(name) } else { fails("a name is followed by a character that cannot end it") }
    }

    fn field(&mut self) -> Result<Token<'a>, Fault> {
        let name = self.name(1)?;
        Ok(if name == "." { Token::Dot } else { Token::Field(name) })
    }

    fn word(&mut self) -> Result<Token<'a>, Fault> {
        let word = self.name(0)?;
        Ok(match word {
            "true" | "false" | "nil" => Token::Constant,
            _ => Keyword::of(word).map_or(Token::Identifier(word), Token::Keyword),
        })
    }

    /// A number as far as its characters go; Go itself is stricter with their order.
    fn number(&mut self) -> Result<Token<'a>, Fault> {
        let unsigned = self.rest.strip_prefix(['+', '-']).unwrap_or(self.rest);
        let more = match unsigned.get(..2) {
            Some("0x" | "0X") => "abcdefABCDEFxXpP",
            Some("0b" | "0B" | "0o" | "0O") => "bBoO",
            _ => "eE",
        };
        let goes_on = |character: char| {
            character.is_ascii_digit() || "_.+-i".contains(character) || more.contains(character)
        };
        let number = self.take(self.rest.len() - self.rest.trim_start_matches(goes_on).len());
        let has_digits = number.contains(|character: char| character.is_ascii_digit());
        if has_digits && !self.rest.starts_with(is_alphanumeric) {
            Ok(Token::Constant)
        } else {
            fails("a number is malformed")
        }
    }

    /// A text or a character, with backslashes to escape with.
    fn quoted(&mut self, quote: char) -> Result<Token<'a>, Fault> {
        let mut is_escaped = false;
        for (at, character) in self.rest.char_indices().skip(1) {
            match character {
                '\n' => break,
                _ if is_escaped && quote == '"' && !ESCAPES.contains(character) => {
                    return fails("a quotation has an escape that Go does not know");
                }
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                _ if character == quote => {
                    self.take(at + 1);
                    return Ok(if quote == '"' { Token::Quoted } else { Token::Constant });
                }
                _ => {}
            }
        }
        fails("a quotation is not closed")
    }

    fn raw(&mut self) -> Result<Token<'a>, Fault> {
        let text = self.rest.get(1..).unwrap_or_default();
        match text.find('`') {
            Some(end) => Ok(self.sign(end + 2, Token::Quoted)),
            None => fails("a quotation is not closed"),
        }
    }
}
