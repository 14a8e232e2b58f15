use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::{Rc, Weak};

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use web_sys::File;

use super::awake::Awake;
use super::blocked::is_blocked;
use super::body::{is_readable, size_of, slice};
use super::clock::now;
use super::fingerprint::Fingerprint;
use super::journal::Journal;
use super::opened::PickedFile;
use super::reading::is_available;
use super::reopening::Reopening;
use super::request::{Report, Request};
use super::resuming::InterruptedFiles;
use super::server::spawn;
use super::{Observer, UploadServer};
use crate::engine::sorted::{SortedMap, SortedSet};
use crate::engine::{Engine, FileId, Input, Instant, Options, Output, RequestFailure, RequestId};
use crate::s3::{ChecksumAlgorithm, FileInfo, Meta, PartPlan, UploadParameters};

/// The observer hears of changes at most once in this time.
const CHANGES_INTERVAL_MS: u32 = 100;

/// An engine and its hands. Dropping it aborts every request.
///
/// No `RefCell` stays borrowed while an output is performed: what is performed may call back in.
pub struct Driver {
    pub(super) this: Weak<Driver>,
    pub(super) engine: RefCell<Engine>,
    pub(super) server: Box<dyn UploadServer>,
    observer: Box<dyn Observer>,
    pub(super) meta: FileMeta,
    plan: Box<PlanFile>,
    pub(super) files: RefCell<SortedMap<FileId, PickedFile>>,
    requests: RefCell<SortedMap<RequestId, Request>>,
    timer: RefCell<Option<(Instant, Timeout)>>,
    changes: Changes,
    network: RefCell<Vec<EventListener>>,
    awake: Awake,
    /// Whether the browser's own dialog is worth a try: not while it is open, and not where it fails.
    pub has_dialog: Cell<bool>,
    pub(super) journal: Journal,
    /// The file whose upload is just beginning, while the engine hears of that.
    pub(super) begun: RefCell<Option<Fingerprint>>,
    pub(super) interrupted: InterruptedFiles,
    pub(super) reopening: Reopening,
}

/// How a file is cut into parts; `None` sends it in one request.
pub type PlanFile = dyn Fn(&FileInfo) -> Option<PartPlan>;

/// What a driver has to know that its engine does not.
pub struct Setup {
    /// Of files.
    pub meta: FileMeta,
    /// Which files go in parts.
    pub plan: Box<PlanFile>,
    /// The name of the database of uploads in parts; without one they are not noted.
    pub journal: Option<String>,
    /// Who signs, and confirms.
    pub server: Box<dyn UploadServer>,
}

/// What files have as metadata, and what of it signers hear.
pub struct FileMeta {
    /// Metadata of every file.
    pub of_all: Meta,
    /// The names that go to the signer.
    pub allowed: Vec<String>,
}

/// Files whose change has not been shown yet.
#[derive(Default)]
struct Changes {
    files: RefCell<SortedSet<FileId>>,
    shown_at: Cell<Option<Instant>>,
    timer: RefCell<Option<Timeout>>,
}

