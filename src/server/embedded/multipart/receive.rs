use std::{
    fs::{self, File},
    io::{self, Seek, SeekFrom, Write},
    path::PathBuf,
};

use axum::body::Bytes;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use crc_fast::CrcAlgorithm;
use futures::StreamExt;
use md5::Md5;
use s3s::{S3Result, dto::StreamingBlob, s3_error};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use super::{files::no_such_upload, internal, slots::Claim};

/// Bytes that are hashed and written at one time: enough that the change of threads is not what takes the time.
const BATCH: usize = 512 << 10;

/// What the sender says of a body.
pub(super) struct Expected {
    pub(super) size: Option<u64>,
    /// In Base64.
    pub(super) md5: Option<String>,
    /// In Base64.
    pub(super) sha256: Option<String>,
}

/// Where a body is written to.
pub(super) enum Place {
    /// Between the bytes of other parts, which are not touched.
    Slot { file: PathBuf, offset: u64, _claim: Claim },
    /// In a file of its own, which is removed again unless it becomes something else.
    Own(PathBuf),
}

/// A body that is on the disk, and is what the sender said.
pub(super) struct Received {
    pub(super) place: Place,
    pub(super) size: u64,
    /// In hexadecimal digits: the MD5 where the sender gave one, else the SHA-256 where that is asked for, else the
    /// CRC-64/NVME, which S3 itself computes of bytes that come without a checksum. S3's own is not always their MD5 either,
    /// and these can't be taken for it.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
    pub(super) e_tag: String,
    /// In Base64, where it is asked for.
    pub(super) sha256: Option<String>,
}

impl Received {
    /// Writes the body as it comes: a part may have 5 GiB.
    ///
    /// # Errors
    ///
    /// `BadDigest` for other bytes than expected, `IncompleteBody` for fewer or if the connection breaks.
    pub(super) async fn write(mut body: StreamingBlob, mut writer: Writer, expected: &Expected) -> S3Result<Self> {
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
        writer.write(batch).await?.finish(expected)
    }
}

impl Place {
    fn open(&self) -> io::Result<File> {
        match self {
            Self::Slot { file, offset, .. } => {
                let mut file = File::options().write(true).create(true).truncate(false).open(file)?;
                file.seek(SeekFrom::Start(*offset))?;
                Ok(file)
            }
            Self::Own(file) => File::create_new(file),
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
pub(super) struct Writer {
    file: File,
    /// Given back by whoever has the writer: also where the connection broke, nobody else gets the slot while a batch is
    /// being written.
    place: Place,
    size: u64,
    md5: Option<Md5>,
    sha256: Option<Sha256>,
    /// Where nothing else tells the bytes from others.
    crc: Option<crc_fast::Digest>,
}

/// What is computed of a body.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) md5: bool,
    pub(super) sha256: bool,
}

impl Writer {
    pub(super) fn open(place: Place, Wanted { md5, sha256 }: Wanted) -> S3Result<Self> {
        let file = place.open().map_err(no_such_upload)?;
        let (md5, sha256) = (md5.then(Md5::new), sha256.then(Sha256::new));
        let crc = (md5.is_none() && sha256.is_none()).then(|| crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme));
        Ok(Self { file, place, size: 0, md5, sha256, crc })
    }

    async fn write(mut self, batch: Vec<Bytes>) -> S3Result<Self> {
        let written = spawn_blocking(move || {
            for bytes in &batch {
                self.file.write_all(bytes)?;
                self.md5.iter_mut().for_each(|md5| md5.update(bytes));
                self.sha256.iter_mut().for_each(|sha256| sha256.update(bytes));
                self.crc.iter_mut().for_each(|crc| crc.update(bytes));
                self.size += bytes.len() as u64;
            }
            io::Result::Ok(self)
        });
        written.await.map_err(internal)?.map_err(internal)
    }

    fn finish(self, expected: &Expected) -> S3Result<Received> {
        if expected.size.is_some_and(|size| size != self.size) {
            return Err(s3_error!(IncompleteBody));
        }
        let md5 = self.md5.map(|md5| <[u8; 16]>::from(md5.finalize()));
        if md5.map(|md5| BASE64.encode(md5)) != expected.md5 {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        let sha256 = self.sha256.map(|sha256| <[u8; 32]>::from(sha256.finalize()));
        let e_tag = match (&md5, &sha256, self.crc) {
            (Some(md5), ..) => digits(md5),
            (None, Some(sha256), _) => digits(sha256),
            (None, None, crc) => digits(&crc.map_or(0, |crc| crc.finalize()).to_be_bytes()),
        };
        let sha256 = sha256.map(|sha256| BASE64.encode(sha256));
        if expected.sha256.is_some() && expected.sha256 != sha256 {
            return Err(s3_error!(BadDigest, "The SHA256 you specified did not match the calculated checksum."));
        }
        Ok(Received { place: self.place, size: self.size, e_tag, sha256 })
    }
}

/// In hexadecimal.
fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
