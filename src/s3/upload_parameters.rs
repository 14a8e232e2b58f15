use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{Fields, SignedPart, UploadToken};

/// How the bytes travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum Method {
    /// A presigned `PutObject`: the body is the file.
    #[serde(rename = "PUT")]
    Put,
    /// A POST policy: the body is a form with the file last. What a signer that names no method means.
    #[default]
    #[serde(rename = "POST")]
    Post,
}

impl Method {
    /// The HTTP method's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Post => "POST",
        }
    }
}

impl<'de> Deserialize<'de> for Method {
    /// In any case, as the original plugin takes it; `null` and an empty text are no method.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(deserializer)?.unwrap_or_default() {
            name if name.is_empty() => Ok(Self::default()),
            name if name.eq_ignore_ascii_case("PUT") => Ok(Self::Put),
            name if name.eq_ignore_ascii_case("POST") => Ok(Self::Post),
            name => Err(D::Error::unknown_variant(&name, &["PUT", "POST"])),
        }
    }
}

/// What `get_upload_parameters` returns: everything the browser needs to send one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadParameters {
    /// `PUT` or `POST`.
    #[serde(default)]
    pub method: Method,
    /// For PUT the object's presigned URL, for POST the bucket's root URL.
    pub url: String,
    /// Form fields sent before the file (POST), and merged into the file's meta (both methods).
    #[serde(default)]
    pub fields: Fields,
    /// Request headers the signature covers.
    #[serde(default)]
    pub headers: Fields,
}

/// Upload parameters, and what this crate's own server knows besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedUpload {
    /// What to send.
    pub parameters: UploadParameters,
    /// The sealed state of this upload; without one nobody can be asked to confirm it.
    pub token: Option<UploadToken>,
    /// Milliseconds from now for which `parameters` may be used; `None` where the signer does not say.
    pub expires_in_ms: Option<u64>,
}

/// As an `UploadServer` answers for each part.
impl From<SignedPart> for SignedUpload {
    fn from(SignedPart { parameters, expires_in_ms }: SignedPart) -> Self {
        Self { parameters, token: None, expires_in_ms }
    }
}

impl From<UploadParameters> for SignedUpload {
    fn from(parameters: UploadParameters) -> Self {
        Self { parameters, token: None, expires_in_ms: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signer_may_answer_as_the_plugin_documents() {
        let answer = r#"{"method":"put","url":"https://b.example/k","fields":null}"#;
        let parameters: UploadParameters = serde_json::from_str(answer).unwrap();
        assert_eq!(parameters.method, Method::Put);
        assert!(parameters.fields.is_empty());
    }

    #[test]
    fn a_signer_that_names_no_method_means_post() {
        for method in ["", r#","method":null"#, r#","method":"""#, r#","method":"Post""#] {
            let answer = format!(r#"{{"url":"https://b.example/"{method}}}"#);
            let parameters: UploadParameters = serde_json::from_str(&answer).unwrap();
            assert_eq!(parameters.method, Method::Post, "{method}");
        }
        assert!(serde_json::from_str::<Method>(r#""PATCH""#).is_err());
    }

    #[test]
    fn a_signer_in_php_may_send_empty_arrays_for_fields_and_headers() {
        let answer = r#"{"method":"PUT","url":"https://b.example/k","fields":[],"headers":[],"expires":900}"#;
        let parameters: UploadParameters = serde_json::from_str(answer).unwrap();
        let url = "https://b.example/k".to_owned();
        assert_eq!(parameters, UploadParameters { method: Method::Put, url, ..UploadParameters::default() });
    }
}
