//! The grammar of Go templates (`text/template/parse/parse.go`), with the names
//! that Flagger's queries may use.

mod pipeline;

use super::Fault;
use super::token::{Keyword, Token};

/// Blocks and parentheses within each other, at most.
const DEEPEST: usize = 64;

/// Says whether a template of these tokens certainly fails.
pub(super) fn parse(tokens: Vec<Token<'_>>) -> Result<(), Fault> {
    let mut parser = Parser {
        tokens,
        next: 0,
        variables: vec!["$"],
        loops: 0,
        depth: 0,
        is_executed: true,
        failure: None,
        may_stop_short: false,
    };
    while parser.peek().is_some() {
        match parser.piece(true)? {
            Piece::Whole => {}
            Piece::Else => return fails("{{else}} stands outside of a block"),
            Piece::End => return fails("{{end}} has no block to end"),
        }
    }
    Ok(())
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    /// The variables in scope.
    variables: Vec<&'a str>,
    /// How many `range` are around.
    loops: usize,
    /// How many blocks and parentheses are around.
    depth: usize,
    /// Whether what is read is executed whatever the values are.
    is_executed: bool,
    /// Why the present pipeline fails, if it is executed to its end.
    failure: Option<Fault>,
    /// Whether the present pipeline has an `and` or an `or`.
    may_stop_short: bool,
}

/// What stands between two others of its kind.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    /// A text, or an action with all that belongs to it.
    Whole,
    /// `{{else}}`, which ends a list.
    Else,
    /// `{{end}}`, which does, too.
    End,
}

/// What a pipeline is for.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Range,
    Parenthesis,
    Other,
}

fn fails<T>(words: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Fails(words.into()))
}

fn unexpected<T>(token: Option<Token<'_>>) -> Result<T, Fault> {
    let words = match token {
        None => "it ends before {{end}}, which closes a block".to_owned(),
        Some(Token::Keyword(keyword)) => format!("{{{{{}}}}} stands where it may not", keyword.word()),
        Some(Token::Identifier(name) | Token::Variable(name) | Token::Field(name)) => {
            format!("{name} stands where it may not")
        }
        Some(_) => "an action is not of the form {{ name }}".to_owned(),
    };
    fails(words)
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    fn take(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(Token::Space) {
            self.next += 1;
        }
    }

    /// The next token that is no space, not yet taken.
    fn peek_past_space(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        self.peek()
    }

    fn take_past_space(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        self.take()
    }

    fn expect(&mut self, expected: Token<'_>) -> Result<(), Fault> {
        match self.take_past_space() {
            Some(token) if token == expected => Ok(()),
            other => unexpected(other),
        }
    }

    /// A text or an action. Templates are defined at the top alone.
    fn piece(&mut self, is_top: bool) -> Result<Piece, Fault> {
        match self.take_past_space() {
            Some(Token::Text) => return Ok(Piece::Whole),
            Some(Token::Open) => {}
            other => return unexpected(other),
        }
        let Some(Token::Keyword(keyword)) = self.peek_past_space() else {
            self.pipeline(Use::Other)?;
            return Ok(Piece::Whole);
        };
        self.next += 1;
        match keyword {
            Keyword::If | Keyword::With | Keyword::Range => self.block(keyword)?,
            Keyword::Else => return self.otherwise(),
            Keyword::End => {
                self.expect(Token::Close)?;
                return Ok(Piece::End);
            }
            Keyword::Break | Keyword::Continue => {
                self.expect(Token::Close)?;
                if self.loops == 0 {
                    return fails(format!("{{{{{}}}}} stands outside of a {{{{range}}}}", keyword.word()));
                }
            }
            Keyword::Template => self.call()?,
            Keyword::Block => {
                self.expect(Token::Quoted)?;
                self.pipeline(Use::Other)?;
                self.template()?;
            }
            Keyword::Define if is_top => {
                self.expect(Token::Quoted)?;
                self.expect(Token::Close)?;
                self.template()?;
            }
            Keyword::Define => return fails("{{define}} stands within a block"),
        }
        Ok(Piece::Whole)
    }

    /// `{{else}}`; an `if` or a `with` behind it is left to its block.
    fn otherwise(&mut self) -> Result<Piece, Fault> {
        if !matches!(self.peek_past_space(), Some(Token::Keyword(Keyword::If | Keyword::With))) {
            self.expect(Token::Close)?;
        }
        Ok(Piece::Else)
    }

    /// `{{template "name" pipeline}}`
    fn call(&mut self) -> Result<(), Fault> {
        self.expect(Token::Quoted)?;
        if self.peek_past_space() == Some(Token::Close) {
            return self.expect(Token::Close);
        }
        self.pipeline(Use::Other)
    }

    /// Goes one level deeper for as long as `inner` reads.
    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.depth == DEEPEST {
            return Err(Fault::Unread);
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// What `if`, `with` and `range` rule, to its end.
    fn block(&mut self, keyword: Keyword) -> Result<(), Fault> {
        let in_scope = self.variables.len();
        self.pipeline(if keyword == Keyword::Range { Use::Range } else { Use::Other })?;
        let is_executed = std::mem::replace(&mut self.is_executed, false);
        let is_loop = usize::from(keyword == Keyword::Range);
        self.loops += is_loop;
        let mut end = self.list()?;
        self.loops -= is_loop;
        if end == Piece::Else {
            end = self.alternative(keyword)?;
        }
        if end == Piece::Else {
            return fails("a block has a second {{else}}");
        }
        self.variables.truncate(in_scope);
        self.is_executed = is_executed;
        Ok(())
    }

    /// What stands behind `{{else}}`. The block of `{{else if}}` takes the end
    /// of the one around it.
    fn alternative(&mut self, keyword: Keyword) -> Result<Piece, Fault> {
        let goes_on =
            matches!(keyword, Keyword::If | Keyword::With) && self.peek() == Some(Token::Keyword(keyword));
        if goes_on {
            self.next += 1;
            self.deeper(|parser| parser.block(keyword))?;
            return Ok(Piece::End);
        }
        self.list()
    }

    /// All up to `{{else}}` or `{{end}}`.
    fn list(&mut self) -> Result<Piece, Fault> {
        self.deeper(|parser| {
            loop {
                match parser.piece(false)? {
                    Piece::Whole => {}
                    end => return Ok(end),
                }
            }
        })
    }

    /// What `define` and `block` name: a template of its own, which sees no
    /// variable and no loop around it.
    fn template(&mut self) -> Result<(), Fault> {
        let variables = std::mem::replace(&mut self.variables, vec!["$"]);
        let loops = std::mem::take(&mut self.loops);
        let is_executed = std::mem::replace(&mut self.is_executed, false);
        if self.list()? == Piece::Else {
            return fails("{{else}} stands outside of a block");
        }
        (self.variables, self.loops, self.is_executed) = (variables, loops, is_executed);
        Ok(())
    }
}
