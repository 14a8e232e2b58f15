//! The state of an upload, sealed: base64url of a version byte, the key's id, the claim as JSON, and an HMAC-SHA256 over
//! these, the deployment and the visitor. The browser keeps it, so any replica serves any call.

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
const VERSION: u8 = 3;

const MAC_BYTES: usize = 32;

const KEY_ID_BYTES: usize = 4;

/// Separates these MACs from whatever else an operator uses the same secret for.
const CONTEXT: &[u8] = b"leptos-aws-s3 upload token\0";

const KEY_ID_CONTEXT: &[u8] = b"leptos-aws-s3 key id\0";

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

/// Seals and opens tokens with the operator's secrets.
#[derive(Clone)]
pub struct Sealer {
    /// Seals.
    key: SealingKey,
    /// Open what was sealed before the secret was changed.
    older: Vec<SealingKey>,
    deployment: String,
    life: Duration,
}

/// A secret, and what tokens call it by.
#[derive(Clone)]
struct SealingKey {
    id: [u8; KEY_ID_BYTES],
    keyed: Hmac<Sha256>,
}

impl SealingKey {
    fn new(secret: &[u8]) -> Self {
        let keyed: Hmac<Sha256> = Hmac::new_from_slice(secret).expect("HMAC takes a key of any length");
        let digest = keyed.clone().chain_update(KEY_ID_CONTEXT).finalize().into_bytes();
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest[..KEY_ID_BYTES]);
        Self { id, keyed }
    }
}

impl Sealer {
    /// `secret` is the first of `UPLOAD_SECRET`; tokens end `life` after they were sealed.
    #[must_use]
    pub fn new(secret: &[u8], life: Duration) -> Self {
        Self { key: SealingKey::new(secret), older: Vec::new(), deployment: String::new(), life }
    }

    /// Opens also what was sealed with these secrets: the rest of `UPLOAD_SECRET`.
    #[must_use]
    pub fn opening(mut self, older: &[impl AsRef<[u8]>]) -> Self {
        self.older.extend(older.iter().map(|secret| SealingKey::new(secret.as_ref())));
        self
    }

    /// Its tokens are of no use to another deployment, also not to one with the same secret: see
    /// [`StoreConfig::deployment`](super::config::StoreConfig::deployment).
    #[must_use]
    pub fn bound_to(self, deployment: String) -> Self {
        Self { deployment, ..self }
    }

    /// A secret for one run of the server.
    #[must_use]
    pub fn random_secret() -> [u8; 32] {
        random_bytes()
    }

    /// A token that only this visitor can use.
    #[must_use]
    pub fn seal(&self, visitor: &Visitor, upload: Upload, now: SystemTime) -> UploadToken {
        self.seal_claim(visitor, &self.claim(upload, now))
    }

    /// What a token says that is sealed now.
    #[must_use]
    pub fn claim(&self, upload: Upload, now: SystemTime) -> Claim {
        Claim { expires: unix_seconds(now + self.life), upload }
    }

    /// A token that ends when the claim says.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it does not")]
    pub fn seal_claim(&self, visitor: &Visitor, claim: &Claim) -> UploadToken {
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.key.id);
        serde_json::to_writer(&mut sealed, claim).expect("strings and numbers always become JSON");
        let mac = self.mac(&self.key, visitor, &sealed).finalize().into_bytes();
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
        let Some((&VERSION, rest)) = signed.split_first() else { return Err(Refusal::TokenInvalid) };
        let (id, json) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(Refusal::TokenInvalid)?;
        let mut keys = std::iter::once(&self.key).chain(&self.older).filter(|key| key.id == *id);
        if !keys.any(|key| self.mac(key, visitor, signed).verify_slice(mac).is_ok()) {
            return Err(Refusal::TokenInvalid);
        }
        let claim: Claim = serde_json::from_slice(json).map_err(|_| Refusal::TokenInvalid)?;
        if unix_seconds(now) >= claim.expires {
            return Err(Refusal::TokenExpired);
        }
        Ok(claim)
    }

    fn mac(&self, key: &SealingKey, visitor: &Visitor, signed: &[u8]) -> Hmac<Sha256> {
        let mut mac = key.keyed.clone();
        mac.update(CONTEXT);
        for text in [self.deployment.as_str(), visitor.as_str()] {
            mac.update(&text.len().to_le_bytes());
            mac.update(text.as_bytes());
        }
        mac.update(signed);
        mac
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sealer").field("life", &self.life).finish_non_exhaustive()
    }
}

impl Claim {
    /// How long the token is still good for.
    #[must_use]
    pub fn remaining(&self, now: SystemTime) -> Duration {
        Duration::from_secs(self.expires.saturating_sub(unix_seconds(now)))
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

    #[test]
    fn a_token_outlives_the_change_of_its_secret_for_as_long_as_that_is_listed() {
        let (visitor, now) = (Visitor::new(), SystemTime::now());
        let (old, new) = (sealer(), Sealer::new(b"the secret of next month, as long", DAY));
        let token = old.seal(&visitor, upload(), now);
        let both = new.clone().opening(&[b"a secret of at least 32 characters"]);
        assert_eq!(both.open(&visitor, &token, now), Ok(upload()));
        assert_eq!(new.open(&visitor, &token, now), Err(Refusal::TokenInvalid));

        let renewed = both.seal(&visitor, upload(), now);
        assert_eq!(new.open(&visitor, &renewed, now), Ok(upload()), "the first secret seals");
        assert_eq!(old.open(&visitor, &renewed, now), Err(Refusal::TokenInvalid));
    }

    #[test]
    fn deployments_with_one_secret_do_not_open_each_others_tokens() {
        let (visitor, now) = (Visitor::new(), SystemTime::now());
        let [staging, production] = ["staging", "production"].map(|name| sealer().bound_to(name.to_owned()));
        let token = staging.seal(&visitor, upload(), now);
        assert_eq!(staging.open(&visitor, &token, now), Ok(upload()));
        assert_eq!(production.open(&visitor, &token, now), Err(Refusal::TokenInvalid));
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
