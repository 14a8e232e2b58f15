use leptos_aws_s3::s3::{
    ChecksumAlgorithm, CreatedUpload, Method, Object, Part, SignRequest, SignedPart, SignedUpload, UploadParameters,
    UploadToken,
};
use reqwest::{
    Client, StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, COOKIE, SET_COOKIE},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{by, file, in_parts, number, send, sha256};

/// Places in [`Upload::all`].
pub(super) const PUT: usize = 0;
pub(super) const SENT_AGAIN: usize = 3;

const PART: usize = 5 << 20;

/// Counts the calls that the server has made by now.
pub(super) type Moments<'a> = &'a (dyn Fn() -> usize + Sync);

/// A visitor's calls. An answer that says that the server is at fault is an error; one that refuses is an answer.
pub(super) struct Browser {
    http: Client,
    page: String,
    pub(super) cookie: String,
}

impl Browser {
    pub(super) async fn open(page: &str) -> Self {
        let answer = reqwest::get(page).await.unwrap();
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        Self::with_cookie(page, cookie.split(';').next().unwrap())
    }

    pub(super) fn with_cookie(page: &str, cookie: &str) -> Self {
        let http = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { http, page: page.trim_end_matches('/').to_owned(), cookie: cookie.to_owned() }
    }

    /// `None` if it is refused.
    async fn ask<T: DeserializeOwned>(&self, function: &str, arguments: Value) -> Result<Option<T>, String> {
        let request = self.http.post(format!("{}/api/{function}", self.page)).header(COOKIE, &self.cookie);
        let answer = request.json(&arguments).send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        if status.is_success() {
            return Ok(Some(serde_json::from_str(&text).unwrap()));
        }
        if status.is_server_error() { Err(format!("{function}: {status}: {text}")) } else { Ok(None) }
    }

    async fn call<T: DeserializeOwned>(&self, function: &str, arguments: Value) -> Result<T, String> {
        self.ask(function, arguments).await?.ok_or_else(|| format!("{function} is refused"))
    }

    async fn sign(&self, request: &SignRequest) -> Result<SignedUpload, String> {
        let mut signed: Vec<Result<SignedUpload, Value>> =
            self.call("sign_uploads", json!({ "files": [request] })).await?;
        signed.remove(0).map_err(|refusal| refusal.to_string())
    }

    async fn send(&self, parameters: &UploadParameters, bytes: &[u8]) -> Result<StatusCode, String> {
        let answer = send(&self.http, parameters, bytes).await;
        let status = answer.status();
        if status.is_server_error() { Err(format!("{status}: {}", answer.text().await.unwrap())) } else { Ok(status) }
    }

    async fn send_part(&self, token: &UploadToken, part: u16, bytes: &[u8]) -> Result<(), String> {
        let parts = json!([{ "part": part, "checksum": sha256(bytes) }]);
        let mut signed: Vec<Result<SignedPart, Value>> =
            self.call("sign_parts", json!({ "token": token, "parts": parts })).await?;
        let signed = signed.remove(0).map_err(|refusal| refusal.to_string())?;
        match self.send(&signed.parameters, bytes).await? {
            StatusCode::OK => Ok(()),
            status => Err(format!("part {part}: {status}")),
        }
    }
}

/// What was called, and what was answered after how many of the server's calls.
pub(super) struct Upload {
    request: SignRequest,
    bytes: Vec<u8>,
    /// Each part number as often as it is sent; none for an upload in one request.
    sends: Vec<u16>,
    begun: usize,
    answers: Vec<(usize, Answer)>,
}

enum Answer {
    Created(UploadToken),
    Part(u16),
    /// All of it is there.
    Complete,
}

