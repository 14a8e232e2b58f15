use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::time::Duration;

use crate::engine::{
    CallFailure, CallId, Engine, Event, FileId, Input, Instant, Options, Output, Progress, RequestFailure, RequestId,
    Response, Status,
};
use crate::s3::{
    ChecksumAlgorithm, ErrorResponse, FileInfo, Method, Object, PartPlan, Refusal, SignedUpload, UploadParameters,
    UploadToken,
};

/// An engine, a clock that a test moves, and a transcript of what the engine wants done. The test is the server, the
/// store and the visitor. `Output::Changed` stays out of the transcript.
pub(super) struct World {
    pub(super) engine: Engine,
    now: Instant,
    told: Vec<String>,
    /// Of a call for parts: the file, once for each part.
    signs: VecDeque<(CallId, Vec<FileId>)>,
    pub(super) reads: VecDeque<Read>,
    /// Parts that are to be kept for a later page, with their checksums.
    remembered: Vec<(u16, Option<String>)>,
    pub(super) creates: VecDeque<(CallId, FileId)>,
    pub(super) lists: VecDeque<CallId>,
    /// With the bytes of the file.
    confirms: VecDeque<(CallId, u64)>,
    /// All requests, for who answers them in order.
    sends: VecDeque<RequestId>,
    /// Each file's newest request.
    requests: BTreeMap<FileId, RequestId>,
    /// The newest request for the bytes from some position on.
    pub(super) ranges: BTreeMap<(FileId, u64), RequestId>,
    confirmed_by_server: bool,
    signature_life_ms: Option<u64>,
    signatures: u32,
}

/// A read that is not over.
pub(super) struct Read {
    pub(super) call: CallId,
    pub(super) start: u64,
    pub(super) algorithm: ChecksumAlgorithm,
}

impl World {
    /// Whose signing server also confirms.
    pub(super) fn new(options: Options) -> Self {
        Self {
            engine: Engine::new(options),
            now: Instant::from_millis(1_000_000),
            told: Vec::new(),
            signs: VecDeque::new(),
            reads: VecDeque::new(),
            remembered: Vec::new(),
            creates: VecDeque::new(),
            lists: VecDeque::new(),
            confirms: VecDeque::new(),
            sends: VecDeque::new(),
            requests: BTreeMap::new(),
            ranges: BTreeMap::new(),
            confirmed_by_server: true,
            signature_life_ms: Some(900_000),
            signatures: 0,
        }
    }

    /// Whose signatures are an app's own, without a token.
    pub(super) fn without_tokens(options: Options) -> Self {
        Self { confirmed_by_server: false, signature_life_ms: None, ..Self::new(options) }
    }

    pub(super) fn with_signature_life(self, life: Duration) -> Self {
        Self { signature_life_ms: Some(u64::try_from(life.as_millis()).unwrap()), ..self }
    }

    /// Adds a file of so many bytes.
    pub(super) fn add(&mut self, size: u64) -> FileId {
        self.add_file(FileInfo { name: "a.txt".into(), size, ..FileInfo::default() })
    }

    pub(super) fn add_many(&mut self, files: usize, size: u64) -> Vec<FileId> {
        (0..files).map(|_| self.add(size)).collect()
    }

    pub(super) fn add_file(&mut self, info: FileInfo) -> FileId {
        self.add_planned(info, None)
    }

    pub(super) fn add_planned(&mut self, info: FileInfo, plan: Option<PartPlan>) -> FileId {
        let id = self.engine.add_file(info, plan);
        self.collect();
        id
    }

    /// Adds a file, starts it and signs it; forgets what was told so far.
    pub(super) fn sending(&mut self, size: u64) -> FileId {
        let id = self.add(size);
        self.act(Engine::upload);
        self.sign();
        self.told();
        id
    }

    /// Like `sending`, with all bytes sent, and the server asked to confirm.
    pub(super) fn confirming(&mut self, size: u64) -> FileId {
        let id = self.sending(size);
        self.sent(id);
        self.answer(id, 200);
        self.told();
        id
    }

    pub(super) fn act(&mut self, verb: impl FnOnce(&mut Engine, Instant)) {
        verb(&mut self.engine, self.now);
        self.collect();
    }

    pub(super) fn input(&mut self, input: Input) {
        self.engine.handle_input(input, self.now);
        self.collect();
    }

    /// What the engine wanted done since this was asked last.
    pub(super) fn told(&mut self) -> String {
        std::mem::take(&mut self.told).join("; ")
    }

    pub(super) fn remembered(&self) -> Vec<(u16, Option<&str>)> {
        self.remembered.iter().map(|(part, checksum)| (*part, checksum.as_deref())).collect()
    }

    pub(super) fn first_file(&self) -> FileId {
        self.engine.files().next().unwrap().id()
    }

    pub(super) fn status(&self, id: FileId) -> Status {
        self.engine.file(id).unwrap().status()
    }

