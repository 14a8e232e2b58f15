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
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io;

    use crate::server::StartError;

    use super::*;

    #[test]
    fn each_cause_is_told_once_and_all_of_them_in_one_line() {
        let error = StartError::Io { what: "store".to_owned(), error: io::Error::other("two\r\n lines") };
        assert_eq!(error.to_string(), "store: two\r\n lines");
        assert_eq!(causes(&error), "store: two lines");
        let outer = io::Error::other(error);
        assert_eq!(causes(&outer), "store: two lines");
    }
}
