use std::collections::{BTreeMap, BTreeSet};

use super::contents::{Content, checksum_of};
use super::trial::PART_SIZE;
use crate::s3::{Checksum, ChecksumAlgorithm, Part, PartNumber, PartPlan, UploadToken};

/// A bucket: objects, and uploads in parts that are not finished.
#[derive(Default)]
pub(super) struct Store {
    pub(super) tells: Tells,
    objects: BTreeMap<String, Body>,
    /// Objects that `CompleteMultipartUpload` is still making, or that `HeadObject` does not show yet: their uploads are gone.
    pending: BTreeMap<String, Body>,
    uploads: BTreeMap<u64, Upload>,
    begun: u64,
    /// Keys of which something was lost, as stores do not.
    robbed: BTreeSet<String>,
}

/// What a store says of the bytes of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tells {
    /// The checksum that the upload was begun with, or an MD5 of one without.
    #[default]
    Checksums,
    /// What looks like an MD5 and is none, as an `ETag` does where objects are encrypted.
    Etags,
    Nothing,
}

struct Upload {
    key: String,
    plan: PartPlan,
    algorithm: Option<ChecksumAlgorithm>,
    parts: BTreeMap<PartNumber, Body>,
}

/// Bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) size: u64,
    pub(super) content: Content,
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
    /// And what the store has proved of it.
    Object(Body, Option<ChecksumAlgorithm>),
    /// Of other bytes.
    Different,
    Missing(Vec<PartNumber>),
    Gone,
}

impl Store {
    pub(super) fn object(&self, key: &str) -> Option<&Body> {
        self.objects.get(key)
    }

    /// Whether there is an object, or will be.
    pub(super) fn has(&self, key: &str) -> bool {
        self.objects.contains_key(key) || self.pending.contains_key(key)
    }

    /// An object that is there from `show_pending` on.
    pub(super) fn put_pending(&mut self, key: &str, body: Body) {
        self.pending.insert(key.to_owned(), body);
    }

    /// Whether there was something to show.
    pub(super) fn show_pending(&mut self) -> bool {
        let has_some = !self.pending.is_empty();
        self.objects.append(&mut self.pending);
        has_some
    }

    /// Begins an upload, or takes over one that was begun for the key.
    pub(super) fn begin(
        &mut self,
        key: &str,
        plan: PartPlan,
        algorithm: Option<ChecksumAlgorithm>,
        again: bool,
    ) -> u64 {
        let begun = self.uploads.iter().find(|(_, upload)| again && upload.key == key);
        if let Some((id, _)) = begun {
            return *id;
        }
        self.begun += 1;
        self.uploads.insert(self.begun, Upload { key: key.to_owned(), plan, algorithm, parts: BTreeMap::new() });
        self.begun
    }

    /// Takes bytes, with the status that it answers.
    pub(super) fn put(&mut self, place: &Place, body: Body) -> u16 {
        let Some((upload, number, _)) = place.part.clone() else {
            return if self.objects.insert(place.key.clone(), body).is_some() { 412 } else { 200 };
        };
        let Some(upload) = self.uploads.get_mut(&upload) else { return 404 };
        upload.parts.insert(number, body);
        200
    }

    /// The parts of an upload; `None` where there is no such upload.
    pub(super) fn parts(&self, upload: u64) -> Option<Vec<Part>> {
        let upload = self.uploads.get(&upload)?;
        let part = |(number, body): (&PartNumber, &Body)| Part {
            number: *number,
            size: body.size,
            checksum: upload.checksum(self.tells, *number, body),
        };
        Some(upload.parts.iter().map(part).collect())
    }

