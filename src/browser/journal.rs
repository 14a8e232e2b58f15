use std::cell::OnceCell;
use std::rc::Rc;

use futures::future::{Either, select};
use gloo_events::EventListener;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    FileSystemFileHandle, IdbDatabase, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransactionMode,
};

use super::fingerprint::Fingerprint;
use super::page_lock::PageLock;
use super::promised;
use super::server::{LocalFuture, spawn};
use crate::engine::Interrupted;
use crate::s3::{Checksum, ChecksumAlgorithm, Meta, PartNumber, UploadToken};

const UPLOADS: &str = "uploads";

/// Files wait no longer for what a journal may have of them.
const TIMEOUT_MS: u32 = 3_000;

/// Uploads in parts that may go on when this page is gone, in `IndexedDB`.
///
/// Of each there is an entry under `[token]`, and one under `[token, part]` for every part that the store has: its
/// checksum, or `null`. A browser that has no database for this page, as some have none in private windows, remembers
/// nothing.
pub(super) struct Journal {
    database: Option<Rc<Database>>,
    /// Of a page that remembers something.
    page: Option<PageLock>,
}

struct Database {
    request: IdbOpenDbRequest,
    is_open: Promise,
    _upgrade: EventListener,
    /// Whoever deletes the database does not have to wait for this page.
    closing: OnceCell<EventListener>,
}

type Change = dyn FnOnce(&IdbObjectStore) -> Result<IdbRequest, JsValue>;

/// An upload that was interrupted.
#[derive(Clone)]
pub(super) struct Entry {
    /// What the engine goes on with.
    pub(super) upload: Interrupted,
    /// What the file was.
    pub(super) fingerprint: Fingerprint,
    /// The file's own metadata.
    pub(super) meta: Meta,
    /// Bytes of every part but the last.
    pub(super) part_size: u64,
    /// When the server does not know the token any more: milliseconds since 1970.
    pub(super) expires_ms: f64,
    /// The lock of the page that uploads it, or did.
    pub(super) page: String,
    /// Opens the file again, where the browser has that.
    pub(super) handle: Option<FileSystemFileHandle>,
}

impl Journal {
    /// Without a name nothing is remembered.
    pub(super) fn open(name: Option<String>) -> Self {
        let database = name.and_then(|name| Database::open(&name).ok()).map(Rc::new);
        Self { page: database.as_ref().map(|_| PageLock::hold()), database }
    }

    pub(super) fn can_remember(&self) -> bool {
        self.database.is_some()
    }

    /// What this page is called in its entries.
    pub(super) fn page(&self) -> String {
        self.page.as_ref().map(|page| page.name.clone()).unwrap_or_default()
    }

    pub(super) fn remember(&self, entry: &Entry) {
        let Entry { upload, fingerprint, .. } = entry;
        let algorithm = upload.algorithm.map(ChecksumAlgorithm::name);
        let record = Object::new();
        let pairs: Array = entry.meta.iter().map(|(name, value)| Array::of2(&name.into(), &value.into())).collect();
        let members: [(&str, JsValue); 12] = [
            ("name", fingerprint.name.as_str().into()),
            ("size", number(fingerprint.size).into()),
            ("modifiedMs", fingerprint.modified_ms.into()),
            ("hash", fingerprint.hash.as_deref().into()),
            ("meta", Object::from_entries(&pairs).unwrap_or_default().into()),
            ("partSize", number(entry.part_size).into()),
            ("expiresMs", entry.expires_ms.into()),
            ("key", upload.key.as_str().into()),
            ("location", upload.location.as_deref().into()),
            ("algorithm", algorithm.into()),
            ("page", entry.page.as_str().into()),
            ("handle", entry.handle.clone().into()),
        ];
        for (name, value) in members {
            // Only frozen objects refuse a member.
            let _ = Reflect::set(&record, &name.into(), &value);
        }
        self.put(Array::of1(&upload.token.as_str().into()), record.into());
    }

    pub(super) fn remember_part(&self, token: &UploadToken, part: PartNumber, checksum: Option<&Checksum>) {
        let key = Array::of2(&token.as_str().into(), &part.get().into());
        self.put(key, checksum.map_or(JsValue::NULL, |checksum| checksum.value.as_str().into()));
    }

    pub(super) fn forget_part(&self, token: &UploadToken, part: PartNumber) {
        let key = Array::of2(&token.as_str().into(), &part.get().into());
        self.write(Box::new(move |store| store.delete(&key)));
    }

    pub(super) fn forget(&self, token: &UploadToken) {
        let first = Array::of1(&token.as_str().into());
        // An array comes after every number.
        let last = Array::of2(&token.as_str().into(), &Array::new());
        self.write(Box::new(move |store| store.delete(&IdbKeyRange::bound(&first, &last)?.into())));
    }

    fn put(&self, key: Array, value: JsValue) {
        self.write(Box::new(move |store| store.put_with_key(&value, &key)));
    }

