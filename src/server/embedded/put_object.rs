use std::path::Path;

use s3s::{S3Result, dto, s3_error};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{
    disk::Disk,
    locks::{KeyLock, KeyLocks},
    multipart::{Expected, Place, Received, Wanted, Writer, internal},
    sidecar::Sidecar,
};

/// An object in one request, by PUT or by a form. What is answered is on the disk, with its attributes; whatever happens
/// before, there is no object, or all of it.
///
/// That of s3s-fs names the object first and writes its attributes afterwards, and syncs neither.
///
/// # Errors
///
/// `PreconditionFailed` where there is an object, also without `If-None-Match: *`: no key of this server's is used twice, and
/// whoever still has a signature can't replace what was confirmed. `BadDigest`, `IncompleteBody`, and `NotImplemented` for
/// checksums that this store does not compute.
pub(super) async fn put_object(
    disk: &Disk,
    locks: &KeyLocks,
    input: dto::PutObjectInput,
) -> S3Result<dto::PutObjectOutput> {
    let object = disk.root().join(&input.bucket).join(&input.key);
    // An early word saves sending the body; the one that counts comes when it is there.
    if object.is_file() {
        return Err(already_there());
    }
    if has_other_checksum(&input) {
        return Err(s3_error!(NotImplemented, "The embedded store computes MD5 and SHA-256 only."));
    }
    let attributes = json!({
        "user_metadata": input.metadata,
        "content_encoding": input.content_encoding,
        "content_type": input.content_type,
        "content_disposition": input.content_disposition,
        "content_language": input.content_language,
        "cache_control": input.cache_control,
        "expires": input.expires,
    });
    let expected = Expected {
        size: input.content_length.and_then(|length| u64::try_from(length).ok()),
        md5: input.content_md5,
        sha256: input.checksum_sha256,
    };
    let wanted = Wanted { md5: true, sha256: expected.sha256.is_some() };
    let body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
    let writer = Writer::open(Place::Own(disk.temporary()), wanted, disk.clone())?;
    let received = Received::write(body, writer, &expected).await?;
    let output = dto::PutObjectOutput {
        e_tag: Some(dto::ETag::Strong(received.e_tag.clone())),
        checksum_sha256: received.sha256.clone(),
        ..Default::default()
    };
    let lock = locks.lock(&input.key).await;
    let (disk, bucket, key) = (disk.clone(), input.bucket, input.key);
    let named = spawn_blocking(move || {
        if object.is_file() {
            return Err(already_there());
        }
        let sidecar = Sidecar::new(&disk, &bucket, &key);
        sidecar.write(&attributes, &received.e_tag, received.sha256.as_deref()).map_err(internal)?;
        name_object(&disk, &received, &object, &lock).inspect_err(|_| {
            // It may have its name, where only that could not be synced.
            if !object.exists() {
                sidecar.remove();
            }
        })
    });
    named.await.map_err(internal)??;
    Ok(output)
}

/// Goes on when the caller has gone, as all that is blocking does.
fn name_object(disk: &Disk, received: &Received, object: &Path, _lock: &KeyLock) -> S3Result<()> {
    let Place::Own(written) = &received.place else { return Err(s3_error!(InternalError)) };
    disk.name(written, object).map_err(internal)
}

fn already_there() -> s3s::S3Error {
    s3_error!(PreconditionFailed, "There is an object under this key.")
}

fn has_other_checksum(input: &dto::PutObjectInput) -> bool {
    let named = [
        input.checksum_crc32.is_some(),
        input.checksum_crc32c.is_some(),
        input.checksum_crc64nvme.is_some(),
        input.checksum_sha1.is_some(),
    ];
    let asked = input.checksum_algorithm.as_ref().is_some_and(|algorithm| algorithm.as_str() != "SHA256");
    asked || named.contains(&true)
}
