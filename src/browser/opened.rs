use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomException, File, FileSystemFileEntry, FileSystemFileHandle};

use super::promised::{promised, settled};
use super::server::LocalFuture;
use super::system_files::is_system_file;

/// What the browser does not answer in this time it counts as having failed: an answer that never comes must not hold up
/// other files.
pub(super) const ANSWER_TIMEOUT_MS: u32 = 60_000;

/// What could not be opened is tried once more after this time: it may have been locked, or on a drive that was just waking
/// up.
pub(super) const RETRY_DELAY_MS: u32 = 500;

/// A file, and what the browser knows of where it comes from.
#[derive(Clone)]
pub struct PickedFile {
    /// The file itself.
    pub file: File,
    /// The path below the folder that was dropped or picked (`photos/a.jpg`), with the file's own name last; empty
    /// outside folders.
    pub relative_path: String,
    /// Opens the file again, also when this page is gone, in browsers that have this; not of files in folders.
    pub handle: Option<FileSystemFileHandle>,
    /// Opens a dropped file again, as long as this page lives.
    pub entry: Option<FileSystemFileEntry>,
}

/// What came of a drop, a paste or a dialog.
#[derive(Default)]
pub struct Opened {
    /// The files.
    pub files: Vec<PickedFile>,
    /// What the browser could not open.
    pub unopened: Vec<Unopened>,
}

/// A file or folder that was dropped or picked, and that the browser could not open. None of it is uploaded, or of a folder
/// perhaps not all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unopened {
    /// The path below the folder that was dropped, or the name; empty where the browser tells none.
    pub path: String,
    /// Whether it is a folder, of which files may be missing.
    pub is_folder: bool,
    /// Why, in words.
    pub reason: String,
}

/// A file from an input, which gives the path itself.
#[must_use]
pub fn picked(file: File) -> PickedFile {
    let path = js_sys::Reflect::get(&file, &JsValue::from_str("webkitRelativePath"));
    let relative_path = path.ok().and_then(|path| path.as_string()).unwrap_or_default();
    PickedFile { file, relative_path, handle: None, entry: None }
}

impl PickedFile {
    /// Where it is, as `Unopened::path`.
    pub(crate) fn path(&self) -> String {
        if self.relative_path.is_empty() { self.file.name() } else { self.relative_path.clone() }
    }

    /// The file as it is now; `None` where only a person can open it again.
    pub(super) fn open_again(&self) -> Option<LocalFuture<Result<File, JsValue>>> {
        let file = match (&self.handle, &self.entry) {
            (Some(handle), _) => handle.get_file(),
            (None, Some(entry)) => file_of(entry),
            (None, None) => return None,
        };
        Some(opened(file))
    }
}

impl Opened {
    /// Takes out the files that an operating system keeps in every folder for itself. How many these are.
    pub fn leave_out_system_files(&mut self) -> usize {
        let paths = js_sys::Set::new(&JsValue::UNDEFINED);
        for file in &self.files {
            paths.add(&file.relative_path.as_str().into());
        }
        let is_system_file = |path: &str| is_system_file(path, &|path| paths.has(&path.into()));
        let before = self.files.len() + self.unopened.len();
        self.files.retain(|file| !is_system_file(&file.relative_path));
        self.unopened.retain(|unopened| unopened.is_folder || !is_system_file(&unopened.path));
        before - self.files.len() - self.unopened.len()
    }
}

impl Unopened {
    pub(super) fn new(path: String, is_folder: bool, error: &JsValue) -> Self {
        Self { path, is_folder, reason: reason(error) }
    }
}

/// The file of a dropped entry.
pub(super) fn file_of(entry: &FileSystemFileEntry) -> Promise {
    promised(|done, failed| {
        entry.file_with_callback_and_callback(done, failed);
        Ok(())
    })
}

/// The file that is promised.
pub(super) fn opened(file: Promise) -> LocalFuture<Result<File, JsValue>> {
    let file = settled(file, ANSWER_TIMEOUT_MS);
    Box::pin(async move { file.await.map(JsCast::unchecked_into) })
}

fn reason(error: &JsValue) -> String {
    if error.is_undefined() {
        return "the browser did not answer".into();
    }
    match error.dyn_ref().map(DomException::name).unwrap_or_default().as_str() {
        "NotFoundError" => "it was moved or deleted, or its drive is gone".into(),
        "NotAllowedError" | "SecurityError" => "the browser may not read it".into(),
        "NotReadableError" => "it can't be read: another program may be using it, or you may not read it".into(),
        name => format!("the browser failed: {}", if name.is_empty() { "it gives no reason" } else { name }),
    }
}
