use std::{
    ops::RangeInclusive,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use futures::future::join_all;

use super::{UploadService, proof::digest};
use crate::{
    s3::{
        Checksum, ChecksumAlgorithm, FileInfo, Key, MAX_REQUEST_SIZE, Method, Refusal, SignRequest, SignedUpload,
        UploadParameters, UploadToken, content_disposition,
    },
    server::{
        Config, Visitor,
        content_type::content_type,
        log::log,
        metadata::user_metadata,
        presign::{PostPolicy, PostTarget, PresignError, PutObject},
        provider::ConditionalPut,
        random::random_id,
        token::Upload,
    },
};

/// How many keys of renewed signatures the store is asked about at the same time.
const MAX_HEADS: usize = 16;

/// What all signatures of one call share.
pub(super) struct Signing {
    pub(super) credentials: Credentials,
    pub(super) expires_in: Duration,
    pub(super) now: SystemTime,
}

impl Signing {
    pub(super) fn expires_in_ms(&self) -> u64 {
        milliseconds(self.expires_in)
    }
}

pub(super) fn milliseconds(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX)
}

/// One file for one request.
pub(super) struct Single<'a> {
    pub(super) key: &'a Key,
    pub(super) file: &'a FileInfo,
    pub(super) content_type: &'a str,
    pub(super) metadata: Vec<(String, String)>,
    pub(super) checksum: Option<&'a Checksum>,
}

impl UploadService {
    /// One signature or one refusal per file, in the order of `requests`.
    pub async fn sign(&self, visitor: &Visitor, requests: Vec<SignRequest>) -> Vec<Result<SignedUpload, Refusal>> {
        self.sign_at(visitor, requests, SystemTime::now()).await
    }

    /// [`UploadService::sign`] at a given time.
    pub async fn sign_at(
        &self,
        visitor: &Visitor,
        requests: Vec<SignRequest>,
        now: SystemTime,
    ) -> Vec<Result<SignedUpload, Refusal>> {
        let signing = self.signing(now).await;
        let max = self.limits().max_files;
        let signing = match signing {
            Ok(signing) => signing,
            Err(refusal) => return requests.iter().map(|_| Err(refusal.clone())).collect(),
        };
        let (taken, others) = requests.split_at(requests.len().min(max));
        let mut signed = Vec::with_capacity(requests.len());
        for requests in taken.chunks(MAX_HEADS) {
            signed.extend(join_all(requests.iter().map(|request| self.sign_file(visitor, request, &signing))).await);
        }
        signed.extend(others.iter().map(|_| Err(Refusal::TooManyFiles { max })));
        signed
    }

    /// A signature lasts no longer than the credentials it was made with, whatever it says, and than the store allows.
    pub(super) async fn signing(&self, now: SystemTime) -> Result<Signing, Refusal> {
        let credentials = self.0.store.credentials.at(now).await.map_err(|error| {
            log(format_args!("No credentials to sign with: {error}"));
            Refusal::StoreRefused { reason: "it has no credentials to sign with".to_owned() }
        })?;
        let remaining = credentials.expiry().map(|end| end.duration_since(now).unwrap_or_default());
        let allowed = self.0.config.expires.min(self.0.config.store.provider().max_expires);
        // A URL says it in whole seconds.
        let expires_in = Duration::from_secs(remaining.unwrap_or(Duration::MAX).min(allowed).as_secs());
        if expires_in.is_zero() {
            return Err(Refusal::StoreRefused { reason: "its credentials have expired".to_owned() });
        }
        Ok(Signing { credentials, expires_in, now })
    }

    async fn sign_file(
        &self,
        visitor: &Visitor,
        request: &SignRequest,
        signing: &Signing,
    ) -> Result<SignedUpload, Refusal> {
        let file = &request.file;
        self.limits().check(file)?;
        let content_type = content_type(file);
        let metadata = self.metadata(file)?;
        if let Some(part_size) = request.part_size {
            return self.reserve(visitor, request, part_size, signing.now);
        }
        if file.size > MAX_REQUEST_SIZE {
            return Err(Refusal::FileTooLarge { size: file.size, max: MAX_REQUEST_SIZE });
        }
        let checksum = self.own_checksum(request.checksum.as_ref())?;
        let (key, token) = self.single_upload(visitor, request, checksum, signing.now).await?;
        let single = Single { key: &key, file, content_type, metadata, checksum };
        let parameters = match self.method_for(request, checksum) {
            Method::Put => self.put(single, signing).map_err(|error| refused(&error))?,
            Method::Post => self.post(single, file.size..=file.size, signing),
        };
        Ok(SignedUpload { parameters, token: Some(token), expires_in_ms: Some(signing.expires_in_ms()) })
    }

    /// The metadata of a file that our own page describes, whose fields an app has chosen: it is told of one that it lacks.
    pub(super) fn metadata(&self, file: &FileInfo) -> Result<Vec<(String, String)>, Refusal> {
        self.0.config.meta.check(&file.meta)?;
        user_metadata(&file.meta)
    }

