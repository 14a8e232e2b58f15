use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::PathBuf,
};

use axum::body::Bytes;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use futures::StreamExt;
use md5::Md5;
use s3s::{S3Result, dto::StreamingBlob, s3_error};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{
    super::{disk::Disk, private},
    files::no_such_upload,
    internal,
    slots::Claim,
};

/// Bytes that are hashed and written at one time: enough that the change of threads is not what takes the time.
const BATCH: usize = 512 << 10;

/// What the sender says of a body.
pub(in super::super) struct Expected {
    pub(in super::super) size: Option<u64>,
    /// In Base64.
    pub(in super::super) md5: Option<String>,
    /// In Base64.
    pub(in super::super) sha256: Option<String>,
}

/// Where a body is written to.
pub(in super::super) enum Place {
    /// Between the bytes of other parts, which are not touched.
    Slot(Slot),
    /// In a file of its own, which is removed again unless it becomes something else.
    Own(PathBuf),
}

/// A place between the bytes of other parts.
pub(in super::super) struct Slot {
    pub(super) file: PathBuf,
    pub(super) offset: u64,
    pub(super) _claim: Claim,
}

/// A body that is on the disk, and is what the sender said.
pub(in super::super) struct Received {
    pub(in super::super) place: Place,
    pub(in super::super) size: u64,
    /// In hexadecimal digits: the MD5, or the SHA-256 where that alone is asked for. S3's own `ETag` is not always an MD5
    /// either; one of 64 digits can't be taken for one.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
    pub(in super::super) e_tag: String,
    /// In Base64, where it is asked for.
    pub(in super::super) sha256: Option<String>,
}

impl Received {
    /// Writes the body as it comes: a part may have 5 GiB.
    ///
    /// # Errors
    ///
    /// `BadDigest` for other bytes than expected, `IncompleteBody` for fewer or if the connection breaks.
    pub(in super::super) async fn write(
        mut body: StreamingBlob,
        mut writer: Writer,
        expected: &Expected,
    ) -> S3Result<Self> {
        let (mut batch, mut bytes_in_batch, mut received) = (Vec::new(), 0, 0);
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| s3_error!(IncompleteBody, "{error}"))?;
            received += bytes.len() as u64;
            // Not one byte into the slot of the next part.
            if expected.size.is_some_and(|size| received > size) {
                return Err(s3_error!(IncompleteBody));
            }
            bytes_in_batch += bytes.len();
            batch.push(bytes);
            if bytes_in_batch >= BATCH {
                writer = writer.write(std::mem::take(&mut batch)).await?;
                bytes_in_batch = 0;
            }
        }
        writer.write(batch).await?.sync().await?.finish(expected)
    }
}

impl Place {
    fn open(&self) -> io::Result<File> {
        match self {
            Self::Slot(Slot { file, offset, .. }) => {
                let mut file = private::to_write().create(true).truncate(false).open(file)?;
                file.seek(SeekFrom::Start(*offset))?;
                Ok(file)
            }
            Self::Own(file) => private::to_write().create_new(true).open(file),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Own(file) = self {
            // Not there any more if it has become a part.
            let _ = fs::remove_file(file);
        }
    }
}

/// Writes a body and hashes it.
pub(in super::super) struct Writer {
    disk: Disk,
    file: File,
    /// Given back by whoever has the writer: also where the connection broke, nobody else gets the slot while a batch is
    /// being written.
    place: Place,
    size: u64,
    digests: Digests,
}

/// What tells the bytes from others: at least one.
struct Digests {
    md5: Option<Md5>,
    sha256: Option<Sha256>,
}

/// What is computed of a body.
#[derive(Clone, Copy)]
pub(in super::super) struct Wanted {
    pub(in super::super) md5: bool,
    pub(in super::super) sha256: bool,
}

impl Writer {
    pub(in super::super) fn open(place: Place, Wanted { md5, sha256 }: Wanted, disk: Disk) -> S3Result<Self> {
        let file = place.open().map_err(no_such_upload)?;
        // What resumes an upload that was begun without checksums compares its file with this.
        let md5 = md5 || !sha256;
        let digests = Digests { md5: md5.then(Md5::new), sha256: sha256.then(Sha256::new) };
        Ok(Self { disk, file, place, size: 0, digests })
    }

    async fn write(mut self, batch: Vec<Bytes>) -> S3Result<Self> {
        let written = spawn_blocking(move || {
            for bytes in &batch {
                self.file.write_all(bytes)?;
                self.digests.update(bytes);
                self.size += bytes.len() as u64;
            }
            io::Result::Ok(self)
        });
        written.await.map_err(internal)?.map_err(internal)
    }

    async fn sync(self) -> S3Result<Self> {
        let synced = spawn_blocking(move || {
            self.disk.sync(&self.file)?;
            io::Result::Ok(self)
        });
        synced.await.map_err(internal)?.map_err(internal)
    }

    fn finish(self, expected: &Expected) -> S3Result<Received> {
        if expected.size.is_some_and(|size| size != self.size) {
            return Err(s3_error!(IncompleteBody));
        }
        let (md5, sha256, e_tag) = self.digests.finish();
        if expected.md5.is_some() && expected.md5 != md5 {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        if expected.sha256.is_some() && expected.sha256 != sha256 {
            return Err(s3_error!(BadDigest, "The SHA256 you specified did not match the calculated checksum."));
        }
        Ok(Received { place: self.place, size: self.size, e_tag, sha256 })
    }
}

impl Digests {
    fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// MD5 and SHA-256 in Base64, and the entity tag.
    fn finish(self) -> (Option<String>, Option<String>, String) {
        let md5 = self.md5.map(|md5| md5.finalize().to_vec());
        let sha256 = self.sha256.map(|sha256| sha256.finalize().to_vec());
        let e_tag = md5.as_deref().or(sha256.as_deref()).map(digits).unwrap_or_default();
        (md5.map(|md5| BASE64.encode(md5)), sha256.map(|sha256| BASE64.encode(sha256)), e_tag)
    }
}

/// In hexadecimal.
fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
