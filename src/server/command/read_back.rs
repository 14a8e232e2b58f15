//! S3 replaces all rules of a bucket at once and takes no condition, so what something else sets between reading and writing
//! is lost, or this is. What is there afterwards shows it, unless that, too, came before the writing.

/// What a bucket has after its rules were set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadBack {
    /// What was written.
    Written,
    /// What was there before: bucket configurations are eventually consistent.
    Before,
    /// Something else.
    Changed,
    /// The store did not say.
    Unknown,
}

impl ReadBack {
    /// `summary` has of a rule what has to be the same; stores add ids to rules, and order them as they like.
    pub(super) fn of<R, E>(
        before: &[String],
        written: &[String],
        after: Result<Vec<R>, E>,
        summary: impl Fn(&R) -> String,
    ) -> Self {
        let sorted = |rules: &[String]| {
            let mut rules = rules.to_vec();
            rules.sort();
            rules
        };
        let Ok(after) = after else { return Self::Unknown };
        let after = sorted(&after.iter().map(summary).collect::<Vec<_>>());
        match after {
            after if after == sorted(written) => Self::Written,
            after if after == sorted(before) => Self::Before,
            _ => Self::Changed,
        }
    }

    /// What a person has to know of it, as sentences; nothing where all is as it was written.
    pub(super) fn sentence(self, command: &str) -> Option<String> {
        match self {
            Self::Written => None,
            Self::Before => Some(
                "The bucket still shows the rules that were there before; some stores need half a minute.".to_owned(),
            ),
            Self::Changed => Some(format!(
                "But the bucket now has other rules than those that were written: something else has changed them at the same \
                 time. Look at them in the provider's console, and run `leptos-aws-s3 {command}` again."
            )),
            Self::Unknown => Some("Whether they are there could not be read.".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(after: &[&str]) -> ReadBack {
        let text = |rules: &[&str]| rules.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>();
        ReadBack::of(&text(&["a", "b"]), &text(&["a", "b", "ours"]), Ok::<_, ()>(text(after)), Clone::clone)
    }

    #[test]
    fn rules_that_something_else_has_changed_are_told_from_those_that_are_not_there_yet() {
        assert_eq!(read(&["ours", "a", "b"]), ReadBack::Written, "in any order");
        assert_eq!(read(&["b", "a"]), ReadBack::Before);
        for after in [&["a", "b", "ours", "theirs"][..], &["a", "ours"], &["theirs"], &[]] {
            assert_eq!(read(after), ReadBack::Changed, "{after:?}");
        }
        assert_eq!(ReadBack::of(&[], &[], Err::<Vec<String>, _>(()), Clone::clone), ReadBack::Unknown);
    }
}
