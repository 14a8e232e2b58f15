use aws_sdk_s3::{
    config::{StalledStreamProtectionConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::list_multipart_uploads::ListMultipartUploadsError,
    types::{ChecksumAlgorithm as SdkAlgorithm, CompletedMultipartUpload, CompletedPart, MultipartUpload},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{proof::etag_md5, store::Store, store_error::StoreError};
use crate::s3::{COMPLETE_TIMEOUT, Checksum, ChecksumAlgorithm, Key, Part, PartNumber};

/// How often an upload is aborted whose parts do not go.
const MAX_ABORTS: usize = 3;

/// What a multipart upload is begun with.
pub(super) struct NewUpload<'a> {
    pub(super) key: &'a Key,
    pub(super) content_type: &'a str,
    pub(super) content_disposition: &'a str,
    pub(super) cache_control: Option<&'a str>,
    /// Names without `x-amz-meta-`.
    pub(super) metadata: Vec<(String, String)>,
    pub(super) algorithm: Option<ChecksumAlgorithm>,
}

/// A part as `ListParts` shows it.
#[derive(Clone, Debug)]
pub(in crate::server) struct StoredPart {
    pub(in crate::server) number: PartNumber,
    pub(in crate::server) size: u64,
    pub(in crate::server) etag: Option<String>,
    pub(in crate::server) sha256: Option<String>,
}

impl StoredPart {
    /// What the store says the part's bytes are.
    pub(super) fn checksum(&self, algorithm: ChecksumAlgorithm) -> Option<Checksum> {
        let value = match algorithm {
            ChecksumAlgorithm::Sha256 => self.sha256.clone(),
            ChecksumAlgorithm::Md5 => self.etag.as_deref().and_then(etag_md5).map(|md5| BASE64.encode(md5)),
        };
        value.map(|value| Checksum { algorithm, value })
    }

    /// Of an upload without checksums, the MD5 that its `ETag` may be.
    pub(super) fn into_part(self, algorithm: Option<ChecksumAlgorithm>) -> Part {
        let checksum = self.checksum(algorithm.unwrap_or(ChecksumAlgorithm::Md5));
        Part { number: self.number, size: self.size, checksum }
    }
}

impl Store {
    /// The upload's id.
    pub(super) async fn create_multipart_upload(&self, new: NewUpload<'_>) -> Result<String, StoreError> {
        let mut request = self
            .client
            .create_multipart_upload()
            .bucket(self.bucket.name())
            .key(new.key.as_str())
            .content_type(new.content_type)
            .content_disposition(new.content_disposition)
            .set_cache_control(new.cache_control.map(str::to_owned));
        if new.algorithm == Some(ChecksumAlgorithm::Sha256) {
            request = request.checksum_algorithm(SdkAlgorithm::Sha256);
        }
        for (name, value) in new.metadata {
            request = request.metadata(name, value);
        }
        let output = request.send().await.map_err(|error| StoreError::new("CreateMultipartUpload", &error))?;
        let upload_id = output.upload_id().filter(|id| !id.is_empty()).map(str::to_owned);
        upload_id.ok_or_else(|| StoreError::Refused { reason: "CreateMultipartUpload brought no id".to_owned() })
    }

    /// The unfinished uploads of exactly this key, the newest first.
    pub(super) async fn list_multipart_uploads(&self, key: &Key) -> Result<Vec<String>, StoreError> {
        let uploads = self.unfinished_uploads(key.as_str()).await;
        let uploads = uploads.map_err(|error| StoreError::new("ListMultipartUploads", &error))?;
        let of_key = uploads.into_iter().filter(|upload| upload.key() == Some(key.as_str()));
        let began = |upload: &MultipartUpload| upload.initiated().map(|time| (time.secs(), time.subsec_nanos()));
        let mut ids: Vec<_> = of_key.filter_map(|upload| Some((began(&upload), upload.upload_id?))).collect();
        ids.sort_by(|one, other| other.cmp(one));
        Ok(ids.into_iter().map(|(_, id)| id).collect())
    }

    /// All unfinished uploads whose keys begin so: not every store heeds the prefix, and what is found may be aborted.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
    pub(in crate::server) async fn unfinished_uploads(
        &self,
        prefix: &str,
    ) -> Result<Vec<MultipartUpload>, Box<SdkError<ListMultipartUploadsError, HttpResponse>>> {
        let mut uploads = Vec::new();
        let mut markers = (None, None);
        loop {
            let request = self.client.list_multipart_uploads().bucket(self.bucket.name()).prefix(prefix);
            let request = request.set_key_marker(markers.0.clone()).set_upload_id_marker(markers.1.clone());
            let page = request.send().await.map_err(Box::new)?;
            let next = (page.next_key_marker, page.next_upload_id_marker);
            let has_next = page.is_truncated == Some(true) && next.0.is_some();
            // The same page again, and it would be for ever.
            if has_next && next == markers {
                return Ok(uploads);
            }
            let begins_so = |upload: &MultipartUpload| upload.key().is_some_and(|key| key.starts_with(prefix));
            uploads.extend(page.uploads.unwrap_or_default().into_iter().filter(begins_so));
            if !has_next {
                return Ok(uploads);
            }
            markers = next;
        }
    }

    /// All parts, in order.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>
    pub(super) async fn list_parts(&self, key: &Key, upload_id: &str) -> Result<Vec<StoredPart>, StoreError> {
        let mut parts = Vec::new();
        let mut marker = None;
        loop {
            let request = self.client.list_parts().bucket(self.bucket.name()).key(key.as_str());
            let request = request.upload_id(upload_id).set_part_number_marker(marker.clone());
            let page = request.send().await.map_err(|error| StoreError::of_upload("ListParts", &error))?;
            parts.extend(page.parts().iter().filter_map(stored_part));
            let next = page.next_part_number_marker().map(str::to_owned);
            if page.is_truncated() != Some(true) || next.is_none() || next == marker {
                break;
            }
            marker = next;
        }
        parts.sort_by_key(|part| part.number);
        Ok(parts)
    }

    /// The object's composite checksum, where the store says it. With `only_new`, it replaces no object.
    ///
    /// The response may begin at once and be silent for minutes, until the store knows what became of it.
    pub(super) async fn complete_multipart_upload(
        &self,
        (key, upload_id): (&Key, &str),
        algorithm: Option<ChecksumAlgorithm>,
        parts: &[StoredPart],
        only_new: bool,
    ) -> Result<Option<String>, StoreError> {
        let with_sha256 = algorithm == Some(ChecksumAlgorithm::Sha256);
        let completed = parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(part.number.get().into())
                .set_e_tag(part.etag.clone())
                .set_checksum_sha256(part.sha256.clone().filter(|_| with_sha256))
                .build()
        });
        let completed = CompletedMultipartUpload::builder().set_parts(Some(completed.collect())).build();
        let timeout = TimeoutConfig::builder().operation_timeout(COMPLETE_TIMEOUT).build();
        let config = aws_sdk_s3::Config::builder()
            .timeout_config(timeout)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let request = self
            .client
            .complete_multipart_upload()
            .bucket(self.bucket.name())
            .key(key.as_str())
            .upload_id(upload_id)
            .multipart_upload(completed)
            .set_if_none_match(only_new.then(|| "*".to_owned()))
            .customize()
            .config_override(config);
        let output = request.send().await.map_err(|error| StoreError::of_upload("CompleteMultipartUpload", &error))?;
        Ok(output.checksum_sha256)
    }

    /// No upload of that id is as good as aborted. The caller has the evidence that it may be aborted.
    ///
    /// Parts that are in flight may arrive after an abort, and then it takes another.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
    pub(super) async fn abort_multipart_upload(&self, key: &Key, upload_id: &str) -> Result<(), StoreError> {
        for _ in 0..MAX_ABORTS {
            let request = self.client.abort_multipart_upload().bucket(self.bucket.name()).key(key.as_str());
            let aborted = request.upload_id(upload_id).send().await;
            match aborted.map_err(|error| StoreError::of_upload("AbortMultipartUpload", &error)) {
                Ok(_) => {}
                Err(StoreError::NoSuchUpload) => return Ok(()),
                Err(error) => return Err(error),
            }
            match self.has_parts(key, upload_id).await {
                Ok(true) => {}
                // Aborted it is, and no more can be known.
                Ok(false) | Err(_) => return Ok(()),
            }
        }
        Err(StoreError::Unavailable { reason: "Parts are left after AbortMultipartUpload.".to_owned() })
    }

    async fn has_parts(&self, key: &Key, upload_id: &str) -> Result<bool, StoreError> {
        let request = self.client.list_parts().bucket(self.bucket.name()).key(key.as_str());
        let page = request.upload_id(upload_id).max_parts(1).send().await;
        let page = page.map_err(|error| StoreError::of_upload("ListParts", &error))?;
        Ok(!page.parts().is_empty())
    }
}

fn stored_part(part: &aws_sdk_s3::types::Part) -> Option<StoredPart> {
    let number = u16::try_from(part.part_number()?).ok()?;
    Some(StoredPart {
        number: PartNumber::try_from(number).ok()?,
        size: u64::try_from(part.size()?).ok()?,
        etag: part.e_tag().map(str::to_owned),
        sha256: part.checksum_sha256().map(str::to_owned),
    })
}
