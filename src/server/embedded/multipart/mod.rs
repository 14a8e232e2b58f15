//! Multipart uploads as S3 has them. Those of s3s-fs list parts in no order, know no `ListMultipartUploads`, don't look at
//! `Content-MD5` and `ETag`s, and say `AccessDenied` for an upload that has ended.

mod assemble;
mod files;
mod index;
mod reading;
mod receive;
mod slots;

use std::{io, time::SystemTime};

use s3s::{S3Error, S3ErrorCode, S3Result, dto, s3_error};
use serde_json::json;
use tokio::task::spawn_blocking;

pub(super) use self::receive::{Expected, Place, Received, Wanted, Writer};
use self::{
    assemble::assemble,
    files::{Files, StoredPart, Upload},
};
use super::{disk::Disk, locks::KeyLocks, sidecar::Sidecar};

const MAX_PART_NUMBER: i32 = 10_000;

const PAGE: i32 = 1000;

/// Ids have letters and digits.
const AFTER_ALL_IDS: &str = "~";

/// The unfinished uploads. They survive a restart.
#[derive(Clone, Debug)]
pub(super) struct Multipart {
    files: Files,
    /// A second call for the same key waits for the first, and then finds what came of it.
    locks: KeyLocks,
}

impl Multipart {
    pub(super) fn open(disk: Disk, locks: KeyLocks, max_size: u64) -> io::Result<Self> {
        Ok(Self { files: Files::open(disk, max_size)?, locks })
    }

    /// Ends the uploads that began before `earliest`, and says how many. Removes those, too, whose records can't be read.
    pub(super) async fn reap(&self, earliest: SystemTime) -> S3Result<usize> {
        let old = self.blocking(move |files| {
            files.remove_unreadable().map_err(internal)?;
            Ok(files.begun_before(earliest))
        });
        let mut ended = 0;
        for (id, Upload { bucket, key, .. }) in old.await? {
            match self.abort_upload(bucket, key, id).await {
                Ok(()) => ended += 1,
                // Completed or aborted meanwhile.
                Err(error) if *error.code() == S3ErrorCode::NoSuchUpload => {}
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }

    pub(super) async fn create(
        &self,
        input: dto::CreateMultipartUploadInput,
    ) -> S3Result<dto::CreateMultipartUploadOutput> {
        let algorithm = input.checksum_algorithm.as_ref().map(|algorithm| algorithm.as_str().to_owned());
        let with_sha256 = match algorithm.as_deref() {
            None => false,
            Some("SHA256") => true,
            Some(other) => return Err(s3_error!(NotImplemented, "The embedded store does not compute {other}.")),
        };
        let attributes = json!({
            "user_metadata": input.metadata,
            "content_encoding": input.content_encoding,
            "content_type": input.content_type,
            "content_disposition": input.content_disposition,
            "content_language": input.content_language,
            "cache_control": input.cache_control,
            "expires": input.expires,
        });
        let upload = Upload::new(input.bucket.clone(), input.key.clone(), attributes, with_sha256);
        let id = self.blocking(move |files| files.create(&upload).map_err(internal)).await?;
        Ok(dto::CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm,
            ..Default::default()
        })
    }

    pub(super) async fn upload_part(&self, input: dto::UploadPartInput) -> S3Result<dto::UploadPartOutput> {
        let dto::UploadPartInput { bucket, key, upload_id, part_number, .. } = input;
        if !(1..=MAX_PART_NUMBER).contains(&part_number) {
            return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
        }
        let body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let expected = Expected {
            size: input.content_length.and_then(|length| u64::try_from(length).ok()),
            md5: input.content_md5,
            sha256: input.checksum_sha256,
        };
        let (id, size) = (upload_id.clone(), expected.size);
        let mut wanted = Wanted { md5: expected.md5.is_some(), sha256: expected.sha256.is_some() };
        let open = self.blocking(move |files| {
            wanted.sha256 |= files.upload(&id, &bucket, &key)?.with_sha256;
            Writer::open(files.place(&id, part_number, size)?, wanted, files.disk().clone())
        });
        let received = Received::write(body, open.await?, &expected).await?;
        let output = dto::UploadPartOutput {
            e_tag: Some(dto::ETag::Strong(received.e_tag.clone())),
            checksum_sha256: received.sha256.clone(),
            ..Default::default()
        };
        self.blocking(move |files| files.put_part(&upload_id, part_number, received)).await?;
        Ok(output)
    }

    pub(super) async fn list_parts(&self, input: dto::ListPartsInput) -> S3Result<dto::ListPartsOutput> {
        let max_parts = input.max_parts.unwrap_or(PAGE).clamp(0, PAGE);
        let marker = input.part_number_marker.unwrap_or(0);
        let dto::ListPartsInput { bucket, key, upload_id, .. } = input;
        self.blocking(move |files| {
            let upload = files.upload(&upload_id, &bucket, &key)?;
            let mut numbers = files.part_numbers(&upload_id)?;
            numbers.retain(|number| *number > marker);
            let is_truncated = numbers.len() > max_parts.try_into().unwrap_or(0);
            numbers.truncate(max_parts.try_into().unwrap_or(0));
            // What can't be read of an upload that goes on is no part: it can be sent again.
            let listed = |number: &i32| {
                let part = files.part(&upload_id, *number).transpose()?;
                Some(part.map(|part| listed(*number, &part, upload.with_sha256)))
            };
            let parts = numbers.iter().filter_map(listed);
            Ok(dto::ListPartsOutput {
                parts: Some(parts.collect::<S3Result<_>>()?),
                next_part_number_marker: numbers.last().copied(),
                part_number_marker: Some(marker),
                max_parts: Some(max_parts),
                is_truncated: Some(is_truncated),
                bucket: Some(bucket),
                key: Some(key),
                upload_id: Some(upload_id),
                ..Default::default()
            })
        })
        .await
    }

    pub(super) async fn list_uploads(
        &self,
        input: dto::ListMultipartUploadsInput,
    ) -> S3Result<dto::ListMultipartUploadsOutput> {
        let prefix = input.prefix.clone().unwrap_or_default();
        let max_uploads = input.max_uploads.unwrap_or(PAGE).clamp(0, PAGE);
        let max = usize::try_from(max_uploads).unwrap_or_default();
        // A key without an id stands for all its uploads.
        let after =
            input.key_marker.map(|key| (key, input.upload_id_marker.unwrap_or_else(|| AFTER_ALL_IDS.to_owned())));
        let bucket = input.bucket.clone();
        let (uploads, last) = self
            .blocking(move |files| {
                let mut page = files.page(&prefix, after, max + 1);
                let is_truncated = page.len() > max;
                page.truncate(max);
                let last = page.last().cloned().filter(|_| is_truncated);
                let uploads = page.into_iter().filter_map(|(_, id)| files.listed(&id).map(|upload| (id, upload)));
                Ok((uploads.filter(|(_, upload)| upload.bucket == bucket).collect::<Vec<_>>(), last))
            })
            .await?;
        Ok(dto::ListMultipartUploadsOutput {
            is_truncated: Some(last.is_some()),
            next_key_marker: last.as_ref().map(|(key, _)| key.clone()),
            next_upload_id_marker: last.map(|(_, id)| id),
            max_uploads: Some(max_uploads),
            uploads: Some(uploads.into_iter().map(listed_upload).collect()),
            prefix: input.prefix,
            bucket: Some(input.bucket),
            ..Default::default()
        })
    }

    /// Goes on when the caller has gone: it may call again, and find the object.
    pub(super) async fn complete(
        &self,
        input: dto::CompleteMultipartUploadInput,
    ) -> S3Result<dto::CompleteMultipartUploadOutput> {
        let completing = self.locks.lock(&input.key).await;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let assembled = self.blocking(move |files| {
            let assembled = assemble(files, input);
            drop(completing);
            assembled
        });
        let assembled = assembled.await?;
        let composite = dto::ChecksumType::from_static(dto::ChecksumType::COMPOSITE);
        Ok(dto::CompleteMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(dto::ETag::Strong(assembled.e_tag)),
            checksum_type: assembled.sha256.is_some().then_some(composite),
            checksum_sha256: assembled.sha256,
            ..Default::default()
        })
    }

