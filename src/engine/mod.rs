//! Decides what to do next; somebody else does it.
//!
//! [`Engine`] is sans-IO: no I/O, no clock, no randomness but a seed, no async; same calls, same outputs. A driver tells
//! it what people want (verbs such as [`Engine::upload`]), what the world answered ([`Engine::handle_input`]) and that
//! time has passed ([`Engine::handle_timeout`], legal at any moment), each with the time `now`. After each call it
//! performs all of [`Engine::poll_output`] in order, and comes back at [`Engine::poll_timeout`] at the latest. Answers
//! may come late, twice, or for what is long gone; the engine then ignores them.
//!
//! | file | what it holds |
//! |---|---|
//! | `file`, `phase`, `multipart`, `transfer` | one file: what it is, where it and its parts stand, requests in flight |
//! | `verbs` | what people want: upload, pause, resume, retry, remove |
//! | `preparing` → `signing` → `sending` → `confirming` | the way of a file or part, and what each answer means |
//! | `parts` | what only uploads in parts have: a beginning, and parts that may be there |
//! | `verification`, `verifying` | parts that an earlier page sent, compared with the file |
//! | `retrying`, `verdict`, `jitter` | what is retried, and when |
//! | `start_over` | what is sent again from its first byte, and on what evidence |
//! | `network` | what waits while there is none |
//! | `clocks` | requests that keep silent |
//! | `concurrency` | how many requests the line takes |
//! | `queues` | who waits for what |
//! | `tally`, `meter` | sums and speeds |
//! | `signature`, `restriction`, `resume` | what a signer returned; what may be added; what earlier pages began |
//! | `input`, `output`, `options`, `status`, `error`, `id`, `time` | the words spoken with the driver |
//!
//! What never happens here: a scan of all files because of one event. All changes of a file go through
//! `Engine::update`, which keeps queues and sums true.

mod clocks;
mod concurrency;
mod confirming;
mod error;
mod file;
mod id;
mod input;
mod jitter;
mod meter;
mod multipart;
mod network;
mod options;
mod outbox;
mod output;
mod parts;
mod phase;
mod preparing;
mod queues;
mod restriction;
mod resume;
mod retrying;
mod sending;
mod signature;
mod signing;
pub(crate) mod sorted;
mod start_over;
mod status;
mod tally;
#[cfg(test)]
mod tests;
mod time;
mod transfer;
mod verbs;
mod verdict;
mod verification;
mod verifying;

pub use error::{Restriction, UploadError};
pub use file::{UploadFile, Uploaded};
pub use id::{CallId, FileId, RequestId};
pub use input::{CallFailure, Input, RequestFailure, Response};
pub(crate) use options::MAX_PART_REQUESTS;
pub use options::{Options, Restrictions, RetryPolicy};
pub use output::{Event, Output};
pub use resume::{Interrupted, Resumed};
pub use signing::MAX_SIGN_BATCH;
pub use status::{Progress, Status, Totals};
pub use time::Instant;

use clocks::{Clocks, GAP, Patience};
use concurrency::Concurrency;
use id::{Ids, Piece};
use jitter::Jitter;
use network::Network;
use outbox::Outbox;
use phase::{Next, Phase, Step};
use queues::Queues;
use signing::SignCall;
use sorted::{SortedMap, SortedSet};
use tally::Tally;

use crate::s3::{FileInfo, PartPlan, UploadToken};

/// The uploads of one list of files.
#[derive(Debug)]
pub struct Engine {
    options: Options,
    now: Instant,
    network: Network,
    files: SortedMap<FileId, Box<UploadFile>>,
    queues: Queues,
    clocks: Clocks,
    concurrency: Concurrency,
    /// With where in its file the piece begins: the file may be gone when the answer comes.
    read_calls: SortedMap<CallId, Piece>,
    /// Reads of parts that the store has, to compare them.
    verify_calls: SortedMap<CallId, Piece>,
    sign_calls: SortedMap<CallId, SignCall>,
    /// With the token that the call was made with: its file may be gone when the answer comes.
    create_calls: SortedMap<CallId, (FileId, UploadToken)>,
    /// With the parts that are looked for, all of one file.
    list_calls: SortedMap<CallId, Vec<Piece>>,
    /// With the token where the call may make an object: its file may be gone when the answer comes.
    confirm_calls: SortedMap<CallId, (FileId, Option<UploadToken>)>,
    /// Files that ended since the last `Event::Complete`.
    ended: SortedSet<FileId>,
    tally: Tally,
    jitter: Jitter,
    ids: Ids,
    /// Some bytes are read for their checksum, or were once.
    reads: bool,
    /// Files or parts that the server takes in one signing call, as far as is known.
    sign_batch: usize,
    outbox: Outbox,
}

