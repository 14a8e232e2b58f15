use std::borrow::Cow;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::Instant;
use crate::s3::{Checksum, Method, SignedUpload, UploadParameters, UploadToken};

/// A request never starts on parameters with less than this left; of short lives, a quarter.
const SAFETY_MARGIN: Duration = Duration::from_secs(10);

/// Signed parameters, and until when a request may start on them.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) parameters: UploadParameters,
    /// What the bytes have to be, where that is signed too.
    pub(super) checksum: Option<Checksum>,
    usable_until: Option<Instant>,
}

impl Signature {
    /// The life counts from when the signature was asked for: it began some time after.
    pub(super) fn new(signed: SignedUpload, checksum: Option<Checksum>, asked: Instant) -> Self {
        let usable_until = signed.expires_in_ms.map(|ms| {
            let life = Duration::from_millis(ms);
            asked + life.saturating_sub(SAFETY_MARGIN.min(life / 4))
        });
        Self { parameters: signed.parameters, checksum, usable_until }
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        self.usable_until.is_none_or(|until| now < until)
    }
}

/// Where a request puts its object, as far as its parameters tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) key: String,
    /// The object's URL.
    pub(super) location: Option<String>,
}

impl Destination {
    pub(super) fn of(parameters: &UploadParameters) -> Self {
        let url = parameters.url.split(['?', '#']).next().unwrap_or_default();
        let key_in_path = || {
            let authority_and_path = url.split_once(':').and_then(|(_, rest)| rest.strip_prefix("//")).unwrap_or(url);
            let path = authority_and_path.split_once('/').map_or("", |(_, path)| path);
            percent_decode_str(path).decode_utf8().map_or_else(|_| path.to_owned(), Cow::into_owned)
        };
        let key = parameters.fields.get("key").map_or_else(key_in_path, ToOwned::to_owned);
        let location = match parameters.method {
            Method::Put => Some(url.to_owned()),
            Method::Post => None,
        };
        Self { key, location }
    }
}

/// What the server is asked to confirm.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) token: UploadToken,
    pub(super) destination: Destination,
    /// The store said that it has the object.
    pub(super) is_acknowledged: bool,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn signature(expires_in_ms: Option<u64>) -> Signature {
        let signed = SignedUpload { expires_in_ms, ..UploadParameters::default().into() };
        Signature::new(signed, None, Instant::from_millis(1000))
    }

    /// The first millisecond, counted from asking, at which no request may start.
    fn unusable_from(expires_in_ms: u64) -> u64 {
        let signature = signature(Some(expires_in_ms));
        (0..100_000).find(|ms| !signature.is_usable(Instant::from_millis(1000 + ms))).unwrap()
    }

    #[test]
    fn the_safety_margin_is_ten_seconds_or_a_quarter_of_the_life() {
        assert_eq!(unusable_from(60_000), 50_000);
        assert_eq!(unusable_from(40_000), 30_000);
        assert_eq!(unusable_from(20_000), 15_000);
        assert_eq!(unusable_from(0), 0);
    }

    #[test]
    fn without_a_life_parameters_are_always_usable() {
        assert!(signature(None).is_usable(Instant::from_millis(u64::MAX)));
    }

    fn destination(method: Method, url: &str, key: Option<&str>) -> Destination {
        let fields = key.map(|key| ("key".to_owned(), key.to_owned())).into_iter().collect();
        let url = url.to_owned();
        Destination::of(&UploadParameters { method, url, fields, ..UploadParameters::default() })
    }

    #[test]
    fn a_put_names_its_object_in_the_path() {
        let put = destination(Method::Put, "https://b.example/a/b%20%C3%A4.txt?X-Amz-Date=1", None);
        assert_eq!(put.key, "a/b ä.txt");
        assert_eq!(put.location.as_deref(), Some("https://b.example/a/b%20%C3%A4.txt"));
    }

    #[test]
    fn a_field_says_the_key_before_the_path_does() {
        assert_eq!(destination(Method::Put, "https://s3.example/bucket/k", Some("k")).key, "k");
        let post = destination(Method::Post, "https://b.example/", Some("k"));
        assert_eq!(post, Destination { key: "k".into(), location: None });
    }

    #[test]
    fn a_url_without_a_path_has_an_empty_key() {
        assert_eq!(destination(Method::Put, "https://b.example", None).key, "");
    }
}
