use std::collections::VecDeque;

use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Promise, Set};
use wasm_bindgen::prelude::*;
use web_sys::{
    DataTransfer, DataTransferItem, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry,
};

use super::opened::{ANSWER_TIMEOUT_MS, Opened, PickedFile, RETRY_DELAY_MS, Unopened, file_of, opened, picked};
use super::promised::{promised, settled};
use super::server::LocalFuture;

/// Handles that browsers do not hand out in this time are done without.
const HANDLE_TIMEOUT_MS: u32 = 3_000;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = DataTransferItem)]
    type HandleItem;

    #[wasm_bindgen(method, structural, catch, js_name = getAsFileSystemHandle)]
    fn handle(this: &HandleItem) -> Result<Promise, JsValue>;
}

/// The files of a drop or a paste, folders walked to the bottom, and what the browser could not open of it.
///
/// The entries are taken before the first `await`: browsers empty the transfer when its event is over.
pub fn files_of(transfer: &DataTransfer) -> LocalFuture<Opened> {
    let mut walk = Walk::default();
    let items = transfer.items();
    for item in (0..items.length()).filter_map(|index| items.get(index)).filter(|item| item.kind() == "file") {
        walk.take(&item);
    }
    if walk.is_empty() {
        walk.opened.unopened.push(no_file());
    }
    Box::pin(walk.finish())
}

/// What is opened of a drop, and what is still to open.
#[derive(Default)]
struct Walk {
    opened: Opened,
    /// Files that were dropped by themselves, and their handles.
    files: Vec<(PickedFile, Option<Promise>)>,
    queue: VecDeque<Unread>,
    failed: Vec<(Unread, JsValue)>,
}

/// A file to open, or a folder to list.
struct Unread {
    entry: FileSystemEntry,
    /// The names in a folder that were listed before its listing failed.
    listed: Set,
}

impl Walk {
    fn take(&mut self, item: &DataTransferItem) {
        let entry = item.webkit_get_as_entry().ok().flatten();
        let folder = entry.clone().filter(FileSystemEntry::is_directory);
        match (folder, item.get_as_file().ok().flatten(), entry) {
            (None, Some(file), entry) => {
                let handle = item.unchecked_ref::<HandleItem>().handle().ok();
                let entry = entry.map(JsCast::unchecked_into);
                self.files.push((PickedFile { entry, ..picked(file) }, handle));
            }
            (Some(entry), ..) | (None, None, Some(entry)) => self.queue.push_back(entry.into()),
            (None, None, None) => self.opened.unopened.push(no_file()),
        }
    }

    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.queue.is_empty() && self.opened.unopened.is_empty()
    }

    async fn finish(mut self) -> Opened {
        self.take_handles().await;
        self.walk().await;
        if !self.failed.is_empty() {
            TimeoutFuture::new(RETRY_DELAY_MS).await;
            self.queue.extend(std::mem::take(&mut self.failed).into_iter().map(|(unread, _)| unread));
            self.walk().await;
        }
        for (Unread { entry, .. }, error) in self.failed {
            self.opened.unopened.push(Unopened::new(path_of(&entry), entry.is_directory(), &error));
        }
        self.opened
    }

    /// No file needs its handle, so none waits long for it.
    async fn take_handles(&mut self) {
        let mut answers = true;
        for (file, handle) in std::mem::take(&mut self.files) {
            let handle = match handle {
                Some(handle) if answers => {
                    let handle = settled(handle, HANDLE_TIMEOUT_MS).await;
                    answers = !matches!(&handle, Err(error) if error.is_undefined());
                    handle.ok().and_then(|handle| handle.dyn_into().ok())
                }
                _ => None,
            };
            self.opened.files.push(PickedFile { handle, ..file });
        }
    }

    async fn walk(&mut self) {
        while let Some(unread) = self.queue.pop_front() {
            let entry = &unread.entry;
            let result = if entry.is_directory() {
                self.list(entry.unchecked_ref(), &unread.listed).await
            } else {
                self.open(entry.unchecked_ref()).await
            };
            if let Err(error) = result {
                self.failed.push((unread, error));
            }
        }
    }

    async fn list(&mut self, folder: &FileSystemDirectoryEntry, listed: &Set) -> Result<(), JsValue> {
        let reader = folder.create_reader();
        // Browsers hand out at most 100 entries a time, until a batch is empty.
        loop {
            let batch = read_batch(&reader).await?;
            if batch.length() == 0 {
                return Ok(());
            }
            for entry in batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>) {
                let name = entry.name().into();
                if !listed.has(&name) {
                    listed.add(&name);
                    self.queue.push_back(entry.into());
                }
            }
        }
    }

    async fn open(&mut self, entry: &FileSystemFileEntry) -> Result<(), JsValue> {
        let file = opened(file_of(entry)).await?;
        let path = path_of(entry);
        let relative_path = if path.as_bytes().contains(&b'/') { path } else { String::new() };
        let entry = Some(entry.clone());
        self.opened.files.push(PickedFile { file, relative_path, handle: None, entry });
        Ok(())
    }
}

impl From<FileSystemEntry> for Unread {
    fn from(entry: FileSystemEntry) -> Self {
        Self { entry, listed: Set::new(&JsValue::UNDEFINED) }
    }
}

fn path_of(entry: &FileSystemEntry) -> String {
    entry.full_path().trim_start_matches('/').into()
}

async fn read_batch(reader: &FileSystemDirectoryReader) -> Result<Array, JsValue> {
    let entries = promised(|done, failed| reader.read_entries_with_callback_and_callback(done, failed));
    settled(entries, ANSWER_TIMEOUT_MS).await.map(Into::into)
}

/// Some programs offer files, and give none when they are dropped.
fn no_file() -> Unopened {
    let reason = "the program that it comes from gave the browser no file; save it in a folder first".into();
    Unopened { path: String::new(), is_folder: false, reason }
}
