use std::collections::VecDeque;

use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DataTransfer, File, FileSystemDirectoryEntry, FileSystemDirectoryReader, FileSystemEntry, FileSystemFileEntry,
};

/// A file, and its path below the folder that was dropped or picked (`photos/a.jpg`); empty outside folders.
pub struct PickedFile {
    /// The file itself.
    pub file: File,
    /// The path, with the file's own name last.
    pub relative_path: String,
}

/// The files of a drop or a paste, folders walked to the bottom; entries that the browser can't open are left out.
///
/// The entries are taken before the first `await`: browsers empty the transfer when its event is over.
pub fn files_of(transfer: &DataTransfer) -> impl Future<Output = Vec<PickedFile>> + 'static {
    let mut found = Vec::new();
    let mut folders = VecDeque::new();
    let items = transfer.items();
    for item in (0..items.length()).filter_map(|index| items.get(index)) {
        let entry = item.webkit_get_as_entry().ok().flatten();
        match entry {
            Some(entry) if entry.is_directory() => folders.push_back(entry.unchecked_into()),
            _ => found.extend(item.get_as_file().ok().flatten().map(picked)),
        }
    }
    async move {
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
    PickedFile { relative_path: path.ok().and_then(|path| path.as_string()).unwrap_or_default(), file }
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
                found.push(PickedFile { file, relative_path: entry.full_path().trim_start_matches('/').into() });
            }
        }
    }
}

async fn read_batch(reader: &FileSystemDirectoryReader) -> Result<Array, JsValue> {
    promised(|done, failed| reader.read_entries_with_callback_and_callback(done, failed)).await.map(Into::into)
}

async fn file_of(entry: &FileSystemFileEntry) -> Result<File, JsValue> {
    promised(|done, failed| {
        entry.file_with_callback_and_callback(done, failed);
        Ok(())
    })
    .await
    .map(JsCast::unchecked_into)
}

/// The entries' API speaks in callbacks; a promise's own two functions serve as them, so nothing outlives the call.
async fn promised(
    call: impl FnOnce(&js_sys::Function, &js_sys::Function) -> Result<(), JsValue>,
) -> Result<JsValue, JsValue> {
    let mut call = Some(call);
    let promise = Promise::new(&mut |done, failed| {
        if let Some(Err(error)) = call.take().map(|call| call(&done, &failed)) {
            let _ = failed.call1(&JsValue::NULL, &error);
        }
    });
    JsFuture::from(promise).await
}
