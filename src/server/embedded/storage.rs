use std::io;

use ::http::header;
use s3s::{S3, S3Request, S3Response, S3Result, dto, s3_error};
use s3s_fs::FileSystem;
use tokio::task::spawn_blocking;

use super::{
    delete_object::delete_object,
    disk::Disk,
    locks::KeyLocks,
    multipart::{Multipart, internal},
    put_object::put_object,
    sidecar::Sidecar,
};

/// s3s-fs names the file with an object's attributes `.bucket-{}.object-{}.metadata.json`, both in
/// Base64, and a file's name has at most 255 bytes.
const MAX_KEY_BYTES: usize = 161;

/// s3s-fs, made safe for keys that came from a form and tidy when an object goes, and with multipart uploads of our own. Operations that
/// are not here answer `NotImplemented`.
#[derive(Debug)]
pub(super) struct Storage {
    files: FileSystem,
    multipart: Multipart,
    /// For whoever names or removes an object.
    locks: KeyLocks,
    disk: Disk,
}

impl Storage {
    /// The store in `root`, with its bucket. What an upload left there when the server was killed in
    /// the middle of it is removed.
    pub(super) fn open(disk: Disk, bucket: &str, max_size: u64) -> io::Result<Self> {
        disk.sync_all()?;
        disk.create_dirs(&disk.root().join(bucket))?;
        let files = FileSystem::new(disk.root()).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let locks = KeyLocks::default();
        Ok(Self { files, multipart: Multipart::open(disk.clone(), locks.clone(), max_size)?, locks, disk })
    }

    /// The unfinished uploads, to end those that are too old.
    pub(super) fn multipart(&self) -> Multipart {
        self.multipart.clone()
    }

    /// Forgets what was found out of an object and can't be read, which s3s-fs would answer with an error for ever: in a store
    /// that does not sync, a power loss came before it was whole. s3s-fs hashes the object anew then.
    async fn forget_unreadable(&self, bucket: &str, key: &str) -> S3Result<()> {
        let is_unreadable = |storage: &Self| {
            let (disk, bucket, key) = (storage.disk.clone(), bucket.to_owned(), key.to_owned());
            spawn_blocking(move || Sidecar::new(&disk, &bucket, &key).is_unreadable())
        };
        if !is_unreadable(self).await.map_err(internal)? {
            return Ok(());
        }
        let _lock = self.locks.lock(key).await;
        // Not those that a call has written meanwhile.
        if is_unreadable(self).await.map_err(internal)? {
            Sidecar::new(&self.disk, bucket, key).remove_found_out().map_err(internal)?;
        }
        Ok(())
    }
}

/// Forms come this way too, and s3s writes the `ETag` of their objects into the answer's body only. Amazon's answer has it as a
/// header as well, without which Uppy 4 and 5 never end.
fn with_etag(mut response: S3Response<dto::PutObjectOutput>) -> S3Response<dto::PutObjectOutput> {
    let etag = response.output.e_tag.as_ref().and_then(|etag| etag.to_http_header().ok());
    response.headers.extend(etag.map(|etag| (header::ETAG, etag)));
    response
}

#[async_trait::async_trait]
impl S3 for Storage {
    async fn put_object(&self, request: S3Request<dto::PutObjectInput>) -> S3Result<S3Response<dto::PutObjectOutput>> {
        check(&request.input.key)?;
        put_object(&self.disk, &self.locks, request.input).await.map(S3Response::new).map(with_etag)
    }

    async fn get_object(
        &self,
        mut request: S3Request<dto::GetObjectInput>,
    ) -> S3Result<S3Response<dto::GetObjectOutput>> {
        check(&request.input.key)?;
        if let Some(dto::Range::Suffix { length }) = request.input.range {
            let object = self.disk.root().join(&request.input.bucket).join(&request.input.key);
            let size = tokio::fs::metadata(object).await.map(|metadata| metadata.len()).unwrap_or_default();
            // The last bytes, however many there are: s3s-fs seeks before the first.
            if size > 0 && length > size {
                request.input.range = Some(dto::Range::Int { first: 0, last: None });
            }
        }
        self.forget_unreadable(&request.input.bucket, &request.input.key).await?;
        self.files.get_object(request).await
    }

