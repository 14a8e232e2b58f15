use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use super::contents::{Content, Contents, checksum_of};
use super::journal::Journal;
use super::marks;
use super::pacing::Pacing;
use super::referee::Referee;
use super::store::{Body, Place, Store, Tells, is_in_parts, key_of, upload_of};
use super::world::describe;
use crate::engine::verdict::Verdict;
use crate::engine::{
    CallId, Engine, Event, FileId, Input, Instant, Options, Output, RequestId, UploadError, UploadFile,
};
use crate::s3::{
    Checksum, ChecksumAlgorithm, FileInfo, Method, PartNumber, PartPlan, PartRequest, UploadParameters, UploadToken,
};

/// An engine that a [`Referee`] watches, with a driver, a signing server and a store that are as good as the test lets
/// them be.
pub(super) struct Trial {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) reads: Vec<Read>,
    pub(super) signs: Vec<Sign>,
    pub(super) creates: Vec<Create>,
    pub(super) lists: Vec<(CallId, UploadToken)>,
    pub(super) confirms: Vec<Confirm>,
    pub(super) requests: Vec<Request>,
    /// Requests that were answered or cancelled: the world may still have something to say about them.
    pub(super) over: Vec<Request>,
    /// Calls that were answered.
    pub(super) answered: Vec<CallId>,
    /// Prints what happens, as it happens.
    pub(super) is_loud: bool,
    pub(super) server: Server,
    pub(super) store: Store,
    /// Whose key it is.
    pub(super) owners: BTreeMap<String, FileId>,
    pub(super) journal: Journal,
    pub(super) is_offline: bool,
    /// Keys of files that succeeded: their objects stay.
    pub(super) successful: BTreeSet<String>,
    /// Keys of which the server said that the object is not the file.
    pub(super) other_bytes: BTreeSet<String>,
    /// Keys of uploads of which nobody can know any more whether they are completed: what there is stays.
    completion_unknown: BTreeSet<String>,
    /// Keys whose tokens the server refuses from now on: nobody deletes anything with them.
    pub(super) refused_tokens: BTreeSet<String>,
    pub(super) referee: Referee,
    pub(super) pacing: Pacing,
    pub(super) contents: Contents,
}

/// Any moment but zero, where all that is older than it would look new.
const BEGINNING: Instant = Instant::from_millis(1_000_000);

/// Bytes of every part but a file's last.
pub(super) const PART_SIZE: u64 = 5 << 20;

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
    /// Of files in one request.
    pub(super) method: Method,
}

/// A read that is not over.
pub(super) struct Read {
    pub(super) call: CallId,
    pub(super) body: Range<u64>,
    pub(super) algorithm: ChecksumAlgorithm,
    pub(super) content: Content,
}

/// An open signing call.
pub(super) enum Sign {
    Files(CallId, Vec<FileId>),
    Parts(CallId, UploadToken, Vec<PartRequest>),
}

/// An open call to begin an upload in parts.
pub(super) struct Create {
    pub(super) call: CallId,
    pub(super) token: UploadToken,
    pub(super) plan: PartPlan,
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    pub(super) again: bool,
}

/// An open call that asks for an object.
#[derive(Clone)]
pub(super) struct Confirm {
    pub(super) call: CallId,
    pub(super) token: UploadToken,
    /// Of parts to put together.
    pub(super) checksums: Option<Vec<Checksum>>,
    /// The object that the store is making of the parts: nothing stops it any more.
    pub(super) joining: Option<Body>,
}

/// A data request as the store sees it.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) id: RequestId,
    pub(super) size: u64,
    pub(super) sent: u64,
    pub(super) place: Place,
    pub(super) content: Content,
}

impl Trial {
    pub(super) fn new(options: Options, server: Server) -> Self {
        Self {
            engine: Engine::new(options),
            now: BEGINNING,
            reads: Vec::new(),
            signs: Vec::new(),
            creates: Vec::new(),
            lists: Vec::new(),
            confirms: Vec::new(),
            requests: Vec::new(),
            over: Vec::new(),
            answered: Vec::new(),
            is_loud: false,
            server,
            store: Store::default(),
            owners: BTreeMap::new(),
            journal: Journal::default(),
            is_offline: false,
            successful: BTreeSet::new(),
            other_bytes: BTreeSet::new(),
            completion_unknown: BTreeSet::new(),
            refused_tokens: BTreeSet::new(),
            referee: Referee::default(),
            pacing: Pacing::default(),
            contents: Contents::default(),
        }
    }

    pub(super) fn add(&mut self, size: u64) {
        self.act("add", |engine, _| _ = engine.add_file(FileInfo { size, ..FileInfo::default() }, None));
    }

