use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::fetch::{Answer, CALL_TIMEOUT, COMPLETE_CALL_TIMEOUT, exchange};
use super::reading::base64;
use super::server::{LocalFuture, UploadServer};
use crate::engine::CallFailure;
use crate::s3::{
    Checksum, ChecksumAlgorithm, CreatedUpload, Fields, FileInfo, Key, Method, Object, Part, PartNumber, PartPlan,
    PartRequest, Refusal, SignRequest, SignedUpload, UploadParameters, UploadToken,
};

/// The most parts that a refusal names.
const MAX_NAMED_PARTS: usize = 100;

/// An [`UploadServer`] that is any Companion, by the calls that all its versions know.
///
/// Companion looks at no object: a `2xx` of the store is success, as in the original plugin. It signs no checksums, and
/// two calls to begin an upload begin two; what a lost answer leaves behind, the bucket's lifecycle rules have to remove.
pub struct Companion {
    /// Without a slash at its end.
    host: Rc<str>,
}

/// What names an upload in parts; it lies in the token, and so in the journal.
#[derive(Serialize, Deserialize)]
struct Begun {
    key: String,
    #[serde(rename = "uploadId")]
    upload_id: String,
}

#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    method: Method,
    url: String,
    #[serde(default)]
    fields: Fields,
    #[serde(default, deserialize_with = "seconds")]
    expires: Option<u64>,
}

#[derive(Deserialize)]
struct PartUrl {
    url: String,
    #[serde(default, deserialize_with = "seconds")]
    expires: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct ListedPart {
    #[serde(rename = "PartNumber")]
    number: PartNumber,
    #[serde(rename = "ETag")]
    etag: String,
    #[serde(rename = "Size", default, skip_serializing)]
    size: u64,
}

#[derive(Deserialize)]
struct Completed {
    location: Option<String>,
}

/// What a Companion says of a failure; which of them, its versions do not agree on.
#[derive(Deserialize)]
struct Said {
    error: Option<String>,
    message: Option<String>,
}

impl Companion {
    /// The Companion at this URL.
    pub fn new(host: &str) -> Self {
        Self { host: host.trim_end_matches('/').into() }
    }

    /// A call about an upload that has begun; `rest` follows its id.
    fn about<T: DeserializeOwned + 'static>(
        &self,
        method: &'static str,
        token: &UploadToken,
        rest: &str,
        body: Option<String>,
    ) -> LocalFuture<Result<T, CallFailure>> {
        let Some(begun) = Begun::of(token) else {
            return Box::pin(async { Err(CallFailure::Refused(Refusal::TokenInvalid)) });
        };
        let (id, key) = (encoded(&begun.upload_id), encoded(&begun.key));
        let url = format!("{}/s3/multipart/{id}{rest}?key={key}", self.host);
        // To complete an upload is the only call about it that has a body.
        let timeout = if body.is_some() { COMPLETE_CALL_TIMEOUT } else { CALL_TIMEOUT };
        Box::pin(async move { call(method, url, body, timeout).await.map_err(Failed::of_an_upload) })
    }

    fn form(&self, file: &FileInfo) -> LocalFuture<Result<SignedUpload, CallFailure>> {
        let (name, content_type) = (encoded(&file.name), encoded(file.content_type_or_default()));
        let metadata = file.meta.iter().map(|(name, value)| format!("&metadata[{}]={}", encoded(name), encoded(value)));
        let metadata: Vec<_> = metadata.collect();
        let url = format!("{}/s3/params?filename={name}&type={content_type}{}", self.host, metadata.concat());
        Box::pin(async move {
            let Form { method, url, fields, expires } =
                call("GET", url, None, CALL_TIMEOUT).await.map_err(Failed::of_a_file)?;
            let parameters = UploadParameters { method, url, fields, ..UploadParameters::default() };
            Ok(SignedUpload { parameters, token: None, expires_in_ms: expires.map(milliseconds) })
        })
    }
}

impl UploadServer for Companion {
    fn sign(
        &self,
        requests: Vec<SignRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
        let answers = requests.into_iter().map(|request| match request.part_size {
            None => self.form(&request.file),
            Some(_) => Box::pin(async { Ok(reservation()) }),
        });
        let answers = join_all(answers.collect::<Vec<_>>());
        Box::pin(async { Ok(answers.await) })
    }

    fn create(&self, request: SignRequest, _again: bool) -> LocalFuture<Result<CreatedUpload, CallFailure>> {
        let file = request.file;
        let body = json!({
            "filename": file.name,
            "type": file.content_type_or_default(),
            "metadata": file.meta,
        });
        let url = format!("{}/s3/multipart", self.host);
        Box::pin(async move {
            let begun: Begun =
                call("POST", url, Some(body.to_string()), CALL_TIMEOUT).await.map_err(Failed::of_a_file)?;
            Ok(CreatedUpload { token: begun.into_token(), expires_in_ms: None })
        })
    }

