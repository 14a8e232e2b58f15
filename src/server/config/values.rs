use std::time::Duration;

use crate::s3::{ChecksumAlgorithm, Method};

/// A secret shorter than this could be guessed.
const MIN_SECRET_CHARACTERS: usize = 32;

/// Leaves a key of 1,024 bytes room for an id and a name.
const MAX_PREFIX_BYTES: usize = 512;

/// Leaves the 2 KiB that S3 stores of such headers room for a type and a name.
const MAX_HEADER_BYTES: usize = 200;

/// Bytes, with a unit or without: `5GiB`, `100 MB`, `1048576`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "tib" | "t" => 1 << 40,
        _ => 0,
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| format!("`{text}` is not a size like 5GiB, 100MB or 1048576"))
}

/// Whole seconds above 0.
pub(super) fn parse_seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=0xffff_ffff) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`{text}` is not a number of seconds above 0")),
    }
}

/// `put`, `post`, or `auto`, which is `None`.
pub(super) fn parse_method(text: &str) -> Result<Option<Method>, String> {
    match text.to_ascii_lowercase().as_str() {
        "put" => Ok(Some(Method::Put)),
        "post" => Ok(Some(Method::Post)),
        "auto" => Ok(None),
        _ => Err(format!("`{text}` is none of put, post and auto")),
    }
}

/// `sha256`, `md5`, or `none`, which is `None`.
pub(super) fn parse_checksum(text: &str) -> Result<Option<ChecksumAlgorithm>, String> {
    let name = text.to_ascii_lowercase();
    match ChecksumAlgorithm::named(&name) {
        None if name != "none" => Err(format!("`{text}` is none of sha256, md5 and none")),
        algorithm => Ok(algorithm),
    }
}

/// A folder for all uploads; the `/` at its end may be left out.
pub(super) fn parse_prefix(text: &str) -> Result<String, String> {
    let prefix = format!("{}/", text.trim_matches('/'));
    let good = |segment: &str| !matches!(segment, "" | "." | "..") && !segment.contains(['\\', '$']);
    if prefix == "/" {
        return Ok(String::new());
    }
    if prefix.len() > MAX_PREFIX_BYTES || prefix.contains(char::is_control) {
        return Err(format!("must have at most {MAX_PREFIX_BYTES} bytes and no control characters"));
    }
    if !prefix.trim_end_matches('/').split('/').all(good) {
        return Err(format!("`{text}` is not a folder like `uploads/` or `site/incoming/`"));
    }
    Ok(prefix)
}

/// The value of a header that a signature covers.
pub(super) fn parse_header(text: &str) -> Result<String, String> {
    if text.len() <= MAX_HEADER_BYTES && text.bytes().all(|b| (b' '..=b'~').contains(&b)) && !text.contains("  ") {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not at most {MAX_HEADER_BYTES} characters of ASCII without double spaces"))
}

/// The secret that seals, and after commas those that were used before.
pub(super) fn parse_secrets(text: &str) -> Result<Vec<String>, String> {
    let secrets: Vec<_> = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
    // The message has none of them: it is printed.
    if secrets.iter().any(|secret| secret.chars().count() < MIN_SECRET_CHARACTERS) {
        return Err(format!(
            "a secret has fewer than {MIN_SECRET_CHARACTERS} characters; `openssl rand -hex 32` makes a good one"
        ));
    }
    Ok(secrets.into_iter().map(str::to_owned).collect())
}

pub(super) fn parse_bool(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// The names S3 allows for new buckets, and dots.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub(super) fn parse_bucket(text: &str) -> Result<String, String> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let good = (3..=63).contains(&text.len())
        && text.bytes().all(legal)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
        && !text.contains("..");
    if good {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not a bucket's name: 3 to 63 lower-case letters, digits, dots and hyphens"))
}

/// A region's name becomes part of a host.
pub(super) fn parse_region(text: &str) -> Result<String, String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if text.bytes().all(legal) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a region like eu-central-1"))
    }
}

/// An account's name becomes part of a host: labels of letters, digits and hyphens.
pub(super) fn parse_account(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(legal) && !label.starts_with('-') && !label.ends_with('-')
    };
    if text.split('.').all(is_label) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("`{text}` can't be part of a host: letters, digits and hyphens are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = ["5GiB", "100MB", "64 kb", "7", "7b", "1g", "48TiB", "5 TB"].map(parse_size);
        assert_eq!(read, [5 << 30, 100_000_000, 64_000, 7, 7, 1 << 30, 48 << 40, 5_000_000_000_000].map(Ok));
        for text in ["", "0", "-1", "1.5GiB", "5 bananas", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_a_folder_and_stays_inside_the_bucket() {
        let read = ["uploads", "/a/b/", "/"].map(parse_prefix);
        assert_eq!(read, ["uploads/", "a/b/", ""].map(|prefix| Ok(prefix.to_owned())));
        for text in ["../up", "a//b", "a/./b", "a\\b", "${x}"] {
            assert!(parse_prefix(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_is_what_a_signature_covers() {
        assert_eq!(parse_header("private, max-age=60"), Ok("private, max-age=60".to_owned()));
        for text in ["a\r\nb: c", "é", "a  b", &"a".repeat(201)] {
            assert!(parse_header(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_listed_with_the_newest_first_and_none_is_short_or_printed() {
        let (new, old) = ("n".repeat(32), "o".repeat(40));
        assert_eq!(parse_secrets(&new), Ok(vec![new.clone()]));
        assert_eq!(parse_secrets(&format!("{new}, {old},")), Ok(vec![new.clone(), old.clone()]));
        for text in [format!("{new},short"), format!("{new}{old}").replace('n', ",x")] {
            let error = parse_secrets(&text).unwrap_err();
            assert!(!error.contains("short") && !error.contains(&old), "{error}");
        }
    }

    #[test]
    fn a_bucket_has_a_name_s3_allows() {
        assert!(parse_bucket("my-bucket.example").is_ok());
        for text in ["ab", "Bucket", "a_b", "-ab", "a..b", "a/b"] {
            assert!(parse_bucket(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_account_is_part_of_a_host_and_nothing_more() {
        assert_eq!(parse_account("0A1b.eu"), Ok("0a1b.eu".to_owned()));
        for text in ["a/b", "a b", "a..b", "evil.com/", "-a", "a-", "a@b", "a:1", "ä"] {
            assert!(parse_account(text).is_err(), "{text}");
        }
    }
}
