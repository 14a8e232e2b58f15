use ::http::Method as Verb;

use crate::server::{
    command::http::{Answer, Http},
    config::Origin,
};

/// What a browser asks a store before it sends anything.
#[derive(Clone, Debug)]
pub(super) struct Preflight {
    pub(super) url: String,
    pub(super) method: &'static str,
    /// In lower case and in order, as browsers send them.
    pub(super) headers: Vec<String>,
}

impl Preflight {
    pub(super) fn new(url: String, method: &'static str, mut headers: Vec<String>) -> Self {
        headers.sort();
        Self { url, method, headers }
    }

    /// Asks as a page of `origin`.
    ///
    /// # Errors
    ///
    /// With what is missing, in sentences.
    pub(super) async fn ask(&self, http: &Http, origin: &Origin) -> Result<(), String> {
        let answer = self.send(http, origin).await?;
        let Err(refusal) = self.judge(&answer, origin) else { return Ok(()) };
        if matches!(answer.code().as_str(), "NoSuchBucket" | "PermanentRedirect" | "TemporaryRedirect") {
            return Err(refusal);
        }
        Err(format!("{} {refusal}", self.missing(http, origin).await))
    }

    /// A store may answer a refusal with no more than 403; what it would have allowed says what is missing.
    async fn missing(&self, http: &Http, origin: &Origin) -> String {
        let method = self.method;
        if !self.allows(http, origin, method, &[]).await {
            if self.allows(http, origin, "GET", &[]).await {
                return format!("{origin} may read, but not {method}: its rule needs AllowedMethod {method}.");
            }
            return format!("No rule of the bucket has AllowedOrigin {origin} for {method}.");
        }
        let mut refused = Vec::new();
        for header in &self.headers {
            if !self.allows(http, origin, method, std::slice::from_ref(header)).await {
                refused.push(header.as_str());
            }
        }
        if refused.is_empty() {
            return format!("{origin} may {method} with any one of the headers, but not with all of them.");
        }
        format!(
            "{origin} may {method}, but not with these headers: its rule needs AllowedHeader {}.",
            refused.join(", ")
        )
    }

    async fn allows(&self, http: &Http, origin: &Origin, method: &'static str, headers: &[String]) -> bool {
        let preflight = Self { url: self.url.clone(), method, headers: headers.to_vec() };
        let answer = preflight.send(http, origin).await;
        answer.is_ok_and(|answer| preflight.judge(&answer, origin).is_ok())
    }

    async fn send(&self, http: &Http, origin: &Origin) -> Result<Answer, String> {
        let names = self.headers.join(",");
        let mut headers = vec![("origin", origin.as_str()), ("access-control-request-method", self.method)];
        if !names.is_empty() {
            headers.push(("access-control-request-headers", &names));
        }
        http.send(Verb::OPTIONS, &self.url, headers, Vec::new()).await
    }

    /// What browsers want to see.
    ///
    /// <https://fetch.spec.whatwg.org/#cors-preflight-fetch>
    fn judge(&self, answer: &Answer, origin: &Origin) -> Result<(), String> {
        if !answer.is_success() {
            return Err(format!("The preflight was answered with {}.", answer.summary()));
        }
        if !allows_origin(answer, origin) {
            let seen = answer.header("access-control-allow-origin");
            let seen = seen.map_or_else(|| "no Access-Control-Allow-Origin".to_owned(), |seen| format!("`{seen}`"));
            return Err(format!("The preflight was answered with {seen} instead of {origin}."));
        }
        let is_simple = matches!(self.method, "GET" | "HEAD" | "POST");
        if !is_simple && !answer.lists("access-control-allow-methods", self.method) {
            return Err(format!("Access-Control-Allow-Methods of the answer lacks {}.", self.method));
        }
        match self.headers.iter().find(|name| !answer.lists("access-control-allow-headers", name)) {
            Some(header) => Err(format!("Access-Control-Allow-Headers of the answer lacks {header}.")),
            None => Ok(()),
        }
    }
}

/// Whether a page of `origin` may read the answer.
pub(super) fn allows_origin(answer: &Answer, origin: &Origin) -> bool {
    answer.header("access-control-allow-origin").is_some_and(|seen| seen == "*" || seen == origin.as_str())
}