    fn sign_parts(
        &self,
        token: UploadToken,
        parts: Vec<PartRequest>,
    ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
        let key = Begun::of(&token).map(|begun| begun.key).unwrap_or_default();
        let answers: Vec<_> = parts
            .iter()
            .map(|request| self.about::<PartUrl>("GET", &token, &format!("/{}", request.part.get()), None))
            .collect();
        Box::pin(async move {
            let signed = |answer: Result<PartUrl, CallFailure>| {
                let PartUrl { url, expires } = answer?;
                let fields = [("key", key.as_str())].into();
                let parameters = UploadParameters { method: Method::Put, url, fields, ..UploadParameters::default() };
                Ok(SignedUpload { parameters, token: None, expires_in_ms: expires.map(milliseconds) })
            };
            Ok(join_all(answers).await.into_iter().map(signed).collect())
        })
    }

    fn list_parts(&self, token: UploadToken) -> LocalFuture<Result<Vec<Part>, CallFailure>> {
        let listed = self.about::<Vec<ListedPart>>("GET", &token, "", None);
        Box::pin(async move {
            let part = |part: ListedPart| Part { number: part.number, size: part.size, checksum: part_md5(&part.etag) };
            Ok(listed.await?.into_iter().map(part).collect())
        })
    }

    /// What the parts' tags are, Companion asks the store: so that no bucket has to let pages read them.
    fn complete(
        &self,
        token: UploadToken,
        plan: PartPlan,
        _: Vec<Checksum>,
    ) -> LocalFuture<Result<Object, CallFailure>> {
        let listed = self.about::<Vec<ListedPart>>("GET", &token, "", None);
        let this = Self { host: self.host.clone() };
        Box::pin(async move {
            let parts = parts_of(plan, listed.await?)?;
            let body = json!({ "parts": parts }).to_string();
            let Completed { location } = this.about("POST", &token, "/complete", Some(body)).await?;
            let key = Begun::of(&token).and_then(|begun| Key::try_from(begun.key).ok());
            let key = key.ok_or(CallFailure::Refused(Refusal::TokenInvalid))?;
            Ok(Object { key, size: plan.size(), etag: None, verified: None, location })
        })
    }

    fn has_parts(&self) -> bool {
        true
    }

    /// Companion has no call for it, and only an upload in parts has a token at all.
    fn confirm(&self, _token: UploadToken) -> LocalFuture<Result<Object, CallFailure>> {
        Box::pin(async { Err(CallFailure::Invalid { reason: "Companion looks at no objects".into() }) })
    }

    fn discard(&self, token: UploadToken) -> LocalFuture<()> {
        let aborted = self.about::<serde_json::Value>("DELETE", &token, "", None);
        // Nobody is left to hear of a failure.
        Box::pin(async move { drop(aborted.await) })
    }
}

impl Begun {
    /// `None` for what is only reserved.
    fn of(token: &UploadToken) -> Option<Self> {
        serde_json::from_str(token.as_str()).ok()
    }

    fn into_token(self) -> UploadToken {
        UploadToken::new(json!({ "key": self.key, "uploadId": self.upload_id }).to_string())
    }
}

/// The MD5 that a part's `ETag` may be: 32 hexadecimal digits, in quotes or not.
fn part_md5(etag: &str) -> Option<Checksum> {
    let hex = etag.trim_matches('"');
    let is_hex = hex.len() == 32 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
    let md5 = is_hex.then(|| u128::from_str_radix(hex, 16).ok())??;
    Some(Checksum { algorithm: ChecksumAlgorithm::Md5, value: base64(&md5.to_be_bytes()).ok()? })
}

/// The parts of the file among those that the store lists. Companion does not know how many there have to be.
///
/// # Errors
/// With the first parts that are not there, or not with their size.
fn parts_of(plan: PartPlan, mut listed: Vec<ListedPart>) -> Result<Vec<ListedPart>, CallFailure> {
    let size = |number| plan.range(number).map(|body| body.end - body.start);
    listed.retain(|part| size(part.number) == Some(part.size));
    listed.sort_by_key(|part| part.number);
    listed.dedup_by_key(|part| part.number);
    let is_missing = |number: &PartNumber| listed.binary_search_by_key(number, |part| part.number).is_err();
    let parts: Vec<_> = plan.numbers().filter(is_missing).take(MAX_NAMED_PARTS).collect();
    if parts.is_empty() { Ok(listed) } else { Err(CallFailure::Refused(Refusal::PartsMissing { parts })) }
}

/// Companion reserves no keys: there is none before the upload has begun.
fn reservation() -> SignedUpload {
    SignedUpload {
        parameters: UploadParameters::default(),
        token: Some(UploadToken::new(String::new())),
        expires_in_ms: None,
    }
}

/// A call that brought nothing.
enum Failed {
    Unreachable { reason: String, retry_after: Option<Duration> },
    Status { status: u16, reason: String },
}

impl Failed {
    fn of_a_file(self) -> CallFailure {
        match self {
            Self::Unreachable { reason, retry_after } => CallFailure::Unreachable { reason, retry_after },
            Self::Status { reason, .. } => CallFailure::Invalid { reason },
        }
    }

