//! The uploads of Companion's protocol. Its clients say a file's name, type and metadata, and never its size: so a form
//! is bounded by a range, a part by its number, and the sum of the parts is weighed before they become an object.

use std::time::SystemTime;

use super::{
    UploadService,
    completion::{Completion, to_the_end},
    multipart::unprefixed,
    outcomes::Turn,
    sign::{Single, refused},
    store_error::StoreError,
    store_multipart::{NewUpload, StoredPart},
};
use crate::{
    s3::{
        FileInfo, Key, MAX_OBJECT_SIZE, MAX_REQUEST_SIZE, MIN_PART_SIZE, PartNumber, Refusal, SignedUpload,
        UploadToken, content_disposition,
    },
    server::{
        Visitor, content_type::content_type, metadata::user_metadata, presign::UploadPart, provider::PostPolicies,
        token::Upload,
    },
};

/// A file of which nobody has said the size.
pub(in crate::server) struct Described {
    pub(in crate::server) name: String,
    pub(in crate::server) content_type: String,
    pub(in crate::server) metadata: Vec<(String, String)>,
}

/// A part as the client names it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct NamedPart {
    pub(in crate::server) number: PartNumber,
    /// With or without its quotes.
    pub(in crate::server) etag: String,
}

/// A multipart upload that nobody but the server knows of yet.
pub(in crate::server) struct Begun {
    key: Key,
    token: UploadToken,
    unheard: Option<UploadService>,
}

impl Begun {
    /// Its key and its token, for an answer that is sent.
    pub(in crate::server) fn heard(mut self) -> (Key, UploadToken) {
        self.unheard = None;
        (self.key.clone(), self.token.clone())
    }
}

impl Drop for Begun {
    /// The client went away before it heard of the upload, which nobody else can complete or abort.
    fn drop(&mut self) {
        let Some(service) = self.unheard.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (key, token) = (self.key.clone(), self.token.clone());
        runtime.spawn(async move {
            if let Err(refusal) = service.abort_unsized(&token, key.as_str()).await {
                eprintln!("An upload that no client heard of stays unfinished, {key}: {refusal}");
            }
        });
    }
}

/// An upload that was opened with its token and its key.
struct Opened {
    key: Key,
    upload_id: String,
}

impl UploadService {
    /// A form for a file of any size up to the limit.
    ///
    /// # Errors
    ///
    /// What [`UploadService::sign`] refuses, and [`Refusal::Malformed`] where a form of the store's would take any size.
    pub(in crate::server) async fn sign_form(&self, file: Described) -> Result<SignedUpload, Refusal> {
        let provider = self.0.config.store.provider();
        if matches!(provider.post_policy, PostPolicies::No | PostPolicies::NoSizeLimit) {
            let title = provider.title;
            let reason =
                format!("{title} has no forms that limit a file's size. Send it in parts (`shouldUseMultipart`).");
            return Err(Refusal::Malformed { reason });
        }
        let file = self.known(file);
        self.limits().check(&file)?;
        let content_type = content_type(&file);
        let metadata = user_metadata(&file.meta)?;
        let signing = self.signing(SystemTime::now()).await?;
        let single = Single { key: &self.new_key(&file.name), file: &file, content_type, metadata, checksum: None };
        let sizes = 0..=self.limits().max_size.min(MAX_REQUEST_SIZE);
        let expires_in_ms = Some(signing.expires_in_ms());
        Ok(SignedUpload { parameters: self.post(single, sizes, &signing), token: None, expires_in_ms })
    }

    /// Begins a multipart upload. It is aborted if nobody hears of it: its token is all there is to know of it.
    ///
    /// # Errors
    ///
    /// What [`UploadService::sign`] refuses, and the store's failures.
    pub(in crate::server) async fn begin_unsized(&self, file: Described) -> Result<Begun, Refusal> {
        let service = self.clone();
        // A task of its own: what the store answers has to be heard also where the client is gone, and this call with it.
        let task = tokio::spawn(async move { service.create_unsized(file).await });
        let stopped = |_| Refusal::StoreUnavailable { reason: "the server is stopping.".to_owned() };
        task.await.map_err(stopped)?
    }

    async fn create_unsized(self, file: Described) -> Result<Begun, Refusal> {
        let file = self.known(file);
        self.limits().check(&file)?;
        let key = self.new_key(&file.name);
        let new = NewUpload {
            key: &key,
            content_type: content_type(&file),
            content_disposition: &content_disposition(&file.name),
            cache_control: self.0.config.cache_control.as_deref(),
            metadata: unprefixed(user_metadata(&file.meta)?),
            algorithm: None,
        };
        let upload_id = self.0.store.create_multipart_upload(new).await?;
        let upload = Upload::Unsized { key: key.clone(), upload_id };
        let token = self.0.sealer.seal(&Visitor::companion(), upload, SystemTime::now());
        Ok(Begun { key, token, unheard: Some(self) })
    }