impl Upload {
    /// Of each kind one: an object by PUT and by POST, one whose parts lie as they will in the object, and one whose part is
    /// sent again, and so lies elsewhere.
    pub(super) fn all() -> Vec<Self> {
        let upload = |request: SignRequest, size: usize, sends: &[u16]| {
            let bytes = (0..=250).cycle().take(size).collect();
            let mut request = request;
            request.file.size = size as u64;
            request.file.meta = [("page", "7")].into();
            Self { request, bytes, sends: sends.to_vec(), begun: usize::MAX, answers: Vec::new() }
        };
        vec![
            upload(by(Method::Put, file("put.txt", "text/plain", 0)), 1_000, &[]),
            upload(by(Method::Post, file("post.txt", "text/plain", 0)), 2_000, &[]),
            upload(in_parts(PART as u64, file("slots.txt", "text/plain", 0)), PART + 3_000, &[1, 2]),
            upload(in_parts(PART as u64, file("again.txt", "text/plain", 0)), 4_000, &[1, 1]),
        ]
    }

    pub(super) fn name(&self) -> &str {
        &self.request.file.name
    }

    pub(super) fn has_begun(&self, at: usize) -> bool {
        at > self.begun
    }

    /// The upload as it goes when nothing crashes.
    pub(super) async fn run(&mut self, browser: &Browser, moments: Moments<'_>) {
        let signed = browser.sign(&self.request).await.unwrap();
        self.request.renew.clone_from(&signed.token);
        self.begun = moments();
        if self.sends.is_empty() {
            let status = browser.send(&signed.parameters, &self.bytes).await.unwrap();
            assert!(status.is_success(), "{status}");
        } else {
            let create = json!({ "request": self.request, "again": false });
            let CreatedUpload { token, .. } = browser.call("create_multipart_upload", create).await.unwrap();
            self.answers.push((moments(), Answer::Created(token.clone())));
            for part in self.sends.clone() {
                browser.send_part(&token, part, self.part(part)).await.unwrap();
                self.answers.push((moments(), Answer::Part(part)));
            }
            self.complete(browser, &token).await.unwrap();
        }
        self.answers.push((moments(), Answer::Complete));
    }

    /// What a visitor finds who comes back to a server that was started again, and goes on.
    pub(super) async fn check(&self, browser: &Browser, at: usize) -> Result<(), String> {
        if !self.has_begun(at) {
            return Ok(());
        }
        if self.sends.is_empty() {
            self.check_object(browser, at).await
        } else {
            self.check_parts(browser, at).await.map(drop)
        }
    }

    /// As `check`, after which all is answered.
    pub(super) async fn resume(&mut self, browser: &Browser, at: usize) -> Result<(), String> {
        if self.sends.is_empty() {
            self.check_object(browser, at).await?;
        } else {
            let token = self.check_parts(browser, at).await?;
            self.answers.push((at, Answer::Created(token)));
        }
        self.answers.push((at, Answer::Complete));
        Ok(())
    }

    /// Deletes the object of an upload in one request.
    pub(super) async fn discard(&self, browser: &Browser) {
        browser.call::<()>("discard_upload", json!({ "token": self.request.renew })).await.unwrap();
    }

    /// Whether there is an object of an upload in one request; an error if it is not as it was sent.
    pub(super) async fn is_there(&self, browser: &Browser) -> Result<bool, String> {
        self.is_absent_or_right(browser, self.request.renew.as_ref().unwrap()).await
    }

