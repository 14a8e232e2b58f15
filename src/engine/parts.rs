use std::time::Duration;

use super::id::Piece;
use super::multipart::{Multipart, Stage};
use super::phase::{Next, Step, Task};
use super::signature::{Claim, Destination};
use super::start_over::Evidence;
use super::{CallFailure, CallId, Engine, Event, FileId, Output, UploadError, UploadFile};
use crate::s3::{Checksum, CreatedUpload, Part, Refusal};

/// What only uploads in parts have: they are begun, and their parts may be there though nobody heard of it.
impl Engine {
    /// Where an upload in parts goes on: at its beginning, or with the parts that are left.
    pub(super) fn first_step_in_parts(&self, id: FileId, multipart: &Multipart) -> Step {
        match multipart.stage {
            Stage::Planned => self.waiting_for(Next::Prepare),
            Stage::Asked(call) => Step::Creating(call),
            Stage::Unknown => self.waiting_for(Next::Create),
            Stage::Unlisted => self.waiting_for(Next::Check(None)),
            Stage::Created if multipart.is_done() => match self.claim_in_parts(id) {
                Some(claim) => self.waiting_for(Next::Confirm(claim)),
                None => Step::InParts,
            },
            Stage::Created => Step::InParts,
        }
    }

    pub(super) fn start_creating(&mut self) {
        for piece in self.queues.to_create() {
            let Some((file, token)) = self.file(piece.file).and_then(|file| Some((file, file.token()?.clone()))) else {
                continue;
            };
            let again = file.multipart().is_some_and(|multipart| multipart.stage == Stage::Unknown);
            let call = self.ids.call();
            self.create_calls.insert(call, (piece.file, token));
            self.update(piece.file, |file| file.set_stage(Stage::Asked(call)));
            self.set_step(piece, Step::Creating(call));
            self.outbox.push(Output::Create { call, file: piece.file, again });
        }
    }

    /// The server has begun the upload in the store, or nobody knows.
    pub(super) fn created(&mut self, call: CallId, result: Result<CreatedUpload, CallFailure>) {
        let Some((id, reserved)) = self.create_calls.remove(&call) else { return };
        let is_asked = |file: &UploadFile| file.multipart().is_some_and(|all| all.stage == Stage::Asked(call));
        if !self.file(id).is_some_and(is_asked) {
            // Evidence: a person cancelled the file meanwhile. It has no part yet, and was never completed.
            let token = result.map_or(reserved, |created| created.token);
            return self.outbox.push(Output::Discard { token });
        }
        let is_waited_for = matches!(self.step(id.into()), Some(Step::Creating(by)) if *by == call);
        match result {
            Ok(CreatedUpload { token, expires_in_ms }) => {
                let expires = expires_in_ms.map(|life| self.now + Duration::from_millis(life));
                self.update(id, |file| file.created(token, expires));
                self.outbox.push(Output::Remember { file: id, expires_in_ms });
                if is_waited_for {
                    self.set_step(id.into(), Step::InParts);
                }
            }
            Err(failure) => {
                self.update(id, |file| file.set_stage(Stage::Unknown));
                if is_waited_for {
                    self.creating_failed(id, failure);
                }
            }
        }
    }

    fn creating_failed(&mut self, id: FileId, failure: CallFailure) {
        match failure {
            CallFailure::Refused(refusal @ (Refusal::TokenInvalid | Refusal::TokenExpired)) => {
                self.start_over(id, refusal, Evidence::TokenRefused);
            }
            failure => self.call_failed(id.into(), Task::Sign, Next::Create, failure),
        }
    }

    pub(super) fn start_checking(&mut self) {
        for pieces in self.queues.to_check().chunk_by(|a, b| a.file == b.file) {
            let token = pieces.first().and_then(|piece| self.file(piece.file)?.token()).cloned();
            let Some(token) = token else { continue };
            let call = self.ids.call();
            for piece in pieces {
                if let Some(Step::Ready(Next::Check(checksum))) = self.step(*piece) {
                    let checksum = checksum.clone();
                    self.set_step(*piece, Step::Checking(call, checksum));
                }
            }
            self.list_calls.insert(call, pieces.to_vec());
            self.outbox.push(Output::List { call, token });
        }
    }