    /// What is known of a file, without metadata that the server does not take: Uppy sends all it has, unasked.
    fn known(&self, file: Described) -> FileInfo {
        let mut file = FileInfo::from(file);
        file.meta.retain(|name| self.0.config.meta.allows(name));
        file
    }

    /// The parts that the store has, in order.
    ///
    /// # Errors
    ///
    /// [`Refusal::UploadMissing`] after the end of the upload, token refusals and the store's failures.
    pub(in crate::server) async fn list_unsized(
        &self,
        token: &UploadToken,
        key: &str,
    ) -> Result<Vec<StoredPart>, Refusal> {
        let upload = self.open_unsized(token, key)?;
        let stored = self.0.store.list_parts(&upload.key, &upload.upload_id).await?;
        self.check_stored(&upload, &stored).await?;
        Ok(stored)
    }

    /// A URL for each of these parts, and the seconds for which they are good.
    ///
    /// # Errors
    ///
    /// Token refusals, [`Refusal::FileTooLarge`] for a part that no file within the limit has and where the store has more
    /// than that already, and [`Refusal::StoreRefused`] without credentials to sign with.
    pub(in crate::server) async fn sign_unsized(
        &self,
        token: &UploadToken,
        key: &str,
        parts: &[PartNumber],
    ) -> Result<(Vec<String>, u64), Refusal> {
        let upload = self.open_unsized(token, key)?;
        parts.iter().try_for_each(|part| self.check_unsized(*part))?;
        // Nobody can say how large a part may be, only how much there is before another one is signed.
        if self.limits().max_size < MAX_OBJECT_SIZE && parts.iter().any(|part| part.get() > 1) {
            // A store that can't list now may still take a part.
            if let Ok(stored) = self.0.store.list_parts(&upload.key, &upload.upload_id).await {
                self.check_stored(&upload, &stored).await?;
            }
        }
        let Opened { key, upload_id } = upload;
        let signing = self.signing(SystemTime::now()).await?;
        let url = |part: &PartNumber| {
            let request = UploadPart {
                bucket: self.bucket(),
                key: &key,
                upload_id: &upload_id,
                part: *part,
                content_length: None,
                checksum: None,
            };
            let signed = request.sign_at(&signing.credentials, signing.expires_in, signing.now);
            signed.map(|parameters| parameters.url).map_err(|error| refused(&error))
        };
        Ok((parts.iter().map(url).collect::<Result<_, _>>()?, signing.expires_in.as_secs()))
    }

    /// All parts before this one have at least 5 MiB.
    fn check_unsized(&self, part: PartNumber) -> Result<(), Refusal> {
        let provider = self.0.config.store.provider();
        if part.get() > provider.max_parts {
            let reason = format!("{} takes at most {} parts.", provider.title, provider.max_parts);
            return Err(Refusal::Malformed { reason });
        }
        let (size, max) = (u64::from(part.get() - 1) * MIN_PART_SIZE + 1, self.limits().max_size);
        if part.get() > 1 && size > max { Err(Refusal::FileTooLarge { size, max }) } else { Ok(()) }
    }

    /// Completes the upload of the named parts, if the store has them as they are named. May be called again after a lost
    /// answer, and at the same time.
    ///
    /// # Errors
    ///
    /// [`Refusal::PartsMissing`] for parts that the store does not have so, [`Refusal::FileTooLarge`] for more than the
    /// limit, and then the parts are gone; [`Refusal::UploadMissing`], token refusals and the store's failures.
    pub(in crate::server) async fn complete_unsized(
        &self,
        token: &UploadToken,
        key: &str,
        named: Vec<NamedPart>,
    ) -> Result<Key, Refusal> {
        let opened = self.open_unsized(token, key)?;
        let turn = self.0.outcomes.turn(&opened.key).await;
        let service = self.clone();
        to_the_end(async move { service.complete_unsized_in_turn(&turn, opened, &named).await }).await
    }

