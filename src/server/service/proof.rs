//! What a store's words prove about the bytes that the browser sent.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::Md5;
use sha2::{Digest, Sha256};

use super::store::Head;
use crate::s3::{Checksum, ChecksumAlgorithm, Refusal};

/// What the store's checksum says of the browser's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// They are equal.
    Equal,
    /// They are not: these are other bytes.
    Different,
    /// The store says nothing that could be compared, which proves nothing.
    Silent,
}

impl Proof {
    /// `verified` of the object.
    ///
    /// # Errors
    ///
    /// [`Refusal::ChecksumMismatch`] for other bytes.
    pub(super) fn verified(self, algorithm: Option<ChecksumAlgorithm>) -> Result<Option<ChecksumAlgorithm>, Refusal> {
        match self {
            Self::Equal => Ok(algorithm),
            Self::Different => Err(Refusal::ChecksumMismatch),
            Self::Silent => Ok(None),
        }
    }

    fn of(equal: bool) -> Self {
        if equal { Self::Equal } else { Self::Different }
    }
}

/// The checksum's digest.
///
/// # Errors
///
/// [`Refusal::Malformed`] for what is no Base64 of such a digest.
pub(super) fn digest(checksum: &Checksum) -> Result<Vec<u8>, Refusal> {
    let digest = BASE64.decode(&checksum.value).ok();
    let digest = digest.filter(|digest| digest.len() == checksum.algorithm.digest_bytes());
    digest.ok_or_else(|| Refusal::Malformed { reason: "its checksum is not the Base64 of a digest.".to_owned() })
}

/// The MD5 that an `ETag` looks like: 32 hexadecimal digits, in quotes or not.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
pub(super) fn etag_md5(etag: &str) -> Option<[u8; 16]> {
    let hex = etag.trim_matches('"');
    let is_hex = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(hex, 16).ok())?.map(u128::to_be_bytes)
}

/// What the store says of an object that one request brought.
pub(super) fn prove_object(checksum: &Checksum, head: &Head) -> Proof {
    let etag = head.object.etag.as_ref().filter(|_| head.etag_may_be_md5);
    match checksum.algorithm {
        ChecksumAlgorithm::Sha256 => match head.sha256.as_deref() {
            Some(sha256) if !sha256.contains('-') => Proof::of(sha256 == checksum.value),
            _ => Proof::Silent,
        },
        ChecksumAlgorithm::Md5 => match etag.and_then(|etag| etag_md5(&etag.0)) {
            Some(md5) => Proof::of(BASE64.encode(md5) == checksum.value),
            None => Proof::Silent,
        },
    }
}

/// What the store says of an object whose parts have these digests. AWS computes a checksum of the digests, as it does
/// for an `ETag`, and adds `-` and their number; other stores say that of the whole object, or nothing.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#ChecksumTypes>
pub(super) fn prove_composite(digests: &Digests, sha256: Option<&str>, etag: Option<&str>) -> Proof {
    let composite = digests.composite();
    match (digests.algorithm, sha256) {
        _ if digests.parts == 0 => Proof::Silent,
        (ChecksumAlgorithm::Sha256, Some(sha256)) => {
            let (value, parts) = sha256.rsplit_once('-').map_or((sha256, None), |(value, parts)| (value, Some(parts)));
            let same_parts = parts.is_none_or(|parts| parts.parse() == Ok(digests.parts));
            match parts {
                _ if value == composite && same_parts => Proof::Equal,
                Some(_) => Proof::Different,
                None if digests.parts == 1 => Proof::of(BASE64.decode(value).is_ok_and(|whole| whole == digests.bytes)),
                None => Proof::Silent,
            }
        }
        // Another one may be no MD5 at all: it depends on how the object is encrypted.
        (ChecksumAlgorithm::Md5, _) if etag.is_some_and(|etag| etag.trim_matches('"') == composite) => Proof::Equal,
        _ => Proof::Silent,
    }
}

/// The digests of a file's parts, one after the other.
pub(super) struct Digests {
    algorithm: ChecksumAlgorithm,
    parts: usize,
    bytes: Vec<u8>,
}

