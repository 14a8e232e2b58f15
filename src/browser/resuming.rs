use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, FileSystemFileHandle};

use super::PickedFile;
use super::driver::Driver;
use super::fingerprint::Fingerprint;
use super::journal::Entry;
use super::page_lock::PageLock;
use crate::engine::sorted::SortedMap;
use crate::engine::{FileId, Status, UploadFile};
use crate::s3::{FileInfo, Meta, PartPlan};

/// Files of the list whose uploads an earlier page began, until they are opened again.
#[derive(Default)]
pub(super) struct InterruptedFiles {
    entries: RefCell<SortedMap<FileId, Rc<Entry>>>,
    /// Whether the journal was read.
    is_known: Cell<bool>,
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = FileSystemFileHandle)]
    type PermittedHandle;

    #[wasm_bindgen(method, structural, catch, js_name = requestPermission)]
    fn request_permission(this: &PermittedHandle, descriptor: &Object) -> Result<Promise, JsValue>;
}

impl InterruptedFiles {
    pub(super) fn forget(&self, id: FileId) {
        self.entries.borrow_mut().remove(&id);
    }

    fn find(&self, wanted: impl Fn(&Entry) -> bool) -> Option<FileId> {
        self.entries.borrow().iter().find(|(_, entry)| wanted(entry)).map(|(id, _)| *id)
    }
}

/// Uploads of earlier pages.
impl Driver {
    /// Puts what the journal holds on the list.
    pub(super) fn look_for_interrupted(&self) {
        let entries = self.journal.entries();
        let known = Box::pin(async move { (entries.await, PageLock::living().await) });
        let offer = |driver: &Self, (entries, living): (Vec<Entry>, Vec<String>)| {
            let now = js_sys::Date::now();
            for entry in entries.into_iter().filter(|entry| !living.contains(&entry.page)) {
                if now < entry.expires {
                    driver.add_interrupted(entry);
                } else {
                    driver.journal.forget(&entry.upload.token);
                }
            }
            driver.interrupted.is_known.set(true);
            driver.start(false);
        };
        self.then(known, Box::new(offer));
    }

    fn add_interrupted(&self, entry: Entry) {
        let info = entry.info();
        let Ok(plan) = PartPlan::new(info.size, entry.part_size) else { return };
        let upload = entry.upload.clone();
        let id = self.engine.borrow_mut().add_interrupted(info, plan, upload, entry.handle.is_some());
        self.interrupted.entries.borrow_mut().insert(id, Rc::new(entry));
    }

    /// Goes on with a file that the browser can open by itself. Only on a click: the browser may ask whether it may.
    pub fn go_on(&self, id: FileId, starts: bool) {
        let entry = self.interrupted.entries.borrow().get(&id).cloned();
        let Some((entry, handle)) = entry.and_then(|entry| Some((entry.clone(), entry.handle.clone()?))) else {
            return;
        };
        let opened = open(handle.clone());
        let file = Box::pin(async move {
            let file = opened.await?;
            let fingerprint = Fingerprint::of(file.clone()).await;
            Ok((file, fingerprint))
        });
        let opened = move |driver: &Self, file: Result<(File, Option<Fingerprint>), Closed>| match file {
            Ok((file, fingerprint)) => {
                let picked = PickedFile { file, relative_path: entry.relative_path.clone(), handle: Some(handle) };
                if fingerprint.as_ref() == Some(&entry.fingerprint) {
                    driver.reopen(id, picked, starts);
                } else {
                    driver.act(|engine, now| engine.remove(id, now));
                    driver.add_changed(picked, starts);
                }
            }
            Err(Closed::NotAllowed) => {}
            Err(Closed::Gone) => driver.act(|engine, _| engine.lose_sight(id)),
        };
        self.then(file, Box::new(opened));
    }

    /// Whether a file of this name has to be looked at before it is added.
    pub(super) fn may_be_interrupted(&self, name: &str) -> bool {
        !self.interrupted.is_known.get() || self.interrupted.find(|entry| entry.fingerprint.name == name).is_some()
    }

