//! Pipelines, and what they are made of: `$x := index variables "a" | print`.

use super::{Parser, Use, fails, unexpected};
use crate::rules::metric::go_template::token::Token;
use crate::rules::metric::go_template::{Fault, OF_FLAGGER, OF_GO};

/// Variables in scope, at most.
const MOST_VARIABLES: usize = 64;

/// What a command is made of.
#[derive(Clone, Copy, PartialEq)]
enum Operand<'a> {
    /// A value by itself, which cannot be called.
    Constant,
    Function(&'a str),
    Other,
}

impl<'a> Parser<'a> {
    /// A pipeline with what closes it.
    pub(super) fn pipeline(&mut self, usage: Use) -> Result<(), Fault> {
        if usage != Use::Parenthesis {
            (self.failure, self.may_stop_short) = (None, false);
        }
        self.declarations(usage)?;
        let close = if usage == Use::Parenthesis { Token::CloseParenthesis } else { Token::Close };
        let mut stage = 0;
        while self.peek_past_space() != Some(close) {
            self.command(stage)?;
            stage += 1;
        }
        self.next += 1;
        if stage == 0 {
            return fails("an action or a parenthesis is empty");
        }
        match self.failure.take() {
            Some(failure) if usage != Use::Parenthesis && self.is_executed && !self.may_stop_short => {
                Err(failure)
            }
            failure => {
                self.failure = failure;
                Ok(())
            }
        }
    }

    /// `$name :=` or `$name =`, for `range` also of two variables.
    fn declarations(&mut self, usage: Use) -> Result<(), Fault> {
        let mut declared = 0;
        while let Some(Token::Variable(name)) = self.peek_past_space() {
            let before = self.next;
            self.next += 1;
            let sign = self.peek_past_space();
            if !matches!(sign, Some(Token::Assign | Token::Comma)) {
                // It is an argument.
                self.next = before;
                break;
            }
            self.next += 1;
            if self.variables.len() == MOST_VARIABLES {
                return Err(Fault::Unread);
            }
            self.variables.push(name);
            declared += 1;
            if sign == Some(Token::Assign) {
                break;
            }
            let goes_on = matches!(
                self.peek_past_space(),
                Some(Token::Variable(_) | Token::Close | Token::CloseParenthesis)
            );
            if usage != Use::Range || declared == 2 || !goes_on {
                return fails("a comma may only stand between the two variables of a {{range}}");
            }
        }
        Ok(())
    }

    /// A stage of a pipeline, with the `|` that ends it, if one does.
    fn command(&mut self, stage: usize) -> Result<(), Fault> {
        let mut first = None;
        let mut operands = 0_usize;
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                first = first.or(Some(operand));
                operands += 1;
            }
            match self.peek() {
                Some(Token::Space) => {}
                Some(Token::Close | Token::CloseParenthesis) => break,
                Some(Token::Pipe) => {
                    self.next += 1;
                    break;
                }
                other => return unexpected(other),
            }
        }
        match first {
            None => fails("a stage of a pipeline is empty"),
            Some(Operand::Constant) if stage > 0 => fails("a pipeline ends in a value that cannot be called"),
            Some(Operand::Function(name)) if OF_FLAGGER.contains(&name) && (operands > 1 || stage > 0) => {
                self.will_fail(Fault::Fails(format!("{name} takes no argument")));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn will_fail(&mut self, fault: Fault) {
        self.failure.get_or_insert(fault);
    }

    /// A value, with the fields that are asked of it.
    fn operand(&mut self) -> Result<Option<Operand<'a>>, Fault> {
        let Some(term) = self.term()? else {
            return Ok(None);
        };
        let Some(Token::Field(field)) = self.peek() else {
            return Ok(Some(term));
        };
        match term {
            Operand::Constant => return fails(format!("{field} is asked of a value that has no fields")),
            Operand::Function("variables") => {
                self.will_fail(Fault::Fails(format!("variables has nothing in it here, and no {field}")));
            }
            Operand::Function(name) if OF_FLAGGER.contains(&name) => {
                self.will_fail(Fault::Fails(format!("{name} is a text and has no {field}")));
            }
            _ => {}
        }
        while matches!(self.peek(), Some(Token::Field(_))) {
            self.next += 1;
        }
        Ok(Some(Operand::Other))
    }

    fn term(&mut self) -> Result<Option<Operand<'a>>, Fault> {
        let Some(token) = self.peek() else {
            return Ok(None);
        };
        let operand = match token {
            Token::Identifier(name) => {
                if !OF_GO.contains(&name) && !OF_FLAGGER.contains(&name) {
                    return Err(Fault::Unknown(name.to_owned()));
                }
                self.may_stop_short |= matches!(name, "and" | "or");
                Operand::Function(name)
            }
            Token::Field(field) => {
                self.will_fail(Fault::Unknown(field.to_owned()));
                Operand::Other
            }
            Token::Variable(name) => {
                if !self.variables.contains(&name) {
                    return fails(format!("the variable {name} is not defined"));
                }
                if let (Some(Token::Field(field)), "$") = (self.tokens.get(self.next + 1).copied(), name) {
                    self.will_fail(Fault::Unknown(format!("${field}")));
                }
                Operand::Other
            }
            Token::Dot | Token::Constant | Token::Quoted => Operand::Constant,
            Token::OpenParenthesis => {
                self.next += 1;
                self.deeper(|parser| parser.pipeline(Use::Parenthesis))?;
                return Ok(Some(Operand::Other));
            }
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(operand))
    }
}