    pub(super) fn add_in_parts(&mut self, size: u64) {
        let plan = PartPlan::new(size, PART_SIZE).unwrap();
        let info = FileInfo { size, ..FileInfo::default() };
        self.act("add in parts", |engine, _| _ = engine.add_file(info, Some(plan)));
    }

    /// Calls the engine as the visitor or the app does; whether it wanted anything done after that.
    pub(super) fn act(&mut self, name: &str, verb: impl FnOnce(&mut Engine, Instant)) -> bool {
        self.pacing.hear_visitor();
        self.call(name, verb)
    }

    fn call(&mut self, name: &str, verb: impl FnOnce(&mut Engine, Instant)) -> bool {
        self.journal.is_written();
        if self.is_loud {
            println!("{:.3} s: {name}", self.now.since(BEGINNING).as_secs_f64());
        }
        verb(&mut self.engine, self.now);
        self.collect()
    }

    pub(super) fn input(&mut self, input: Input) {
        self.referee.hear(&input);
        self.pacing.hear(&input, self.now);
        if let Input::Response { request, response } = &input
            && let Some(live) = self.requests.iter().find(|live| live.id == *request)
        {
            marks::reach_verdict(Verdict::of(response), live.place.part.is_some());
        }
        if let Input::Response { request, .. } | Input::RequestFailed { request, .. } = &input {
            self.end(*request);
        }
        match &input {
            Input::Read { call, .. }
            | Input::Signed { call, .. }
            | Input::Created { call, .. }
            | Input::Listed { call, .. }
            | Input::Confirmed { call, .. } => self.answered.push(*call),
            _ => {}
        }
        let name = if self.is_loud { format!("{input:?}") } else { String::new() };
        self.call(&name, |engine, now| engine.handle_input(input, now));
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
        self.call("timeout", Engine::handle_timeout);
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
            self.perform(output);
            self.journal.note(&self.engine, output);
        }
        self.referee.judge(&self.engine, &outputs, self.now);
        self.pacing.judge(&self.engine, &outputs, self.now);
        self.nothing_is_left_behind();
        !outputs.is_empty()
    }

    fn perform(&mut self, output: &Output) {
        match output.clone() {
            Output::Read { call, file, body, algorithm } => {
                let content = self.contents.read(file, &body);
                self.reads.push(Read { call, body, algorithm, content });
            }
            Output::Sign { call, files } => self.signs.push(Sign::Files(call, files)),
            Output::SignParts { call, token, parts } => self.signs.push(Sign::Parts(call, token, parts)),
            Output::Create { call, file, again } => self.create_is_asked_for(call, file, again),
            Output::List { call, token } => self.lists.push((call, token)),
            Output::Confirm { call, token } => {
                self.confirms.push(Confirm { call, token, checksums: None, joining: None });
            }
            Output::Complete { call, token, checksums, .. } => {
                let is_just = self.store.seems_complete(key_of(&token), upload_of(&token).unwrap());
                assert!(is_just, "parts are put together when all are there");
                self.confirms.push(Confirm { call, token, checksums: Some(checksums), joining: None });
            }
            Output::Cancel { request } => self.end(request),
            // The server refuses the token here too: an object that an earlier page has completed stays.
            Output::Discard { token }
                if self.refused_tokens.contains(key_of(&token)) && self.store.has(key_of(&token)) =>
            {
                self.completion_unknown.insert(key_of(&token).to_owned());
            }
            Output::Discard { token } => {
                self.discarding_is_just(key_of(&token));
                self.store.discard(key_of(&token));
            }
            Output::Send { request, file, parameters, body } => self.send(request, file, &parameters, body),
            Output::Event(Event::FileAdded(file)) => {
                let size = self.engine.file(file).unwrap().info().size;
                self.contents.add(file, size);
            }
            Output::Event(Event::UploadSuccess(file)) => self.success_means_stored(file),
            Output::Event(Event::UploadError(file)) => self.note_unknown_completion(file),
            // The journal's.
            Output::Remember { .. }
            | Output::RememberPart { .. }
            | Output::ForgetPart { .. }
            | Output::Forget { .. }
            | Output::Event(_)
            | Output::Changed(_) => {}
        }
    }

    fn create_is_asked_for(&mut self, call: CallId, file: FileId, again: bool) {
        let file = self.engine.file(file).unwrap();
        let plan = PartPlan::new(file.info().size, file.part_size().unwrap()).unwrap();
        let key = key_of(file.token().unwrap());
        let earlier = self.owners.iter().filter(|(other, owner)| **owner == file.id() && *other != key);
        let is_known = |key: &str| {
            let sets = [&self.successful, &self.other_bytes, &self.completion_unknown];
            sets.iter().any(|set| set.contains(key))
        };
        for (earlier, _) in earlier.filter(|(earlier, _)| !is_known(earlier)) {
            assert!(!self.store.has(earlier), "no file is sent again while the store has its object, {earlier}");
        }
        let (token, algorithm) = (file.token().unwrap().clone(), file.part_algorithm());
        self.creates.push(Create { call, token, plan, algorithm, again });
    }

    fn send(&mut self, id: RequestId, file: FileId, parameters: &UploadParameters, body: Range<u64>) {
        let (key, query) = parameters.url.trim_start_matches("https://b.example/").split_once('?').unwrap();
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let checksum = value("checksum").map(from_url);
        let content = self.contents.read(file, &body);
        let read = checksum_of(&body, &content);
        assert!(checksum.as_ref().is_none_or(|checksum| checksum.value == read), "what is sent is what was read");
        let number = value("part").map(|part| PartNumber::try_from(part.parse::<u16>().unwrap()).unwrap());
        let info = self.engine.file(file).unwrap();
        let size = info.info().size;
        let plan = info.part_size().map(|part_size| PartPlan::new(size, part_size).unwrap());
        let whole = plan.zip(number).map_or(0..size, |(plan, number)| plan.range(number).unwrap());
        assert_eq!((plan.is_some(), &body), (number.is_some(), &whole), "a request has a whole part, or a whole file");
        let part = number.map(|number| (value("upload").unwrap().parse().unwrap(), number, checksum));
        let place = Place { key: key.into(), part };
        self.requests.push(Request { id, size: body.end - body.start, sent: 0, place, content });
    }

    fn end(&mut self, request: RequestId) {
        if let Some(index) = self.requests.iter().position(|live| live.id == request) {
            self.over.push(self.requests.remove(index));
        }
    }

    fn success_means_stored(&mut self, file: FileId) {
        let file = self.engine.file(file).unwrap();
        let key = file.key().unwrap();
        let Body { size, content } = self.store.object(key).expect("success means that the object is there");
        assert_eq!(*size, file.info().size, "success means that the object is there in full");
        assert!(
            self.contents.is_version(file.id(), content),
            "an object is a file as it was once, and no mix: {content:?}"
        );
        // Of a checksum of checksums in an `ETag` nobody knows that it is one: another proves nothing.
        let is_proof = self.store.tells == Tells::Checksums && file.part_algorithm() == Some(ChecksumAlgorithm::Sha256);
        let is_verified = is_proof || file.uploaded().unwrap().verified.is_some();
        assert!(!is_verified || self.contents.is_newest(file.id(), content), "verified is what was read: {content:?}");
        self.successful.insert(key.into());
    }

    /// Discarded is what a person cancelled, and what the server said not to be the file.
    fn discarding_is_just(&self, key: &str) {
        assert!(!self.successful.contains(key), "what was uploaded stays");
        let is_removed = self.engine.file(self.owners[key]).is_none();
        let is_just = is_removed || self.other_bytes.contains(key) || !self.store.has(key);
        assert!(is_just, "no finished object is discarded without a cancel: {key}");
    }

    fn note_unknown_completion(&mut self, file: FileId) {
        if let Some(UploadError::CompletionUnknown { key }) = self.engine.file(file).and_then(UploadFile::error) {
            self.completion_unknown.insert(key.clone());
        }
    }

    /// Of files in parts that are removed or began anew, the store has nothing once all their calls are answered.
    fn nothing_is_left_behind(&self) {
        let creates = self.creates.iter().map(|create| &create.token);
        let open: BTreeSet<_> = creates.chain(self.confirms.iter().map(|confirm| &confirm.token)).map(key_of).collect();
        let is_owned = |key: &str| {
            if self.completion_unknown.contains(key) {
                return true;
            }
            let token = self.engine.file(self.owners[key]).and_then(|file| file.token());
            token.is_some_and(|token| key_of(token) == key)
        };
        for key in self.store.objects().filter(|key| is_in_parts(key) && !open.contains(key)) {
            assert!(is_owned(key) || self.successful.contains(key), "no object is left behind of {key}");
        }
        for key in self.store.uploads().filter(|key| !open.contains(key)) {
            assert!(is_owned(key) && !self.successful.contains(key), "no upload is left behind of {key}");
        }
    }
}

/// A checksum as it stands in a URL.
pub(super) fn in_url(checksum: &Checksum) -> String {
    let Checksum { algorithm, value } = checksum;
    format!("&checksum={}{value}", if *algorithm == ChecksumAlgorithm::Md5 { "md5:" } else { "" })
}

fn from_url(text: &str) -> Checksum {
    match text.strip_prefix("md5:") {
        Some(value) => Checksum { algorithm: ChecksumAlgorithm::Md5, value: value.into() },
        None => Checksum { algorithm: ChecksumAlgorithm::Sha256, value: text.into() },
    }
}
