//! The state of an upload, sealed: base64url of a version byte, the claim as JSON, and an
//! HMAC-SHA256 over both and the visitor. The browser keeps it, so any replica serves any call.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Visitor, random::random_bytes};
use crate::s3::{Checksum, ChecksumAlgorithm, Key, Refusal, UploadToken};

/// Changes with the claim's shape, so that an old token is refused instead of misread.
const VERSION: u8 = 2;

const MAC_BYTES: usize = 32;

/// Separates these MACs from whatever else an operator uses the same secret for.
const CONTEXT: &[u8] = b"leptos-aws-s3 upload token\0";

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Seconds since 1970 at which the token ends.
    #[serde(rename = "e")]
    pub expires: u64,
    /// What it is a token of.
    #[serde(rename = "u")]
    pub upload: Upload,
}

/// The uploads there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Upload {
    /// One request carries the whole file.
    #[serde(rename = "s")]
    Single {
        /// Where it goes.
        #[serde(rename = "k")]
        key: Key,
        /// Bytes, signed.
        #[serde(rename = "n")]
        size: u64,
        /// Type, signed.
        #[serde(rename = "t")]
        content_type: String,
        /// What its bytes have to be, signed.
        #[serde(rename = "c")]
        checksum: Option<Checksum>,
    },
    /// The key of an upload in parts that the store does not know of yet.
    #[serde(rename = "r")]
    Reserved {
        /// Where it goes.
        #[serde(rename = "k")]
        key: Key,
        /// Bytes.
        #[serde(rename = "n")]
        size: u64,
        /// Type.
        #[serde(rename = "t")]
        content_type: String,
        /// Bytes of every part but the last.
        #[serde(rename = "p")]
        part_size: u64,
    },
    /// An upload in parts.
    #[serde(rename = "m")]
    Multipart(MultipartUpload),
    /// An upload in parts of a Companion client, which says neither its size nor that of its parts.
    #[serde(rename = "u")]
    Unsized {
        /// Where it goes.
        #[serde(rename = "k")]
        key: Key,
        /// S3's id of it.
        #[serde(rename = "i")]
        upload_id: String,
    },
    /// The page's form without JavaScript: the size is the visitor's.
    #[serde(rename = "f")]
    Form {
        /// Where it goes.
        #[serde(rename = "k")]
        key: Key,
    },
}

/// An upload in parts, as S3 knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultipartUpload {
    /// Where it goes.
    #[serde(rename = "k")]
    pub key: Key,
    /// S3's id of it.
    #[serde(rename = "i")]
    pub upload_id: String,
    /// Bytes.
    #[serde(rename = "n")]
    pub size: u64,
    /// Bytes of every part but the last.
    #[serde(rename = "p")]
    pub part_size: u64,
    /// What its parts are checked with, as it was when the upload began.
    #[serde(rename = "a")]
    pub algorithm: Option<ChecksumAlgorithm>,
}

/// Seals and opens tokens with the operator's secret.
#[derive(Clone)]
pub struct Sealer {
    keyed: Hmac<Sha256>,
    life: Duration,
}

impl Sealer {
    /// `secret` is `UPLOAD_SECRET`; tokens end `life` after they were sealed.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it does not")]
    pub fn new(secret: &[u8], life: Duration) -> Self {
        let keyed = Hmac::new_from_slice(secret).expect("HMAC takes a key of any length");
        Self { keyed, life }
    }

    /// A secret for one run of the server.
    #[must_use]
    pub fn random_secret() -> [u8; 32] {
        random_bytes()
    }

    /// A token that only this visitor can use.
    #[must_use]
    pub fn seal(&self, visitor: &Visitor, upload: Upload, now: SystemTime) -> UploadToken {
        self.seal_claim(visitor, &Claim { expires: unix_seconds(now + self.life), upload })
    }

