use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of one upload, sealed by the server: the browser hands it back on every later call and can
/// neither read nor change what counts. Whoever holds it may act on that upload, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadToken(String);

impl UploadToken {
    /// A token as the server sealed it.
    #[must_use]
    pub fn new(sealed: String) -> Self {
        Self(sealed)
    }

    /// The sealed text: URL-safe characters only.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An upload in parts that the store has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedUpload {
    /// Names it from now on.
    pub token: UploadToken,
    /// Milliseconds from now for which the server knows the token; `None` where it does not say.
    pub expires_in_ms: Option<u64>,
}

impl fmt::Debug for UploadToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UploadToken(…)")
    }
}
