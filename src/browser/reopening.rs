use std::cell::RefCell;
use std::ops::Range;
use std::rc::Weak;

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use super::body::size_of;
use super::driver::Driver;
use super::fingerprint::Fingerprint;
use super::opened::PickedFile;
use super::reading::read;
use super::server::{LocalFuture, spawn};
use crate::engine::sorted::SortedMap;
use crate::engine::{FileId, Input};
use crate::s3::Checksum;

/// Files that can be opened again, and what their bytes were when they were read first.
#[derive(Default)]
pub(super) struct Reopening {
    files: RefCell<SortedMap<FileId, Bytes>>,
    /// Files that are being opened again.
    running: RefCell<SortedMap<FileId, Promise>>,
}

/// What is known of a file's bytes.
#[derive(Clone, Default)]
struct Bytes {
    fingerprint: Option<Fingerprint>,
    /// Checksums of what was read, by its start.
    read: SortedMap<u64, (u64, Checksum)>,
}

/// A file that was opened again.
enum Reopened {
    /// It has the bytes that it had, as far as these were read.
    Same(File),
    Changed,
}

impl Reopening {
    pub(super) fn forget(&self, id: FileId) {
        self.files.borrow_mut().remove(&id);
    }

    fn update(&self, id: FileId, update: impl FnOnce(&mut Bytes)) {
        let mut files = self.files.borrow_mut();
        if !files.contains_key(&id) {
            files.insert(id, Bytes::default());
        }
        if let Some(bytes) = files.get_mut(&id) {
            update(bytes);
        }
    }
}

/// A file whose time of change is another can't be read any more in Chromium, though its bytes may be what they were: sync
/// programs touch files, and so do providers of Android. And a handle that failed once may work at the next try.
impl Driver {
    pub(super) fn note_read(&self, id: FileId, bytes: &Range<u64>, checksum: &Checksum) {
        if self.can_open_again(id) {
            self.reopening.update(id, |known| {
                known.read.insert(bytes.start, (bytes.end, checksum.clone()));
            });
        }
    }

    pub(super) fn note_fingerprint(&self, id: FileId, fingerprint: &Fingerprint) {
        if self.can_open_again(id) {
            self.reopening.update(id, |known| known.fingerprint = Some(fingerprint.clone()));
        }
    }

    pub(super) fn can_open_again(&self, id: FileId) -> bool {
        self.files.borrow().get(&id).is_some_and(|picked| picked.handle.is_some() || picked.entry.is_some())
    }

    /// Opens a file again that could not be read, and takes it in the other's place if it has the same bytes: all that were
    /// read so far are read again and compared. If they are others, the engine hears that it was changed. `None` unless
    /// there is another file to read now.
    pub(super) fn open_again(this: Weak<Self>, id: FileId, unreadable: File) -> LocalFuture<Option<File>> {
        Box::pin(async move {
            let another = || this.upgrade().and_then(|driver| driver.file(id)).filter(|file| *file != unreadable);
            if let Some(file) = another() {
                return Some(file);
            }
            let running = this.upgrade()?.opening(id)?;
            // Requests and reads of one file fail together, and all wait for the one promise, which never fails.
            let _ = JsFuture::from(running).await;
            another()
        })
    }

    fn opening(&self, id: FileId) -> Option<Promise> {
        if let Some(running) = self.reopening.running.borrow().get(&id) {
            return Some(running.clone());
        }
        let picked = self.files.borrow().get(&id).cloned()?;
        let known = self.reopening.files.borrow().get(&id).cloned().unwrap_or_default();
        let reopened = reopened(&picked, known)?;
        let this = self.this.clone();
        let mut done = None;
        let running = Promise::new(&mut |resolve, _| done = Some(resolve));
        spawn(Box::pin(async move {
            let reopened = reopened.await;
            if let Some(driver) = this.upgrade() {
                driver.reopening.running.borrow_mut().remove(&id);
                driver.take_reopened(id, reopened);
            }
            // A promise's own function never throws.
            drop(done.map(|done| done.call0(&JsValue::NULL)));
        }));
        self.reopening.running.borrow_mut().insert(id, running.clone());
        Some(running)
    }

    fn take_reopened(&self, id: FileId, reopened: Result<Reopened, JsValue>) {
        match reopened {
            Ok(Reopened::Same(file)) => {
                if let Some(picked) = self.files.borrow_mut().get_mut(&id) {
                    picked.file = file;
                }
            }
            Ok(Reopened::Changed) => self.input(Input::FileChanged { file: id }),
            // It still can't be read.
            Err(_) => {}
        }
    }
}

fn reopened(picked: &PickedFile, known: Bytes) -> Option<LocalFuture<Result<Reopened, JsValue>>> {
    let (old, file) = (picked.file.clone(), picked.open_again()?);
    Some(Box::pin(async move {
        let file = file.await?;
        let is_same = size_of(&file) == size_of(&old)
            && (file.last_modified().to_bits() == old.last_modified().to_bits() || known.are_of(&file).await?);
        Ok(if is_same { Reopened::Same(file) } else { Reopened::Changed })
    }))
}

impl Bytes {
    /// Whether a file of the same size has these bytes.
    async fn are_of(self, file: &File) -> Result<bool, JsValue> {
        if let Some(known) = self.fingerprint {
            let now = Fingerprint::of(file.clone()).await;
            if now.hash.is_none() {
                return Err(JsValue::NULL);
            }
            if known.hash.is_some() && now.hash != known.hash {
                return Ok(false);
            }
        }
        for (start, (end, checksum)) in self.read.iter() {
            if read(file.clone(), *start..*end, checksum.algorithm).await? != *checksum {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
