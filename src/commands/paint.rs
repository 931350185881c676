//! What a terminal makes of words.

use clap::builder::styling::{AnsiColor, Style};

/// The words in that colour, if there is one.
pub(super) fn painted(colour: Option<AnsiColor>, words: &str) -> String {
    let Some(colour) = colour else { return words.to_owned() };
    let style: Style = colour.on_default();
    format!("{style}{words}{style:#}")
}

/// Words from elsewhere, in one line: nothing in them may move the cursor.
pub(super) fn plain(words: &str) -> String {
    words.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