    /// Goes on with the upload of the very same file, or adds it as a new one.
    pub(super) fn add_examined(&self, picked: PickedFile, starts: bool) {
        // Until it is known what was interrupted, this is asked for in the same way once more, and answered after that.
        let known = (!self.interrupted.is_known.get()).then(|| self.journal.entries());
        let file = picked.file.clone();
        let fingerprint = Box::pin(async move {
            if let Some(known) = known {
                drop((known.await, PageLock::living().await));
            }
            Fingerprint::of(file).await
        });
        let examined = move |driver: &Self, fingerprint: Option<Fingerprint>| {
            let interrupted = &driver.interrupted;
            let name = picked.file.name();
            // What can't be read fails when it is sent, and says so then.
            if let Some(same) = fingerprint
                && let Some(id) = interrupted.find(|entry| entry.fingerprint == same)
            {
                driver.reopen(id, picked, starts);
            } else if interrupted.find(|entry| entry.fingerprint.name == name).is_some() {
                driver.add_changed(picked, starts);
            } else {
                let (info, plan) = driver.described(&picked);
                driver.add(picked, info, plan);
                driver.start(starts);
            }
        };
        self.then(fingerprint, Box::new(examined));
    }

    fn add_changed(&self, picked: PickedFile, starts: bool) {
        let (info, plan) = self.described(&picked);
        let id = self.add(picked, info, plan);
        self.engine.borrow_mut().mark_changed(id);
        self.start(starts);
    }

    fn reopen(&self, id: FileId, mut picked: PickedFile, starts: bool) {
        let Some(entry) = self.interrupted.entries.borrow_mut().remove(&id) else { return };
        let mut entry = Rc::unwrap_or_clone(entry);
        picked.relative_path.clone_from(&entry.relative_path);
        picked.handle = picked.handle.or(entry.handle.take());
        entry.handle.clone_from(&picked.handle);
        entry.page.clone_from(&self.page_lock.name);
        self.journal.remember(&entry);
        let (info, _) = self.described(&picked);
        self.files.borrow_mut().insert(id, picked);
        self.engine.borrow_mut().reopen(id, info);
        self.start(starts);
    }

    /// Notes an upload that the store has begun, unless it is over by the time that its file was looked at.
    pub(super) fn remember(&self, id: FileId, expires_in_ms: Option<u64>) {
        let interrupted = self.look(|engine| engine.file(id)?.interrupted().zip(engine.file(id)?.part_size()));
        let (Some((upload, part_size)), Some(file)) = (interrupted, self.file(id)) else { return };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of some days")]
        let expires = expires_in_ms.map_or(f64::MAX, |life| js_sys::Date::now() + life as f64);
        let note = move |driver: &Self, fingerprint: Option<Fingerprint>| {
            let is_open = driver.look(|engine| {
                let file = engine.file(id).filter(|file| file.status() != Status::Complete);
                file.and_then(UploadFile::token) == Some(&upload.token)
            });
            if is_open
                && let Some(fingerprint) = fingerprint
                && let Some(PickedFile { file, relative_path, handle }) = driver.files.borrow().get(&id)
            {
                let content_type = file.type_();
                let (relative_path, handle) = (relative_path.clone(), handle.clone());
                let page = driver.page_lock.name.clone();
                driver.journal.remember(&Entry {
                    upload,
                    fingerprint,
                    content_type,
                    relative_path,
                    part_size,
                    expires,
                    page,
                    handle,
                });
            }
        };
        self.then(Fingerprint::of(file), Box::new(note));
    }
}

impl Entry {
    /// As far as it is known without the file.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a file's size is whole")]
    fn info(&self) -> FileInfo {
        let Fingerprint { name, size, .. } = &self.fingerprint;
        let path = Some(self.relative_path.as_str()).filter(|path| !path.is_empty());
        let meta: Meta = path.map(|path| ("relativePath", path)).into_iter().collect();
        FileInfo { name: name.clone(), size: *size as u64, content_type: self.content_type.clone(), meta }
    }
}

/// Why there is no file behind a handle.
enum Closed {
    /// The visitor said no, for now.
    NotAllowed,
    /// It was moved or deleted: perhaps the visitor finds it.
    Gone,
}

/// The file of a handle. Asks at once, while the click counts.
fn open(handle: FileSystemFileHandle) -> impl Future<Output = Result<File, Closed>> {
    let descriptor = Object::new();
    // Only frozen objects refuse a member.
    let _ = Reflect::set(&descriptor, &"mode".into(), &"read".into());
    let asked = handle.unchecked_ref::<PermittedHandle>().request_permission(&descriptor);
    async move {
        // Browsers without the question allow it.
        if let Ok(asked) = asked
            && !JsFuture::from(asked).await.is_ok_and(|answer| answer.as_string().as_deref() == Some("granted"))
        {
            return Err(Closed::NotAllowed);
        }
        JsFuture::from(handle.get_file()).await.map(JsCast::unchecked_into).map_err(|_| Closed::Gone)
    }
}
