use std::time::SystemTime;

use super::{
    UploadService,
    proof::digest,
    sign::{Signing, milliseconds, refused},
    store_error::StoreError,
    store_multipart::NewUpload,
};
use crate::{
    s3::{
        CreatedUpload, Key, Method, Part, PartPlan, PartPlanError, PartRequest, Refusal, SignRequest, SignedPart,
        SignedUpload, UploadParameters, UploadToken, content_disposition, human_size,
    },
    server::{
        Visitor,
        content_type::content_type,
        metadata::PREFIX,
        presign::UploadPart,
        provider::Provider,
        token::{Claim, MultipartUpload, Upload},
    },
};

/// The most parts of a signing call: what a browser sends in the minutes a signature is good for.
const MAX_PARTS_A_CALL: usize = 100;

impl UploadService {
    /// A key for an upload in parts, without a word to the store: nothing begins before the browser holds a token with
    /// which it can end it again.
    pub(super) fn reserve(
        &self,
        visitor: &Visitor,
        request: &SignRequest,
        part_size: u64,
        now: SystemTime,
    ) -> Result<SignedUpload, Refusal> {
        let plan = PartPlan::new(request.file.size, part_size).map_err(malformed)?;
        check_count(&plan, self.0.config.store.provider())?;
        let (key, token) = if let Some(token) = &request.renew {
            (self.reserved(visitor, token, request, now)?.key, token.clone())
        } else {
            let key = self.new_key(&request.file.name);
            let content_type = content_type(&request.file).to_owned();
            let upload = Upload::Reserved { key: key.clone(), size: request.file.size, content_type, part_size };
            (key, self.0.sealer.seal(visitor, upload, now))
        };
        let parameters = UploadParameters {
            method: Method::Put,
            url: self.bucket().object_url(&key),
            fields: [("key", key.as_str())].into(),
            ..UploadParameters::default()
        };
        Ok(SignedUpload { parameters, token: Some(token), expires_in_ms: None })
    }

    /// Begins the multipart upload that `request.renew` has reserved a key for, and seals its id. `again`: an earlier call
    /// got no answer, so an upload that it may have begun is taken over. A reservation has one unfinished upload at most.
    ///
    /// # Errors
    ///
    /// [`Refusal::TokenInvalid`] without a reservation of this very file, [`Refusal::AlreadyComplete`] where its object is
    /// there, what [`UploadService::sign`] refuses, and the store's failures.
    pub async fn create_multipart_upload(
        &self,
        visitor: &Visitor,
        request: &SignRequest,
        again: bool,
    ) -> Result<CreatedUpload, Refusal> {
        let now = SystemTime::now();
        let file = &request.file;
        let token = request.renew.as_ref().ok_or(Refusal::TokenInvalid)?;
        let Reservation { key, part_size, expires } = self.reserved(visitor, token, request, now)?;
        self.limits().check(file)?;
        let algorithm = request.algorithm.filter(|algorithm| Some(*algorithm) == self.checksum_algorithm());
        let new = NewUpload {
            key: &key,
            content_type: content_type(file),
            content_disposition: &content_disposition(&file.name),
            cache_control: self.0.config.cache_control.as_deref(),
            metadata: unprefixed(self.metadata(file)?),
            algorithm,
        };
        let turn = self.0.outcomes.turn(&key).await;
        self.check_unused(&key).await?;
        let known = if again { self.take_over(&key).await? } else { self.abort_earlier(&key).await? };
        let is_known = known.is_some();
        let upload_id = match known {
            Some(upload_id) => upload_id,
            None => self.0.store.create_multipart_upload(new).await?,
        };
        if turn.is_cancelled() {
            // Evidence: its owner has cancelled it, and nobody has heard of it.
            self.0.store.abort_multipart_upload(&key, &upload_id).await?;
            return Err(Refusal::UploadMissing);
        }
        let upload = MultipartUpload { key, upload_id, size: file.size, part_size, algorithm };
        let mut claim = self.0.sealer.claim(Upload::Multipart(upload), now);
        if is_known {
            // It began while the reservation was good. A token that outlives it would be of an upload that is old enough for
            // `reap` and for the bucket's rule.
            claim.expires = expires;
        }
        let expires_in_ms = Some(milliseconds(claim.remaining(now)));
        Ok(CreatedUpload { token: self.0.sealer.seal_claim(visitor, &claim), expires_in_ms })
    }

