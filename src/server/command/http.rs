use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, Method, Request};
use axum::body::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::time::timeout;

use crate::server::causes::{causes, one_line};

const TIMEOUT: Duration = Duration::from_secs(20);

/// An answer of a store is a few lines of XML.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Sends what a browser would send, byte for byte: nothing is added, followed or tried again.
pub(super) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: String,
}

impl Http {
    /// # Errors
    ///
    /// On a machine without root certificates.
    pub(super) fn new() -> Result<Self, String> {
        // Named, since an app's other crates may bring a second one, and then neither is the default.
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider).map_err(|error| {
            format!(
                "This machine has no root certificates to check the store's with ({error}). Install ca-certificates."
            )
        })?;
        let connector = connector.https_or_http().enable_http1().build();
        // A store may close a connection after a refusal; the next request is then not lost with it.
        Ok(Self(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)))
    }

    /// # Errors
    ///
    /// A sentence on why there is no answer.
    pub(super) async fn send<'a>(
        &self,
        method: Method,
        url: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Vec<u8>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).map_err(|error| format!("{url} can't be asked: {error}."))?;
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let answer = async {
            let (head, body) = self.0.request(request).await.map_err(|error| causes(&error))?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| causes(&*error))?;
            let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            Ok::<_, String>(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        match timeout(TIMEOUT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(causes)) => Err(format!("{host} gave no answer: {causes}.")),
            Err(_) => Err(format!("{host} gave no answer in {} seconds.", TIMEOUT.as_secs())),
        }
    }
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's value; several of one name with commas between.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// What time it is for who answered.
    pub(super) fn date(&self) -> Option<SystemTime> {
        parse_date(&self.header("date")?)
    }

    /// Whether a header's list has the word, or `*`.
    pub(super) fn lists(&self, header: &str, word: &str) -> bool {
        let is_it = |item: &str| item.trim().eq_ignore_ascii_case(word) || item.trim() == "*";
        self.header(header).is_some_and(|list| list.split(',').any(is_it))
    }

    /// The text of an element of the body.
    pub(super) fn element(&self, name: &str) -> Option<String> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(xml, _)| one_line(&text(xml)))
    }

    /// S3's own word for what went wrong.
    pub(super) fn code(&self) -> String {
        self.element("Code").unwrap_or_default()
    }

    /// `403 AccessDenied (what the store says of it)`
    pub(super) fn summary(&self) -> String {
        let mut summary = self.status.to_string();
        if !self.code().is_empty() {
            summary = format!("{summary} {}", self.code());
        }
        match self.element("Message") {
            Some(message) if !message.is_empty() => format!("{summary} ({})", message.trim_end_matches('.')),
            _ => summary,
        }
    }
}

/// The time of a `Date` header, in whole seconds.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#name-date>
pub(super) fn parse_date(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc2822).ok().map(SystemTime::from)
}

/// What is written so in XML. Stores quote an element as a whole, or character by character.
fn text(xml: &str) -> String {
    let quoted = xml.strip_prefix("<![CDATA[").and_then(|text| text.strip_suffix("]]>"));
    quoted.map_or_else(
        || {
            let characters =
                [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#34;", "\""), ("&#39;", "'")];
            let text =
                characters.iter().fold(xml.to_owned(), |text, (entity, character)| text.replace(entity, character));
            // Last, since what it leaves is no entity.
            text.replace("&amp;", "&")
        },
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(message: &str) -> String {
        let body = format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>");
        Answer { status: 403, headers: HeaderMap::new(), body }.summary()
    }

    #[test]
    fn what_a_store_says_is_read_however_its_xml_quotes_it() {
        assert_eq!(summary("Access Denied."), "403 AccessDenied (Access Denied)");
        assert_eq!(
            summary("The bucket&apos;s &lt;CORS&gt; &amp;amp; &#34;rules&quot;"),
            "403 AccessDenied (The bucket's <CORS> &amp; \"rules\")"
        );
        assert_eq!(summary("<![CDATA[The bucket's CORS.]]>"), "403 AccessDenied (The bucket's CORS)");
        assert_eq!(summary(""), "403 AccessDenied");
    }
}
