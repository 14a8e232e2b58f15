use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::disk::Disk,
    index::Index,
    internal,
    reading::{is_unreadable, is_unreadable_since_long, names, read},
    receive::{Place, Received, Slot},
    slots::{Claim, Slots},
};
use crate::server::random::random_id;

/// The directory of unfinished uploads: no bucket has such a name.
const DIR: &str = ".multipart";

pub(super) const UPLOAD: &str = "upload.json";

/// Before the id of an upload that is being removed.
const GONE: &str = "gone-";

/// Before the id of an upload that is being begun.
const NEW: &str = "new-";

/// Before the part size and the id of an upload whose slots are an object that has only to get its name.
const DONE: &str = "done-";

/// The sizes of parts that have slots: all parts of an object have one size, but for the last.
const MAX_SLOT_SIZES: usize = 2;

/// More than an id has, and less than a file system refuses.
const MAX_ID_BYTES: usize = 64;

/// A slot is this many slots behind the end of its file at most: the hole before it would be large, and where file systems
/// know no holes they are written. Parts come nearly in order.
const MAX_HOLE: u64 = 16;

/// The directories of unfinished uploads, each named after its id. All of an upload is in its own: whoever takes the
/// directory away has ended the upload, and what was under way finds no place any more.
///
/// ```text
/// data/.multipart/{id}/upload.json    what it was begun with
/// data/.multipart/{id}/00007.json     what the part is, and where its bytes are: replaced as a whole
/// data/.multipart/{id}/slots.{size}   the bytes of parts of this size, each at its place in the object
/// data/.multipart/{id}/00007.{random} the bytes of a part that is sent again, or came with another writing its slot
/// ```
///
/// Windows does not let go of a directory in which a part is just being written: there, ending an upload fails until that
/// is over.
#[derive(Clone, Debug)]
pub(super) struct Files {
    disk: Disk,
    root: PathBuf,
    slots: Slots,
    index: Index,
    /// The most bytes of an object.
    max_size: u64,
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
    pub(super) bytes: Location,
    pub(super) size: u64,
    /// As [`Received`] has it.
    pub(super) e_tag: String,
    /// In Base64, where it was asked for.
    pub(super) sha256: Option<String>,
}

/// Where the bytes of a part are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Location {
    /// In the file of slots for parts of its size.
    Slot,
    /// In a file of this name.
    Own(String),
}

impl Files {
    /// The unfinished uploads of a directory, cleaned up.
    pub(super) fn open(disk: Disk, max_size: u64) -> io::Result<Self> {
        let (slots, index) = (Slots::default(), Index::default());
        let files = Self { root: disk.root().to_owned(), disk, slots, index, max_size };
        files.clean()?;
        for id in names(&files.root.join(DIR))? {
            if let Ok(dir) = files.dir(&id)
                && let Ok(upload) = read::<Upload>(&dir.join(UPLOAD))
            {
                files.remove_slots_without_parts(&id, &dir)?;
                files.index.add(upload.key, id);
            }
        }
        Ok(files)
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(super) fn create(&self, upload: &Upload) -> io::Result<String> {
        let id = random_id();
        let new = self.root.join(DIR).join(format!("{NEW}{id}"));
        self.disk.create_dirs(&new)?;
        self.write(&new.join(UPLOAD), upload)?;
        self.disk.rename(&new, &self.root.join(DIR).join(&id))?;
        self.index.add(upload.key.clone(), id.clone());
        Ok(id)
    }

    /// # Errors
    ///
    /// `NoSuchUpload` also for the upload of another object.
    pub(super) fn upload(&self, id: &str, bucket: &str, key: &str) -> Result<Upload, S3Error> {
        let upload: Upload = read(&self.dir(id)?.join(UPLOAD)).map_err(no_such_upload)?;
        if upload.bucket == bucket && upload.key == key { Ok(upload) } else { Err(s3_error!(NoSuchUpload)) }
    }

    /// The keys and ids of unfinished uploads with keys that begin so, in order; of these the first `max` after `after`.
    pub(super) fn page(&self, prefix: &str, after: Option<(String, String)>, max: usize) -> Vec<(String, String)> {
        self.index.page(prefix, after, max)
    }

    /// `None` if it has ended meanwhile.
    pub(super) fn listed(&self, id: &str) -> Option<Upload> {
        read(&self.dir(id).ok()?.join(UPLOAD)).ok()
    }

    /// The ids of uploads that began before `earliest`.
    pub(super) fn begun_before(&self, earliest: SystemTime) -> Vec<(String, Upload)> {
        let all = self.index.page("", None, usize::MAX).into_iter();
        let all = all.filter_map(|(_, id)| self.listed(&id).map(|upload| (id, upload)));
        all.filter(|(_, upload)| upload.initiated() < earliest).collect()
    }

    /// Removes what nobody can resume and nobody lists.
    pub(super) fn remove_unreadable(&self) -> io::Result<()> {
        for name in names(&self.root.join(DIR))? {
            if let Ok(dir) = self.dir(&name)
                && is_unreadable_since_long(&dir)
            {
                self.clear_away(&dir);
            }
        }
        Ok(())
    }

    /// Where the bytes of a part are written, if it has `size` bytes: in its slot, unless the part is there already. It
    /// stays until the new bytes are all there.
    pub(super) fn place(&self, id: &str, number: i32, size: Option<u64>) -> S3Result<Place> {
        let slot = match size.filter(|size| *size > 0) {
            Some(size) => self.free_slot(id, number, size)?,
            None => None,
        };
        Ok(slot.unwrap_or_else(|| Place::Own(self.disk.temporary())))
    }

    fn free_slot(&self, id: &str, number: i32, size: u64) -> S3Result<Option<Place>> {
        let dir = self.dir(id)?;
        let file = dir.join(slots_of(size));
        // Whoever may send parts of any size would fill the disk with files of slots, a hole before each last byte.
        let others = names(&dir)
            .map_err(no_such_upload)?
            .iter()
            .filter(|name| is_slots(name) && **name != slots_of(size))
            .count();
        if others >= MAX_SLOT_SIZES {
            return Ok(None);
        }
        let Some(claim) = self.slots.claim(id, number) else { return Ok(None) };
        let end = match file.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(internal(error)),
        };
        let offset = offset(number, size);
        let fits = offset.saturating_add(size) <= self.max_size && offset < end + MAX_HOLE * size;
        let is_free = fits && self.part(id, number)?.is_none();
        Ok(is_free.then(|| Place::Slot(Slot::new(self.clone(), id, (file, offset, size), claim))))
    }

