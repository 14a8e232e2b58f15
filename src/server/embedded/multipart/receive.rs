use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use futures::StreamExt;
use md5::Md5;
use s3s::{S3Result, dto::StreamingBlob, s3_error};
use sha2::{Digest, Sha256};
use tokio::{fs::File, io::AsyncWriteExt};

/// What the sender says of a body.
pub(super) struct Expected {
    pub(super) size: Option<u64>,
    /// In Base64.
    pub(super) md5: Option<String>,
    /// In Base64.
    pub(super) sha256: Option<String>,
}

/// A body in a file that is removed again unless it becomes something else.
pub(super) struct Received {
    file: PathBuf,
    pub(super) size: u64,
    /// In hexadecimal digits.
    pub(super) md5: String,
    /// In Base64; computed where it was asked for.
    pub(super) sha256: Option<String>,
}

impl Received {
    /// Writes the body to `file` as it comes: a part may have 5 GiB.
    ///
    /// # Errors
    ///
    /// `BadDigest` for other bytes than expected, `IncompleteBody` for fewer or if the connection breaks.
    pub(super) async fn write(
        mut body: StreamingBlob,
        file: PathBuf,
        with_sha256: bool,
        expected: &Expected,
    ) -> S3Result<Self> {
        let mut writer = File::create(&file).await.map_err(|error| s3_error!(error, InternalError))?;
        let mut received = Self { file, size: 0, md5: String::new(), sha256: None };
        let mut md5 = Md5::new();
        let mut sha256 = (with_sha256 || expected.sha256.is_some()).then(Sha256::new);
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|error| s3_error!(IncompleteBody, "{error}"))?;
            md5.update(&bytes);
            if let Some(sha256) = &mut sha256 {
                sha256.update(&bytes);
            }
            writer.write_all(&bytes).await.map_err(|error| s3_error!(error, InternalError))?;
            received.size += bytes.len() as u64;
        }
        writer.flush().await.map_err(|error| s3_error!(error, InternalError))?;
        let md5: [u8; 16] = md5.finalize().into();
        received.sha256 = sha256.map(|sha256| BASE64.encode(sha256.finalize()));
        received.md5 = format!("{:032x}", u128::from_be_bytes(md5));
        if expected.size.is_some_and(|size| size != received.size) {
            return Err(s3_error!(IncompleteBody));
        }
        if expected.md5.as_ref().is_some_and(|expected| *expected != BASE64.encode(md5)) {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        if expected.sha256.is_some() && expected.sha256 != received.sha256 {
            return Err(s3_error!(BadDigest, "The SHA256 you specified did not match the calculated checksum."));
        }
        Ok(received)
    }

    pub(super) fn path(&self) -> &Path {
        &self.file
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        // Not there any more if it has become a part.
        let _ = fs::remove_file(&self.file);
    }
}
