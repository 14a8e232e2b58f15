//! [`Uploader`]: the handle an app holds.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use send_wrapper::SendWrapper;
use web_sys::{DataTransfer, File, FileList};

use crate::browser::{Driver, Observer, Opened, files_of, pick_files, picked};
use crate::engine::sorted::SortedMap;
use crate::engine::{self, Engine, Event, FileId, Totals, UploadFile};
use crate::options::Options;

pub use crate::browser::Unopened;

/// What a person dropped or picked and that is not in the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotAdded {
    /// What the browser could not open. Nobody should think that it is uploaded.
    pub unopened: Vec<Unopened>,
    /// How many files of folders `ignore_system_files` has left out.
    pub system_files: usize,
}

/// One file of the list: its id, and a signal of its newest state.
#[derive(Clone)]
pub struct FileRow {
    /// Names the file in the handle's verbs.
    pub id: FileId,
    /// The file, at most ten times a second.
    pub file: ArcRwSignal<UploadFile>,
}

/// Signals to read and verbs to call. `Copy`: hand it to as many components as you like.
///
/// On the server the list is empty and every verb does nothing; the uploader starts when the page is hydrated.
#[derive(Clone, Copy)]
pub struct Uploader {
    rows: RwSignal<Vec<FileRow>>,
    totals: RwSignal<Totals>,
    not_added: RwSignal<NotAdded>,
    auto_proceed: RwSignal<bool>,
    ignore_system_files: bool,
    driver: StoredValue<Option<SendWrapper<Rc<Driver>>>>,
    listeners: StoredValue<Vec<Listener>>,
}

type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// An uploader that lives as long as the component that calls this; when that goes, so do its requests.
#[must_use]
pub fn use_uploader(options: Options) -> Uploader {
    let uploader = Uploader {
        rows: RwSignal::new(Vec::new()),
        totals: RwSignal::new(Totals::default()),
        not_added: RwSignal::new(NotAdded::default()),
        auto_proceed: RwSignal::new(options.auto_proceed),
        ignore_system_files: options.ignore_system_files,
        driver: StoredValue::new(None),
        listeners: StoredValue::new(Vec::new()),
    };
    on_hydrated(Box::new(move || uploader.start(options)));
    uploader
}

/// Runs once in the browser, when the page is hydrated. Boxed: Leptos compiles an effect anew for every closure type.
pub(crate) fn on_hydrated(start: Box<dyn FnOnce()>) {
    let mut start = Some(start);
    // Effects run in the browser only.
    Effect::new(move || {
        if let Some(start) = start.take() {
            start();
        }
    });
}

impl Uploader {
    fn start(self, options: Options) {
        let view = View { uploader: self, known: RefCell::default() };
        let (options, setup) = options.split(js_sys::Math::random().to_bits());
        let driver = Driver::new(options, setup, Box::new(view));
        self.driver.set_value(Some(SendWrapper::new(driver)));
    }

    /// The files in the list, oldest first.
    pub fn files(self) -> ReadSignal<Vec<FileRow>> {
        self.rows.read_only()
    }

    /// All files together.
    pub fn totals(self) -> ReadSignal<Totals> {
        self.totals.read_only()
    }

    /// What was dropped or picked and could not be added, until `forget_not_added`; what could not be opened also leaves when
    /// it is added again and opens. `FileList` and `TotalsBar` show it.
    pub fn not_added(self) -> ReadSignal<NotAdded> {
        self.not_added.read_only()
    }

    /// Empties `not_added`: a person has read it.
    pub fn forget_not_added(self) {
        self.not_added.set(NotAdded::default());
    }

    /// A file's state at this moment, not as last shown.
    pub fn file(self, id: FileId) -> Option<UploadFile> {
        self.driver()?.look(|engine| engine.file(id).cloned())
    }

    /// The browser's own file, to show a preview of it.
    pub fn blob(self, id: FileId) -> Option<File> {
        self.driver()?.file(id)
    }