    /// A token that ends when the claim says.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it does not")]
    pub fn seal_claim(&self, visitor: &Visitor, claim: &Claim) -> UploadToken {
        let mut sealed = vec![VERSION];
        serde_json::to_writer(&mut sealed, claim).expect("strings and numbers always become JSON");
        let mac = self.mac(visitor, &sealed).finalize().into_bytes();
        sealed.extend_from_slice(&mac);
        UploadToken::new(BASE64.encode(sealed))
    }

    /// What was sealed for this visitor.
    ///
    /// # Errors
    ///
    /// [`Refusal::TokenInvalid`] if a bit of it was changed or it is another visitor's,
    /// [`Refusal::TokenExpired`] after its time.
    pub fn open(&self, visitor: &Visitor, token: &UploadToken, now: SystemTime) -> Result<Upload, Refusal> {
        self.open_claim(visitor, token, now).map(|claim| claim.upload)
    }

    /// What was sealed for this visitor, and until when.
    ///
    /// # Errors
    ///
    /// As for [`Sealer::open`].
    pub fn open_claim(&self, visitor: &Visitor, token: &UploadToken, now: SystemTime) -> Result<Claim, Refusal> {
        let sealed = BASE64.decode(token.as_str()).map_err(|_| Refusal::TokenInvalid)?;
        let (signed, mac) = sealed.split_last_chunk::<MAC_BYTES>().ok_or(Refusal::TokenInvalid)?;
        self.mac(visitor, signed).verify_slice(mac).map_err(|_| Refusal::TokenInvalid)?;
        let claim: Claim = match signed.split_first() {
            Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|_| Refusal::TokenInvalid)?,
            _ => return Err(Refusal::TokenInvalid),
        };
        if unix_seconds(now) >= claim.expires {
            return Err(Refusal::TokenExpired);
        }
        Ok(claim)
    }

    fn mac(&self, visitor: &Visitor, signed: &[u8]) -> Hmac<Sha256> {
        let id = visitor.as_str().as_bytes();
        let mut mac = self.keyed.clone();
        mac.update(CONTEXT);
        mac.update(&id.len().to_le_bytes());
        mac.update(id);
        mac.update(signed);
        mac
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sealer").field("life", &self.life).finish_non_exhaustive()
    }
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn sealer() -> Sealer {
        Sealer::new(b"a secret of at least 32 characters", DAY)
    }

    fn upload() -> Upload {
        let key = "uploads/id/Größe.txt".parse().unwrap();
        Upload::Single { key, size: 7, content_type: "text/plain".into(), checksum: None }
    }

    #[test]
    fn what_was_sealed_comes_back() {
        let (visitor, now) = (Visitor::new(), SystemTime::now());
        let token = sealer().seal(&visitor, upload(), now);
        assert_eq!(sealer().open(&visitor, &token, now), Ok(upload()));
    }

    #[test]
    fn another_visitor_another_secret_and_another_time_are_refused() {
        let (visitor, now) = (Visitor::new(), SystemTime::now());
        let token = sealer().seal(&visitor, upload(), now);
        assert_eq!(sealer().open(&Visitor::new(), &token, now), Err(Refusal::TokenInvalid));
        assert_eq!(Sealer::new(b"another", DAY).open(&visitor, &token, now), Err(Refusal::TokenInvalid));
        assert_eq!(sealer().open(&visitor, &token, now + DAY), Err(Refusal::TokenExpired));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_refused(bit in any::<prop::sample::Index>()) {
            let (visitor, now) = (Visitor::new(), SystemTime::now());
            let token = sealer().seal(&visitor, upload(), now);
            let mut bytes = token.as_str().as_bytes().to_vec();
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let changed = UploadToken::new(String::from_utf8_lossy(&bytes).into_owned());
            prop_assert_eq!(sealer().open(&visitor, &changed, now), Err(Refusal::TokenInvalid));
        }

        #[test]
        fn no_text_makes_opening_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            for text in [text, BASE64.encode(bytes)] {
                let token = UploadToken::new(text);
                let opened = sealer().open(&Visitor::new(), &token, SystemTime::now());
                prop_assert_eq!(opened, Err(Refusal::TokenInvalid));
            }
        }
    }
}
