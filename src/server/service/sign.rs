use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;

use super::UploadService;
use crate::{
    s3::{
        FileInfo, Key, Method, Refusal, SignRequest, SignedUpload, UploadParameters, UploadToken, content_disposition,
    },
    server::{
        Visitor,
        metadata::user_metadata,
        presign::{PostPolicy, PostTarget, PresignError, PutObject},
        provider::Support,
        random::random_id,
        token::Upload,
    },
};

/// The longest type that is still taken for one.
const MAX_TYPE_BYTES: usize = 255;

/// What all signatures of one call share.
pub(super) struct Signing {
    pub(super) credentials: Credentials,
    pub(super) expires_in: Duration,
    pub(super) now: SystemTime,
}

impl UploadService {
    /// One signature or one refusal per file, in the order of `requests`.
    pub async fn sign(&self, visitor: &Visitor, requests: Vec<SignRequest>) -> Vec<Result<SignedUpload, Refusal>> {
        self.sign_at(visitor, requests, SystemTime::now()).await
    }

    /// [`UploadService::sign`] at a given time.
    pub async fn sign_at(
        &self,
        visitor: &Visitor,
        requests: Vec<SignRequest>,
        now: SystemTime,
    ) -> Vec<Result<SignedUpload, Refusal>> {
        let signing = self.signing(now).await;
        let max = self.limits().max_files;
        let answer = |(index, request): (usize, SignRequest)| match &signing {
            _ if index >= max => Err(Refusal::TooManyFiles { max }),
            Ok(signing) => self.sign_file(visitor, &request, signing),
            Err(refusal) => Err(refusal.clone()),
        };
        requests.into_iter().enumerate().map(answer).collect()
    }

    /// A signature lasts no longer than the credentials it was made with, whatever it says.
    pub(super) async fn signing(&self, now: SystemTime) -> Result<Signing, Refusal> {
        let credentials = self.0.store.credentials.at(now).await.map_err(|error| {
            eprintln!("No credentials to sign with: {error}");
            Refusal::StoreRefused { reason: "it has no credentials to sign with".to_owned() }
        })?;
        let remaining = credentials.expiry().map(|end| end.duration_since(now).unwrap_or_default());
        let expires_in = remaining.unwrap_or(Duration::MAX).min(self.0.config.expires);
        if expires_in.as_secs() == 0 {
            return Err(Refusal::StoreRefused { reason: "its credentials have expired".to_owned() });
        }
        Ok(Signing { credentials, expires_in, now })
    }

    fn sign_file(&self, visitor: &Visitor, request: &SignRequest, signing: &Signing) -> Result<SignedUpload, Refusal> {
        let SignRequest { file, renew, method, .. } = request;
        self.limits().check(file)?;
        let content_type = checked_content_type(file)?;
        let metadata = user_metadata(&file.meta)?;
        let (key, token) = match renew {
            Some(token) => (self.renewed_key(visitor, token, file, signing.now)?, token.clone()),
            None => self.new_upload(visitor, file, signing.now),
        };
        let parameters = match self.0.config.method_for(*method) {
            Method::Put => self.put(&key, file, content_type, metadata, signing).map_err(|error| refused(&error))?,
            Method::Post => self.post(&key, file, content_type, metadata, signing),
        };
        let expires_in_ms = u64::try_from(signing.expires_in.as_millis()).unwrap_or(u64::MAX);
        Ok(SignedUpload { parameters, token: Some(token), expires_in_ms: Some(expires_in_ms) })
    }

    fn new_upload(&self, visitor: &Visitor, file: &FileInfo, now: SystemTime) -> (Key, UploadToken) {
        let provider = self.0.config.store.provider();
        let key = Key::for_upload(&self.0.config.prefix, &random_id(), &file.name, provider.max_key_bytes);
        let content_type = file.content_type_or_default().to_owned();
        let upload = Upload::Single { key: key.clone(), size: file.size, content_type };
        (key, self.0.sealer.seal(visitor, upload, now))
    }

    /// The key signed before, if the file is still what it was signed for.
    fn renewed_key(
        &self,
        visitor: &Visitor,
        token: &UploadToken,
        file: &FileInfo,
        now: SystemTime,
    ) -> Result<Key, Refusal> {
        match self.0.sealer.open(visitor, token, now)? {
            Upload::Single { key, size, content_type }
                if size == file.size && content_type == file.content_type_or_default() =>
            {
                Ok(key)
            }
            _ => Err(Refusal::TokenInvalid),
        }
    }

    fn put(
        &self,
        key: &Key,
        file: &FileInfo,
        content_type: &str,
        metadata: Vec<(String, String)>,
        signing: &Signing,
    ) -> Result<UploadParameters, PresignError> {
        let mut headers = vec![
            ("content-type".to_owned(), content_type.to_owned()),
            ("content-disposition".to_owned(), content_disposition(&file.name)),
        ];
        if self.0.config.store.provider().conditional_put == Support::Yes {
            headers.push(("if-none-match".to_owned(), "*".to_owned()));
        }
        headers.extend(metadata);
        let put = PutObject { bucket: self.bucket(), key, content_length: file.size, headers: &headers };
        put.sign_at(&signing.credentials, signing.expires_in, signing.now)
    }

    fn post(
        &self,
        key: &Key,
        file: &FileInfo,
        content_type: &str,
        metadata: Vec<(String, String)>,
        signing: &Signing,
    ) -> UploadParameters {
        let mut fields = vec![
            ("Content-Type".to_owned(), content_type.to_owned()),
            ("Content-Disposition".to_owned(), content_disposition(&file.name)),
        ];
        fields.extend(metadata);
        let policy = PostPolicy {
            bucket: self.bucket(),
            key,
            content_length_range: file.size..=file.size,
            fields: &fields,
            target: PostTarget::Created,
        };
        policy.sign_at(&signing.credentials, signing.expires_in, signing.now)
    }
}

fn refused(error: &PresignError) -> Refusal {
    Refusal::StoreRefused { reason: error.to_string() }
}

/// The type becomes a header and a form field, so it has to look like one:
/// `type/subtype`, then anything printable.
fn checked_content_type(file: &FileInfo) -> Result<&str, Refusal> {
    let content_type = file.content_type_or_default();
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim_end();
    let good = content_type.len() <= MAX_TYPE_BYTES
        && content_type.bytes().all(|b| (b' '..=b'~').contains(&b))
        && !content_type.contains("  ")
        && content_type.trim() == content_type
        && essence.split_once('/').is_some_and(|(family, subtype)| is_token(family) && is_token(subtype));
    if good {
        return Ok(content_type);
    }
    let start: String = content_type.chars().take(MAX_TYPE_BYTES).collect();
    let reason = format!("“{}” is not a MIME type.", start.escape_debug());
    Err(Refusal::Malformed { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_mime_type_or_the_default() {
        let check = |content_type: &str| {
            let file = FileInfo { content_type: content_type.into(), ..FileInfo::default() };
            checked_content_type(&file).map(str::to_owned)
        };
        assert_eq!(check("").unwrap(), "application/octet-stream");
        assert_eq!(check("text/plain; charset=utf-8").unwrap(), "text/plain; charset=utf-8");
        for bad in ["text", "text/", "/plain", "text/pl ain", "text/plain\r\nx: y", "téxt/plain", " text/plain"] {
            assert!(matches!(check(bad), Err(Refusal::Malformed { .. })), "{bad}");
        }
    }
}