    /// Adds the files of an input.
    pub fn add_files(self, files: &FileList) {
        let files = (0..files.length()).filter_map(|index| files.get(index)).map(picked).collect();
        self.add(Opened { files, unopened: Vec::new() });
    }

    /// Opens the browser's own dialog and adds what is chosen there: such files can go on with one click after the page
    /// was gone. To be called on a click. False where there is no such dialog, and an input has to do.
    pub fn pick_files(self) -> bool {
        let Some(driver) = self.driver().filter(|driver| driver.has_dialog.get()) else { return false };
        let Some(opened) = pick_files() else { return false };
        // If it fails, or nobody ever hears of it again, the next click opens the input's.
        driver.has_dialog.set(false);
        leptos::task::spawn_local(async move {
            let Some(opened) = opened.await else { return };
            if let Some(driver) = self.driver() {
                driver.has_dialog.set(true);
            }
            self.add(opened);
        });
        true
    }

    /// Adds what was dropped or pasted; folders with all that is in them.
    pub fn add_data_transfer(self, transfer: &DataTransfer) {
        let opened = files_of(transfer);
        leptos::task::spawn_local(async move { self.add(opened.await) });
    }

    fn add(self, mut opened: Opened) {
        let Some(driver) = self.driver() else { return };
        let system_files = if self.ignore_system_files { opened.leave_out_system_files() } else { 0 };
        let Opened { files, mut unopened } = opened;
        if system_files > 0 || !unopened.is_empty() || !self.not_added.read_untracked().unopened.is_empty() {
            self.not_added.update(|not_added| {
                let is_again = |path: &String| {
                    files.iter().any(|file| file.path() == *path) || unopened.iter().any(|again| again.path == *path)
                };
                not_added.unopened.retain(|before| !is_again(&before.path));
                not_added.unopened.append(&mut unopened);
                not_added.system_files += system_files;
            });
        }
        driver.add_files(files, self.auto_proceed.get_untracked());
    }

    /// Goes on with an interrupted file that the browser can open by itself. To be called on a click: the browser may ask
    /// the visitor. Other interrupted files go on when they are added again.
    pub fn go_on(self, file: FileId) {
        if let Some(driver) = self.driver() {
            driver.go_on(file);
        }
    }

    /// Starts every file that waits.
    pub fn upload(self) {
        self.act(Engine::upload);
    }

    /// Stops a file and frees its slot; does nothing once all its bytes are sent.
    pub fn pause(self, file: FileId) {
        self.act(|engine, now| engine.pause(file, now));
    }

    /// Lets a paused file go on.
    pub fn resume(self, file: FileId) {
        self.act(|engine, now| engine.resume(file, now));
    }

    /// Tries a failed file again.
    pub fn retry(self, file: FileId) {
        self.act(|engine, now| engine.retry(file, now));
    }

    /// Takes a file off the list. One that is on its way is cancelled, and the server asked to delete what the store may
    /// have of it.
    pub fn remove(self, file: FileId) {
        if let Some(driver) = self.driver() {
            driver.remove(file);
        }
    }

    /// Sets a value of a file's own metadata, for its next signature; `allowed_meta_fields` has to name it too. Best
    /// while the file waits, that is with `auto_proceed` off.
    pub fn set_file_meta(self, file: FileId, name: &str, value: &str) {
        self.act(|engine, _| engine.set_meta(file, name, value));
    }

    /// Pauses every file that is on its way and has bytes left to send.
    pub fn pause_all(self) {
        self.act(Engine::pause_all);
    }

    /// Lets every paused file go on.
    pub fn resume_all(self) {
        self.act(Engine::resume_all);
    }

    /// Tries every failed file again.
    pub fn retry_all(self) {
        self.act(Engine::retry_all);
    }

    /// Cancels every file that is not in the bucket yet, but for those that are interrupted.
    pub fn cancel_all(self) {
        self.act(Engine::cancel_all);
    }