impl Engine {
    /// An engine with no files, that takes the network to be there until `Input::Offline`.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            jitter: Jitter::new(options.seed),
            now: Instant::default(),
            network: Network::Online,
            files: SortedMap::default(),
            queues: Queues::new(options.max_part_requests),
            options,
            clocks: Clocks::default(),
            concurrency: Concurrency::default(),
            read_calls: SortedMap::default(),
            verify_calls: SortedMap::default(),
            sign_calls: SortedMap::default(),
            create_calls: SortedMap::default(),
            list_calls: SortedMap::default(),
            confirm_calls: SortedMap::default(),
            ended: SortedSet::default(),
            tally: Tally::default(),
            ids: Ids::default(),
            reads: false,
            sign_batch: MAX_SIGN_BATCH,
            outbox: Outbox::default(),
        }
    }

    /// What the engine may do.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Other options, for what starts from now on: a raised `limit` starts more at once, a lowered one lets what is in
    /// flight go on. A `timeout` counts at once. `seed` is of no effect after `new`, and `checksum` not on the parts of
    /// an upload that has begun.
    pub fn set_options(&mut self, options: Options, now: Instant) {
        self.wake(now);
        if self.options.max_part_requests != options.max_part_requests {
            self.queues.set_max_part_requests(options.max_part_requests, &self.files);
        }
        self.options = options;
        self.settle(now);
    }

    /// Adds a file to the list, to wait for `upload`; with a plan it goes in parts. One that breaks a restriction joins
    /// the list as failed, with `UploadError::Restricted`.
    pub fn add_file(&mut self, info: FileInfo, plan: Option<PartPlan>) -> FileId {
        let id = self.ids.file();
        let phase = match self.options.restrictions.check(&info, self.tally.admitted()) {
            Ok(()) => Phase::Waiting,
            Err(restriction) => Phase::Failed(restriction.into()),
        };
        let is_restricted = matches!(phase, Phase::Failed(_));
        self.join(UploadFile::new(id, info, plan, phase));
        if is_restricted {
            self.outbox.event(Event::UploadError(id));
        }
        id
    }

    /// Takes what the world answered. Answers to what is over are ignored.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.wake(now);
        self.hear_probe(&input, now);
        match input {
            Input::Read { call, result } => self.read(call, result),
            Input::Created { call, result } => self.created(call, result),
            Input::Listed { call, result } => self.listed(call, &result),
            Input::Signed { call, results } => self.signed(call, results, now),
            Input::Confirmed { call, result } => self.confirmed(call, result),
            Input::Progress { request, sent } => self.progressed(request, sent, now),
            Input::BodySent { request } => self.progressed(request, u64::MAX, now),
            Input::Response { request, response } => self.answered(request, response, now),
            Input::RequestFailed { request, failure } => self.request_failed(request, failure, now),
            Input::FileChanged { file } => self.changed(file),
            Input::Online => self.set_online(true, now),
            Input::Offline => self.set_online(false, now),
        }
        self.settle(now);
    }

    /// Does what is due by now. Early, late or twice: harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wake(now);
        self.end_back_offs(now);
        let patience = Patience::of(&self.options);
        let in_flight = self.clocks.len();
        for (request, piece) in self.clocks.take_stalled(patience, now) {
            self.stalled(request, piece, in_flight, now);
        }
        for (request, piece) in self.clocks.take_unanswered(patience, now) {
            self.unanswered(request, piece);
        }
        for piece in self.clocks.take_still(now) {
            self.update(piece.file, |file| file.stand_still(piece.part));
        }
        self.probe(now);
        self.settle(now);
    }

    /// The next thing to do, until `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// When `handle_timeout` has something to do if no other call comes first; `None` while only answers and people
    /// move things on.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let requests = self.clocks.next_deadline(Patience::of(&self.options));
        [requests, self.queues.next_deadline(), self.next_probe()].into_iter().flatten().min()
    }

    /// All files, in the order of adding.
    pub fn files(&self) -> impl Iterator<Item = &UploadFile> {
        self.files.iter().map(|(_, file)| &**file)
    }

    /// A file of the list.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&UploadFile> {
        self.files.get(&id).map(|file| &**file)
    }

    /// All files together, without a look at each.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.tally.totals(self.now)
    }

    /// Whether a file is on its way, so that leaving the page would lose work.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.tally.active() > 0
    }
}

/// What the other files of this folder build on.
impl Engine {
    /// The first thing of every call with a time.
    fn wake(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.poll_timeout().is_some_and(|deadline| now.since(deadline) > GAP) {
            self.clocks.excuse(now);
        }
    }

    /// The last thing of every call with a time: starts what may start, and says if all is done.
    fn settle(&mut self, now: Instant) {
        self.start_confirming();
        self.start_requests(now);
        self.start_creating();
        self.start_checking();
        self.start_verifying();
        self.start_preparing();
        self.start_signing(now);
        if !self.is_active() && !self.ended.is_empty() {
            let ended = std::mem::take(&mut self.ended);
            let (successful, failed) = ended.iter().copied().partition(|id| self.is_complete(*id));
            self.outbox.event(Event::Complete { successful, failed });
        }
    }

    fn is_complete(&self, id: FileId) -> bool {
        self.file(id).is_some_and(|file| file.status() == Status::Complete)
    }

    /// The only way to change a file.
    fn update(&mut self, id: FileId, change: impl FnOnce(&mut UploadFile)) {
        let mut change = Some(change);
        self.update_by(id, &mut |file| change.take().map_or((), |change| change(file)));
    }

    /// Not generic, and so in the page once.
    fn update_by(&mut self, id: FileId, change: &mut dyn FnMut(&mut UploadFile)) {
        let Some(file) = self.files.get_mut(&id) else { return };
        self.queues.leave(file);
        self.tally.leave(file);
        change(file);
        self.queues.enter(file);
        self.tally.enter(file);
        self.outbox.changed(id);
    }

    fn step(&self, piece: Piece) -> Option<&Step> {
        self.file(piece.file)?.run(piece.part).map(|run| &run.step)
    }

    fn set_step(&mut self, piece: Piece, step: Step) {
        self.update(piece.file, |file| file.set_step(piece.part, step));
    }

    /// Lets a file or part go on with `next` as soon as it may.
    fn proceed(&mut self, piece: Piece, next: Next) {
        self.set_step(piece, self.waiting_for(next));
    }

    fn waiting_for(&self, next: Next) -> Step {
        if self.network.is_online() { Step::Ready(next) } else { Step::Offline(next) }
    }
}
