use std::{
    fs::{self, File},
    io,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::Md5;
use s3s::{
    S3Result,
    dto::{CompleteMultipartUploadInput, CompletedPart},
    s3_error,
};
use sha2::{Digest, Sha256};

use super::{
    super::sidecar::Sidecar,
    files::{Files, StoredPart, Upload},
};

/// The least bytes of a part that others follow.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const MIN_PART_SIZE: u64 = 5 << 20;

/// An object that parts became.
pub(super) struct Assembled {
    /// Without quotes.
    pub(super) e_tag: String,
    pub(super) sha256: Option<String>,
}

/// Makes one object of an upload's parts, and removes the upload.
///
/// Nothing of it is held in memory, and until its last step nothing of it can be seen: whenever the server is killed, the
/// call can be made again.
pub(super) fn assemble(files: &Files, input: CompleteMultipartUploadInput) -> S3Result<Assembled> {
    let CompleteMultipartUploadInput { bucket, key, upload_id, multipart_upload, if_none_match, .. } = input;
    let upload = files.upload(&upload_id, &bucket, &key)?;
    let object = files.root().join(&bucket).join(&key);
    if if_none_match.is_some_and(|condition| condition.is_any()) && object.exists() {
        return Err(s3_error!(PreconditionFailed));
    }
    let asked = multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let parts = check_parts(files, &upload_id, &upload, &asked)?;
    let assembled = Assembled { e_tag: e_tag(&parts), sha256: upload.with_sha256.then(|| composite(&parts)).flatten() };

    let unfinished = files.temporary();
    let done = concatenate(files, &upload_id, &parts, &unfinished).and_then(|()| {
        let write = || -> io::Result<()> {
            let sidecar = Sidecar::new(files.root(), &bucket, &key);
            sidecar.write(&upload.attributes, &assembled.e_tag, assembled.sha256.as_deref())?;
            fs::create_dir_all(object.parent().unwrap_or(files.root()))?;
            fs::rename(&unfinished, &object)
        };
        write().map_err(|error| s3_error!(error, InternalError))
    });
    if let Err(error) = done {
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    files.remove(&upload_id)?;
    Ok(assembled)
}

/// The parts as they were asked for, if S3 would take them.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
fn check_parts(files: &Files, id: &str, upload: &Upload, asked: &[CompletedPart]) -> S3Result<Vec<StoredPart>> {
    if asked.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part."));
    }
    if !asked.is_sorted_by(|one, next| one.part_number < next.part_number) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let parts = asked.iter().map(|asked| {
        let stored = asked.part_number.and_then(|number| files.part(id, number).ok());
        let is_this = |stored: &StoredPart| {
            let etag = asked.e_tag.as_ref().is_some_and(|etag| etag.value() == stored.md5);
            etag && (asked.checksum_sha256.is_none() || asked.checksum_sha256 == stored.sha256)
        };
        if upload.with_sha256 && asked.checksum_sha256.is_none() {
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using a sha256 checksum. The complete request must include the checksum for each part."
            ));
        }
        stored.filter(is_this).ok_or_else(|| s3_error!(InvalidPart))
    });
    let parts = parts.collect::<S3Result<Vec<_>>>()?;
    let before_last = &parts[..parts.len() - 1];
    if before_last.iter().any(|part| part.size < MIN_PART_SIZE) {
        return Err(s3_error!(EntityTooSmall));
    }
    Ok(parts)
}

/// On Linux the kernel copies by itself, and file systems that can share blocks do.
fn concatenate(files: &Files, id: &str, parts: &[StoredPart], target: &std::path::Path) -> S3Result<()> {
    let mut target = File::create(target).map_err(|error| s3_error!(error, InternalError))?;
    for part in parts {
        let source = File::open(files.part_bytes(id, part)?);
        let copied = source.and_then(|mut source| io::copy(&mut source, &mut target));
        let copied = copied.map_err(|error| s3_error!(error, InternalError))?;
        if copied != part.size {
            return Err(s3_error!(InternalError, "A part has {copied} bytes instead of {}.", part.size));
        }
    }
    Ok(())
}

/// The MD5 of the parts' MD5s, and their number.
fn e_tag(parts: &[StoredPart]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(u128::from_str_radix(&part.md5, 16).unwrap_or_default().to_be_bytes());
    }
    format!("{:032x}-{}", u128::from_be_bytes(md5.finalize().into()), parts.len())
}

/// The SHA-256 of the parts' SHA-256, and their number.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#ChecksumTypes>
fn composite(parts: &[StoredPart]) -> Option<String> {
    let mut sha256 = Sha256::new();
    for part in parts {
        sha256.update(BASE64.decode(part.sha256.as_ref()?).ok()?);
    }
    Some(format!("{}-{}", BASE64.encode(sha256.finalize()), parts.len()))
}
