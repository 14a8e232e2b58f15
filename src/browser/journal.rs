use std::rc::Rc;

use gloo_events::EventListener;
use js_sys::{Array, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    FileSystemFileHandle, IdbDatabase, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransactionMode,
};

use super::fingerprint::Fingerprint;
use super::promised;
use super::server::{LocalFuture, spawn};
use crate::engine::Interrupted;
use crate::s3::{Checksum, ChecksumAlgorithm, PartNumber, UploadToken};

const UPLOADS: &str = "uploads";

/// Uploads in parts that may go on when this page is gone, in `IndexedDB`.
///
/// Of each there is an entry under `[token]`, and one under `[token, part]` for every part that the store has: its
/// checksum, or `null`. A browser that has no database for this page, as some have none in private windows, remembers
/// nothing.
pub(super) struct Journal {
    database: Option<Rc<Database>>,
}

struct Database {
    request: IdbOpenDbRequest,
    is_open: Promise,
    _upgrade: EventListener,
}

type Change = dyn FnOnce(&IdbObjectStore) -> Result<IdbRequest, JsValue>;

/// An upload that was interrupted.
#[derive(Clone)]
pub(super) struct Entry {
    /// What the engine goes on with.
    pub(super) upload: Interrupted,
    /// What the file was.
    pub(super) fingerprint: Fingerprint,
    /// The file's MIME type, as the browser guessed it.
    pub(super) content_type: String,
    /// The path below the folder that was picked, if one was.
    pub(super) relative_path: String,
    /// Bytes of every part but the last.
    pub(super) part_size: u64,
    /// When the server does not know the token any more: milliseconds since 1970.
    pub(super) expires: f64,
    /// The lock of the page that uploads it, or did.
    pub(super) page: String,
    /// Opens the file again, where the browser has that.
    pub(super) handle: Option<FileSystemFileHandle>,
}

impl Journal {
    /// Without a name nothing is remembered.
    pub(super) fn open(name: Option<String>) -> Self {
        Self { database: name.and_then(|name| Database::open(&name).ok()).map(Rc::new) }
    }

    pub(super) fn remember(&self, entry: &Entry) {
        let Entry { upload, fingerprint, .. } = entry;
        let algorithm = upload.algorithm.map(ChecksumAlgorithm::name);
        let record = Object::new();
        let members: [(&str, JsValue); 13] = [
            ("name", fingerprint.name.as_str().into()),
            ("size", fingerprint.size.into()),
            ("modified", fingerprint.modified.into()),
            ("hash", fingerprint.hash.as_str().into()),
            ("type", entry.content_type.as_str().into()),
            ("path", entry.relative_path.as_str().into()),
            ("partSize", number(entry.part_size).into()),
            ("expires", entry.expires.into()),
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
            }
        }));
    }

    /// All that is remembered.
    pub(super) fn entries(&self) -> LocalFuture<Vec<Entry>> {
        let database = self.database.clone();
        Box::pin(async move {
            match database {
                Some(database) => read(&database).await.unwrap_or_default(),
                None => Vec::new(),
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
        Ok(Self { request, is_open, _upgrade: upgrade })
    }

    async fn uploads(&self, mode: IdbTransactionMode) -> Result<IdbObjectStore, JsValue> {
        JsFuture::from(self.is_open.clone()).await?;
        let database: IdbDatabase = self.request.result()?.unchecked_into();
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
    let fingerprint =
        Fingerprint { name: text("name")?, size: number("size")?, modified: number("modified")?, hash: text("hash")? };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as it was written: whole")]
    let part_size = number("partSize")? as u64;
    let (key, location) = (text("key")?, text("location"));
    Some(Entry {
        upload: Interrupted { token, key, location, algorithm, checksums: Vec::new(), parts: 0 },
        fingerprint,
        content_type: text("type")?,
        relative_path: text("path")?,
        part_size,
        expires: number("expires")?,
        page: text("page")?,
        handle: member("handle").dyn_into().ok(),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as it was written: 1 to 10,000")]
fn part_number(key: &JsValue) -> Option<PartNumber> {
    PartNumber::try_from(key.as_f64()? as u16).ok()
}

#[expect(clippy::cast_precision_loss, reason = "a part has at most 5 GiB")]
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