    pub(super) fn join(&mut self, key: &str, id: u64, checksums: &[Checksum]) -> Joined {
        let Some(upload) = self.uploads.get(&id) else { return self.completed(key, checksums) };
        let missing = upload.missing(self.tells, checksums);
        let proven = checksums.first().filter(|_| self.tells == Tells::Checksums).map(|checksum| checksum.algorithm);
        match self.begin_to_join(id, checksums) {
            Some(body) => {
                self.objects.insert(key.to_owned(), body.clone());
                Joined::Object(body, proven)
            }
            None => Joined::Missing(missing),
        }
    }

    /// The object of an upload that is gone: the store has a checksum of checksums of it.
    fn completed(&self, key: &str, checksums: &[Checksum]) -> Joined {
        let Some(body) = self.object(key) else { return Joined::Gone };
        let Some(first) = checksums.first().filter(|_| self.tells == Tells::Checksums) else {
            return Joined::Object(body.clone(), None);
        };
        let plan = PartPlan::new(body.size, PART_SIZE).unwrap();
        let stored = plan
            .numbers()
            .zip(&body.content)
            .map(|(number, content)| checksum_of(&plan.range(number).unwrap(), &[*content]));
        let is_same = stored.eq(checksums.iter().map(|checksum| checksum.value.clone()));
        match first.algorithm {
            algorithm if is_same => Joined::Object(body.clone(), Some(algorithm)),
            ChecksumAlgorithm::Sha256 => Joined::Different,
            // Another `ETag` may be no MD5 at all.
            ChecksumAlgorithm::Md5 => Joined::Object(body.clone(), None),
        }
    }

    /// The object that will come of an upload; the upload is gone. `None` where it is not complete.
    pub(super) fn begin_to_join(&mut self, id: u64, checksums: &[Checksum]) -> Option<Body> {
        let upload = self.uploads.get(&id).filter(|upload| upload.missing(self.tells, checksums).is_empty())?;
        let content = upload.parts.values().flat_map(|part| part.content.clone()).collect();
        let body = Body { size: upload.plan.size(), content };
        self.uploads.remove(&id);
        Some(body)
    }

    /// Whether nobody could have known that putting the parts together will not do.
    pub(super) fn seems_complete(&self, key: &str, id: u64) -> bool {
        let is_whole = self.uploads.get(&id).is_none_or(|upload| upload.missing(self.tells, &[]).is_empty());
        is_whole || self.robbed.contains(key)
    }

    /// Aborts all uploads of the key, and deletes the object.
    pub(super) fn discard(&mut self, key: &str) {
        self.objects.remove(key);
        self.pending.remove(key);
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
        self.objects.keys().chain(self.pending.keys()).map(String::as_str)
    }

    /// Keys of uploads that are not finished.
    pub(super) fn uploads(&self) -> impl Iterator<Item = &str> {
        self.uploads.values().map(|upload| upload.key.as_str())
    }
}

impl Upload {
    fn checksum(&self, tells: Tells, number: PartNumber, body: &Body) -> Option<Checksum> {
        let algorithm = self.algorithm.unwrap_or(ChecksumAlgorithm::Md5);
        let value = match tells {
            Tells::Checksums => checksum_of(&self.plan.range(number).unwrap(), &body.content),
            Tells::Etags if algorithm == ChecksumAlgorithm::Md5 => "no MD5".to_owned(),
            Tells::Etags | Tells::Nothing => return None,
        };
        Some(Checksum { algorithm, value })
    }

    fn missing(&self, tells: Tells, checksums: &[Checksum]) -> Vec<PartNumber> {
        assert!(
            checksums.is_empty() || checksums.len() == usize::from(self.plan.parts()),
            "one checksum a part, or none"
        );
        let is_there = |number: PartNumber| {
            let body = self.plan.range(number).unwrap();
            let checksum = checksums.get(usize::from(number.get()) - 1).filter(|_| tells == Tells::Checksums);
            self.parts.get(&number).is_some_and(|part| {
                let stored = self.checksum(tells, number, part);
                part.size == body.end - body.start && (checksum.is_none() || stored.as_ref() == checksum)
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
