use std::collections::{BTreeMap, BTreeSet};

use crate::s3::{Checksum, Part, PartNumber, PartPlan, UploadToken};

/// A bucket: objects, and uploads in parts that are not finished.
#[derive(Default)]
pub(super) struct Store {
    objects: BTreeMap<String, u64>,
    uploads: BTreeMap<u64, Upload>,
    begun: u64,
    /// Keys of which something was lost, as stores do not.
    robbed: BTreeSet<String>,
}

struct Upload {
    key: String,
    plan: PartPlan,
    parts: BTreeMap<PartNumber, Part>,
}

/// Where a request puts its bytes.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) key: String,
    /// The upload and the part of it, where it is one.
    pub(super) part: Option<(u64, PartNumber, Option<Checksum>)>,
}

/// What came of putting parts together.
pub(super) enum Joined {
    Object(u64),
    Missing(Vec<PartNumber>),
    Gone,
}

impl Store {
    pub(super) fn object(&self, key: &str) -> Option<u64> {
        self.objects.get(key).copied()
    }

    /// Begins an upload, or takes over one that was begun for the key.
    pub(super) fn begin(&mut self, key: &str, plan: PartPlan, again: bool) -> u64 {
        let begun = self.uploads.iter().find(|(_, upload)| again && upload.key == key);
        if let Some((id, _)) = begun {
            return *id;
        }
        self.begun += 1;
        self.uploads.insert(self.begun, Upload { key: key.to_owned(), plan, parts: BTreeMap::new() });
        self.begun
    }

    /// Takes bytes, with the status that it answers.
    pub(super) fn put(&mut self, place: &Place, size: u64) -> u16 {
        let Some((upload, number, checksum)) = place.part.clone() else {
            return if self.objects.insert(place.key.clone(), size).is_some() { 412 } else { 200 };
        };
        let Some(upload) = self.uploads.get_mut(&upload) else { return 404 };
        upload.parts.insert(number, Part { number, size, checksum });
        200
    }

    /// The parts of an upload; `None` where there is no such upload.
    pub(super) fn parts(&self, upload: u64) -> Option<Vec<Part>> {
        Some(self.uploads.get(&upload)?.parts.values().cloned().collect())
    }

    pub(super) fn join(&mut self, key: &str, id: u64, checksums: &[Checksum]) -> Joined {
        let Some(upload) = self.uploads.get(&id) else {
            return self.object(key).map_or(Joined::Gone, Joined::Object);
        };
        let missing = upload.missing(checksums);
        match self.begin_to_join(id, checksums) {
            Some(size) => {
                self.objects.insert(key.to_owned(), size);
                Joined::Object(size)
            }
            None => Joined::Missing(missing),
        }
    }

    /// The bytes of the object that will come of an upload; the upload is gone. `None` where it is not complete.
    pub(super) fn begin_to_join(&mut self, id: u64, checksums: &[Checksum]) -> Option<u64> {
        let upload = self.uploads.get(&id).filter(|upload| upload.missing(checksums).is_empty())?;
        let size = upload.plan.size();
        self.uploads.remove(&id);
        Some(size)
    }

    /// Whether nobody could have known that putting the parts together will not do.
    pub(super) fn seems_complete(&self, key: &str, id: u64) -> bool {
        let is_whole = self.uploads.get(&id).is_none_or(|upload| upload.missing(&[]).is_empty());
        is_whole || self.robbed.contains(key)
    }

    /// Aborts all uploads of the key, and deletes the object.
    pub(super) fn discard(&mut self, key: &str) {
        self.objects.remove(key);
        self.uploads.retain(|_, upload| upload.key != key);
    }

    /// An upload vanishes, as by a lifecycle rule.
    pub(super) fn drop_upload(&mut self, id: u64) {
        self.uploads.remove(&id);
    }

    /// A part vanishes.
    pub(super) fn drop_part(&mut self, id: u64, index: usize) {
        if let Some(upload) = self.uploads.get_mut(&id)
            && let Some(part) = upload.parts.keys().nth(index).copied()
        {
            upload.parts.remove(&part);
            self.robbed.insert(upload.key.clone());
        }
    }

    /// Keys of objects.
    pub(super) fn objects(&self) -> impl Iterator<Item = &str> {
        self.objects.keys().map(String::as_str)
    }

    /// Keys of uploads that are not finished.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &str> {
        self.uploads.values().map(|upload| upload.key.as_str())
    }
}

impl Upload {
    fn missing(&self, checksums: &[Checksum]) -> Vec<PartNumber> {
        assert!(
            checksums.is_empty() || checksums.len() == usize::from(self.plan.parts()),
            "one checksum a part, or none"
        );
        let is_there = |number: PartNumber| {
            let body = self.plan.range(number).unwrap();
            let checksum = checksums.get(usize::from(number.get()) - 1);
            self.parts.get(&number).is_some_and(|part| {
                part.size == body.end - body.start && (checksum.is_none() || part.checksum.as_ref() == checksum)
            })
        };
        self.plan.numbers().filter(|number| !is_there(*number)).collect()
    }
}

/// Tokens are `key.call` of a reservation or a single request, and `key.call.upload` of what the store has begun.
pub(super) fn key_of(token: &UploadToken) -> &str {
    token.as_str().split('.').next().unwrap()
}

/// The upload in parts that a token names.
pub(super) fn upload_of(token: &UploadToken) -> Option<u64> {
    token.as_str().split('.').nth(2).map(|upload| upload.parse().unwrap())
}

/// Keys of files in parts begin with a `p`.
pub(super) fn is_in_parts(key: &str) -> bool {
    key.starts_with('p')
}
