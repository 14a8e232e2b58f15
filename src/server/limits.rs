use std::str::FromStr;

use super::content_type::content_type;
use crate::s3::{FileInfo, Refusal, is_accepted};

/// What the operator lets visitors upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one file.
    pub max_size: u64,
    /// The most files of one signing call.
    pub max_files: usize,
    /// What files may be.
    pub allowed_types: AllowedTypes,
}

impl Limits {
    /// Refuses a file that is too large or of a type nobody asked for.
    ///
    /// # Errors
    ///
    /// [`Refusal::FileTooLarge`] or [`Refusal::TypeNotAllowed`].
    pub fn check(&self, file: &FileInfo) -> Result<(), Refusal> {
        if file.size > self.max_size {
            return Err(Refusal::FileTooLarge { size: file.size, max: self.max_size });
        }
        self.allowed_types.check(file)
    }
}

/// `image/*`, `application/pdf`, `.csv`: as in the `accept` attribute of a file input. Empty allows
/// everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedTypes(Vec<String>);

impl AllowedTypes {
    /// Whether every type is welcome.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// For the `accept` attribute of a file input.
    #[must_use]
    pub fn as_accept(&self) -> String {
        self.0.join(",")
    }

    fn check(&self, file: &FileInfo) -> Result<(), Refusal> {
        let content_type = content_type(file).to_owned();
        let stored = FileInfo { name: file.name.clone(), content_type, ..FileInfo::default() };
        if self.is_everything() || self.0.iter().any(|accept| is_accepted(accept, &stored)) {
            return Ok(());
        }
        Err(Refusal::TypeNotAllowed { content_type: stored.content_type, allowed: self.0.clone() })
    }
}

impl FromStr for AllowedTypes {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let patterns = list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        patterns.map(parse_pattern).collect::<Result<_, _>>().map(Self)
    }
}

fn parse_pattern(pattern: &str) -> Result<String, String> {
    let lower = pattern.to_lowercase();
    let known = match lower.split_once('/') {
        Some((family, rest)) => !family.is_empty() && !rest.is_empty() && (rest == "*" || !rest.contains('*')),
        None => lower.len() > 1 && lower.starts_with('.'),
    };
    if known {
        return Ok(lower);
    }
    Err(format!("`{pattern}` is neither a type like `image/*` or `application/pdf` nor an ending like `.csv`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content_type: &str) -> FileInfo {
        FileInfo { name: name.into(), content_type: content_type.into(), ..FileInfo::default() }
    }

    #[test]
    fn a_type_is_allowed_by_family_by_name_or_by_ending() {
        let allowed: AllowedTypes = "image/*, application/pdf, .CSV".parse().unwrap();
        assert!(allowed.check(&file("a.png", "image/png")).is_ok());
        assert!(allowed.check(&file("a", "Application/PDF; version=1")).is_ok());
        assert!(allowed.check(&file("Table.csv", "")).is_ok());
        assert!(allowed.check(&file("a.exe", "application/x-msdownload")).is_err());
        assert!(allowed.check(&file("image", "imagery/png")).is_err());
    }

    #[test]
    fn a_file_without_a_type_is_judged_by_what_it_is_stored_as() {
        let allowed: AllowedTypes = "image/*,text/markdown".parse().unwrap();
        for (name, content_type) in [("IMG_1.heic", ""), ("note.md", ""), ("a.png", "foo")] {
            assert_eq!(allowed.check(&file(name, content_type)), Ok(()), "{name}");
        }
        let refused = allowed.check(&file("a.mp4", "")).unwrap_err();
        assert!(matches!(refused, Refusal::TypeNotAllowed { content_type, .. } if content_type == "video/mp4"));
    }

    #[test]
    fn no_list_allows_everything() {
        assert!(AllowedTypes::default().check(&file("", "")).is_ok());
    }

    #[test]
    fn a_pattern_nobody_can_match_is_refused() {
        for list in ["pdf", "image/", "*", "image/p*g", "."] {
            assert!(list.parse::<AllowedTypes>().is_err(), "{list}");
        }
    }
}