    /// Removes what a killed server had of parts that never became any.
    fn remove_slots_without_parts(&self, id: &str, dir: &Path) -> io::Result<()> {
        if self.part_numbers(id).is_ok_and(|parts| parts.is_empty()) {
            for slots in names(dir)?.iter().filter(|name| is_slots(name)) {
                fs::remove_file(dir.join(slots))?;
            }
        }
        Ok(())
    }

    /// Removes the file of slots of this size if no part is in it and none is written: what was sent of parts that never
    /// became any.
    pub(super) fn forget_broken(&self, id: &str, size: u64) -> S3Result<()> {
        let Some(_nobody_writes) = self.claim_slots(id) else { return Ok(()) };
        for number in self.part_numbers(id)? {
            if self.part(id, number)?.is_some_and(|part| part.bytes == Location::Slot && part.size == size) {
                return Ok(());
            }
        }
        // Not there is as good as gone.
        let _ = fs::remove_file(self.dir(id)?.join(slots_of(size)));
        Ok(())
    }

    /// That no slot of an upload is written; `None` if one is.
    pub(super) fn claim_slots(&self, id: &str) -> Option<Claim> {
        self.slots.claim_all(id)
    }

    /// Makes received bytes a part, and forgets what the part was before.
    pub(super) fn put_part(&self, id: &str, number: i32, mut received: Received) -> S3Result<()> {
        let dir = self.dir(id)?;
        let bytes = match &received.place {
            Place::Slot(_) => Location::Slot,
            Place::Own(path) => {
                let file = format!("{number:05}.{}", random_id());
                fs::rename(path, dir.join(&file)).map_err(no_such_upload)?;
                Location::Own(file)
            }
        };
        // The bytes have their name before a record says so.
        self.disk.sync_names(&dir).map_err(no_such_upload)?;
        let before = self.part(id, number)?;
        let (e_tag, sha256) = (received.e_tag.clone(), received.sha256.clone());
        let part = StoredPart { bytes, size: received.size, e_tag, sha256 };
        self.write(&dir.join(record(number)), &part).map_err(no_such_upload)?;
        received.place.is_part();
        if let Some(Location::Own(file)) = before.map(|before| before.bytes) {
            // It goes with the upload's directory at the latest.
            let _ = fs::remove_file(dir.join(file));
        }
        Ok(())
    }

    /// `None` if there is no such part, as in an upload that has ended, or if its record can't be read: then it was not
    /// whole when the power went, and nobody was told that the part is there.
    pub(super) fn part(&self, id: &str, number: i32) -> S3Result<Option<StoredPart>> {
        match read(&self.dir(id)?.join(record(number))) {
            Ok(part) => Ok(Some(part)),
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_unreadable(&error) => Ok(None),
            Err(error) => Err(internal(error)),
        }
    }

