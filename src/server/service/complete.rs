use super::{
    UploadService,
    completion::{Completion, to_the_end},
    outcomes::Turn,
    proof::{Digests, Proof, prove_composite},
    store::Head,
    store_error::StoreError,
    store_multipart::StoredPart,
};
use crate::{
    s3::{Checksum, ChecksumAlgorithm, Object, PartNumber, PartPlan, Refusal, UploadToken},
    server::{Visitor, token::MultipartUpload},
};

/// The most parts that a refusal names.
const MAX_NAMED_PARTS: usize = 100;

impl UploadService {
    /// Completes the upload. `checksums` are the browser's, one per part in order, or none. What the parts are is for the
    /// store to say, not for the browser: it never has to read an `ETag`.
    ///
    /// May be called again after a lost answer, and at the same time.
    ///
    /// # Errors
    ///
    /// [`Refusal::PartsMissing`] if parts have to be sent first; [`Refusal::UploadMissing`] if the store has neither upload
    /// nor object, which is also so while it completes the upload for another replica; [`Refusal::SizeMismatch`] and
    /// [`Refusal::ChecksumMismatch`] for an object that it has shown; token refusals, and the store's failures, after which
    /// nobody knows.
    pub async fn complete(
        &self,
        visitor: &Visitor,
        token: &UploadToken,
        checksums: Vec<Checksum>,
    ) -> Result<Object, Refusal> {
        let upload = self.multipart(visitor, token)?;
        let plan = upload.plan()?;
        let sent = Sent::new(&upload, &plan, checksums)?;
        let turn = self.0.outcomes.turn(&upload.key).await;
        let service = self.clone();
        to_the_end(async move { service.complete_in_turn(&turn, &upload, &plan, sent.as_ref()).await }).await
    }

    async fn complete_in_turn(
        &self,
        turn: &Turn,
        upload: &MultipartUpload,
        plan: &PartPlan,
        sent: Option<&Sent>,
    ) -> Result<Object, Refusal> {
        if turn.is_cancelled() {
            return Err(Refusal::UploadMissing);
        }
        let mut parts = match self.0.store.list_parts(&upload.key, &upload.upload_id).await {
            Err(StoreError::NoSuchUpload) => return self.confirm_completed(upload, sent).await,
            parts => parts?,
        };
        let parts_proof = check_parts(plan, &parts, sent)?;
        parts.retain(|part| part.number.get() <= plan.parts());
        let named = (&upload.key, upload.upload_id.as_str());
        match self.complete_once(named, upload.algorithm, &parts).await? {
            Completion::NoSuchUpload => self.confirm_completed(upload, sent).await,
            Completion::Exists(head) => self.confirm_head(upload, sent, *head),
            Completion::Made(composite) => {
                let made = self.made_object(&upload.key, upload.algorithm).await;
                let made = made.and_then(|mut head| {
                    head.sha256 = head.sha256.take().or(composite);
                    prove_head(upload, sent, head, parts_proof)
                });
                self.unless_cancelled(turn, &upload.key, made).await
            }
        }
    }

    /// The object of an upload that is not there any more: the answer to its completion was lost, or there is none yet.
    pub(super) async fn confirm_completed(
        &self,
        upload: &MultipartUpload,
        sent: Option<&Sent>,
    ) -> Result<Object, Refusal> {
        match self.0.store.head_object(&upload.key, upload.algorithm).await {
            Err(StoreError::NotFound) => Err(Refusal::UploadMissing),
            head => self.confirm_head(upload, sent, head?),
        }
    }

    fn confirm_head(&self, upload: &MultipartUpload, sent: Option<&Sent>, head: Head) -> Result<Object, Refusal> {
        let object = prove_head(upload, sent, head, Proof::Silent)?;
        self.confirmed(&upload.key, object)
    }
}

/// The object, if it is what its upload was begun for. `parts` is what the store has said of the parts that it is made of.
fn prove_head(upload: &MultipartUpload, sent: Option<&Sent>, head: Head, parts: Proof) -> Result<Object, Refusal> {
    if head.object.size != upload.size {
        return Err(Refusal::SizeMismatch { expected: upload.size, actual: head.object.size });
    }
    let proof = match prove(sent, &head) {
        Proof::Silent => parts,
        proof => proof,
    };
    Ok(Object { verified: proof.verified(upload.algorithm)?, ..head.object })
}

/// What the browser says it sent.
pub(super) struct Sent {
    algorithm: ChecksumAlgorithm,
    checksums: Vec<Checksum>,
    digests: Digests,
}

impl Sent {
    /// `None` without checksums that the store could have checked.
    fn new(upload: &MultipartUpload, plan: &PartPlan, checksums: Vec<Checksum>) -> Result<Option<Self>, Refusal> {
        let Some(algorithm) = upload.algorithm else { return Ok(None) };
        if checksums.is_empty() || checksums.iter().any(|checksum| checksum.algorithm != algorithm) {
            return Ok(None);
        }
        if checksums.len() != usize::from(plan.parts()) {
            let reason = format!("{} checksums do not fit its {} parts.", checksums.len(), plan.parts());
            return Err(Refusal::Malformed { reason });
        }
        let digests = Digests::new(algorithm, &checksums)?;
        Ok(Some(Self { algorithm, checksums, digests }))
    }
}

fn prove(sent: Option<&Sent>, head: &Head) -> Proof {
    let etag = head.object.etag.as_ref().map(|etag| etag.0.as_str());
    sent.map_or(Proof::Silent, |sent| prove_composite(&sent.digests, head.sha256.as_deref(), etag))
}

/// Whether the store confirms every part.
///
/// # Errors
///
/// [`Refusal::PartsMissing`] with the parts that are not there, or not with the right size or bytes.
fn check_parts(plan: &PartPlan, parts: &[StoredPart], sent: Option<&Sent>) -> Result<Proof, Refusal> {
    let proofs: Vec<_> = plan.numbers().map(|number| check_part(plan, number, parts, sent)).collect();
    // An `ETag` is an MD5 in all parts or in none: that depends on how the store encrypts.
    let no_md5 =
        sent.is_some_and(|sent| sent.algorithm == ChecksumAlgorithm::Md5) && !proofs.contains(&Some(Proof::Equal));
    let is_wrong = |proof: Option<Proof>| match proof {
        None => true,
        Some(Proof::Different) => !no_md5,
        Some(Proof::Equal | Proof::Silent) => false,
    };
    let wrong = plan.numbers().zip(&proofs).filter(|(_, proof)| is_wrong(**proof)).map(|(number, _)| number);
    let wrong: Vec<_> = wrong.take(MAX_NAMED_PARTS).collect();
    if !wrong.is_empty() {
        return Err(Refusal::PartsMissing { parts: wrong });
    }
    let all_equal = proofs.iter().all(|proof| *proof == Some(Proof::Equal));
    Ok(if all_equal { Proof::Equal } else { Proof::Silent })
}

/// `None` if the store does not have the part in its right size.
fn check_part(plan: &PartPlan, number: PartNumber, parts: &[StoredPart], sent: Option<&Sent>) -> Option<Proof> {
    let range = plan.range(number)?;
    let at = parts.binary_search_by_key(&number, |part| part.number).ok()?;
    let part = parts.get(at).filter(|part| part.size == range.end - range.start)?;
    let Some(sent) = sent else { return Some(Proof::Silent) };
    let Some(stored) = part.checksum(sent.algorithm) else { return Some(Proof::Silent) };
    let expected = sent.checksums.get(usize::from(number.get() - 1))?;
    Some(if stored == *expected { Proof::Equal } else { Proof::Different })
}