    pub(super) async fn abort(&self, input: dto::AbortMultipartUploadInput) -> S3Result<()> {
        self.abort_upload(input.bucket, input.key, input.upload_id).await
    }

    async fn abort_upload(&self, bucket: String, key: String, id: String) -> S3Result<()> {
        // Not in the middle of a completion.
        let completing = self.locks.lock(&key).await;
        self.blocking(move |files| {
            files.upload(&id, &bucket, &key)?;
            files.remove(&id)?;
            // Those of a completion that was cut off before the object had its name.
            if !files.object(&bucket, &key).exists() {
                Sidecar::new(files.disk(), &bucket, &key).remove();
            }
            drop(completing);
            Ok(())
        })
        .await
    }

    /// Does what waits for the disk where it keeps no request waiting.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let files = self.files.clone();
        spawn_blocking(move || work(&files)).await.map_err(internal)?
    }
}

fn listed(number: i32, part: &StoredPart, with_sha256: bool) -> dto::Part {
    dto::Part {
        part_number: Some(number),
        size: i64::try_from(part.size).ok(),
        e_tag: Some(dto::ETag::Strong(part.e_tag.clone())),
        checksum_sha256: part.sha256.clone().filter(|_| with_sha256),
        ..Default::default()
    }
}

fn listed_upload((id, upload): (String, Upload)) -> dto::MultipartUpload {
    let sha256 = dto::ChecksumAlgorithm::from_static(dto::ChecksumAlgorithm::SHA256);
    dto::MultipartUpload {
        initiated: Some(upload.initiated().into()),
        checksum_algorithm: upload.with_sha256.then_some(sha256),
        key: Some(upload.key),
        upload_id: Some(id),
        ..Default::default()
    }
}

pub(super) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> S3Error {
    s3_error!(error, InternalError)
}
