use std::fmt::Display;

/// The variables of one start, and what was wrong with them so far.
pub(super) struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    /// The variable's text; `None` also where it is empty, as in a line `S3_REGION=` of a `.env`.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let text = (self.lookup)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())?;
        if text.contains(char::REPLACEMENT_CHARACTER) {
            self.problem(format!("{name} is not UTF-8."));
        }
        Some(text)
    }

    /// The first of these variables that is set.
    pub(super) fn first(&mut self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.text(name))
    }

    /// Those of these variables that are set.
    pub(super) fn set(&mut self, names: &[&'static str]) -> Vec<&'static str> {
        names.iter().copied().filter(|name| self.text(name).is_some()).collect()
    }

    /// The variable's value; a text that is none becomes a problem.
    pub(super) fn parsed<T, E: Display>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        match parse(&self.text(name)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(format!("{name}: {error}."));
                None
            }
        }
    }

    pub(super) fn problem(&mut self, problem: impl Into<String>) {
        let problem = problem.into();
        // A variable may be read more than once.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn take_problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }
}