impl Driver {
    /// A driver with no files. Only in a browser.
    pub fn new(
        options: Options,
        Setup { meta, plan, journal, server }: Setup,
        observer: Box<dyn Observer>,
    ) -> Rc<Self> {
        let driver = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            engine: RefCell::new(Engine::new(options)),
            server,
            observer,
            meta,
            plan,
            files: RefCell::default(),
            requests: RefCell::default(),
            timer: RefCell::default(),
            changes: Changes::default(),
            network: RefCell::default(),
            awake: Awake::default(),
            has_dialog: Cell::new(true),
            journal: Journal::open(journal),
            begun: RefCell::default(),
            interrupted: InterruptedFiles::default(),
            reopening: Reopening::default(),
        });
        driver.watch_network();
        driver.look_for_interrupted();
        driver
    }

    /// Calls a verb of the engine and performs what comes of it.
    pub fn act<T>(&self, verb: impl FnOnce(&mut Engine, Instant) -> T) -> T {
        let answer = verb(&mut self.engine.borrow_mut(), now());
        self.run();
        answer
    }

    /// Looks at the engine.
    pub fn look<T>(&self, look: impl FnOnce(&Engine) -> T) -> T {
        look(&self.engine.borrow())
    }

    /// Adds files to the list, and starts them if so wished. In order, but for those that may go on with what an earlier
    /// page sent: these are looked at first.
    pub fn add_files(&self, files: Vec<PickedFile>, starts: bool) {
        for picked in files {
            let (info, plan) = self.described(&picked);
            if plan.is_some() && self.may_be_interrupted(&info.name) {
                self.add_examined(picked, starts);
            } else {
                self.add(picked, info, plan);
            }
        }
        self.start(starts);
    }

    pub(super) fn add(&self, picked: PickedFile, info: FileInfo, plan: Option<PartPlan>) -> FileId {
        let id = self.engine.borrow_mut().add_file(info, plan);
        self.files.borrow_mut().insert(id, picked);
        id
    }

    /// Goes on after files were added.
    pub(super) fn start(&self, starts: bool) {
        if starts {
            self.act(Engine::upload);
        } else {
            self.run();
        }
    }

    /// Takes a file off the list. An interrupted one is looked at first: another tab may have gone on with it.
    pub fn remove(&self, id: FileId) {
        if self.is_interrupted(id) {
            let remove = move |driver: &Self| driver.act(|engine, now| engine.remove(id, now));
            self.take_up(
                id,
                Box::new(move |driver, is_ours| {
                    if is_ours {
                        remove(driver);
                    }
                }),
            );
        } else {
            self.act(|engine, now| engine.remove(id, now));
        }
    }

    /// What the engine has to know of a file, and how it is cut into parts.
    pub(super) fn described(&self, picked: &PickedFile) -> (FileInfo, Option<PartPlan>) {
        let info = describe(picked, &self.meta.of_all);
        let plan = (self.plan)(&info);
        (info, plan)
    }

    /// What the server's signatures can cover bytes with, and this page compute.
    pub fn checksum(&self) -> Option<ChecksumAlgorithm> {
        self.server.checksum().filter(|algorithm| is_available(*algorithm))
    }

    /// The browser's own file, while it is in the list.
    pub fn file(&self, id: FileId) -> Option<File> {
        self.files.borrow().get(&id).map(|picked| picked.file.clone())
    }

    pub(super) fn input(&self, input: Input) {
        self.engine.borrow_mut().handle_input(input, now());
        self.run();
    }

    fn run(&self) {
        loop {
            let output = self.engine.borrow_mut().poll_output();
            match output {
                Some(output) => self.perform(output),
                None => break,
            }
        }
        self.set_timer();
        self.awake.set(self.engine.borrow().is_active());
        self.show_changes();
    }

    fn perform(&self, output: Output) {
        match output {
            Output::Sign { call, files } => self.sign(call, &files),
            Output::Send { request, file, parameters, body } => self.send(request, file, &parameters, body),
            Output::Cancel { request } => drop(self.take_request(request)),
            Output::Read { call, file, body, algorithm } => self.read(call, file, body, algorithm),
            Output::SignParts { call, token, parts } => self.sign_parts(call, token, parts),
            Output::Create { call, file, again } => self.create(call, file, again),
            Output::List { call, token } => {
                self.list(call, token);
            }
            Output::Confirm { call, token } => {
                self.ask(self.server.confirm(token), move |result| Input::Confirmed { call, result });
            }
            Output::Complete { call, token, plan, checksums } => {
                let answer = self.server.complete(token, plan, checksums);
                self.ask(answer, move |result| Input::Confirmed { call, result });
            }
            Output::Discard { token } => {
                self.journal.forget(&token);
                spawn(self.server.discard(token));
            }
            Output::Remember { file, expires_in_ms } => self.remember(file, expires_in_ms),
            Output::RememberPart { token, part, checksum } => {
                self.journal.remember_part(&token, part, checksum.as_ref());
            }
            Output::ForgetPart { token, part } => self.journal.forget_part(&token, part),
            Output::Forget { token } => self.journal.forget(&token),
            Output::Event(event) => self.observer.event(&event),
            Output::Changed(file) => {
                self.changes.files.borrow_mut().insert(file);
            }
        }
    }

    fn send(&self, id: RequestId, file: FileId, parameters: &UploadParameters, bytes: Range<u64>) {
        let this = self.this.clone();
        let report = move |report| {
            if let Some(driver) = this.upgrade() {
                driver.report(id, file, report);
            }
        };
        let Some(source) = self.file(file) else { return self.fail(id, file, None) };
        let size = bytes.end - bytes.start;
        match slice(&source, bytes).and_then(|body| Request::send(&source, (body, size), parameters, report)) {
            Ok(request) => drop(self.requests.borrow_mut().insert(id, request)),
            Err(_) => self.fail(id, file, None),
        }
    }

    fn report(&self, request: RequestId, file: FileId, report: Report) {
        match report {
            Report::Progress(sent) => {
                if let Some(request) = self.requests.borrow().get(&request).filter(|_| sent > 0) {
                    request.note_sent();
                }
                self.input(Input::Progress { request, sent });
            }
            Report::BodySent => self.input(Input::BodySent { request }),
            Report::Response(response) => {
                drop(self.take_request(request));
                self.input(Input::Response { request, response });
            }
            Report::Failed => {
                let suspect = self.take_request(request).and_then(|request| request.suspect_url());
                self.fail(request, file, suspect);
            }
        }
    }

    /// Browsers report a file that can't be read, and a request that a content blocker stops, as a broken connection: look
    /// which it was. A file that is readable once it is opened again is sent again.
    fn fail(&self, request: RequestId, file: FileId, suspect: Option<String>) {
        let (source, this) = (self.file(file), self.this.clone());
        self.hear(Box::pin(async move {
            let (readable, suspect) = match source {
                Some(source) if is_readable(&source).await => (true, suspect),
                // The file made the request fail, and no content blocker.
                Some(source) => (Self::open_again(this, file, source).await.is_some(), None),
                None => (false, None),
            };
            let failure = match suspect {
                _ if !readable => RequestFailure::Unreadable,
                Some(url) if is_blocked(&url).await => RequestFailure::Blocked,
                _ => RequestFailure::Network,
            };
            Input::RequestFailed { request, failure }
        }));
    }

    fn take_request(&self, request: RequestId) -> Option<Request> {
        self.requests.borrow_mut().remove(&request)
    }

    /// A timer that is set too early only finds nothing to do, so a deadline that moved back keeps its old timer.
    fn set_timer(&self) {
        let Some(deadline) = self.engine.borrow().poll_timeout() else {
            return self.timer.replace(None).map_or((), drop);
        };
        if self.timer.borrow().as_ref().is_some_and(|(at, _)| *at <= deadline) {
            return;
        }
        let this = self.this.clone();
        let delay = u32::try_from(deadline.since(now()).as_millis()).unwrap_or(u32::MAX >> 1);
        let timeout = Timeout::new(delay, move || {
            if let Some(driver) = this.upgrade() {
                driver.timer.take();
                driver.act(Engine::handle_timeout);
            }
        });
        self.timer.replace(Some((deadline, timeout)));
    }

    fn show_changes(&self) {
        let changes = &self.changes;
        if changes.files.borrow().is_empty() || changes.timer.borrow().is_some() {
            return;
        }
        let since = changes.shown_at.get().map_or(u128::MAX, |shown| now().since(shown).as_millis());
        match u32::try_from(since) {
            Ok(since) if since < CHANGES_INTERVAL_MS => {
                let this = self.this.clone();
                let timeout = Timeout::new(CHANGES_INTERVAL_MS - since, move || {
                    if let Some(driver) = this.upgrade() {
                        driver.changes.timer.take();
                        driver.show_changes_now();
                    }
                });
                changes.timer.replace(Some(timeout));
            }
            _ => self.show_changes_now(),
        }
    }

    fn show_changes_now(&self) {
        self.changes.shown_at.set(Some(now()));
        let ids = self.changes.files.take();
        let (files, totals) = {
            let engine = self.engine.borrow();
            let files: Vec<_> = ids.iter().map(|id| (*id, engine.file(*id).cloned())).collect();
            (files, engine.totals())
        };
        for (id, _) in files.iter().filter(|(_, file)| file.is_none()) {
            self.files.borrow_mut().remove(id);
            self.interrupted.forget(*id);
            self.reopening.forget(*id);
        }
        self.observer.changed(files, totals);
    }

    fn watch_network(&self) {
        let Some(window) = web_sys::window() else { return };
        let on = |name: &'static str, input: fn() -> Input| {
            let this = self.this.clone();
            EventListener::new(&window, name, move |_| {
                if let Some(driver) = this.upgrade() {
                    driver.input(input());
                }
            })
        };
        self.network.replace(vec![on("online", || Input::Online), on("offline", || Input::Offline)]);
        if !window.navigator().on_line() {
            self.input(Input::Offline);
        }
    }
}

fn describe(PickedFile { file, relative_path, .. }: &PickedFile, of_all: &Meta) -> FileInfo {
    let mut meta = Meta::from([("name", file.name()), ("type", file.type_())]);
    if !relative_path.is_empty() {
        meta.insert("relativePath", relative_path.as_str());
    }
    for (name, value) in of_all.iter() {
        meta.insert(name, value);
    }
    FileInfo { name: file.name(), size: size_of(file), content_type: file.type_(), meta }
}