    fn answered(&self, at: usize) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(move |(after, _)| *after <= at).map(|(_, answer)| answer)
    }

    fn is_complete(&self, at: usize) -> bool {
        self.answered(at).any(|answer| matches!(answer, Answer::Complete))
    }

    async fn check_object(&self, browser: &Browser, at: usize) -> Result<(), String> {
        let token = self.request.renew.as_ref().unwrap();
        let is_there = self.is_absent_or_right(browser, token).await?;
        if self.is_complete(at) {
            return if is_there { Ok(()) } else { Err("what was answered is not there".to_owned()) };
        }
        let signed = match browser.sign(&self.request).await {
            // Nothing is signed for a key that has its object.
            Err(refusal) if is_there && refusal.contains("AlreadyComplete") => {
                return self.is_right(browser, token).await;
            }
            signed => signed?,
        };
        let status = browser.send(&signed.parameters, &self.bytes).await?;
        // As for every key that has an object.
        let is_refused = is_there && status == StatusCode::PRECONDITION_FAILED;
        if !is_refused && !status.is_success() {
            return Err(format!("sent again: {status}"));
        }
        self.is_right(browser, token).await
    }

    async fn check_parts(&self, browser: &Browser, at: usize) -> Result<UploadToken, String> {
        let created = self.answered(at).find_map(|answer| match answer {
            Answer::Created(token) => Some(token.clone()),
            _ => None,
        });
        let token = if let Some(token) = created {
            token
        } else {
            let create = json!({ "request": self.request, "again": true });
            browser.call::<CreatedUpload>("create_multipart_upload", create).await?.token
        };
        let is_there = self.is_absent_or_right(browser, &token).await?;
        if self.is_complete(at) && !is_there {
            return Err("what was answered is not there".to_owned());
        }
        if !is_there {
            self.send_missing_parts(browser, &token, at).await?;
        }
        self.complete(browser, &token).await?;
        self.is_right(browser, &token).await?;
        Ok(token)
    }

    /// Those that the server does not list; what it does is taken at its word.
    async fn send_missing_parts(&self, browser: &Browser, token: &UploadToken, at: usize) -> Result<(), String> {
        let listed: Vec<Part> = browser.call("list_parts", json!({ "token": token })).await?;
        for part in 1..=self.parts() {
            let bytes = self.part(part);
            let is_answered = self.answered(at).any(|answer| matches!(answer, Answer::Part(of) if *of == part));
            let right = Part { number: number(part), size: bytes.len() as u64, checksum: Some(sha256(bytes)) };
            match listed.iter().find(|listed| listed.number == right.number) {
                Some(listed) if *listed == right => {}
                Some(listed) => return Err(format!("a part is listed as {listed:?}")),
                None if is_answered => return Err(format!("part {part} was answered and is not listed")),
                None => browser.send_part(token, part, bytes).await?,
            }
        }
        Ok(())
    }

    fn parts(&self) -> u16 {
        self.sends.iter().copied().max().unwrap_or_default()
    }

    fn part(&self, part: u16) -> &[u8] {
        self.bytes.chunks(PART).nth(usize::from(part) - 1).unwrap()
    }

    async fn complete(&self, browser: &Browser, token: &UploadToken) -> Result<(), String> {
        let checksums: Vec<_> = (1..=self.parts()).map(|part| sha256(self.part(part))).collect();
        let object: Object = browser.call("complete_upload", json!({ "token": token, "checksums": checksums })).await?;
        if object.verified == Some(ChecksumAlgorithm::Sha256) { Ok(()) } else { Err(format!("{object:?}")) }
    }

    async fn is_absent_or_right(&self, browser: &Browser, token: &UploadToken) -> Result<bool, String> {
        if browser.ask::<Object>("confirm_upload", json!({ "token": token })).await?.is_none() {
            return Ok(false);
        }
        self.is_right(browser, token).await.map(|()| true)
    }

    async fn is_right(&self, browser: &Browser, token: &UploadToken) -> Result<(), String> {
        let object: Object = browser.call("confirm_upload", json!({ "token": token })).await?;
        let url: String = browser.call("object_url", json!({ "token": token })).await?;
        let stored = browser.http.get(url).send().await.unwrap();
        let header = |name: &str| stored.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let headers = [CONTENT_TYPE.as_str(), CONTENT_DISPOSITION.as_str(), "x-amz-meta-page"].map(header);
        let status = stored.status();
        let bytes = stored.bytes().await.map_err(|error| error.to_string())?;
        let disposition = format!("attachment; filename=\"{}\"", self.name());
        let is_right = object.size == self.bytes.len() as u64
            && status == StatusCode::OK
            && headers[0].as_deref() == Some("text/plain")
            && headers[1].as_deref().is_some_and(|header| header.starts_with(&disposition))
            && headers[2].as_deref() == Some("7")
            && bytes == self.bytes;
        if is_right {
            return Ok(());
        }
        Err(format!("an object of {} bytes: {status}, {} bytes, {headers:?}", object.size, bytes.len()))
    }
}