    async fn head_object(
        &self,
        request: S3Request<dto::HeadObjectInput>,
    ) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        check(&request.input.key)?;
        self.forget_unreadable(&request.input.bucket, &request.input.key).await?;
        let wants_checksum = request.input.checksum_mode.as_ref().is_some_and(|mode| mode.as_str() == "ENABLED");
        let mut response = self.files.head_object(request).await?;
        let sha256 = response.output.checksum_sha256.take().filter(|_| wants_checksum);
        response.output.checksum_type = sha256.as_ref().map(|sha256| {
            let composite = sha256.contains('-');
            dto::ChecksumType::from_static(if composite {
                dto::ChecksumType::COMPOSITE
            } else {
                dto::ChecksumType::FULL_OBJECT
            })
        });
        response.output.checksum_sha256 = sha256;
        Ok(response)
    }

    async fn delete_object(
        &self,
        request: S3Request<dto::DeleteObjectInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
        check(&request.input.key)?;
        let dto::DeleteObjectInput { bucket, key, .. } = request.input;
        let (disk, lock) = (self.disk.clone(), self.locks.lock(&key).await);
        spawn_blocking(move || delete_object(&disk, &bucket, &key, &lock)).await.map_err(internal)??;
        Ok(S3Response::new(dto::DeleteObjectOutput::default()))
    }

    async fn head_bucket(
        &self,
        request: S3Request<dto::HeadBucketInput>,
    ) -> S3Result<S3Response<dto::HeadBucketOutput>> {
        self.files.head_bucket(request).await
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        self.files.list_objects_v2(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CreateMultipartUploadOutput>> {
        check(&request.input.key)?;
        self.multipart.create(request.input).await.map(S3Response::new)
    }

    async fn upload_part(
        &self,
        request: S3Request<dto::UploadPartInput>,
    ) -> S3Result<S3Response<dto::UploadPartOutput>> {
        self.multipart.upload_part(request.input).await.map(S3Response::new)
    }

    async fn list_parts(&self, request: S3Request<dto::ListPartsInput>) -> S3Result<S3Response<dto::ListPartsOutput>> {
        self.multipart.list_parts(request.input).await.map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<dto::ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<dto::ListMultipartUploadsOutput>> {
        self.multipart.list_uploads(request.input).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
        check(&request.input.key)?;
        let host = request.headers.get(::http::header::HOST).and_then(|host| host.to_str().ok());
        let location = host.map(|host| format!("http://{host}{}", request.uri.path()));
        let output = self.multipart.complete(request.input).await?;
        Ok(S3Response::new(dto::CompleteMultipartUploadOutput { location, ..output }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::AbortMultipartUploadOutput>> {
        self.multipart.abort(request.input).await?;
        Ok(S3Response::new(dto::AbortMultipartUploadOutput::default()))
    }
}

/// To S3 a key is a name; to s3s-fs it is a path, and `..` in it another object's.
fn check(key: &str) -> S3Result<()> {
    if key.len() > MAX_KEY_BYTES {
        return Err(s3_error!(KeyTooLongError, "The embedded store takes keys of at most {MAX_KEY_BYTES} bytes."));
    }
    let is_plain = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && !segment.contains(['\\', '\0'])
            && (cfg!(not(windows)) || is_name_on_windows(segment))
    };
    if key.split('/').all(is_plain) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "The embedded store takes no key with an empty or dotted segment or a backslash."))
}

/// Windows takes some names for streams, wildcards and devices, and drops dots and spaces at their end.
///
/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>
fn is_name_on_windows(segment: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    const PORTS: [&str; 2] = ["COM", "LPT"];
    let stem = segment.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_port = stem.strip_suffix(|last: char| last.is_numeric()).is_some_and(|port| PORTS.contains(&port));
    !segment.contains(['<', '>', ':', '"', '|', '?', '*'])
        && !segment.contains(char::is_control)
        && !segment.ends_with(['.', ' '])
        && !DEVICES.contains(&stem.as_str())
        && !is_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_devices_and_streams_are_no_names() {
        for name in ["Größe 1.txt", "common.txt", "nulls", "con1.txt", "com", "com10.png", ".a"] {
            assert!(is_name_on_windows(name), "{name}");
        }
        for name in ["a:b", "a*", "con", "NUL.txt", "com1.png", "LPT9", "lpt².txt", "a.", "a "] {
            assert!(!is_name_on_windows(name), "{name}");
        }
    }

    #[test]
    fn a_key_can_not_lead_to_another_objects_file() {
        assert!(check("uploads/id/Größe 1.txt").is_ok());
        for key in ["uploads/id/../other/x", "/etc/passwd", "a//b", "a/", "a/./b", "a\\b", ""] {
            assert!(check(key).is_err(), "{key}");
        }
        assert!(check(&"x".repeat(MAX_KEY_BYTES + 1)).is_err());
    }
}
