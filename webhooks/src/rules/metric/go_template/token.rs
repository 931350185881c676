//! What a Go template is made of.

/// A part of a template: the text around actions, or what an action is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// What stands outside of actions.
    Text,
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// White space within an action.
    Space,
    /// `|`
    Pipe,
    /// `=` or `:=`
    Assign,
    /// `(`
    OpenParenthesis,
    /// `)`
    CloseParenthesis,
    /// `.` alone.
    Dot,
    /// `.name`
    Field(&'a str),
    /// `$` or `$name`
    Variable(&'a str),
    /// A name that is no keyword.
    Identifier(&'a str),
    /// A word of the language.
    Keyword(Keyword),
    /// `"text"` or `` `text` ``
    Quoted,
    /// A number, a character, `true`, `false` or `nil`.
    Constant,
    /// `,`
    Comma,
}

/// A word of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Keyword {
    const ALL: [Self; 10] = [
        Self::Block,
        Self::Break,
        Self::Continue,
        Self::Define,
        Self::Else,
        Self::End,
        Self::If,
        Self::Range,
        Self::Template,
        Self::With,
    ];

    /// The keyword that is written like that.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|keyword| keyword.word() == word)
    }

    /// How it is written.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Break => "break",
            Self::Continue => "continue",
            Self::Define => "define",
            Self::Else => "else",
            Self::End => "end",
            Self::If => "if",
            Self::Range => "range",
            Self::Template => "template",
            Self::With => "with",
        }
    }
}
