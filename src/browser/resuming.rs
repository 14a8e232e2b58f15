use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Object, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, FileSystemFileHandle};

use super::PickedFile;
use super::calls::GoOn;
use super::driver::Driver;
use super::fingerprint::Fingerprint;
use super::journal::Entry;
use crate::engine::sorted::SortedMap;
use crate::engine::{FileId, Status, UploadFile};
use crate::s3::{FileInfo, PartPlan};

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

    fn get(&self, id: FileId) -> Option<Rc<Entry>> {
        self.entries.borrow().get(&id).cloned()
    }
}

/// Uploads of earlier pages.
impl Driver {
    /// Puts what the journal holds on the list.
    pub(super) fn look_for_interrupted(&self) {
        let offer = |driver: &Self, entries: Vec<Entry>| {
            let now = js_sys::Date::now();
            for entry in entries {
                if now < entry.expires_ms {
                    driver.add_interrupted(entry);
                } else {
                    driver.journal.forget(&entry.upload.token);
                }
            }
            driver.interrupted.is_known.set(true);
            driver.start(false);
        };
        self.then(self.journal.interrupted(), Box::new(offer));
    }

    fn add_interrupted(&self, entry: Entry) {
        let info = entry.info();
        let Ok(plan) = PartPlan::new(info.size, entry.part_size) else { return };
        let upload = entry.upload.clone();
        let id = self.engine.borrow_mut().add_interrupted(info, plan, upload, entry.handle.is_some());
        self.interrupted.entries.borrow_mut().insert(id, Rc::new(entry));
    }

    /// Goes on with a file that the browser can open by itself. Only on a click: the browser may ask whether it may.
    pub fn go_on(&self, id: FileId) {
        let entry = self.interrupted.get(id).filter(|_| self.is_interrupted(id));
        let Some((entry, handle)) = entry.and_then(|entry| Some((entry.clone(), entry.handle.clone()?))) else {
            return;
        };
        let opened = open(handle.clone());
        let file = Box::pin(async move {
            let file = opened.await?;
            let fingerprint = Fingerprint::of(file.clone()).await;
            Ok((file, fingerprint))
        });
        let opened = move |driver: &Self, file: Result<(File, Fingerprint), Closed>| match file {
            Ok((file, fingerprint)) => {
                let relative_path = entry.meta.get("relativePath").unwrap_or_default().to_owned();
                let picked = PickedFile { file, relative_path, handle: Some(handle), entry: None };
                let is_same = entry.fingerprint.may_be(&fingerprint);
                let go_on = move |driver: &Self, is_ours| match (is_ours, is_same) {
                    (true, true) => driver.reopen(id, picked, fingerprint, true),
                    (true, false) => {
                        driver.act(|engine, now| engine.replace_interrupted(id, now));
                        driver.add_changed(picked, true);
                    }
                    (false, _) => {}
                };
                driver.take_up(id, Box::new(go_on));
            }
            Err(Closed::NotAllowed) => {}
            Err(Closed::Gone) => {
                if let Some(entry) = driver.interrupted.entries.borrow_mut().get_mut(&id) {
                    Rc::make_mut(entry).handle = None;
                }
                driver.act(|engine, _| engine.lose_sight(id));
            }
        };
        self.then(file, Box::new(opened));
    }

    pub(super) fn is_interrupted(&self, id: FileId) -> bool {
        let is_interrupted = |file: &UploadFile| matches!(file.status(), Status::Interrupted { .. });
        self.look(|engine| engine.file(id).is_some_and(is_interrupted))
    }

    /// An interrupted file of which this is true.
    fn find(&self, wanted: &dyn Fn(&Entry) -> bool) -> Option<FileId> {
        let entries = self.interrupted.entries.borrow();
        let found = entries.iter().find(|(id, entry)| wanted(entry) && self.is_interrupted(**id));
        found.map(|(id, _)| *id)
    }

    /// The interrupted file that this one is; of several the one with its time, too.
    fn find_same(&self, at_hand: &Fingerprint) -> Option<FileId> {
        let is_same = |entry: &Entry| entry.fingerprint.may_be(at_hand);
        self.find(&|entry| is_same(entry) && entry.fingerprint.is_of_time(at_hand)).or_else(|| self.find(&is_same))
    }

