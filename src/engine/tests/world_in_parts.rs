use super::world::{Read, World};
use crate::engine::{CallFailure, Engine, FileId, Input, RequestFailure, RequestId, Response};
use crate::s3::{Checksum, CreatedUpload, ErrorResponse, FileInfo, Part, PartNumber, PartPlan, Refusal, UploadToken};

/// Bytes of every part in these stories: `5M`.
pub(super) const PART: u64 = 5 << 20;

/// How long the server knows the token of a multipart upload: a week.
const TOKEN_LIFE_MS: u64 = 7 * 24 * 3_600_000;

pub(super) fn number(part: u16) -> PartNumber {
    PartNumber::try_from(part).unwrap()
}

/// The files.
impl World {
    /// Adds a file of so many parts, all full.
    pub(super) fn add_in_parts(&mut self, parts: u16) -> FileId {
        let size = u64::from(parts) * PART;
        let plan = PartPlan::new(size, PART).unwrap();
        self.add_planned(FileInfo { name: "a.bin".into(), size, ..FileInfo::default() }, Some(plan))
    }

    /// Adds a file of so many parts, starts it, and lets the store begin its upload; forgets what was told so far, but for
    /// what comes of that.
    pub(super) fn begun(&mut self, parts: u16) -> FileId {
        let id = self.add_in_parts(parts);
        self.act(Engine::upload);
        self.sign();
        self.told();
        self.create();
        id
    }

    /// Like `begun`, with the first parts signed, and sent as far as they may.
    pub(super) fn sending_parts(&mut self, parts: u16) -> FileId {
        let id = self.begun(parts);
        self.sign();
        self.told();
        id
    }

    /// Like `sending_parts`, with all parts in the store, and the server asked to put them together.
    pub(super) fn joining(&mut self, parts: u16) -> FileId {
        let id = self.sending_parts(parts);
        for part in 1..=parts {
            self.store_part(id, part);
        }
        self.told();
        id
    }
}

/// The signing server, and whoever reads files. Each answers the oldest open call.
impl World {
    pub(super) fn create(&mut self) {
        let (call, file) = self.creates.pop_front().unwrap();
        let created = CreatedUpload { token: UploadToken::new(format!("u{file}")), expires_in_ms: Some(TOKEN_LIFE_MS) };
        self.input(Input::Created { call, result: Ok(created) });
    }

    pub(super) fn fail_to_create(&mut self, failure: CallFailure) {
        let (call, _) = self.creates.pop_front().unwrap();
        self.input(Input::Created { call, result: Err(failure) });
    }

    /// Says that the store has these parts.
    pub(super) fn list(&mut self, parts: &[u16]) {
        let call = self.lists.pop_front().unwrap();
        let part = |part: &u16| Part { number: number(*part), size: PART, checksum: None };
        self.input(Input::Listed { call, result: Ok(parts.iter().map(part).collect()) });
    }

    pub(super) fn fail_to_list(&mut self, failure: CallFailure) {
        let call = self.lists.pop_front().unwrap();
        self.input(Input::Listed { call, result: Err(failure) });
    }

    pub(super) fn miss_parts(&mut self, parts: &[u16]) {
        let parts = parts.iter().map(|part| number(*part)).collect();
        self.refuse_to_confirm(Refusal::PartsMissing { parts });
    }

    /// Reads what is asked for; its checksum is `c` and where it begins, in mebibytes.
    pub(super) fn read(&mut self) {
        let Read { call, start, algorithm } = self.reads.pop_front().unwrap();
        let checksum = Checksum { algorithm, value: format!("c{}", start >> 20) };
        self.input(Input::Read { call, result: Ok(checksum) });
    }

    pub(super) fn fail_to_read(&mut self) {
        let Read { call, .. } = self.reads.pop_front().unwrap();
        self.input(Input::Read { call, result: Err(()) });
    }
}

/// The store.
impl World {
    /// The newest request for a part.
    pub(super) fn part(&self, id: FileId, part: u16) -> RequestId {
        self.ranges[&(id, u64::from(part - 1) * PART)]
    }

    /// Whether a part was ever sent.
    pub(super) fn was_part_sent(&self, id: FileId, part: u16) -> bool {
        self.ranges.contains_key(&(id, u64::from(part - 1) * PART))
    }

    pub(super) fn part_progress(&mut self, id: FileId, part: u16, sent: u64) {
        self.input(Input::Progress { request: self.part(id, part), sent });
    }

    pub(super) fn part_sent(&mut self, id: FileId, part: u16) {
        self.input(Input::BodySent { request: self.part(id, part) });
    }

    pub(super) fn store_part(&mut self, id: FileId, part: u16) {
        let response = Response { status: 200, ..Response::default() };
        self.input(Input::Response { request: self.part(id, part), response });
    }

    pub(super) fn reject_part(&mut self, id: FileId, part: u16, status: u16, code: &str, message: &str) {
        let error = Some(ErrorResponse { code: code.into(), message: message.into() });
        let response = Response { status, error, ..Response::default() };
        self.input(Input::Response { request: self.part(id, part), response });
    }

    pub(super) fn break_part(&mut self, id: FileId, part: u16) {
        let failure = RequestFailure::Network;
        self.input(Input::RequestFailed { request: self.part(id, part), failure });
    }
}