    async fn complete_unsized_in_turn(&self, turn: &Turn, upload: Opened, named: &[NamedPart]) -> Result<Key, Refusal> {
        if turn.is_cancelled() {
            return Err(Refusal::UploadMissing);
        }
        let stored = match self.0.store.list_parts(&upload.key, &upload.upload_id).await {
            Err(StoreError::NoSuchUpload) => return self.completed_unsized(upload.key).await,
            stored => stored?,
        };
        let parts = named_parts(stored, named)?;
        self.check_stored(&upload, &parts).await?;
        let Opened { key, upload_id } = upload;
        let (expected, max) = (parts.iter().map(|part| part.size).sum(), self.limits().max_size);
        match self.complete_once((&key, &upload_id), None, &parts).await? {
            Completion::NoSuchUpload => self.completed_unsized(key).await,
            Completion::Exists(_) => self.confirmed(&key.clone(), key),
            Completion::Made(_) => {
                let made = self.made_object(&key, None).await.and_then(|head| match head.object.size {
                    size if size > max => Err(Refusal::FileTooLarge { size, max }),
                    actual if actual == expected => Ok(key.clone()),
                    actual => Err(Refusal::SizeMismatch { expected, actual }),
                });
                if matches!(made, Err(Refusal::FileTooLarge { .. })) {
                    // Evidence: a part was replaced in the meantime, and the store itself shows what this call made of it.
                    self.0.store.delete_object(&key).await?;
                    return made;
                }
                self.unless_cancelled(turn, &key, made).await
            }
        }
    }

    /// The key of an upload that is not there any more, if it has become an object: nobody else has this key. The call that
    /// completed it has looked at its size, by the limit of then.
    async fn completed_unsized(&self, key: Key) -> Result<Key, Refusal> {
        match self.0.store.head_object(&key, None).await {
            Err(StoreError::NotFound) => Err(Refusal::UploadMissing),
            head => head.map_err(Into::into).and_then(|_| self.confirmed(&key.clone(), key)),
        }
    }

    /// Aborts an upload of which the store has more than a file may have: the store itself has said so, which is the evidence.
    async fn check_stored(&self, upload: &Opened, stored: &[StoredPart]) -> Result<(), Refusal> {
        let (size, max) = (stored.iter().map(|part| part.size).sum(), self.limits().max_size);
        if size > max {
            self.0.store.abort_multipart_upload(&upload.key, &upload.upload_id).await?;
            return Err(Refusal::FileTooLarge { size, max });
        }
        Ok(())
    }

    /// Ends the upload, and its parts are gone. An object that came of it before stays; one that comes of it while it is being
    /// aborted goes.
    ///
    /// Evidence for `AbortMultipartUpload`: the client asks for it with the upload's token, and of a completed upload nothing
    /// is left to abort.
    ///
    /// # Errors
    ///
    /// Token refusals and the store's failures.
    pub(in crate::server) async fn abort_unsized(&self, token: &UploadToken, key: &str) -> Result<(), Refusal> {
        let Opened { key, upload_id } = self.open_unsized(token, key)?;
        drop(self.0.outcomes.cancel(&key));
        Ok(self.0.store.abort_multipart_upload(&key, &upload_id).await?)
    }

    /// The key is in the token; a client that names another one means another upload.
    fn open_unsized(&self, token: &UploadToken, named: &str) -> Result<Opened, Refusal> {
        match self.0.sealer.open(&Visitor::companion(), token, SystemTime::now())? {
            Upload::Unsized { key, upload_id } if key.as_str() == named => Ok(Opened { key, upload_id }),
            _ => Err(Refusal::TokenInvalid),
        }
    }
}

/// Those of the stored parts that are named, in order.
fn named_parts(stored: Vec<StoredPart>, named: &[NamedPart]) -> Result<Vec<StoredPart>, Refusal> {
    let is_stored = |named: &&NamedPart| {
        let at = stored.binary_search_by_key(&named.number, |part| part.number);
        let part = at.ok().and_then(|at| stored.get(at));
        part.is_some_and(|part| part.etag.as_deref().is_none_or(|etag| bare(etag) == bare(&named.etag)))
    };
    let missing: Vec<_> = named.iter().filter(|named| !is_stored(named)).map(|named| named.number).take(100).collect();
    if !missing.is_empty() {
        return Err(Refusal::PartsMissing { parts: missing });
    }
    let numbers: std::collections::BTreeSet<_> = named.iter().map(|named| named.number).collect();
    Ok(stored.into_iter().filter(|part| numbers.contains(&part.number)).collect())
}

/// Some clients take the quotes away.
fn bare(etag: &str) -> &str {
    etag.trim_matches('"')
}

impl From<Described> for FileInfo {
    /// Of size 0, which is below every limit. `application/octet-stream` is what clients say of a file of whose type they
    /// know nothing.
    fn from(Described { name, content_type, metadata }: Described) -> Self {
        let content_type = if content_type == "application/octet-stream" { String::new() } else { content_type };
        Self { name, content_type, size: 0, meta: metadata.into_iter().collect() }
    }
}