    /// A page that can't write goes on all the same: there is then less to go on with.
    fn write(&self, change: Box<Change>) {
        let Some(database) = self.database.clone() else { return };
        spawn(Box::pin(async move {
            if let Ok(store) = database.uploads(IdbTransactionMode::Readwrite).await {
                drop(change(&store));
                // By itself it commits when the page has heard of the change, and a page that goes before loses it. Browsers
                // that don't have this do that.
                #[expect(
                    deprecated,
                    reason = "by web-sys alone: https://w3c.github.io/IndexedDB/#dom-idbtransaction-commit"
                )]
                let _ = store.transaction().commit();
            }
        }));
    }

    /// What pages remember that are gone; nothing where the browser does not answer soon, as when its database is blocked.
    pub(super) fn interrupted(&self) -> LocalFuture<Vec<Entry>> {
        let Some(database) = self.database.clone() else { return Box::pin(async { Vec::new() }) };
        let entries: LocalFuture<_> = Box::pin(async move {
            let mut entries = read(&database).await.unwrap_or_default();
            let living = PageLock::living().await;
            entries.retain(|entry| !living.contains(&entry.page));
            entries
        });
        Box::pin(async move {
            match select(entries, TimeoutFuture::new(TIMEOUT_MS)).await {
                Either::Left((entries, _)) => entries,
                Either::Right(_) => Vec::new(),
            }
        })
    }
}

impl Database {
    fn open(name: &str) -> Result<Self, JsValue> {
        let factory = web_sys::window().ok_or(JsValue::NULL)?.indexed_db()?.ok_or(JsValue::NULL)?;
        let request = factory.open_with_u32(name, 1)?;
        let upgraded = request.clone();
        let upgrade = EventListener::new(&request, "upgradeneeded", move |_| {
            // Fails only where there is such a store already.
            let create = |database: JsValue| database.unchecked_into::<IdbDatabase>().create_object_store(UPLOADS);
            drop(upgraded.result().map(create));
        });
        let is_open = answer_to(&request);
        Ok(Self { request, is_open, _upgrade: upgrade, closing: OnceCell::new() })
    }

    async fn uploads(&self, mode: IdbTransactionMode) -> Result<IdbObjectStore, JsValue> {
        JsFuture::from(self.is_open.clone()).await?;
        let database: IdbDatabase = self.request.result()?.unchecked_into();
        let closed = database.clone();
        self.closing.get_or_init(|| EventListener::new(&database, "versionchange", move |_| closed.close()));
        database.transaction_with_str_and_mode(UPLOADS, mode)?.object_store(UPLOADS)
    }
}

/// Keys and values of one transaction, which come in the same order: an upload, then its parts.
async fn read(database: &Database) -> Result<Vec<Entry>, JsValue> {
    let store = database.uploads(IdbTransactionMode::Readonly).await?;
    let (keys, values) = (store.get_all_keys()?, store.get_all()?);
    // Requests of one transaction are answered in order.
    JsFuture::from(answer_to(&values)).await?;
    let (keys, values) = (Array::from(&keys.result()?), Array::from(&values.result()?));
    let mut entries: Vec<Entry> = Vec::new();
    for (key, value) in keys.iter().zip(values.iter()) {
        let key = Array::from(&key);
        let Some(token) = key.get(0).as_string().map(UploadToken::new) else { continue };
        match part_number(&key.get(1)) {
            None => entries.extend(entry(token, &value)),
            Some(part) => {
                // A part may be noted before its upload is, or after it is forgotten: then nobody knows what it is of.
                if let Some(entry) = entries.last_mut().filter(|entry| entry.upload.token == token) {
                    entry.upload.parts += 1;
                    let checksum = entry.upload.algorithm.zip(value.as_string());
                    let checksum = checksum.map(|(algorithm, value)| (part, Checksum { algorithm, value }));
                    entry.upload.checksums.extend(checksum);
                }
            }
        }
    }
    Ok(entries)
}

fn entry(token: UploadToken, record: &JsValue) -> Option<Entry> {
    let member = |name: &str| Reflect::get(record, &name.into()).unwrap_or_default();
    let text = |name: &str| member(name).as_string();
    let number = |name: &str| member(name).as_f64();
    let algorithm = text("algorithm").and_then(|name| ChecksumAlgorithm::named(&name));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as it was written: whole")]
    let bytes = |name: &str| Some(number(name)? as u64);
    let fingerprint = Fingerprint {
        name: text("name")?,
        size: bytes("size")?,
        modified_ms: number("modifiedMs")?,
        hash: text("hash"),
    };
    let pairs = Object::entries(&member("meta").dyn_into().ok()?);
    let pair = |pair: JsValue| {
        let pair = Array::from(&pair);
        Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
    };
    let meta = pairs.iter().filter_map(pair).collect();
    let (key, location) = (text("key")?, text("location"));
    Some(Entry {
        upload: Interrupted { token, key, location, algorithm, checksums: Vec::new(), parts: 0 },
        fingerprint,
        meta,
        part_size: bytes("partSize")?,
        expires_ms: number("expiresMs")?,
        page: text("page")?,
        handle: member("handle").dyn_into().ok(),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as it was written: 1 to 10,000")]
fn part_number(key: &JsValue) -> Option<PartNumber> {
    PartNumber::try_from(key.as_f64()? as u16).ok()
}

#[expect(clippy::cast_precision_loss, reason = "JavaScript counts bytes in f64 too: exact to 8 PiB")]
fn number(bytes: u64) -> f64 {
    bytes as f64
}

/// When a request is answered, with whatever.
fn answer_to(request: &IdbRequest) -> Promise {
    promised(|done, failed| {
        request.set_onsuccess(Some(done));
        request.set_onerror(Some(failed));
        Ok(())
    })
}
