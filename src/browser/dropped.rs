use std::collections::VecDeque;

use js_sys::{Array, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, DataTransferItem, File, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry,
    FileSystemFileEntry, FileSystemFileHandle,
};

use super::promised;

/// A file, and what the browser knows of where it comes from.
pub struct PickedFile {
    /// The file itself.
    pub file: File,
    /// The path below the folder that was dropped or picked (`photos/a.jpg`), with the file's own name last; empty
    /// outside folders.
    pub relative_path: String,
    /// Opens the file again when this page is gone, in browsers that have this; not of files in folders.
    pub handle: Option<FileSystemFileHandle>,
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = DataTransferItem)]
    type HandleItem;

    #[wasm_bindgen(method, structural, catch, js_name = getAsFileSystemHandle)]
    fn handle(this: &HandleItem) -> Result<Promise, JsValue>;
}

/// The files of a drop or a paste, folders walked to the bottom; entries that the browser can't open are left out.
///
/// The entries are taken before the first `await`: browsers empty the transfer when its event is over.
pub fn files_of(transfer: &DataTransfer) -> impl Future<Output = Vec<PickedFile>> + 'static {
    let mut files = Vec::new();
    let mut folders = VecDeque::new();
    let items = transfer.items();
    for item in (0..items.length()).filter_map(|index| items.get(index)) {
        let entry = item.webkit_get_as_entry().ok().flatten();
        match entry {
            Some(entry) if entry.is_directory() => folders.push_back(entry.unchecked_into()),
            _ => {
                let handle = item.unchecked_ref::<HandleItem>().handle().ok();
                files.extend(item.get_as_file().ok().flatten().map(|file| (file, handle)));
            }
        }
    }
    async move {
        let mut found = Vec::new();
        for (file, handle) in files {
            let handle = match handle {
                Some(handle) => JsFuture::from(handle).await.ok().and_then(|handle| handle.dyn_into().ok()),
                None => None,
            };
            found.push(PickedFile { handle, ..picked(file) });
        }
        while let Some(folder) = folders.pop_front() {
            walk(&folder, &mut found, &mut folders).await;
        }
        found
    }
}

/// A file from an input, which gives the path itself.
#[must_use]
pub fn picked(file: File) -> PickedFile {
    let path = js_sys::Reflect::get(&file, &JsValue::from_str("webkitRelativePath"));
    let relative_path = path.ok().and_then(|path| path.as_string()).unwrap_or_default();
    PickedFile { file, relative_path, handle: None }
}

async fn walk(
    folder: &FileSystemDirectoryEntry,
    found: &mut Vec<PickedFile>,
    folders: &mut VecDeque<FileSystemDirectoryEntry>,
) {
    let reader = folder.create_reader();
    // Browsers hand out at most 100 entries a time, until a batch is empty.
    while let Ok(batch) = read_batch(&reader).await {
        if batch.length() == 0 {
            break;
        }
        for entry in batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>) {
            if entry.is_directory() {
                folders.push_back(entry.unchecked_into());
            } else if let Ok(file) = file_of(entry.unchecked_ref()).await {
                let relative_path = entry.full_path().trim_start_matches('/').into();
                found.push(PickedFile { file, relative_path, handle: None });
            }
        }
    }
}

async fn read_batch(reader: &FileSystemDirectoryReader) -> Result<Array, JsValue> {
    let entries = promised(|done, failed| reader.read_entries_with_callback_and_callback(done, failed));
    JsFuture::from(entries).await.map(Into::into)
}

async fn file_of(entry: &FileSystemFileEntry) -> Result<File, JsValue> {
    let file = promised(|done, failed| {
        entry.file_with_callback_and_callback(done, failed);
        Ok(())
    });
    JsFuture::from(file).await.map(JsCast::unchecked_into)
}