    /// The file that has a part's bytes, and where they begin in it.
    pub(super) fn part_bytes(&self, id: &str, number: i32, part: &StoredPart) -> Result<(PathBuf, u64), S3Error> {
        let dir = self.dir(id)?;
        Ok(match &part.bytes {
            Location::Slot => (dir.join(slots_of(part.size)), offset(number, part.size)),
            Location::Own(file) => (dir.join(file), 0),
        })
    }

    /// The numbers of an upload's parts, in order.
    pub(super) fn part_numbers(&self, id: &str) -> Result<Vec<i32>, S3Error> {
        let names = names(&self.dir(id)?).map_err(no_such_upload)?;
        let mut numbers: Vec<i32> = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Ends an upload and removes all of it.
    pub(super) fn remove(&self, id: &str) -> S3Result<()> {
        let gone = self.root.join(DIR).join(format!("{GONE}{id}"));
        // It ends as a whole: no power loss leaves it under its name with half of its parts.
        self.disk.rename(&self.dir(id)?, &gone).map_err(no_such_upload)?;
        self.index.remove(id);
        self.clear_away(&gone);
        Ok(())
    }

    /// Ends an upload: its slots of this size are the object.
    pub(super) fn publish(&self, id: &str, size: u64) -> S3Result<()> {
        let done = self.root.join(DIR).join(format!("{DONE}{size}-{id}"));
        self.disk.rename(&self.dir(id)?, &done).map_err(no_such_upload)?;
        self.name_object(id, size, &done).map_err(internal)?;
        self.index.remove(id);
        Ok(())
    }

    /// If the object can't get its name, the upload goes on.
    fn name_object(&self, id: &str, size: u64, done: &Path) -> io::Result<()> {
        let name = || {
            let upload: Upload = read(&done.join(UPLOAD))?;
            let object = self.object(&upload.bucket, &upload.key);
            self.disk.name(&done.join(slots_of(size)), &object)
        };
        name().inspect_err(|_| drop(fs::rename(done, self.root.join(DIR).join(id))))?;
        self.clear_away(done);
        Ok(())
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> PathBuf {
        self.root.join(bucket).join(key)
    }

    /// What can't be removed now is at the next start; the call that ended the upload has done what it was for.
    fn clear_away(&self, gone: &Path) {
        let _ = fs::remove_dir_all(gone);
        self.disk.remove_if_empty(&self.root.join(DIR));
    }

    /// Finishes what was being finished, and removes what was being begun or removed, when the server was killed.
    fn clean(&self) -> io::Result<()> {
        for name in names(&self.root.join(DIR))? {
            let dir = self.root.join(DIR).join(&name);
            let done = name.strip_prefix(DONE).and_then(|done| done.split_once('-'));
            match done.and_then(|(size, id)| Some((size.parse().ok()?, id))) {
                Some((size, id)) if dir.join(slots_of(size)).try_exists()? => {
                    if let Err(error) = self.name_object(id, size, &dir) {
                        eprintln!("The embedded store could not finish {}: {error}", dir.display());
                    }
                }
                // Its object has its name.
                Some(_) => self.clear_away(&dir),
                None if name.starts_with(GONE) || name.starts_with(NEW) => self.clear_away(&dir),
                None if is_unreadable_since_long(&dir) => self.clear_away(&dir),
                None => {}
            }
        }
        Ok(())
    }

    /// Ids come from anybody with a signature, and become part of a path.
    fn dir(&self, id: &str) -> Result<PathBuf, S3Error> {
        let is_ours =
            (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if is_ours { Ok(self.root.join(DIR).join(id)) } else { Err(s3_error!(NoSuchUpload)) }
    }

    fn write(&self, path: &Path, content: &impl Serialize) -> io::Result<()> {
        self.disk.replace(path, &serde_json::to_vec(content)?)
    }
}

/// The file of slots for parts of this size.
fn slots_of(size: u64) -> String {
    format!("slots.{size}")
}

fn is_slots(name: &str) -> bool {
    name.starts_with("slots.")
}

/// Where a slot begins: parts of one size lie behind each other as in the object.
fn offset(number: i32, size: u64) -> u64 {
    u64::try_from(number - 1).unwrap_or_default() * size
}

/// The name of the file that tells of a part.
fn record(number: i32) -> String {
    format!("{number:05}.json")
}

pub(super) fn no_such_upload(error: io::Error) -> S3Error {
    if error.kind() == io::ErrorKind::NotFound {
        return s3_error!(NoSuchUpload, "The upload was completed or aborted, or never begun.");
    }
    internal(error)
}
