use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use s3s::{S3Error, s3_error};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::server::random::random_id;

/// The directory of unfinished uploads: no bucket has such a name.
const DIR: &str = ".multipart";

const UPLOAD: &str = "upload.json";

/// Before the id of an upload that is being removed.
const GONE: &str = "gone-";

/// The directories of unfinished uploads, each named after its id. All of an upload is in its own: whoever takes the
/// directory away has ended the upload, and what was under way finds no place any more.
///
/// ```text
/// data/.multipart/{id}/upload.json    what it was begun with
/// data/.multipart/{id}/00007.json     what the part is, and which file has its bytes: replaced as a whole
/// data/.multipart/{id}/00007.{random} the bytes
/// ```
#[derive(Clone, Debug)]
pub(super) struct Files {
    root: PathBuf,
}

/// What an upload was begun with.
#[derive(Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    /// As s3s-fs keeps them with the object.
    pub(super) attributes: Value,
    pub(super) with_sha256: bool,
    initiated_ms: u64,
}

impl Upload {
    pub(super) fn new(bucket: String, key: String, attributes: Value, with_sha256: bool) -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let initiated_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self { bucket, key, attributes, with_sha256, initiated_ms }
    }

    pub(super) fn initiated(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.initiated_ms)
    }
}

/// A part that is there.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct StoredPart {
    /// The file with its bytes.
    file: String,
    pub(super) size: u64,
    /// In hexadecimal digits: its `ETag`.
    pub(super) md5: String,
    /// In Base64.
    pub(super) sha256: Option<String>,
}

impl StoredPart {
    pub(super) fn new(file: String, size: u64, md5: String, sha256: Option<String>) -> Self {
        Self { file, size, md5, sha256 }
    }
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A path for what is not complete yet. s3s-fs removes such files at the next start.
    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join(format!(".tmp.{}.internal.part", random_id()))
    }

    pub(super) fn create(&self, upload: &Upload) -> io::Result<String> {
        let id = random_id();
        let dir = self.root.join(DIR).join(&id);
        fs::create_dir_all(&dir)?;
        self.write(&dir.join(UPLOAD), upload)?;
        Ok(id)
    }

    /// # Errors
    ///
    /// `NoSuchUpload` also for the upload of another object.
    pub(super) fn upload(&self, id: &str, bucket: &str, key: &str) -> Result<Upload, S3Error> {
        let upload: Upload = read(&self.dir(id)?.join(UPLOAD)).map_err(no_such_upload)?;
        if upload.bucket == bucket && upload.key == key { Ok(upload) } else { Err(s3_error!(NoSuchUpload)) }
    }

    /// All unfinished uploads with their ids.
    pub(super) fn uploads(&self) -> io::Result<Vec<(String, Upload)>> {
        let mut uploads = Vec::new();
        for name in names(&self.root.join(DIR))? {
            // One that ends meanwhile is left out.
            if let Ok(upload) = read(&self.root.join(DIR).join(&name).join(UPLOAD)) {
                uploads.push((name, upload));
            }
        }
        Ok(uploads)
    }

    /// Makes a received file a part, and forgets what the part was before.
    pub(super) fn put_part(
        &self,
        id: &str,
        number: i32,
        received: &Path,
        part: impl FnOnce(String) -> StoredPart,
    ) -> Result<(), S3Error> {
        let dir = self.dir(id)?;
        let file = format!("{number:05}.{}", random_id());
        fs::rename(received, dir.join(&file)).map_err(no_such_upload)?;
        let before = self.part(id, number).ok();
        self.write(&dir.join(format!("{number:05}.json")), &part(file)).map_err(no_such_upload)?;
        if let Some(before) = before {
            // It goes with the upload's directory at the latest.
            let _ = fs::remove_file(dir.join(before.file));
        }
        Ok(())
    }

    /// # Errors
    ///
    /// `NoSuchUpload` also if there is no such part.
    pub(super) fn part(&self, id: &str, number: i32) -> Result<StoredPart, S3Error> {
        read(&self.dir(id)?.join(format!("{number:05}.json"))).map_err(no_such_upload)
    }

    pub(super) fn part_bytes(&self, id: &str, part: &StoredPart) -> Result<PathBuf, S3Error> {
        Ok(self.dir(id)?.join(&part.file))
    }

    /// The numbers of an upload's parts, in order.
    pub(super) fn part_numbers(&self, id: &str) -> Result<Vec<i32>, S3Error> {
        let names = names(&self.dir(id)?).map_err(no_such_upload)?;
        let mut numbers: Vec<i32> = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Ends an upload and removes all of it.
    pub(super) fn remove(&self, id: &str) -> Result<(), S3Error> {
        let gone = self.root.join(DIR).join(format!("{GONE}{id}"));
        fs::rename(self.dir(id)?, &gone).map_err(no_such_upload)?;
        fs::remove_dir_all(gone).map_err(|error| s3_error!(error, InternalError))?;
        // Fails, as it should, while there are others.
        let _ = fs::remove_dir(self.root.join(DIR));
        Ok(())
    }

    /// Removes what was being removed when the server was killed.
    pub(super) fn clean(&self) -> io::Result<()> {
        let gone = names(&self.root.join(DIR))?.into_iter().filter(|name| name.starts_with(GONE));
        gone.into_iter().try_for_each(|name| fs::remove_dir_all(self.root.join(DIR).join(name)))
    }

    /// Ids come from anybody with a signature, and become part of a path.
    fn dir(&self, id: &str) -> Result<PathBuf, S3Error> {
        let is_ours = !id.is_empty() && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if is_ours { Ok(self.root.join(DIR).join(id)) } else { Err(s3_error!(NoSuchUpload)) }
    }

    /// Nobody ever sees half of it.
    fn write(&self, path: &Path, content: &impl Serialize) -> io::Result<()> {
        let unfinished = self.temporary();
        fs::write(&unfinished, serde_json::to_vec(content)?)?;
        fs::rename(&unfinished, path).inspect_err(|_| drop(fs::remove_file(&unfinished)))
    }
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// The names in a directory; none if there is no directory.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn no_such_upload(error: io::Error) -> S3Error {
    if error.kind() == io::ErrorKind::NotFound {
        return s3_error!(NoSuchUpload, "The upload was completed or aborted, or never begun.");
    }
    s3_error!(error, InternalError)
}