    /// Takes the files that are in the bucket off the list.
    pub fn clear_finished(self) {
        self.act(|engine, now| {
            let finished: Vec<_> =
                engine.files().filter(|file| file.status() == engine::Status::Complete).map(UploadFile::id).collect();
            for file in finished {
                engine.remove(file, now);
            }
        });
    }

    /// Changes `limit`; files that are on their way go on.
    pub fn set_limit(self, limit: usize) {
        self.configure(|options| options.limit = limit);
    }

    /// Changes `timeout`, also for what is on its way.
    pub fn set_timeout(self, timeout: Duration) {
        self.configure(|options| options.timeout = timeout);
    }

    /// Changes how often a failed step is retried.
    pub fn set_max_retries(self, max_retries: u32) {
        self.configure(|options| options.retry.max_retries = max_retries);
    }

    /// Changes whether bytes are sent with their checksum, for what is prepared from now on.
    pub fn set_integrity(self, integrity: bool) {
        let checksum = self.driver().and_then(|driver| driver.checksum()).filter(|_| integrity);
        self.configure(|options| options.checksum = checksum);
    }

    /// Changes whether files start as soon as they are added.
    pub fn set_auto_proceed(self, auto_proceed: bool) {
        self.auto_proceed.set(auto_proceed);
    }

    fn configure(self, change: impl FnOnce(&mut engine::Options)) {
        self.act(|engine, now| {
            let mut options = engine.options().clone();
            change(&mut options);
            engine.set_options(options, now);
        });
    }

    /// Hears every event. Runs in the browser only.
    pub fn on_event(self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.listeners.update_value(|listeners| listeners.push(Arc::new(listener)));
    }

    /// Hears of each file that is in the bucket: `file.meta()["key"]` is its object key.
    pub fn on_upload_success(self, listener: impl Fn(&UploadFile) + Send + Sync + 'static) {
        self.on_event(move |event| {
            if let Event::UploadSuccess(file) = event
                && let Some(file) = self.file(*file)
            {
                listener(&file);
            }
        });
    }

    /// Hears of each file that failed: `file.error()` says why.
    pub fn on_upload_error(self, listener: impl Fn(&UploadFile) + Send + Sync + 'static) {
        self.on_event(move |event| {
            if let Event::UploadError(file) = event
                && let Some(file) = self.file(*file)
            {
                listener(&file);
            }
        });
    }

    fn act(self, verb: impl FnOnce(&mut Engine, engine::Instant)) {
        if let Some(driver) = self.driver() {
            driver.act(verb);
        }
    }

    /// `None` on the server, before hydration, and after the owning component is gone.
    fn driver(self) -> Option<Rc<Driver>> {
        self.driver.try_with_value(|driver| driver.as_deref().cloned())?
    }
}

/// Turns what the driver reports into signals.
struct View {
    uploader: Uploader,
    known: RefCell<SortedMap<FileId, ArcRwSignal<UploadFile>>>,
}

impl Observer for View {
    fn changed(&self, files: Vec<(FileId, Option<UploadFile>)>, totals: Totals) {
        let (mut added, mut removed) = (Vec::new(), false);
        for (id, file) in files {
            let known = self.known.borrow().get(&id).cloned();
            match (known, file) {
                (Some(signal), Some(file)) => signal.set(file),
                (None, Some(file)) => {
                    let file = ArcRwSignal::new(file);
                    self.known.borrow_mut().insert(id, file.clone());
                    added.push(FileRow { id, file });
                }
                (Some(_), None) => removed = self.known.borrow_mut().remove(&id).is_some() || removed,
                (None, None) => {}
            }
        }
        if removed || !added.is_empty() {
            self.uploader.rows.update(|rows| {
                rows.retain(|row| self.known.borrow().contains_key(&row.id));
                rows.extend(added);
            });
        }
        self.uploader.totals.set(totals);
    }

    fn event(&self, event: &Event) {
        let listeners = self.uploader.listeners.try_get_value().unwrap_or_default();
        for listener in listeners {
            listener(event);
        }
    }
}
