use std::collections::BTreeMap;
use std::time::Duration;

use super::referee::Referee;
use super::world::describe;
use crate::engine::{
    CallFailure, CallId, Engine, Event, FileId, Input, Instant, Options, Output, RequestFailure, RequestId, Response,
    UploadFile,
};
use crate::s3::{ErrorResponse, FileInfo, Object, Refusal, SignedUpload, UploadParameters, UploadToken};

/// An engine that a [`Referee`] watches, with a signing server and a store that are as good as the test lets them be.
pub(super) struct Trial {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) signs: Vec<(CallId, Vec<FileId>)>,
    pub(super) confirms: Vec<(CallId, UploadToken)>,
    pub(super) requests: Vec<Request>,
    /// Requests that were answered or cancelled: the world may still have something to say about them.
    pub(super) over: Vec<Request>,
    /// Calls that were answered.
    pub(super) answered: Vec<CallId>,
    /// Prints what happens, as it happens.
    pub(super) is_loud: bool,
    is_offline: bool,
    server: Server,
    /// What is in the bucket: keys and sizes.
    store: BTreeMap<String, u64>,
    referee: Referee,
}

/// Any moment but zero, where all that is older than it would look new.
const BEGINNING: Instant = Instant::from_millis(1_000_000);

/// Says how to see a life again, when that life breaks a rule.
pub(super) struct Replay(pub(super) String);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay: {}", self.0);
        }
    }
}

/// What the signing server is like.
#[derive(Clone, Copy)]
pub(super) struct Server {
    /// It seals tokens and confirms uploads.
    pub(super) confirms: bool,
    pub(super) signature_life: Option<Duration>,
}

/// A data request as the store sees it.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) size: u64,
    pub(super) sent: u64,
    key: String,
}

impl Trial {
    pub(super) fn new(options: Options, server: Server) -> Self {
        Self {
            engine: Engine::new(options),
            now: BEGINNING,
            signs: Vec::new(),
            confirms: Vec::new(),
            requests: Vec::new(),
            over: Vec::new(),
            answered: Vec::new(),
            is_loud: false,
            is_offline: false,
            server,
            store: BTreeMap::new(),
            referee: Referee::default(),
        }
    }

    pub(super) fn add(&mut self, size: u64) {
        self.act("add", |engine, _| _ = engine.add_file(FileInfo { size, ..FileInfo::default() }));
    }

    /// Calls the engine; whether it wanted anything done after that.
    pub(super) fn act(&mut self, name: &str, verb: impl FnOnce(&mut Engine, Instant)) -> bool {
        if self.is_loud {
            println!("{:.3} s: {name}", self.now.since(BEGINNING).as_secs_f64());
        }
        verb(&mut self.engine, self.now);
        self.collect()
    }

    pub(super) fn input(&mut self, input: Input) {
        self.referee.hear(&input);
        if let Input::Response { request, .. } | Input::RequestFailed { request, .. } = &input {
            self.end(*request);
        }
        if let Input::Signed { call, .. } | Input::Confirmed { call, .. } = &input {
            self.answered.push(*call);
        }
        let name = if self.is_loud { format!("{input:?}") } else { String::new() };
        self.act(&name, |engine, now| engine.handle_input(input, now));
    }

    /// Lets time pass; the engine hears of it with the next call.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    pub(super) fn sleep(&mut self, time: Duration) {
        self.pass(time);
        self.timeout();
    }

    /// The network goes, or comes back; `None` where it did before.
    pub(super) fn go_offline(&mut self, is_offline: bool) -> Option<()> {
        let changes = std::mem::replace(&mut self.is_offline, is_offline) != is_offline;
        changes.then(|| self.input(if is_offline { Input::Offline } else { Input::Online }))
    }

    /// The driver's timer; afterwards it must have an effect, or the driver would call for ever.
    pub(super) fn timeout(&mut self) {
        self.act("timeout", Engine::handle_timeout);
        assert!(self.engine.poll_timeout().is_none_or(|deadline| deadline > self.now), "no deadline stays overdue");
    }

    /// Goes to the next deadline, if there is one.
    pub(super) fn pass_to_deadline(&mut self) -> bool {
        let Some(deadline) = self.engine.poll_timeout() else { return false };
        self.now = self.now.max(deadline);
        self.timeout();
        true
    }

    fn collect(&mut self) -> bool {
        let outputs: Vec<_> = std::iter::from_fn(|| self.engine.poll_output()).collect();
        for output in &outputs {
            if self.is_loud
                && let Some(line) = describe(output)
            {
                println!("    {line}");
            }
            match output {
                Output::Sign { call, files } => self.signs.push((*call, files.clone())),
                Output::Confirm { call, token } => self.confirms.push((*call, token.clone())),
                Output::Cancel { request } => self.end(*request),
                Output::Discard { token } => _ = self.store.remove(key_of(token)),
                Output::Send { request, parameters, body, .. } => {
                    let key = parameters.url.trim_start_matches("https://b.example/").split('?').next().unwrap();
                    self.requests.push(Request { id: *request, size: body.end, sent: 0, key: key.into() });
                }
                Output::Event(Event::UploadSuccess(file)) => self.success_means_stored(*file),
                Output::Event(_) | Output::Changed(_) => {}
            }
        }
        self.referee.judge(&self.engine, &outputs, self.now);
        !outputs.is_empty()
    }

    fn end(&mut self, request: RequestId) {
        if let Some(index) = self.requests.iter().position(|live| live.id == request) {
            self.over.push(self.requests.remove(index));
        }
    }

    fn success_means_stored(&self, file: FileId) {
        let file = self.engine.file(file).unwrap();
        let stored = file.key().and_then(|key| self.store.get(key));
        assert_eq!(stored, Some(&file.info().size), "success means that the object is there in full");
    }
}

