use std::time::SystemTime;

use super::UploadService;
use crate::{
    s3::{Key, Object, Refusal, UploadParameters, UploadToken},
    server::{
        Visitor,
        presign::{KeyCondition, PostPolicy, PostTarget},
        provider::Support,
        random::random_id,
        token::Upload,
    },
};

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
    /// A form for one file; S3 sends the visitor back to `page`, an absolute URL without a query.
    ///
    /// A policy can bound the size of a file nobody has picked yet, not its type, so there is no form
    /// where types are restricted, nor where the store has no POST policies.
    pub async fn form(&self, visitor: &Visitor, page: &str) -> Option<UploadParameters> {
        let is_restricted = !self.limits().allowed_types.is_everything();
        if is_restricted || self.0.config.store.provider().post_policy != Support::Yes {
            return None;
        }
        let now = SystemTime::now();
        let signing = self.signing(now).await.ok()?;
        let folder = format!("{}{}/", self.0.config.prefix, random_id());
        let token = self.0.sealer.seal(visitor, Upload::Form { folder: folder.clone() }, now);
        let fields = [
            ("Content-Type".to_owned(), "application/octet-stream".to_owned()),
            ("Content-Disposition".to_owned(), "attachment".to_owned()),
        ];
        let policy = PostPolicy {
            bucket: self.bucket(),
            key: KeyCondition::InFolder(&folder),
            content_length_range: 0..=self.limits().max_size,
            fields: &fields,
            target: PostTarget::Redirect(&format!("{page}?uploaded={}", token.as_str())),
        };
        Some(policy.sign_at(&signing.credentials, signing.expires_in, now))
    }

    /// The object a form brought, named by the query S3 redirected with.
    ///
    /// # Errors
    ///
    /// As for [`UploadService::confirm`]; a key outside the token's folder is
    /// [`Refusal::TokenInvalid`].
    pub async fn confirm_form(&self, visitor: &Visitor, token: &UploadToken, key: Key) -> Result<Object, Refusal> {
        match self.0.sealer.open(visitor, token, SystemTime::now())? {
            Upload::Form { folder } if key.as_str().starts_with(&folder) => {}
            _ => return Err(Refusal::TokenInvalid),
        }
        Ok(self.0.store.head_object(key).await?)
    }
}