    /// One signature or one refusal per part, in the order of `parts`.
    ///
    /// # Errors
    ///
    /// Token refusals, and [`Refusal::StoreRefused`] without credentials to sign with.
    pub async fn sign_parts(
        &self,
        visitor: &Visitor,
        token: &UploadToken,
        parts: Vec<PartRequest>,
    ) -> Result<Vec<Result<SignedPart, Refusal>>, Refusal> {
        self.sign_parts_at(visitor, token, parts, SystemTime::now()).await
    }

    /// [`UploadService::sign_parts`] at a given time.
    ///
    /// # Errors
    ///
    /// As for [`UploadService::sign_parts`].
    pub async fn sign_parts_at(
        &self,
        visitor: &Visitor,
        token: &UploadToken,
        parts: Vec<PartRequest>,
        now: SystemTime,
    ) -> Result<Vec<Result<SignedPart, Refusal>>, Refusal> {
        let upload = self.multipart_at(visitor, token, now)?;
        // One answer to the call: words for each part would be many times as long as what asked for them.
        if parts.len() > MAX_PARTS_A_CALL {
            let reason = format!("the server signs at most {MAX_PARTS_A_CALL} parts in one call.");
            return Err(Refusal::Malformed { reason });
        }
        let plan = upload.plan()?;
        let signing = self.signing(now).await?;
        Ok(parts.iter().map(|request| self.sign_part(&upload, &plan, request, &signing)).collect())
    }

    fn sign_part(
        &self,
        upload: &MultipartUpload,
        plan: &PartPlan,
        request: &PartRequest,
        signing: &Signing,
    ) -> Result<SignedPart, Refusal> {
        let range = plan.range(request.part).ok_or_else(|| {
            let reason = format!("it has {} parts, and no part {}.", plan.parts(), request.part.get());
            Refusal::Malformed { reason }
        })?;
        request.checksum.as_ref().map(digest).transpose()?;
        let checksum = request.checksum.as_ref().filter(|checksum| Some(checksum.algorithm) == upload.algorithm);
        let part = UploadPart {
            bucket: self.bucket(),
            key: &upload.key,
            upload_id: &upload.upload_id,
            part: request.part,
            content_length: Some(range.end - range.start),
            checksum,
        };
        let parameters = part.sign_at(&signing.credentials, signing.expires_in, signing.now);
        let parameters = parameters.map_err(|error| refused(&error))?;
        Ok(SignedPart { parameters, expires_in_ms: Some(signing.expires_in_ms()) })
    }

    /// The parts that the store has, in order.
    ///
    /// # Errors
    ///
    /// [`Refusal::UploadMissing`] after the end of the upload, whether it was completed or aborted, token refusals and the store's failures.
    pub async fn list_parts(&self, visitor: &Visitor, token: &UploadToken) -> Result<Vec<Part>, Refusal> {
        let upload = self.multipart(visitor, token)?;
        let parts = self.0.store.list_parts(&upload.key, &upload.upload_id).await?;
        Ok(parts.into_iter().map(|part| part.into_part(upload.algorithm)).collect())
    }

    /// The ids of uploads of exactly this key, the newest first; none where the store can't list them.
    pub(super) async fn unfinished_uploads(&self, key: &Key) -> Result<Vec<String>, Refusal> {
        match self.0.store.list_multipart_uploads(key).await {
            Err(StoreError::NotImplemented) => Ok(Vec::new()),
            listed => Ok(listed?),
        }
    }