/// The signing server.
impl Trial {
    /// Answers an open call, with a result for each file.
    pub(super) fn sign(
        &mut self,
        index: usize,
        mut result: impl FnMut(SignedUpload) -> Result<SignedUpload, CallFailure>,
    ) {
        let (call, files) = self.signs.remove(index);
        let results = files.into_iter().map(|file| result(self.signature(call, file))).collect();
        self.input(Input::Signed { call, results });
    }

    /// Tells the truth about an object.
    pub(super) fn confirm(&mut self, index: usize) {
        let (call, token) = self.confirms.remove(index);
        let size = self.store.get(key_of(&token)).copied();
        let object = size.map(|size| Object { key: key_of(&token).parse().unwrap(), size, etag: None, verified: None });
        let result = object.ok_or(CallFailure::Refused(Refusal::ObjectMissing));
        self.input(Input::Confirmed { call, result });
    }

    pub(super) fn fail_to_confirm(&mut self, index: usize, failure: CallFailure) {
        let (call, _) = self.confirms.remove(index);
        self.input(Input::Confirmed { call, result: Err(failure) });
    }

    /// A key is as the first call for it was: renewing keeps it.
    fn signature(&self, call: CallId, file: FileId) -> SignedUpload {
        let renewed = self.engine.file(file).and_then(UploadFile::token).map(|token| key_of(token).to_owned());
        let key = renewed.unwrap_or_else(|| format!("{file}-{call}"));
        let parameters = UploadParameters {
            method: crate::s3::Method::Put,
            url: format!("https://b.example/{key}?call={call}"),
            ..UploadParameters::default()
        };
        let token = self.server.confirms.then(|| UploadToken::new(format!("{key}.{call}")));
        let life = self.server.signature_life.map(|life| u64::try_from(life.as_millis()).unwrap());
        SignedUpload { parameters, token, expires_in_ms: life }
    }
}

/// The store. `index` is of `requests`.
impl Trial {
    pub(super) fn progress(&mut self, index: usize, sent: u64) {
        let request = &mut self.requests[index];
        request.sent = request.sent.max(sent.min(request.size));
        let request = request.id;
        self.input(Input::Progress { request, sent });
    }

    pub(super) fn body_sent(&mut self, index: usize) {
        let request = &mut self.requests[index];
        request.sent = request.size;
        let request = request.id;
        self.input(Input::BodySent { request });
    }

    /// Takes the object: 200, or 412 where there is one under the key already.
    pub(super) fn accept(&mut self, index: usize) {
        let Request { id, size, key, .. } = self.requests[index].clone();
        let status = if self.store.contains_key(&key) { 412 } else { 200 };
        self.store.insert(key, size);
        self.input(Input::Response { request: id, response: Response { status, ..Response::default() } });
    }

    pub(super) fn reject(&mut self, index: usize, status: u16, code: &str, message: &str) {
        let error = Some(ErrorResponse { code: code.into(), message: message.into() });
        let response = Response { status, error, ..Response::default() };
        self.input(Input::Response { request: self.requests[index].id, response });
    }

    pub(super) fn fail(&mut self, index: usize, failure: RequestFailure) {
        self.input(Input::RequestFailed { request: self.requests[index].id, failure });
    }

    /// The object arrives, whatever the browser may hear of it; only what has left in full can.
    pub(super) fn land(&mut self, request: &Request) {
        if request.sent == request.size && request.size > 0 {
            self.store.insert(request.key.clone(), request.size);
        }
    }
}

/// Tokens are `key.call`.
fn key_of(token: &UploadToken) -> &str {
    token.as_str().split('.').next().unwrap()
}
