use std::str::FromStr;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::s3::{Meta, Refusal};

/// The most bytes of all names and values together.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html#UserMetadata>
const MAX_BYTES: usize = 2048;

/// The most characters of a name that are shown.
const MAX_SHOWN: usize = 64;

/// What S3 puts before the names of an object's own metadata.
pub(super) const PREFIX: &str = "x-amz-meta-";

/// The metadata that is taken from clients; names count in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedMeta(Option<Vec<String>>);

impl AllowedMeta {
    /// Whether a field of this name is taken.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|allowed| allowed.eq_ignore_ascii_case(name)))
    }

    /// # Errors
    ///
    /// [`Refusal::Malformed`] for a field that is not taken.
    pub(super) fn check(&self, meta: &Meta) -> Result<(), Refusal> {
        match meta.iter().find(|(name, _)| !self.allows(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(MAX_SHOWN).collect();
                let reason = format!(
                    "the server takes no metadata of the name “{}”: UPLOAD_META does not have it.",
                    name.escape_debug()
                );
                Err(Refusal::Malformed { reason })
            }
        }
    }
}

/// What the plugin itself says of every file, and Uppy too. No app takes it for its own word.
impl Default for AllowedMeta {
    fn default() -> Self {
        Self(Some(["name", "type", "relativePath"].map(str::to_owned).into()))
    }
}

impl FromStr for AllowedMeta {
    type Err = String;

    /// Names with commas between; `*` is every name.
    fn from_str(list: &str) -> Result<Self, String> {
        if list == "*" {
            return Ok(Self(None));
        }
        let names: Vec<_> = list.split(',').map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| name.is_empty() || name.contains('*')) {
            Some(odd) => Err(format!("`{odd}` is no name; `*` alone is every name")),
            None => Ok(Self(Some(names))),
        }
    }
}

/// All that a name of a header can have, but `%`.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'*')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A file's metadata as `x-amz-meta-*` headers. Names become lower-case, as S3 stores them, and what no header's name can
/// have becomes `%20` as in a URL; of names that are then equal the first wins, and an empty one is left out. A value
/// that a header can't carry as it is becomes an RFC 2047 word, as S3 itself answers such values.
///
/// # Errors
///
/// [`Refusal::Malformed`] for more than S3 stores.
pub(super) fn user_metadata(meta: &Meta) -> Result<Vec<(String, String)>, Refusal> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in meta.iter().filter(|(name, _)| !name.is_empty()) {
        let name = header_name(name);
        if headers.iter().all(|(known, _)| *known != name) {
            headers.push((name, header_value(value)));
        }
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.len() - PREFIX.len() + value.len()).sum();
    if bytes > MAX_BYTES {
        let reason = format!("its metadata has {bytes} bytes, and S3 stores {MAX_BYTES}.");
        return Err(Refusal::Malformed { reason });
    }
    Ok(headers)
}

fn header_name(name: &str) -> String {
    format!("{PREFIX}{}", utf8_percent_encode(name, NAME)).to_ascii_lowercase()
}

/// Signatures cover a header without outer and double spaces, so such values are encoded as well.
fn header_value(value: &str) -> String {
    let plain = value.bytes().all(|b| (b' '..=b'~').contains(&b))
        && value.trim() == value
        && !value.contains("  ")
        && !value.contains("=?");
    if plain { value.to_owned() } else { format!("=?UTF-8?B?{}?=", BASE64.encode(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<const N: usize>(meta: [(&str, &str); N]) -> Result<Vec<(String, String)>, Refusal> {
        user_metadata(&meta.into())
    }

    #[test]
    fn names_that_nobody_allowed_are_not_taken() {
        let allowed: AllowedMeta = "caption, Place".parse().unwrap();
        assert_eq!(allowed.check(&[("Caption", ""), ("place", "")].into()), Ok(()));
        let refusal = allowed.check(&[("caption", ""), ("owner", "admin")].into()).unwrap_err().to_string();
        assert!(refusal.ends_with("no metadata of the name “owner”: UPLOAD_META does not have it."), "{refusal}");
        assert!("*".parse::<AllowedMeta>().unwrap().allows("owner"));
        let default = AllowedMeta::default();
        assert!(default.allows("relativePath") && default.allows("Name") && !default.allows("owner"));
        for list in ["a,,b", "x-*", ",", "*,a"] {
            assert!(list.parse::<AllowedMeta>().is_err(), "{list}");
        }
    }

    #[test]
    fn names_are_lower_case_and_text_beyond_ascii_is_encoded() {
        let headers = headers([("Caption", "two words"), ("place", "Zürich")]).unwrap();
        assert_eq!(headers[0], ("x-amz-meta-caption".into(), "two words".into()));
        assert_eq!(headers[1], ("x-amz-meta-place".into(), "=?UTF-8?B?WsO8cmljaA==?=".into()));
    }

    #[test]
    fn nothing_in_a_value_can_add_a_header() {
        let headers = headers([("a", "x\r\nset-cookie: y"), ("b", " padded "), ("c", "two  spaces")]).unwrap();
        assert!(headers.iter().all(|(_, value)| value.starts_with("=?UTF-8?B?")));
    }

    #[test]
    fn a_name_that_no_header_has_is_encoded_and_costs_no_file() {
        let headers =
            headers([("my caption", "a"), ("Größe", "b"), ("100%", "c"), ("", "d"), ("a:\r\nb", "e")]).unwrap();
        let names: Vec<_> = headers.iter().map(|(name, _)| name.strip_prefix(PREFIX).unwrap()).collect();
        assert_eq!(names, ["my%20caption", "gr%c3%b6%c3%9fe", "100%25", "a%3a%0d%0ab"]);
        let decoded = |name| percent_encoding::percent_decode_str(name).decode_utf8().unwrap();
        assert_eq!(decoded(names[1]), "größe");
    }

    #[test]
    fn of_names_that_differ_in_case_only_the_first_wins() {
        let headers = headers([("name", "a.txt"), ("Name", "A"), ("NAME", "AA")]).unwrap();
        assert_eq!(headers, [("x-amz-meta-name".to_owned(), "a.txt".to_owned())]);
    }

    #[test]
    fn more_than_s3_stores_is_refused() {
        assert!(matches!(headers([("a", &"x".repeat(2048))]), Err(Refusal::Malformed { .. })));
        assert!(headers([("a", &"x".repeat(2047))]).is_ok());
    }
}