impl Digests {
    /// # Errors
    ///
    /// [`Refusal::Malformed`] if one is none.
    pub(super) fn new(algorithm: ChecksumAlgorithm, checksums: &[Checksum]) -> Result<Self, Refusal> {
        let digests = checksums.iter().map(digest).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { algorithm, parts: digests.len(), bytes: digests.concat() })
    }

    /// SHA-256 in Base64, as S3 writes checksums; MD5 as it writes it in an `ETag`, with the number of parts.
    fn composite(&self) -> String {
        match self.algorithm {
            ChecksumAlgorithm::Sha256 => BASE64.encode(Sha256::digest(&self.bytes)),
            ChecksumAlgorithm::Md5 => {
                let md5 = u128::from_be_bytes(Md5::digest(&self.bytes).into());
                format!("{md5:032x}-{}", self.parts)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::{ETag, Object};

    fn sha256(bytes: &[u8]) -> Checksum {
        Checksum { algorithm: ChecksumAlgorithm::Sha256, value: BASE64.encode(Sha256::digest(bytes)) }
    }

    fn md5(bytes: &[u8]) -> Checksum {
        Checksum { algorithm: ChecksumAlgorithm::Md5, value: BASE64.encode(Md5::digest(bytes)) }
    }

    fn head(sha256: Option<&str>, etag: &str) -> Head {
        let object = Object {
            key: "k".parse().unwrap(),
            size: 3,
            etag: Some(ETag(etag.into())),
            verified: None,
            location: None,
        };
        Head { object, sha256: sha256.map(str::to_owned), etag_may_be_md5: true, age: None }
    }

    #[test]
    fn a_checksum_has_the_length_of_its_digest() {
        assert_eq!(digest(&md5(b"abc")).unwrap().len(), 16);
        for value in ["", "AAAA", "not Base64", &md5(b"").value] {
            let checksum = Checksum { algorithm: ChecksumAlgorithm::Sha256, value: value.to_owned() };
            assert!(matches!(digest(&checksum), Err(Refusal::Malformed { .. })), "{value}");
        }
    }

    #[test]
    fn an_object_is_proven_by_what_the_store_says_and_not_by_its_silence() {
        let abc = sha256(b"abc");
        assert_eq!(prove_object(&abc, &head(Some(&abc.value), "")), Proof::Equal);
        assert_eq!(prove_object(&abc, &head(Some(&sha256(b"abd").value), "")), Proof::Different);
        assert_eq!(prove_object(&abc, &head(None, "\"900150983cd24fb0d6963f7d28e17f72\"")), Proof::Silent);
        let etag = "\"900150983CD24FB0D6963F7D28E17F72\"";
        assert_eq!(prove_object(&md5(b"abc"), &head(None, etag)), Proof::Equal);
        assert_eq!(prove_object(&md5(b"abd"), &head(None, etag)), Proof::Different);
        assert_eq!(prove_object(&md5(b"abc"), &head(None, "\"900150983cd24fb0d6963f7d28e17f72-2\"")), Proof::Silent);
        let encrypted = Head { etag_may_be_md5: false, ..head(None, etag) };
        assert_eq!(prove_object(&md5(b"abd"), &encrypted), Proof::Silent);
    }

    /// `printf a | openssl dgst -sha256 -binary`, the same of `b`, both through it again.
    #[test]
    fn a_composite_is_the_checksum_of_the_parts_digests() {
        let digests = Digests::new(ChecksumAlgorithm::Sha256, &[sha256(b"a"), sha256(b"b")]).unwrap();
        let composite = "5aAf7hTg7VxIcU8iGA8lrYNltT+XefedxKPX6Tlj+Uo=";
        let prove = |stored: &str| prove_composite(&digests, Some(stored), None);
        assert_eq!(prove(&format!("{composite}-2")), Proof::Equal);
        assert_eq!(prove(composite), Proof::Equal);
        assert_eq!(prove(&format!("{composite}-3")), Proof::Different);
        assert_eq!(prove(&format!("{}-2", sha256(b"ab").value)), Proof::Different);
        assert_eq!(prove(&sha256(b"ab").value), Proof::Silent, "of the whole object, which nobody hashed");
        assert_eq!(prove_composite(&digests, None, Some("\"x\"")), Proof::Silent);
    }

    #[test]
    fn the_only_parts_digest_is_the_objects() {
        let digests = Digests::new(ChecksumAlgorithm::Sha256, &[sha256(b"a")]).unwrap();
        assert_eq!(prove_composite(&digests, Some(&sha256(b"a").value), None), Proof::Equal);
        assert_eq!(prove_composite(&digests, Some(&sha256(b"b").value), None), Proof::Different);
    }

    #[test]
    fn a_multipart_etag_proves_md5s_and_disproves_none() {
        let digests = Digests::new(ChecksumAlgorithm::Md5, &[md5(b"a"), md5(b"b")]).unwrap();
        let etag = "\"96e024ba2074fe77e8e965ba43a704be-2\"";
        assert_eq!(prove_composite(&digests, None, Some(etag)), Proof::Equal);
        assert_eq!(prove_composite(&digests, None, Some("\"0123-2\"")), Proof::Silent);
        let none = Digests::new(ChecksumAlgorithm::Md5, &[]).unwrap();
        assert_eq!(prove_composite(&none, None, Some(etag)), Proof::Silent);
    }
}
