use std::error::Error;

/// An error and what caused it, in one line, whatever a store wrote into it; the outer ones say little.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        source = error.source();
    }
    one_line(&text)
}

/// What a store says, as one line that a terminal only shows: without the characters that break lines, move the cursor or
/// turn the direction of writing.
pub(super) fn one_line(text: &str) -> String {
    let is_plain = |c: char| {
        !c.is_control() && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().map(|c| if is_plain(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::server::StartError;

    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(one_line("a\u{1b}[2J\r\n\u{9b}b \u{202e}c\td/é"), "a\u{fffd}[2J \u{fffd}b \u{fffd}c d/é");
    }

    #[test]
    fn each_cause_is_told_once_and_all_of_them_in_one_line() {
        let error = StartError::Io { what: "store".to_owned(), error: io::Error::other("two\r\n lines") };
        assert_eq!(error.to_string(), "store: two\r\n lines");
        assert_eq!(causes(&error), "store: two lines");
        let outer = io::Error::other(error);
        assert_eq!(causes(&outer), "store: two lines");
    }
}
