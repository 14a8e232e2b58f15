use std::time::SystemTime;

use ::http::Method as Verb;

use super::{
    Connection, Finding,
    http::{Answer, Http},
};
use crate::{
    s3::{
        Checksum, ChecksumAlgorithm, FileInfo, Method, PartRequest, Refusal, SignRequest, SignedUpload,
        UploadParameters, UploadToken,
    },
    server::{Visitor, config::Origin},
};

/// What is uploaded.
pub(super) const BYTES: &[u8] = b"leptos-aws-s3 tries whether uploads work, and deletes this again.\n";

const NAME: &str = "leptos-aws-s3-doctor.txt";

const CLEAN_UP: &str = "clean-up";

const TYPE: &str = "text/plain";

const BOUNDARY: &str = "leptos-aws-s3-7d4a6f2c91";

/// The least that S3 takes as the size of parts; the last one may be smaller, and there is only that.
const PART_SIZE: u64 = crate::s3::MIN_PART_SIZE;

/// Uploads as a visitor makes them, by the very signatures that the server hands out; and none of them stays.
pub(super) struct Trial<'a> {
    connection: &'a Connection,
    http: &'a Http,
    visitor: Visitor,
    pub(super) origin: Origin,
    pub(super) now: SystemTime,
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

    /// The upload's token.
    pub(super) async fn begin_in_parts(
        &mut self,
        algorithm: Option<ChecksumAlgorithm>,
    ) -> Result<UploadToken, Refusal> {
        let reservation = SignRequest { part_size: Some(PART_SIZE), algorithm, ..file() };
        let service = &self.connection.service;
        let reserved = service.sign_at(&self.visitor, vec![reservation.clone()], self.now).await.remove(0)?;
        let request = SignRequest { renew: reserved.token, ..reservation };
        let created = service.create_multipart_upload(&self.visitor, &request, false).await?;
        self.begun.push(created.token.clone());
        Ok(created.token)
    }

    pub(super) async fn sign_part(
        &self,
        token: &UploadToken,
        checksum: Option<Checksum>,
    ) -> Result<UploadParameters, Refusal> {
        let part = 1.try_into().map_err(|_| Refusal::UploadMissing)?;
        let service = &self.connection.service;
        let parts = service.sign_parts_at(&self.visitor, token, vec![PartRequest { part, checksum }], self.now);
        Ok(parts.await?.remove(0)?.parameters)
    }

    pub(super) async fn confirm(&self, token: &UploadToken) -> Result<(), Refusal> {
        self.connection.service.confirm(&self.visitor, token).await.map(drop)
    }

    pub(super) async fn complete(&self, token: &UploadToken, checksum: Option<Checksum>) -> Result<(), Refusal> {
        self.connection.service.complete(&self.visitor, token, checksum.into_iter().collect()).await.map(drop)
    }

    pub(super) async fn discard(&self, token: &UploadToken) -> Result<(), Refusal> {
        self.connection.service.discard(&self.visitor, token).await
    }

    /// Sends the bytes as a page of the origin does.
    pub(super) async fn send(&self, parameters: &UploadParameters, bytes: &[u8]) -> Result<Answer, String> {
        self.send_from(&self.origin, parameters, bytes).await
    }

    /// Sends the bytes as a page of another origin does.
    pub(super) async fn send_from(
        &self,
        origin: &Origin,
        parameters: &UploadParameters,
        bytes: &[u8],
    ) -> Result<Answer, String> {
        let (verb, headers, body) = match parameters.method {
            Method::Put => (Verb::PUT, parameters.headers.clone(), bytes.to_vec()),
            Method::Post => {
                let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
                (Verb::POST, [("content-type", content_type)].into(), form(parameters, bytes))
            }
        };
        let headers = headers.iter().chain([("origin", origin.as_str())]);
        self.http.send(verb, &parameters.url, headers, body).await
    }

    /// Deletes all that was uploaded, and what was begun.
    pub(super) async fn clean_up(&self) -> Finding {
        let mut failure = None;
        for token in &self.begun {
            if let Err(refusal) = self.connection.service.remove_trial(&self.visitor, token).await {
                failure.get_or_insert(refusal);
            }
        }
        let prefix = &self.connection.config.prefix;
        match failure {
            None => Finding::pass(CLEAN_UP, "What was uploaded for this is deleted."),
            Some(refusal) => Finding::amiss(
                CLEAN_UP,
                refusal.to_string(),
                format!(
                    "Let the keys do s3:DeleteObject and s3:AbortMultipartUpload on {prefix}*, and delete the files named \
                     {NAME} there."
                ),
            ),
        }
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
