use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
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
    super::{private, sidecar::Sidecar},
    files::{Files, Location, StoredPart, Upload},
    internal,
};

/// The least bytes of a part that others follow.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const MIN_PART_SIZE: u64 = 5 << 20;

/// A part that was asked for, and is there.
struct Asked {
    number: i32,
    stored: StoredPart,
}

/// An object that parts became.
pub(super) struct Assembled {
    /// Without quotes.
    pub(super) e_tag: String,
    pub(super) sha256: Option<String>,
}

/// Makes one object of an upload's parts, and removes the upload.
///
/// Nothing of it is held in memory, and its last step gives the object its name: whenever the server is killed before, the
/// call can be made again.
pub(super) fn assemble(files: &Files, input: CompleteMultipartUploadInput) -> S3Result<Assembled> {
    let CompleteMultipartUploadInput { bucket, key, upload_id: id, multipart_upload, .. } = input;
    let upload = files.upload(&id, &bucket, &key)?;
    let object = files.object(&bucket, &key);
    let asked = multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
    let parts = check_parts(files, &id, &upload, &asked)?;
    let assembled = Assembled { e_tag: e_tag(&parts), sha256: upload.with_sha256.then(|| composite(&parts)).flatten() };
    let disk = files.disk();
    let sidecar = Sidecar::new(disk, &bucket, &key);
    if object.is_file() {
        // With or without `If-None-Match: *`, as in one request: no key is used twice. But a call that was killed after it
        // had named the object may be made again.
        if sidecar.e_tag().as_ref() != Some(&assembled.e_tag) {
            return Err(s3_error!(PreconditionFailed));
        }
        files.remove(&id)?;
        return Ok(assembled);
    }
    let write_sidecar =
        || sidecar.write(&upload.attributes, &assembled.e_tag, assembled.sha256.as_deref()).map_err(internal);

    if let (Some(_no_writer), Some(in_order)) = (files.claim_slots(&id), slots_in_order(files, &id, &parts)?) {
        append(files, &id, &parts, in_order)?;
        write_sidecar()?;
        files.publish(&id, parts[0].stored.size)?;
    } else {
        let unfinished = Unfinished(disk.temporary());
        concatenate(files, &id, &parts, &unfinished.0)?;
        write_sidecar()?;
        disk.name(&unfinished.0, &object).map_err(internal)?;
        // The object is there, whatever becomes of what it was made of.
        if let Err(error) = files.remove(&id) {
            eprintln!("The embedded store could not remove a completed upload: {error}");
        }
    }
    Ok(assembled)
}

/// A file that goes unless it got another name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The parts as they were asked for, if S3 would take them.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
fn check_parts(files: &Files, id: &str, upload: &Upload, asked: &[CompletedPart]) -> S3Result<Vec<Asked>> {
    if asked.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part."));
    }
    if !asked.is_sorted_by(|one, next| one.part_number < next.part_number) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let parts = asked.iter().map(|asked| {
        let number = asked.part_number.unwrap_or_default();
        let stored = files.part(id, number)?;
        let is_this = |stored: &StoredPart| {
            let etag = asked.e_tag.as_ref().is_some_and(|etag| etag.value() == stored.e_tag);
            etag && (asked.checksum_sha256.is_none() || asked.checksum_sha256 == stored.sha256)
        };
        if upload.with_sha256 && asked.checksum_sha256.is_none() {
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using a sha256 checksum. The complete request must include the checksum for each part."
            ));
        }
        let stored = stored.filter(is_this).ok_or_else(|| s3_error!(InvalidPart))?;
        Ok(Asked { number, stored })
    });
    let parts = parts.collect::<S3Result<Vec<_>>>()?;
    let before_last = &parts[..parts.len() - 1];
    if before_last.iter().any(|part| part.stored.size < MIN_PART_SIZE) {
        return Err(s3_error!(EntityTooSmall));
    }
    Ok(parts)
}

/// How many parts, from the first on, lie in one file as they will in the object; `None` if not all can be put behind them
/// without touching bytes that another call may still ask for.
fn slots_in_order(files: &Files, id: &str, parts: &[Asked]) -> S3Result<Option<usize>> {
    let Some(size) = parts.first().map(|first| first.stored.size) else { return Ok(None) };
    let in_slot = |asked: &Asked| asked.stored.bytes == Location::Slot && asked.stored.size == size;
    let in_order = (1..).zip(parts).take_while(|(number, asked)| asked.number == *number && in_slot(asked)).count();
    let are_all = files.part_numbers(id)?.len() == parts.len();
    Ok((in_order > 0 && are_all && !parts[in_order..].iter().any(in_slot)).then_some(in_order))
}

/// Puts the other parts, most often only a shorter last one, behind those that are in order.
fn append(files: &Files, id: &str, parts: &[Asked], in_order: usize) -> S3Result<()> {
    let (slots, _) = files.part_bytes(id, 1, &parts[0].stored)?;
    let mut slots = File::options().write(true).open(slots).map_err(internal)?;
    let size = |parts: &[Asked]| parts.iter().map(|asked| asked.stored.size).sum::<u64>();
    let (before, there) = (size(&parts[..in_order]), slots.metadata().map_err(internal)?.len());
    if there < before {
        return Err(s3_error!(InternalError, "The parts have {there} bytes instead of {before}."));
    }
    slots.seek(SeekFrom::Start(before)).map_err(internal)?;
    for asked in &parts[in_order..] {
        copy(files, id, asked, &mut slots)?;
    }
    // What was left there by parts that never became any.
    slots.set_len(size(parts)).map_err(internal)?;
    files.disk().sync(&slots).map_err(internal)
}

fn concatenate(files: &Files, id: &str, parts: &[Asked], target: &Path) -> S3Result<()> {
    let mut target = private::to_write().create_new(true).open(target).map_err(internal)?;
    parts.iter().try_for_each(|asked| copy(files, id, asked, &mut target))?;
    files.disk().sync(&target).map_err(internal)
}

/// On Linux the kernel copies by itself, and file systems that can share blocks do.
fn copy(files: &Files, id: &str, asked: &Asked, target: &mut File) -> S3Result<()> {
    let (source, offset) = files.part_bytes(id, asked.number, &asked.stored)?;
    let mut source = File::open(source).map_err(internal)?;
    source.seek(SeekFrom::Start(offset)).map_err(internal)?;
    let copied = io::copy(&mut source.take(asked.stored.size), target).map_err(internal)?;
    if copied == asked.stored.size {
        return Ok(());
    }
    Err(s3_error!(InternalError, "A part has {copied} bytes instead of {}.", asked.stored.size))
}

/// The MD5 of what the parts have as their `ETag`s, and their number.
fn e_tag(parts: &[Asked]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(bytes_of(&part.stored.e_tag));
    }
    format!("{:032x}-{}", u128::from_be_bytes(md5.finalize().into()), parts.len())
}

/// What hexadecimal digits stand for.
fn bytes_of(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// The SHA-256 of the parts' SHA-256, and their number.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#ChecksumTypes>
fn composite(parts: &[Asked]) -> Option<String> {
    let mut sha256 = Sha256::new();
    for part in parts {
        sha256.update(BASE64.decode(part.stored.sha256.as_ref()?).ok()?);
    }
    Some(format!("{}-{}", BASE64.encode(sha256.finalize()), parts.len()))
}
