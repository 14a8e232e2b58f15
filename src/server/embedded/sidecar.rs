use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

/// The files beside an object, as s3s-fs reads and writes them: attributes as the visitor gave them, and what the
/// store itself found out.
pub(super) struct Sidecar {
    stem: PathBuf,
}

impl Sidecar {
    pub(super) fn new(root: &Path, bucket: &str, key: &str) -> Self {
        Self { stem: root.join(format!(".bucket-{}.object-{}", BASE64.encode(bucket), BASE64.encode(key))) }
    }

    /// `sha256` is in Base64, and for an object made of parts with `-` and their number at its end.
    pub(super) fn write(&self, attributes: &Value, e_tag: &str, sha256: Option<&str>) -> io::Result<()> {
        let mut found_out = json!({ "e_tag": e_tag });
        if let Some(sha256) = sha256 {
            found_out["checksum_sha256"] = sha256.into();
        }
        fs::write(self.path("metadata"), serde_json::to_vec(attributes)?)?;
        fs::write(self.path("internal"), serde_json::to_vec(&found_out)?)
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
