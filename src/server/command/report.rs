//! What was looked at, what came of it, and what to do about it.

use std::fmt;

use serde::Serialize;

/// What came of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is as it should be.
    Pass,
    /// It is not.
    Fail,
    /// It was not looked at, or could not be.
    Unknown,
}

/// One look at the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether uploads can't work without it.
    pub vital: bool,
    /// What was seen: a sentence.
    pub detail: String,
    /// What to do: a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn pass(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Pass, detail, None)
    }

    pub(super) fn unknown(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(check, Outcome::Unknown, detail, None)
    }

    /// Uploads don't work.
    pub(super) fn fail(check: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { vital: true, ..Self::new(check, Outcome::Fail, detail, Some(remedy.into())) }
    }

    /// Uploads work, with something amiss.
    pub(super) fn amiss(check: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(check, Outcome::Fail, detail, Some(remedy.into()))
    }

    /// The store cannot be reached, so nothing else was looked at.
    pub(super) fn no_answer(reason: String) -> Self {
        let remedy = "Look at S3_ENDPOINT, S3_REGION and S3_PUBLIC_ENDPOINT, and whether the store runs and can be reached \
                      from here.";
        Self::fail("store", reason, remedy)
    }

    fn new(check: impl Into<String>, outcome: Outcome, detail: impl Into<String>, remedy: Option<String>) -> Self {
        Self { check: check.into(), outcome, vital: false, detail: detail.into(), remedy }
    }
}

/// All that was looked at, in the order in which it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One entry per look.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing was found that keeps uploads from working.
    #[must_use]
    pub fn uploads_work(&self) -> bool {
        !self.findings.iter().any(|finding| finding.vital && finding.outcome == Outcome::Fail)
    }

    /// What came of a look; `None` where there was no such.
    #[must_use]
    pub fn finding(&self, check: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.check == check)
    }

    /// For machines.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = serde_json::json!({ "uploads_work": self.uploads_work(), "findings": self.findings });
        format!("{json:#}\n")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Unknown => "unknown",
        })
    }
}

/// A table, with what to do below what needs doing.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
        for Finding { check, outcome, detail, remedy, .. } in &self.findings {
            writeln!(formatter, "{outcome:7}  {check:width$}  {detail}")?;
            if let Some(remedy) = remedy {
                for (index, line) in remedy.lines().enumerate() {
                    let arrow = if index == 0 { "->" } else { "  " };
                    writeln!(formatter, "{:7}  {:width$}  {arrow} {line}", "", "")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_of_something_vital_says_that_uploads_do_not_work() {
        let mut report = Report::default();
        report.findings.push(Finding::pass("credentials", "They are there."));
        report.findings.push(Finding::amiss("lifecycle", "There is no rule.", "Set one."));
        report.findings.push(Finding::unknown("multipart", "Not tried."));
        assert!(report.uploads_work());
        report.findings.push(Finding::fail("bucket", "There is none.", "Make one."));
        assert!(!report.uploads_work());
    }

    #[test]
    fn a_table_has_the_remedy_below_what_needs_it() {
        let mut report = Report::default();
        report.findings.push(Finding::pass("clock", "Right."));
        report.findings.push(Finding::fail("bucket", "There is none.", "Make one:\nmb photos"));
        let table = "pass     clock   Right.\nFAIL     bucket  There is none.\n                 -> Make one:\n                    mb photos\n";
        assert_eq!(report.to_string(), table);
    }
}
