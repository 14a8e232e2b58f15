use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::s3::{Meta, Refusal};

/// The most bytes of all names and values together.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html#UserMetadata>
const MAX_BYTES: usize = 2048;

/// What S3 puts before the names of an object's own metadata.
pub(super) const PREFIX: &str = "x-amz-meta-";

/// A file's metadata as `x-amz-meta-*` headers. Names become lower-case, as S3 stores them; a value
/// that a header can't carry as it is becomes an RFC 2047 word, as S3 itself answers such values.
///
/// # Errors
///
/// [`Refusal::Malformed`] for a name that is no header name, or for more than S3 stores.
pub(super) fn user_metadata(meta: &Meta) -> Result<Vec<(String, String)>, Refusal> {
    let headers = meta.iter().map(|(name, value)| Ok((header_name(name)?, header_value(value))));
    let headers = headers.collect::<Result<Vec<_>, Refusal>>()?;
    let names: BTreeSet<_> = headers.iter().map(|(name, _)| name).collect();
    if names.len() < headers.len() {
        let reason = "two names of its metadata differ in upper and lower case only.".to_owned();
        return Err(Refusal::Malformed { reason });
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.len() - PREFIX.len() + value.len()).sum();
    if bytes > MAX_BYTES {
        let reason = format!("its metadata has {bytes} bytes, and S3 stores {MAX_BYTES}.");
        return Err(Refusal::Malformed { reason });
    }
    Ok(headers)
}

fn header_name(name: &str) -> Result<String, Refusal> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        let reason = format!("“{}” can't be the name of S3 metadata.", name.escape_debug());
        return Err(Refusal::Malformed { reason });
    }
    Ok(format!("{PREFIX}{}", name.to_ascii_lowercase()))
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
    fn what_s3_can_not_store_is_refused() {
        assert!(matches!(headers([("two words", "")]), Err(Refusal::Malformed { .. })));
        assert!(matches!(headers([("", "")]), Err(Refusal::Malformed { .. })));
        assert!(matches!(headers([("A", "1"), ("a", "2")]), Err(Refusal::Malformed { .. })));
        assert!(matches!(headers([("a", &"x".repeat(2048))]), Err(Refusal::Malformed { .. })));
        assert!(headers([("a", &"x".repeat(2047))]).is_ok());
    }
}