    /// A form can't say `If-None-Match: *`: until it expires, whoever has it can send it again, and with other bytes unless it
    /// names them. So where a store would refuse a second PUT, there is no form without a checksum.
    fn method_for(&self, request: &SignRequest, checksum: Option<&Checksum>) -> Method {
        let refuses_second = self.0.config.store.provider().conditional_put == ConditionalPut::Honoured;
        match self.0.config.method_for(request.method) {
            Method::Post if refuses_second && checksum.is_none() => Method::Put,
            method => method,
        }
    }

    /// A checksum that the store can check; others are not signed.
    fn own_checksum<'a>(&self, checksum: Option<&'a Checksum>) -> Result<Option<&'a Checksum>, Refusal> {
        checksum.map(digest).transpose()?;
        Ok(checksum.filter(|checksum| Some(checksum.algorithm) == self.checksum_algorithm()))
    }

    pub(super) fn new_key(&self, file_name: &str) -> Key {
        let Config { prefix, key_name, store, .. } = &self.0.config;
        match key_name {
            true => Key::for_upload(prefix, &random_id(), file_name, store.provider().max_key_bytes),
            false => Key::without_name(prefix, &random_id()),
        }
    }

    /// The key signed before, if the file is still what it was signed for, has the same checksum, and the store has nothing
    /// under the key; a new key for other bytes.
    ///
    /// # Errors
    ///
    /// [`Refusal::AlreadyComplete`] where the store has the object, token refusals and the store's failures.
    async fn single_upload(
        &self,
        visitor: &Visitor,
        request: &SignRequest,
        checksum: Option<&Checksum>,
        now: SystemTime,
    ) -> Result<(Key, UploadToken), Refusal> {
        let file = &request.file;
        let content_type = content_type(file).to_owned();
        if let Some(token) = &request.renew {
            let claim = self.0.sealer.open_claim(visitor, token, now)?;
            let Upload::Single { key, size, content_type: sealed, checksum: bound } = &claim.upload else {
                return Err(Refusal::TokenInvalid);
            };
            if (*size, sealed) != (file.size, &content_type) {
                return Err(Refusal::TokenInvalid);
            }
            if bound.as_ref() == checksum {
                self.check_unused(key).await?;
                return Ok((key.clone(), self.0.sealer.seal_claim(visitor, &claim)));
            }
        }
        let key = self.new_key(&file.name);
        let upload = Upload::Single { key: key.clone(), size: file.size, content_type, checksum: checksum.cloned() };
        Ok((key, self.0.sealer.seal(visitor, upload, now)))
    }

    fn put(&self, single: Single<'_>, signing: &Signing) -> Result<UploadParameters, PresignError> {
        let Single { key, file, content_type, metadata, checksum } = single;
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("content-disposition".to_owned(), content_disposition(&file.name)),
        ];
        if self.0.config.store.provider().conditional_put == ConditionalPut::Honoured {
            headers.push(("if-none-match".to_owned(), "*".to_owned()));
        }
        headers.extend(self.0.config.cache_control.iter().map(|value| ("cache-control".to_owned(), value.clone())));
        headers.extend(checksum.map(|checksum| (checksum.algorithm.header().to_owned(), checksum.value.clone())));
        headers.extend(metadata);
        let put = PutObject { bucket: self.bucket(), key, content_length: file.size, headers: &headers };
        put.sign_at(&signing.credentials, signing.expires_in, signing.now)
    }

    /// `sizes` are the bytes that the form may carry.
    pub(super) fn post(&self, single: Single<'_>, sizes: RangeInclusive<u64>, signing: &Signing) -> UploadParameters {
        let Single { key, file, content_type, metadata, checksum } = single;
        let mut fields = vec![
            ("Content-Type".to_owned(), content_type.to_owned()),
            ("Content-Disposition".to_owned(), content_disposition(&file.name)),
        ];
        fields.extend(self.0.config.cache_control.iter().map(|value| ("Cache-Control".to_owned(), value.clone())));
        fields.extend(checksum.into_iter().flat_map(checksum_fields));
        fields.extend(metadata);
        let policy = PostPolicy {
            bucket: self.bucket(),
            key,
            content_length_range: sizes,
            fields: &fields,
            target: PostTarget::Created,
        };
        policy.sign_at(&signing.credentials, signing.expires_in, signing.now)
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html>
fn checksum_fields(checksum: &Checksum) -> Vec<(String, String)> {
    let value = checksum.value.clone();
    match checksum.algorithm {
        ChecksumAlgorithm::Sha256 => vec![
            ("x-amz-checksum-algorithm".to_owned(), "SHA256".to_owned()),
            ("x-amz-checksum-sha256".to_owned(), value),
        ],
        ChecksumAlgorithm::Md5 => vec![("Content-MD5".to_owned(), value)],
    }
}

pub(super) fn refused(error: &PresignError) -> Refusal {
    Refusal::StoreRefused { reason: error.to_string() }
}