    /// Whether nothing was uploaded under the key yet: what is there, nobody is given a way to replace.
    ///
    /// # Errors
    ///
    /// [`Refusal::AlreadyComplete`] for an object, and the store's failures.
    pub(super) async fn check_unused(&self, key: &Key) -> Result<(), Refusal> {
        match self.0.store.head_object(key, None).await {
            Ok(_) => Err(Refusal::AlreadyComplete),
            // Stores say 403 of what is not there to a server that may not list the bucket.
            Err(StoreError::NotFound | StoreError::Forbidden { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Leaves no unfinished upload of this key, as far as the store lets the server see and abort them.
    ///
    /// Evidence: its owner begins the same upload anew, with the reservation that was all it had of the earlier one.
    async fn abort_earlier(&self, key: &Key) -> Result<Option<String>, Refusal> {
        let uploads = match self.unfinished_uploads(key).await {
            Err(Refusal::StoreRefused { .. }) => Vec::new(),
            uploads => uploads?,
        };
        for upload_id in uploads {
            // Whatever becomes of it, the store's log has it, and the new one can begin.
            let _ = self.0.store.abort_multipart_upload(key, &upload_id).await;
        }
        Ok(None)
    }

    /// The newest unfinished upload of this key. Others would stay for ever, and are aborted.
    ///
    /// Evidence: its owner did not hear of any of them, and goes on with the newest.
    async fn take_over(&self, key: &Key) -> Result<Option<String>, Refusal> {
        let mut uploads = self.unfinished_uploads(key).await?.into_iter();
        let newest = uploads.next();
        for upload_id in uploads {
            self.0.store.abort_multipart_upload(key, &upload_id).await?;
        }
        Ok(newest)
    }

    pub(super) fn multipart(&self, visitor: &Visitor, token: &UploadToken) -> Result<MultipartUpload, Refusal> {
        self.multipart_at(visitor, token, SystemTime::now())
    }

    fn multipart_at(
        &self,
        visitor: &Visitor,
        token: &UploadToken,
        now: SystemTime,
    ) -> Result<MultipartUpload, Refusal> {
        match self.0.sealer.open(visitor, token, now)? {
            Upload::Multipart(upload) => Ok(upload),
            _ => Err(Refusal::TokenInvalid),
        }
    }

    /// The reservation, if it is for this very file.
    fn reserved(
        &self,
        visitor: &Visitor,
        token: &UploadToken,
        request: &SignRequest,
        now: SystemTime,
    ) -> Result<Reservation, Refusal> {
        let file = &request.file;
        let Claim { expires, upload } = self.0.sealer.open_claim(visitor, token, now)?;
        match upload {
            Upload::Reserved { key, size, content_type: sealed, part_size }
                if size == file.size
                    && sealed == content_type(file)
                    && request.part_size.is_none_or(|asked| asked == part_size) =>
            {
                Ok(Reservation { key, part_size, expires })
            }
            _ => Err(Refusal::TokenInvalid),
        }
    }
}

struct Reservation {
    key: Key,
    part_size: u64,
    /// Seconds since 1970.
    expires: u64,
}

impl MultipartUpload {
    pub(super) fn plan(&self) -> Result<PartPlan, Refusal> {
        PartPlan::new(self.size, self.part_size).map_err(malformed)
    }
}

/// Some stores take fewer parts of an object than S3 does.
fn check_count(plan: &PartPlan, provider: &Provider) -> Result<(), Refusal> {
    let (parts, max) = (plan.parts(), provider.max_parts);
    if parts <= max {
        return Ok(());
    }
    let enough = human_size(plan.size().div_ceil(max.into()).next_multiple_of(1 << 20));
    let title = provider.title;
    let reason = format!("{title} takes at most {max} parts, this file would have {parts}. {enough} each are enough.");
    Err(Refusal::Malformed { reason })
}

fn malformed(error: PartPlanError) -> Refusal {
    Refusal::Malformed { reason: format!("{error}.") }
}

/// The SDK puts the prefix before them itself.
pub(super) fn unprefixed(metadata: Vec<(String, String)>) -> Vec<(String, String)> {
    let bare = |(name, value): (String, String)| (name.strip_prefix(PREFIX).unwrap_or(&name).to_owned(), value);
    metadata.into_iter().map(bare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{metadata::user_metadata, provider::AWS};

    #[test]
    fn a_name_that_begins_as_the_prefix_does_stays_another_name() {
        let headers = user_metadata(&[("a", "1"), ("x-amz-meta-a", "2")].into()).unwrap();
        let names: Vec<_> = unprefixed(headers).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "x-amz-meta-a"]);
    }

    #[test]
    fn a_store_of_fewer_parts_is_not_sent_more_and_the_refusal_says_what_would_do() {
        let plan = PartPlan::new(8_389_000_000, 8 << 20).unwrap();
        assert_eq!(check_count(&plan, &AWS), Ok(()));
        let refusal = check_count(&plan, Provider::named("scaleway").unwrap()).unwrap_err().to_string();
        assert!(
            refusal.ends_with("at most 1000 parts, this file would have 1001. 9.0 MiB each are enough."),
            "{refusal}"
        );
        assert!(
            check_count(&PartPlan::new(8_388_608_000, 8 << 20).unwrap(), Provider::named("scaleway").unwrap()).is_ok()
        );
    }
}
