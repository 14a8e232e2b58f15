use std::time::SystemTime;

use super::UploadService;
use crate::{
    s3::{MAX_REQUEST_SIZE, Method, Object, Refusal, UploadParameters, UploadToken, content_disposition},
    server::{
        Visitor,
        presign::{PostPolicy, PostTarget},
        provider::PostPolicies,
        token::Upload,
    },
};

/// Below it, followed by a token, a form comes back. The token stands in the path, since stores append `bucket`, `key` and
/// `etag` to the URL of a redirect, and some of them `?bucket=…` also where it has a query already.
pub(in crate::server) const RETURN_PATH: &str = "/uploaded/";

/// What the page without JavaScript shows. In the context of every page that is rendered for a
/// request; absent at start-up, when Leptos runs the components once without one.
#[derive(Clone, Debug, Default)]
pub struct FormPage {
    /// The form, if the store takes forms: `url` is its action, `fields` come before the file.
    pub form: Option<UploadParameters>,
    /// What became of the form sent before.
    pub uploaded: Option<Result<Object, Refusal>>,
}

impl UploadService {
    /// A form for one file; S3 sends the visitor back below `page`, the root URL of the page's origin.
    ///
    /// A policy can bound the size of a file nobody has picked yet, not its type, so there is no form
    /// where types are restricted, nor where the store has no POST policies or the operator wants PUT. The file's name
    /// is not known either, and S3 would take it into the key as it comes: so the file is called `file`.
    pub async fn form(&self, visitor: &Visitor, page: &str) -> Option<UploadParameters> {
        let is_restricted = !self.limits().allowed_types.is_everything();
        let wants_put = self.0.config.method == Some(Method::Put);
        if is_restricted || wants_put || self.0.config.store.provider().post_policy != PostPolicies::Yes {
            return None;
        }
        let now = SystemTime::now();
        let signing = self.signing(now).await.ok()?;
        let key = self.new_key("file");
        let token = self.0.sealer.seal(visitor, Upload::Form { key: key.clone() }, now);
        let mut fields = vec![
            ("Content-Type".to_owned(), "application/octet-stream".to_owned()),
            ("Content-Disposition".to_owned(), content_disposition("file")),
        ];
        fields.extend(self.0.config.cache_control.iter().map(|value| ("Cache-Control".to_owned(), value.clone())));
        let policy = PostPolicy {
            bucket: self.bucket(),
            key: &key,
            content_length_range: 0..=self.limits().max_size.min(MAX_REQUEST_SIZE),
            fields: &fields,
            target: PostTarget::Redirect(&format!("{}{RETURN_PATH}{}", page.trim_end_matches('/'), token.as_str())),
        };
        Some(policy.sign_at(&signing.credentials, signing.expires_in, now))
    }

    /// The object a form brought.
    ///
    /// # Errors
    ///
    /// As for [`UploadService::confirm`].
    pub async fn confirm_form(&self, visitor: &Visitor, token: &UploadToken) -> Result<Object, Refusal> {
        match self.0.sealer.open(visitor, token, SystemTime::now())? {
            Upload::Form { key } => Ok(self.0.store.head_object(&key, None).await?.object),
            _ => Err(Refusal::TokenInvalid),
        }
    }
}
