use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most bytes of UTF-8 in a key.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_BYTES: usize = 1024;

/// The most bytes of a file's name inside a key: stores that keep objects as files
/// have this limit per segment.
const MAX_NAME_BYTES: usize = 255;

/// The bytes that a name gets, however little its folder leaves: no cut can make `.` or `..` of it.
pub const MIN_NAME_BYTES: usize = 8;

/// An object key: 1 to 1,024 bytes of UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// S3 has no object without a name.
    #[error("an object key can't be empty")]
    Empty,
    /// More bytes than S3 stores.
    #[error("an object key has at most {MAX_BYTES} bytes, this one has {0}")]
    TooLong(usize),
}

impl Key {
    /// The key of a new upload that shows nothing of its file, `{prefix}{id}`: ad blockers and the filters of companies look
    /// for words and for extensions in URLs, and refuse a file for what it is called.
    #[must_use]
    pub fn without_name(prefix: &str, id: &str) -> Self {
        Self(format!("{prefix}{id}"))
    }

    /// The key of a new upload that shows what its file is called, `{prefix}{id}/{file name made safe}`, in at most
    /// `max_bytes` bytes.
    ///
    /// The random `id` comes before anything the visitor chose: it makes the key unique, and S3
    /// spreads load by what keys begin with. A name is cut in its stem, so the extension stays.
    #[must_use]
    pub fn for_upload(prefix: &str, id: &str, file_name: &str, max_bytes: usize) -> Self {
        let folder = format!("{prefix}{id}/");
        let room = max_bytes.min(MAX_BYTES).saturating_sub(folder.len());
        Self(folder + &safe_name(file_name, room.min(MAX_NAME_BYTES)))
    }

    /// The key as S3 has it, not percent-encoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last `/`: the safe name of an upload, or its id.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        match text.len() {
            0 => Err(KeyError::Empty),
            1..=MAX_BYTES => Ok(Self(text)),
            bytes => Err(KeyError::TooLong(bytes)),
        }
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text.to_owned().try_into()
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One path segment that means the same to S3, a URL, a header, a file system and a reader.
fn safe_name(name: &str, max_bytes: usize) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|c| !is_invisible(*c)).map(safe_char).collect();
    let words = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let safe = match words.as_str() {
        "" | "." | ".." => "file",
        words => words,
    };
    cut(safe, max_bytes.max(MIN_NAME_BYTES)).into_owned()
}

/// S3's "characters to avoid", and `?`, which ends a URL's path wherever somebody forgets to encode it.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html#object-key-guidelines>
fn safe_char(c: char) -> char {
    if c.is_whitespace() {
        ' '
    } else if r#"{}^%`[]"<>~#|?"#.contains(c) {
        '-'
    } else {
        c
    }
}

/// Control characters, and those that show nothing or turn the reading direction round, so that
/// `exe.gpj` could pose as a picture. Also U+FFFE and U+FFFF, which S3's XML can't carry.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// `name` in at most `max_bytes`, cut between characters and before a short extension.
pub(super) fn cut(name: &str, max_bytes: usize) -> Cow<'_, str> {
    if name.len() <= max_bytes {
        return name.into();
    }
    let extension = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= max_bytes.min(32) / 2 => &name[dot..],
        _ => "",
    };
    let stem = &name[..name.floor_char_boundary(max_bytes - extension.len())];
    (stem.trim_end().to_owned() + extension).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name_of(file_name: &str) -> String {
        Key::for_upload("uploads/", "id", file_name, MAX_BYTES).file_name().to_owned()
    }

    #[test]
    fn a_key_is_prefix_then_id_then_name() {
        assert_eq!(Key::without_name("uploads/", "4k2j").as_str(), "uploads/4k2j");
        let key = Key::for_upload("uploads/", "4k2j", "Läuft gut.pdf", MAX_BYTES);
        assert_eq!(key.as_str(), "uploads/4k2j/Läuft gut.pdf");
    }

    #[test]
    fn a_name_can_not_leave_its_folder() {
        let names = ["../../etc/passwd", r"C:\Users\me\cv.doc", "..", ".", "/", "a/..", ""];
        let safe = names.map(name_of);
        assert_eq!(safe, ["passwd", "cv.doc", "file", "file", "file", "file", "file"]);
    }

    #[test]
    fn controls_and_direction_marks_go_and_scripts_stay() {
        assert_eq!(name_of("a\r\nb\0.txt"), "ab.txt");
        assert_eq!(name_of("photo\u{202e}gpj.exe"), "photogpj.exe");
        assert_eq!(name_of("שלום 🦀  日本語.png"), "שלום 🦀 日本語.png");
        assert_eq!(name_of(r#"100% "real"?#{x}.txt"#), "100- -real----x-.txt");
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = name_of(&("é".repeat(300) + ".jpeg"));
        assert!(name.len() <= MAX_NAME_BYTES && name.ends_with("é.jpeg"), "{name}");
        let key = Key::for_upload("uploads/", "id", &"x".repeat(300), 64);
        assert_eq!(key.as_str().len(), 64);
    }

    #[test]
    fn a_key_from_elsewhere_is_checked() {
        assert_eq!("".parse::<Key>(), Err(KeyError::Empty));
        assert_eq!("x".repeat(1025).parse::<Key>(), Err(KeyError::TooLong(1025)));
        assert!(serde_json::from_str::<Key>(r#""""#).is_err());
    }

    proptest! {
        #[test]
        fn any_name_gives_one_safe_segment(name in any::<String>(), max_bytes in 20_usize..1500) {
            let key = Key::for_upload("up/", "id", &name, max_bytes);
            let safe = key.as_str().strip_prefix("up/id/").expect("it is in its folder");
            prop_assert!(key.as_str().len() <= max_bytes.min(MAX_BYTES));
            prop_assert!(!safe.is_empty() && safe.len() <= MAX_NAME_BYTES);
            prop_assert!(safe != "." && safe != ".." && !safe.contains(['/', '\\']));
            prop_assert!(!safe.chars().any(is_invisible));
            prop_assert_eq!(&safe_name(safe, MAX_NAME_BYTES), safe, "making it safe twice changes nothing");
        }
    }
}