    /// Looks whether an interrupted file still is as it was put on the list. It leaves the list if another tab has gone on
    /// with it since; `go_on` hears whether it is ours.
    pub(super) fn take_up(&self, id: FileId, go_on: GoOn<bool>) {
        let known = move |driver: &Self, entries: Vec<Entry>| {
            let entry = driver.interrupted.get(id).filter(|_| driver.is_interrupted(id));
            let is_ours = entry.is_some_and(|entry| {
                entries.iter().any(|now| now.upload.token == entry.upload.token && now.page == entry.page)
            });
            if !is_ours {
                driver.act(|engine, now| engine.leave(id, now));
            }
            go_on(driver, is_ours);
        };
        self.then(self.journal.interrupted(), Box::new(known));
    }

    /// Whether a file of this name has to be looked at before it is added.
    pub(super) fn may_be_interrupted(&self, name: &str) -> bool {
        !self.interrupted.is_known.get() || self.find(&|entry| entry.fingerprint.name == name).is_some()
    }

    /// Resumes the upload of the same file, or adds it as a new one.
    pub(super) fn add_examined(&self, picked: PickedFile, starts: bool) {
        // Until it is known what was interrupted, this is asked for in the same way once more, and answered after that.
        let known = (!self.interrupted.is_known.get()).then(|| self.journal.interrupted());
        let file = picked.file.clone();
        let fingerprint = Box::pin(async move {
            if let Some(known) = known {
                drop(known.await);
            }
            Fingerprint::of(file).await
        });
        let examined = move |driver: &Self, fingerprint: Fingerprint| {
            // What can't be read fails when it is sent, and says so then.
            if let Some(id) = driver.find_same(&fingerprint) {
                let go_on = move |driver: &Self, is_ours| {
                    if is_ours {
                        driver.reopen(id, picked, fingerprint, starts);
                    } else {
                        driver.add_new(picked, starts);
                    }
                };
                driver.take_up(id, Box::new(go_on));
            } else if driver.find(&|entry| entry.fingerprint.name == fingerprint.name).is_some() {
                driver.add_changed(picked, starts);
            } else {
                driver.add_new(picked, starts);
            }
        };
        self.then(fingerprint, Box::new(examined));
    }

    fn add_new(&self, picked: PickedFile, starts: bool) {
        let (info, plan) = self.described(&picked);
        self.add(picked, info, plan);
        self.start(starts);
    }

    fn add_changed(&self, picked: PickedFile, starts: bool) {
        let (info, plan) = self.described(&picked);
        let id = self.add(picked, info, plan);
        self.engine.borrow_mut().mark_changed(id);
        self.start(starts);
    }

    fn reopen(&self, id: FileId, mut picked: PickedFile, fingerprint: Fingerprint, starts: bool) {
        let Some(entry) = self.interrupted.entries.borrow_mut().remove(&id) else { return };
        let mut entry = Rc::unwrap_or_clone(entry);
        picked.handle = picked.handle.or(entry.handle.take());
        entry.handle.clone_from(&picked.handle);
        entry.page = self.journal.page();
        entry.fingerprint = fingerprint;
        self.journal.remember(&entry);
        let (mut info, _) = self.described(&picked);
        for (name, value) in entry.meta {
            info.meta.insert(name, value);
        }
        self.files.borrow_mut().insert(id, picked);
        self.note_fingerprint(id, &entry.fingerprint);
        self.act(|engine, now| {
            engine.reopen(id, info);
            if starts {
                engine.resume(id, now);
            }
        });
    }

    /// Notes an upload that the store has begun.
    pub(super) fn remember(&self, id: FileId, expires_in_ms: Option<u64>) {
        let Some(fingerprint) = self.begun.take() else { return };
        let interrupted = self.look(|engine| {
            let file = engine.file(id)?;
            Some((file.interrupted()?, file.part_size()?, file.info().meta.clone()))
        });
        let Some((upload, part_size, meta)) = interrupted else { return };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of some days")]
        let expires_ms = expires_in_ms.map_or(f64::MAX, |life| js_sys::Date::now() + life as f64);
        let handle = self.files.borrow().get(&id).and_then(|picked| picked.handle.clone());
        let page = self.journal.page();
        self.journal.remember(&Entry { upload, fingerprint, meta, part_size, expires_ms, page, handle });
    }
}

impl Entry {
    /// As far as it is known without the file.
    fn info(&self) -> FileInfo {
        let Fingerprint { name, size, .. } = &self.fingerprint;
        let content_type = self.meta.get("type").unwrap_or_default().to_owned();
        FileInfo { name: name.clone(), size: *size, content_type, meta: self.meta.clone() }
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
