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
use tokio::{runtime::Handle, task::spawn_blocking};

use super::{
    super::{disk::Disk, private},
    files::{Files, no_such_upload},
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

/// A place between the bytes of other parts. Nothing stays of it when it is dropped before it is a part, whatever ended its
/// call.
pub(in super::super) struct Slot {
    files: Files,
    id: String,
    file: PathBuf,
    offset: u64,
    size: u64,
    claim: Option<Claim>,
    is_part: bool,
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

impl Slot {
    pub(super) fn new(files: Files, id: &str, (file, offset, size): (PathBuf, u64, u64), claim: Claim) -> Self {
        Self { files, id: id.to_owned(), file, offset, size, claim: Some(claim), is_part: false }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.claim = None;
        if self.is_part {
            return;
        }
        let (files, id, size) = (self.files.clone(), std::mem::take(&mut self.id), self.size);
        // An upload that has ended meanwhile has no slots; what can't be removed goes with the upload.
        let forget = move || drop(files.forget_broken(&id, size));
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(forget)),
            Err(_) => forget(),
        }
    }
}

impl Place {
    /// From now on a record tells of it.
    pub(super) fn is_part(&mut self) {
        if let Self::Slot(slot) = self {
            slot.is_part = true;
        }
    }

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::{FutureExt, future, stream};
    use serde_json::Value;
    use tokio::time::timeout;

    use super::{super::files::Upload, *};

    #[tokio::test]
    async fn a_part_whose_call_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(Disk::new(dir.path(), false), 1 << 30).unwrap();
        let id = files.create(&Upload::new("b".into(), "k".into(), Value::Null, false)).unwrap();
        let size = 2 * BATCH;
        let place = files.place(&id, 1, Some(size as u64)).unwrap();
        let writer = Writer::open(place, Wanted { md5: false, sha256: false }, files.disk().clone()).unwrap();
        let slots = dir.path().join(format!(".multipart/{id}/slots.{size}"));
        assert!(slots.exists());
        let batch = future::ready(io::Result::Ok(Bytes::from(vec![1; BATCH])));
        let body = StreamingBlob::wrap(stream::once(batch).chain(stream::pending()));
        let expected = Expected { size: Some(size as u64), md5: None, sha256: None };
        // Dropped while its bytes are being written.
        assert!(Received::write(body, writer, &expected).now_or_never().is_none());
        let is_gone = async {
            while slots.exists() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(20), is_gone).await.unwrap();
    }
}