    pub(super) fn progress_of(&self, id: FileId) -> Progress {
        self.engine.file(id).unwrap().progress()
    }

    pub(super) fn error(&self, id: FileId) -> String {
        self.engine.file(id).unwrap().error().unwrap().to_string()
    }

    pub(super) fn key(&self, id: FileId) -> Option<&str> {
        self.engine.file(id).unwrap().key()
    }
}

/// Time.
impl World {
    /// Lets time pass for an attentive driver: each deadline is met when it comes.
    pub(super) fn wait(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        while let Some(deadline) = self.engine.poll_timeout().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.act(Engine::handle_timeout);
            assert!(self.engine.poll_timeout().is_none_or(|next| next > self.now), "no deadline stays overdue");
        }
        self.now = end;
    }

    /// Lets time pass while the machine sleeps; then the driver wakes.
    pub(super) fn sleep(&mut self, seconds: f64) {
        self.pass(seconds);
        self.act(Engine::handle_timeout);
    }

    /// Lets time pass while the machine sleeps; something else comes before the driver's timer.
    pub(super) fn pass(&mut self, seconds: f64) {
        self.now = self.now + Duration::from_secs_f64(seconds);
    }
}

/// The signing server.
impl World {
    /// Signs all files of the oldest open call.
    pub(super) fn sign(&mut self) {
        self.sign_with(|world, id| Ok(world.signature(id)));
    }

    pub(super) fn sign_with(&mut self, result: impl Fn(&mut Self, FileId) -> Result<SignedUpload, CallFailure>) {
        let (call, files) = self.signs.pop_front().unwrap();
        let results = files.into_iter().map(|id| result(self, id)).collect();
        self.input(Input::Signed { call, results });
    }

    /// Whether a call is open.
    pub(super) fn has_signs(&self) -> bool {
        !self.signs.is_empty()
    }

    pub(super) fn oldest_sign_call(&self) -> CallId {
        self.signs.front().unwrap().0
    }

    /// Refuses all files of the oldest open call.
    pub(super) fn refuse_to_sign(&mut self, refusal: &Refusal) {
        self.sign_with(|_, _| Err(CallFailure::Refused(refusal.clone())));
    }

    /// Leaves the oldest open call without an answer.
    pub(super) fn lose_signing(&mut self) {
        self.sign_with(|_, _| Err(unreachable_server()));
    }

    /// A signature for the file's key, with a token that tells one signature from the next.
    pub(super) fn signature(&mut self, id: FileId) -> SignedUpload {
        self.signatures += 1;
        let parameters = UploadParameters {
            method: Method::Put,
            url: format!("https://b.example/up/{id}?X-Amz-Signature={}", self.signatures),
            ..UploadParameters::default()
        };
        let token = UploadToken::new(format!("t{id}.{}", self.signatures));
        let token = self.confirmed_by_server.then_some(token);
        SignedUpload { parameters, token, expires_in_ms: self.signature_life_ms }
    }

    /// Finds the object of the oldest open call.
    pub(super) fn confirm(&mut self) {
        let (_, size) = self.confirms[0];
        self.confirm_with_size(size);
    }

    /// Finds an object of so many bytes.
    pub(super) fn confirm_with_size(&mut self, size: u64) {
        let (call, _) = self.confirms.pop_front().unwrap();
        let object = Object { key: "confirmed".parse().unwrap(), size, etag: None, verified: None, location: None };
        self.input(Input::Confirmed { call, result: Ok(object) });
    }

    pub(super) fn refuse_to_confirm(&mut self, refusal: Refusal) {
        self.fail_to_confirm(CallFailure::Refused(refusal));
    }

    pub(super) fn fail_to_confirm(&mut self, failure: CallFailure) {
        let (call, _) = self.confirms.pop_front().unwrap();
        self.input(Input::Confirmed { call, result: Err(failure) });
    }
}

/// The store.
impl World {
    pub(super) fn request(&self, id: FileId) -> RequestId {
        self.requests[&id]
    }

    /// Whether the file was ever sent.
    pub(super) fn was_sent(&self, id: FileId) -> bool {
        self.requests.contains_key(&id)
    }

    pub(super) fn progress(&mut self, id: FileId, sent: u64) {
        self.input(Input::Progress { request: self.request(id), sent });
    }

    pub(super) fn sent(&mut self, id: FileId) {
        self.input(Input::BodySent { request: self.request(id) });
    }

    /// Takes what the oldest request brings that was not answered so.
    pub(super) fn answer_oldest(&mut self) {
        let request = self.sends.pop_front().unwrap();
        self.input(Input::Response { request, response: Response { status: 200, ..Response::default() } });
    }

    pub(super) fn answer(&mut self, id: FileId, status: u16) {
        self.respond(id, Response { status, ..Response::default() });
    }