    /// The server answered which parts the store has: are those among them whose answers were lost?
    pub(super) fn listed(&mut self, call: CallId, result: &Result<Vec<Part>, CallFailure>) {
        for piece in self.list_calls.remove(&call).unwrap_or_default() {
            let Some(Step::Checking(by, checksum)) = self.step(piece) else { continue };
            if *by != call {
                continue;
            }
            let checksum = checksum.clone();
            match result {
                Ok(parts) if piece.part.is_none() => self.reconcile(piece.file, parts),
                Ok(parts) if parts.iter().any(|part| self.is_there(piece, checksum.as_ref(), part)) => {
                    self.part_stored(piece, checksum);
                }
                Ok(_) => {
                    let error = UploadError::Network { tries: 0 };
                    self.try_again(piece, Task::Send, Next::Sign(checksum), error, None);
                }
                Err(failure) => self.checking_failed(piece, checksum, failure.clone()),
            }
        }
    }

    /// An upload that was interrupted is resumed with what the store has of it.
    fn reconcile(&mut self, id: FileId, parts: &[Part]) {
        self.update(id, |file| file.reconcile(parts));
        if let Some(multipart) = self.file(id).and_then(UploadFile::multipart) {
            let step = self.first_step_in_parts(id, multipart);
            self.set_step(id.into(), step);
        }
    }

    fn checking_failed(&mut self, piece: Piece, checksum: Option<Checksum>, failure: CallFailure) {
        match failure {
            CallFailure::Refused(Refusal::UploadMissing) => self.ask_for_object(piece.file),
            CallFailure::Refused(refusal @ (Refusal::TokenInvalid | Refusal::TokenExpired)) => {
                self.start_over(piece.file, refusal, Evidence::TokenRefused);
            }
            failure => self.call_failed(piece, Task::Confirm, Next::Check(checksum), failure),
        }
    }

    fn is_there(&self, piece: Piece, checksum: Option<&Checksum>, part: &Part) -> bool {
        let Some(file) = self.file(piece.file).filter(|_| Some(part.number) == piece.part) else { return false };
        let size = file.range(piece.part).map(|body| body.end - body.start);
        Some(part.size) == size
            && file.multipart().is_some_and(|multipart| multipart.verification.is_same(checksum, part))
    }

    /// The store has a part.
    pub(super) fn part_stored(&mut self, piece: Piece, checksum: Option<Checksum>) {
        let Some(part) = piece.part else { return };
        if let Some(token) = self.file(piece.file).and_then(UploadFile::token).cloned() {
            self.outbox.push(Output::RememberPart { token, part, checksum: checksum.clone() });
        }
        self.update(piece.file, |file| file.finish_part(part, checksum));
        self.outbox.event(Event::PartUploaded(piece.file, part));
        self.complete_if_done(piece.file);
    }

    /// Whether all is there, or was there all along, the server can tell. An object that an earlier page may have completed
    /// is not taken for this file before the file's own checksums are known.
    pub(super) fn ask_for_object(&mut self, id: FileId) {
        self.halt(id);
        let mut reads = false;
        self.update(id, |file| reads = file.expect_object());
        if reads {
            self.set_step(id.into(), Step::InParts);
        } else if let Some(claim) = self.claim_in_parts(id) {
            self.proceed(id.into(), Next::Confirm(claim));
        }
    }

    fn claim_in_parts(&self, id: FileId) -> Option<Claim> {
        let file = self.file(id)?;
        let (token, destination) = (file.token()?.clone(), file.multipart()?.destination.clone()?);
        Some(Claim { token, destination, is_acknowledged: false })
    }

    /// The server has chosen a key.
    pub(super) fn reserved(&mut self, id: FileId, destination: Destination) {
        if self.file(id).and_then(UploadFile::token).is_none() {
            let reason = "its signer returned no token, and without one there is no upload in parts".to_owned();
            return self.fail(id, UploadError::Invalid { reason });
        }
        self.update(id, |file| file.set_destination(destination));
        self.proceed(id.into(), Next::Create);
    }
}
