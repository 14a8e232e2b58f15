use std::{fs, io, path::PathBuf};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Map, Value, json};

use super::disk::Disk;

/// The files beside an object, as s3s-fs reads them: attributes as the visitor gave them, and what the store itself found
/// out.
pub(super) struct Sidecar<'a> {
    disk: &'a Disk,
    stem: PathBuf,
}

impl<'a> Sidecar<'a> {
    pub(super) fn new(disk: &'a Disk, bucket: &str, key: &str) -> Self {
        let stem = disk.root().join(format!(".bucket-{}.object-{}", BASE64.encode(bucket), BASE64.encode(key)));
        Self { disk, stem }
    }

    /// Before the object has its name: one without attributes would be served as a page, and has no checksum.
    ///
    /// `sha256` is in Base64, and for an object made of parts with `-` and their number at its end.
    pub(super) fn write(&self, attributes: &Value, e_tag: &str, sha256: Option<&str>) -> io::Result<()> {
        let mut found_out = json!({ "e_tag": e_tag });
        if let Some(sha256) = sha256 {
            found_out["checksum_sha256"] = sha256.into();
        }
        self.disk.replace(&self.path("metadata"), &serde_json::to_vec(attributes)?)?;
        self.disk.replace(&self.path("internal"), &serde_json::to_vec(&found_out)?)
    }

    /// The object's, if it can be read.
    pub(super) fn e_tag(&self) -> Option<String> {
        let found_out: Value = serde_json::from_slice(&fs::read(self.path("internal")).ok()?).ok()?;
        Some(found_out.get("e_tag")?.as_str()?.to_owned())
    }

    /// Whether what the store found out is there, but was not written whole. s3s-fs fails then; without the attributes it
    /// goes.
    pub(super) fn is_unreadable(&self) -> bool {
        let found_out = fs::read(self.path("internal"));
        found_out.is_ok_and(|json| serde_json::from_slice::<Map<String, Value>>(&json).is_err())
    }

    /// For an object that s3s-fs shall look at again.
    pub(super) fn remove_found_out(&self) -> io::Result<()> {
        fs::remove_file(self.path("internal"))
    }

    /// Removes both; s3s-fs leaves them behind.
    pub(super) fn remove(&self) {
        for kind in ["metadata", "internal"] {
            // Not there is as good as gone.
            let _ = fs::remove_file(self.path(kind));
        }
    }

    fn path(&self, kind: &str) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push(format!(".{kind}.json"));
        path.into()
    }
}