    pub(super) fn reject(&mut self, id: FileId, status: u16, code: &str, message: &str) {
        let error = Some(ErrorResponse { code: code.into(), message: message.into() });
        self.respond(id, Response { status, error, ..Response::default() });
    }

    pub(super) fn respond(&mut self, id: FileId, response: Response) {
        self.input(Input::Response { request: self.request(id), response });
    }

    pub(super) fn break_connection(&mut self, id: FileId) {
        let failure = RequestFailure::Network;
        self.input(Input::RequestFailed { request: self.request(id), failure });
    }

    fn collect(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match &output {
                Output::Sign { call, files } => self.signs.push_back((*call, files.clone())),
                Output::SignParts { call, token, parts } => {
                    let of_token = self.engine.files().find(|file| file.token() == Some(token)).unwrap();
                    self.signs.push_back((*call, vec![of_token.id(); parts.len()]));
                }
                Output::Read { call, body, algorithm, .. } => {
                    self.reads.push_back(Read { call: *call, start: body.start, algorithm: *algorithm });
                }
                Output::RememberPart { part, checksum, .. } => {
                    let checksum = checksum.as_ref().map(|checksum| checksum.value.clone());
                    self.remembered.push((part.get(), checksum));
                }
                Output::Create { call, file, .. } => self.creates.push_back((*call, *file)),
                Output::List { call, .. } => self.lists.push_back(*call),
                Output::Confirm { call, token } | Output::Complete { call, token, .. } => {
                    let of_token = self.engine.files().find(|file| file.token() == Some(token)).unwrap();
                    self.confirms.push_back((*call, of_token.info().size));
                }
                Output::Send { request, file, body, .. } => {
                    self.sends.push_back(*request);
                    self.requests.insert(*file, *request);
                    self.ranges.insert((*file, body.start), *request);
                }
                _ => {}
            }
            self.told.extend(describe(&output));
        }
    }
}

pub(super) fn unreachable_server() -> CallFailure {
    CallFailure::Unreachable { reason: "no answer".into(), retry_after: None }
}

/// Options with everything at its default but the number of slots.
pub(super) fn limit(limit: usize) -> Options {
    Options { limit, ..Options::default() }
}

/// An output in a few words; `None` for `Changed`, and for `RememberPart`, which is told with the event.
pub(super) fn describe(output: &Output) -> Option<String> {
    Some(match output {
        Output::Sign { files, .. } => format!("sign {}", list(files)),
        Output::Send { request, file, body, .. } => {
            format!("send {file} {}..{} as #{request}", bytes(body.start), bytes(body.end))
        }
        Output::Read { file, body, .. } => format!("read {file} {}..{}", bytes(body.start), bytes(body.end)),
        Output::SignParts { token, parts, .. } => {
            let parts: Vec<_> = parts.iter().map(|part| part.part.get()).collect();
            format!("sign parts {} of {}", list(&parts), token.as_str())
        }
        Output::Create { file, again, .. } => format!("create {file}{}", if *again { " again" } else { "" }),
        Output::List { token, .. } => format!("list {}", token.as_str()),
        Output::Complete { token, checksums, .. } if checksums.is_empty() => format!("join {}", token.as_str()),
        Output::Complete { token, checksums, .. } => {
            let checksums: Vec<_> = checksums.iter().map(|checksum| &checksum.value).collect();
            format!("join {} as {}", token.as_str(), list(&checksums))
        }
        Output::Cancel { request } => format!("cancel #{request}"),
        Output::Confirm { token, .. } => format!("confirm {}", token.as_str()),
        Output::Discard { token } => format!("discard {}", token.as_str()),
        Output::Forget { token } => format!("forget {}", token.as_str()),
        Output::ForgetPart { part, .. } => format!("forget part {}", part.get()),
        Output::Remember { file, .. } => format!("remember {file}"),
        Output::RememberPart { .. } | Output::Changed(_) => return None,
        Output::Event(event) => match event {
            Event::FileAdded(file) => format!("added {file}"),
            Event::UploadStart(files) => format!("start {}", list(files)),
            Event::UploadProgress(file) => format!("progress {file}"),
            Event::UploadStalled(file) => format!("stalled {file}"),
            Event::PartUploaded(file, part) => format!("part {file}.{} uploaded", part.get()),
            Event::UploadSuccess(file) => format!("success {file}"),
            Event::UploadError(file) => format!("error {file}"),
            Event::FileRemoved(file) => format!("removed {file}"),
            Event::CancelAll => "cancel all".into(),
            Event::Complete { successful, failed } => {
                format!("complete [{}] failed [{}]", list(successful), list(failed))
            }
        },
    })
}

/// Whole mebibytes as such.
fn bytes(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes > 0 && bytes.is_multiple_of(MIB) { format!("{}M", bytes / MIB) } else { bytes.to_string() }
}

fn list(items: &[impl Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
