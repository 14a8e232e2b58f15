use std::time::SystemTime;

use ::http::Method as Verb;

use super::{
    Connection,
    http::{Answer, Http},
};
use crate::{
    s3::{Checksum, FileInfo, Method, Refusal, SignRequest, SignedUpload, UploadParameters, UploadToken},
    server::{Visitor, config::Origin},
};

/// What is uploaded.
pub(super) const BYTES: &[u8] = b"leptos-aws-s3 tries whether uploads work, and deletes this again.\n";

const NAME: &str = "leptos-aws-s3-doctor.txt";

const TYPE: &str = "text/plain";

const BOUNDARY: &str = "leptos-aws-s3-7d4a6f2c91";

/// Uploads as a visitor makes them, by the very signatures that the server hands out; and none of them stays.
pub(super) struct Trial<'a> {
    connection: &'a Connection,
    http: &'a Http,
    visitor: Visitor,
    origin: Origin,
    now: SystemTime,
    begun: Vec<UploadToken>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(connection: &'a Connection, http: &'a Http, origin: Origin, now: SystemTime) -> Self {
        Self { connection, http, visitor: Visitor::new(), origin, now, begun: Vec::new() }
    }

    pub(super) async fn sign(&mut self, method: Method, checksum: Option<Checksum>) -> Result<SignedUpload, String> {
        let request = SignRequest { method: Some(method), checksum, ..file() };
        let mut signed = self.connection.service.sign_at(&self.visitor, vec![request], self.now).await;
        let signed = signed.remove(0).map_err(|refusal| refusal.to_string())?;
        self.begun.extend(signed.token.clone());
        Ok(signed)
    }

    async fn discard(&self, token: &UploadToken) -> Result<(), Refusal> {
        self.connection.service.discard(&self.visitor, token).await
    }

    /// Sends the bytes as a page of the origin does.
    pub(super) async fn send(&self, parameters: &UploadParameters, bytes: &[u8]) -> Result<Answer, String> {
        let (verb, headers, body) = match parameters.method {
            Method::Put => (Verb::PUT, parameters.headers.clone(), bytes.to_vec()),
            Method::Post => {
                let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
                (Verb::POST, [("content-type", content_type)].into(), form(parameters, bytes))
            }
        };
        let headers = headers.iter().chain([("origin", self.origin.as_str())]);
        self.http.send(verb, &parameters.url, headers, body).await
    }

    /// Deletes all that was uploaded, and what was begun.
    ///
    /// # Errors
    ///
    /// With the first reason why something may be left.
    pub(super) async fn clean_up(&self) -> Result<usize, Refusal> {
        for token in &self.begun {
            self.discard(token).await?;
        }
        Ok(self.begun.len())
    }
}

fn file() -> SignRequest {
    let file = FileInfo {
        name: NAME.to_owned(),
        size: BYTES.len() as u64,
        content_type: TYPE.to_owned(),
        ..FileInfo::default()
    };
    SignRequest { file, ..SignRequest::default() }
}

/// The fields, then the file, as browsers write them. No value has a character that would have to be escaped.
fn form(parameters: &UploadParameters, bytes: &[u8]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in parameters.fields.iter() {
        let field = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        form.extend_from_slice(field.as_bytes());
    }
    let file = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{NAME}\"\r\n\
         Content-Type: {TYPE}\r\n\r\n"
    );
    form.extend_from_slice(file.as_bytes());
    form.extend_from_slice(bytes);
    form.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    form
}
