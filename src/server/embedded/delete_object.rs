use std::fs;

use s3s::{S3Result, s3_error};

use super::{disk::Disk, locks::KeyLock, multipart::internal, sidecar::Sidecar};

/// Removes an object, its attributes, and its folder if nothing else is in it. That of s3s-fs leaves both behind.
///
/// The object's name goes first, and for good: whatever happens then, no object is served without its attributes.
pub(super) fn delete_object(disk: &Disk, bucket: &str, key: &str, _lock: &KeyLock) -> S3Result<()> {
    let bucket_dir = disk.root().join(bucket);
    if !bucket_dir.is_dir() {
        return Err(s3_error!(NoSuchBucket));
    }
    let object = bucket_dir.join(key);
    if object.is_file() {
        fs::remove_file(&object).map_err(internal)?;
        let folder = object.parent().unwrap_or(&bucket_dir);
        disk.sync_names(folder).map_err(internal)?;
        if folder != bucket_dir {
            disk.remove_if_empty(folder);
        }
    }
    Sidecar::new(disk, bucket, key).remove();
    Ok(())
}