    /// One that is over starts anew.
    fn of_an_upload(self) -> CallFailure {
        match self {
            Self::Status { status: 404, .. } => CallFailure::Refused(Refusal::UploadMissing),
            Self::Status { status: 410, .. } => CallFailure::Refused(Refusal::TokenExpired),
            failed => failed.of_a_file(),
        }
    }
}

async fn call<T: DeserializeOwned>(
    method: &'static str,
    url: String,
    body: Option<String>,
    timeout: Duration,
) -> Result<T, Failed> {
    let unreachable = |reason| Failed::Unreachable { reason, retry_after: None };
    let Answer { status, body, retry_after } =
        exchange(method, &url, body.as_deref(), timeout).await.map_err(unreachable)?;
    if (200..300).contains(&status) {
        return serde_json::from_str(&body).map_err(|_| unreachable("something that is not Companion's".into()));
    }
    let said = serde_json::from_str(&body).ok().and_then(|Said { error, message }| error.or(message));
    let reason = said.unwrap_or_else(|| format!("status {status}"));
    Err(match status {
        408 | 429 | 500.. => Failed::Unreachable { reason, retry_after },
        _ => Failed::Status { status, reason },
    })
}

/// Other servers of Companion's protocol send text, or a number with a point; what is neither says nothing.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(text.split('.').next().and_then(|whole| whole.parse().ok()))
}

fn milliseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_names_the_upload_and_a_reservation_names_none() {
        let begun = Begun { key: "a/\"ü\".txt".into(), upload_id: "2~x/y+=".into() };
        let read = Begun::of(&begun.into_token()).unwrap();
        assert_eq!((read.key.as_str(), read.upload_id.as_str()), ("a/\"ü\".txt", "2~x/y+="));
        assert!(Begun::of(&reservation().token.unwrap()).is_none());
    }

    #[test]
    fn a_form_of_2018_names_its_method_in_lower_case_and_no_end() {
        let form: Form = serde_json::from_str(r#"{"method":"post","url":"u","fields":{"key":"k"}}"#).unwrap();
        assert_eq!((form.method, form.fields.get("key"), form.expires), (Method::Post, Some("k"), None));
    }

    #[test]
    fn an_answer_of_php_is_read_as_companions_is() {
        let form: Form =
            serde_json::from_str(r#"{"url":"u","fields":{"success_action_status":201},"expires":"900"}"#).unwrap();
        assert_eq!((form.fields.get("success_action_status"), form.expires), (Some("201"), Some(900)));
        let form: Form = serde_json::from_str(r#"{"method":"PUT","url":"u","fields":[],"expires":900.0}"#).unwrap();
        assert_eq!((form.fields, form.expires), (Fields::default(), Some(900)));
        let part: PartUrl = serde_json::from_str(r#"{"url":"u","expires":null}"#).unwrap();
        assert_eq!(part.expires, None);
    }

    #[test]
    fn parts_go_back_with_number_and_tag_alone() {
        let listed: ListedPart =
            serde_json::from_str(r#"{"PartNumber":1,"ETag":"\"x\"","Size":5,"LastModified":"…"}"#).unwrap();
        assert_eq!(listed.size, 5);
        assert_eq!(serde_json::to_string(&listed).unwrap(), r#"{"PartNumber":1,"ETag":"\"x\""}"#);
    }

    #[test]
    fn an_upload_is_completed_with_the_parts_of_its_file_and_no_others_and_never_with_fewer() {
        let plan = PartPlan::new((10 << 20) + 1, 5 << 20).unwrap();
        let listed = |parts: &[(u16, u64)]| -> Vec<ListedPart> {
            let part = |(number, size): &(u16, u64)| ListedPart {
                number: (*number).try_into().unwrap(),
                etag: "x".into(),
                size: *size,
            };
            parts.iter().map(part).collect()
        };
        let numbers = |parts: &[(u16, u64)]| match parts_of(plan, listed(parts)) {
            Ok(parts) => Ok(parts.iter().map(|part| part.number.get()).collect::<Vec<_>>()),
            Err(CallFailure::Refused(Refusal::PartsMissing { parts })) => {
                Err(parts.iter().map(|part| part.get()).collect::<Vec<_>>())
            }
            Err(failure) => panic!("{failure:?}"),
        };
        assert_eq!(numbers(&[(1, 5 << 20), (2, 5 << 20), (3, 1), (4, 9)]), Ok(vec![1, 2, 3]));
        assert_eq!(numbers(&[(1, 5 << 20), (3, 1)]), Err(vec![2]), "one is not listed");
        assert_eq!(numbers(&[(1, 5 << 20), (2, 5), (3, 1)]), Err(vec![2]), "one is too short");
        assert_eq!(numbers(&[]), Err(vec![1, 2, 3]));
    }

    #[test]
    fn only_what_is_about_an_upload_can_start_it_over() {
        let gone = || Failed::Status { status: 404, reason: "Not Found".into() };
        assert_eq!(gone().of_an_upload(), CallFailure::Refused(Refusal::UploadMissing));
        assert_eq!(gone().of_a_file(), CallFailure::Invalid { reason: "Not Found".into() });
    }
}
