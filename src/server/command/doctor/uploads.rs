use std::time::Duration;

use aws_credential_types::Credentials;

use crate::{
    s3::{Checksum, Method, Refusal, SignedUpload, UploadParameters},
    server::{
        command::{
            Connection, Finding, Outcome, checksum, cors,
            http::Answer,
            trial::{BYTES, Trial},
        },
        config::Origin,
        presign::PutObject,
        provider::{ConditionalPut, PostPolicies, Provider},
    },
};

const EXPIRES: Duration = Duration::from_mins(5);

const PUT: &str = "presigned PUT";

/// Uploads in one request, and what a store has to refuse.
pub(super) async fn look(connection: &Connection, trial: &mut Trial<'_>) -> Vec<Finding> {
    let (put, stored) = presigned_put(connection, trial).await;
    let is_stored = !put.vital;
    let mut findings = vec![put];
    if let Some((signed, answer)) = stored {
        findings.push(cors::etag(&answer, &trial.origin));
        if is_stored {
            findings.push(conditional_put(connection, trial, &signed).await);
        }
    }
    findings.push(wrong_signature(connection, trial).await);
    findings.push(wrong_length(trial).await);
    findings.push(wrong_type(trial).await);
    findings.push(wrong_checksum(connection, trial).await);
    let forms = forms(connection, trial).await;
    let are_taken = forms.first().is_some_and(|form| form.outcome == Outcome::Pass);
    findings.extend(forms);
    if let Some(origin) = connection.service.companion_origins().and_then(<[Origin]>::first).filter(|_| are_taken) {
        findings.push(etag_of_form(trial, origin).await);
    }
    findings
}

/// Uppy 4 and 5 wait for ever for the `ETag` of the answer to a form, where a page can't read it.
async fn etag_of_form(trial: &mut Trial<'_>, origin: &Origin) -> Finding {
    const CHECK: &str = "ETag of a form exposed";
    let answer = match trial.sign(Method::Post, None).await {
        Ok(signed) => trial.send_from(origin, &signed.parameters, BYTES).await,
        Err(reason) => Err(reason),
    };
    match answer {
        Ok(answer) if !answer.is_success() => {
            Finding::unknown(CHECK, format!("The form was answered with {}.", answer.summary()))
        }
        Ok(answer) => match answer.header("etag") {
            Some(_) if cors::exposes_etag(&answer, origin) => {
                Finding::pass(CHECK, format!("{origin} may read the ETag of its form's answer."))
            }
            seen => {
                let what = if seen.is_some() { "may not read the ETag" } else { "gets no ETag" };
                Finding::amiss(
                    CHECK,
                    format!("{origin} {what} with the answer to a form: uploads of Uppy 4 and 5 never end."),
                    "Have their pages send no forms: `shouldUseMultipart: true` among the options of AwsS3.",
                )
            }
        },
        Err(reason) => Finding::unknown(CHECK, reason),
    }
}

fn sum(connection: &Connection, bytes: &[u8]) -> Option<Checksum> {
    connection.service.checksum_algorithm().map(|algorithm| checksum::of(bytes, algorithm))
}

async fn presigned_put(connection: &Connection, trial: &mut Trial<'_>) -> (Finding, Option<(SignedUpload, Answer)>) {
    let prefix = &connection.config.prefix;
    let failed = |reason: String| {
        let remedy = format!(
            "Let the keys do s3:PutObject and s3:GetObject on {prefix}*. If the store does not know a header, S3_CHECKSUM=md5 \
             or S3_CHECKSUM=none leaves the checksum out."
        );
        Finding::fail(PUT, reason, remedy)
    };
    let signed = match trial.sign(Method::Put, sum(connection, BYTES)).await {
        Ok(signed) => signed,
        Err(reason) => return (failed(reason), None),
    };
    let answer = match trial.send(&signed.parameters, BYTES).await {
        Ok(answer) => answer,
        Err(reason) => return (failed(reason), None),
    };
    let finding = if answer.is_success() {
        match confirmed(trial, &signed).await {
            Ok(()) => Finding::pass(PUT, "A file was uploaded, and the server has seen it."),
            Err(refusal) => failed(refusal.to_string()),
        }
    } else {
        failed(format!("It was answered with {}.", answer.summary()))
    };
    (finding, Some((signed, answer)))
}

async fn confirmed(trial: &Trial<'_>, signed: &SignedUpload) -> Result<(), Refusal> {
    match &signed.token {
        Some(token) => trial.confirm(token).await,
        None => Err(Refusal::TokenInvalid),
    }
}

/// A second upload to the same key.
async fn conditional_put(connection: &Connection, trial: &Trial<'_>, signed: &SignedUpload) -> Finding {
    const CHECK: &str = "If-None-Match honoured";
    let Provider { title, conditional_put, .. } = connection.config.store.provider();
    let is_signed = *conditional_put == ConditionalPut::Honoured;
    let parameters = if is_signed {
        Ok(signed.parameters.clone())
    } else {
        // As the server signs it for stores that are known to honour the header.
        let headers = [("if-none-match".to_owned(), "*".to_owned())];
        signed_again(connection, trial, signed, &headers, Credentials::clone).await
    };
    let answer = match parameters {
        Ok(parameters) => trial.send(&parameters, BYTES).await,
        Err(reason) => Err(reason),
    };
    match answer {
        Ok(answer) if answer.status == 412 && is_signed => {
            Finding::pass(CHECK, "A second upload to the same URL was refused with 412.")
        }
        Ok(answer) if answer.status == 412 => Finding::pass(
            CHECK,
            "A second upload was refused with 412. It is not sent to this store, of which that was not known.",
        ),
        Ok(answer) => Finding::amiss(
            CHECK,
            format!("A second upload to the same key was answered with {}.", answer.summary()),
            format!(
                "With {title}, whoever has a signature can replace the file until it ends: keep UPLOAD_EXPIRES short."
            ),
        ),
        Err(reason) => Finding::unknown(CHECK, reason),
    }
}

/// What all other refusals rest on.
async fn wrong_signature(connection: &Connection, trial: &mut Trial<'_>) -> Finding {
    let other_secret = |keys: &Credentials| {
        let session = keys.session_token().map(str::to_owned);
        Credentials::new(keys.access_key_id(), "not the secret of these keys", session, None, "doctor")
    };
    let parameters = match trial.sign(Method::Put, None).await {
        Ok(signed) => signed_again(connection, trial, &signed, &[], other_secret).await,
        Err(reason) => Err(reason),
    };
    let answer = match parameters {
        Ok(parameters) => trial.send(&parameters, BYTES).await,
        Err(reason) => Err(reason),
    };
    let remedy = "Whoever reaches the store can put into it what they like: have it check signatures.";
    refused("wrong signature refused", "A signature with another secret", answer, remedy)
}

/// The same object with other headers, or with keys made of the server's.
async fn signed_again(
    connection: &Connection,
    trial: &Trial<'_>,
    signed: &SignedUpload,
    headers: &[(String, String)],
    keys: impl FnOnce(&Credentials) -> Credentials,
) -> Result<UploadParameters, String> {
    let key = signed.parameters.fields["key"].parse().map_err(|error| format!("{error}."))?;
    let credentials = connection.store().credentials.at(trial.now).await.map_err(|error| format!("{error}."))?;
    let bucket = connection.service.bucket();
    PutObject { bucket, key: &key, content_length: BYTES.len() as u64, headers }
        .sign_at(&keys(&credentials), EXPIRES, trial.now)
        .map_err(|error| error.to_string())
}

async fn wrong_length(trial: &mut Trial<'_>) -> Finding {
    let longer = [BYTES, b"!"].concat();
    // Without a checksum, which would refuse it too.
    let answer = match trial.sign(Method::Put, None).await {
        Ok(signed) => trial.send(&signed.parameters, &longer).await,
        Err(reason) => Err(reason),
    };
    let remedy = "Visitors can upload more than UPLOAD_MAX_SIZE: limit what the store takes.";
    refused("wrong length refused", "A longer file than was signed", answer, remedy)
}

async fn wrong_type(trial: &mut Trial<'_>) -> Finding {
    let answer = match trial.sign(Method::Put, None).await {
        Ok(SignedUpload { mut parameters, .. }) => {
            parameters.headers.insert("content-type", "text/html");
            trial.send(&parameters, BYTES).await
        }
        Err(reason) => Err(reason),
    };
    let remedy = "Visitors can say what type a file has: serve uploads from a domain of their own, as attachments.";
    refused("wrong type refused", "Another Content-Type than was signed", answer, remedy)
}

async fn wrong_checksum(connection: &Connection, trial: &mut Trial<'_>) -> Finding {
    const CHECK: &str = "wrong checksum refused";
    let Some(other) = sum(connection, b"other bytes") else {
        return Finding::unknown(CHECK, "Not tried: S3_CHECKSUM is none for this store.");
    };
    let answer = match trial.sign(Method::Put, Some(other)).await {
        Ok(signed) => trial.send(&signed.parameters, BYTES).await,
        Err(reason) => Err(reason),
    };
    let remedy = "The store does not check this checksum: set another S3_CHECKSUM, or none.";
    refused(CHECK, "Other bytes than those of the signed checksum", answer, remedy)
}

/// A form with the file that was signed for, and one with a larger file.
async fn forms(connection: &Connection, trial: &mut Trial<'_>) -> Vec<Finding> {
    const CHECKS: [&str; 2] = ["POST form", "oversized POST refused"];
    let Provider { title, post_policy, .. } = connection.config.store.provider();
    if matches!(post_policy, PostPolicies::No | PostPolicies::NoSizeLimit) {
        let why = format!("Not tried: forms are not used with {title}; uploads are PUT.");
        return CHECKS.map(|check| Finding::unknown(check, why.clone())).into();
    }
    let signed = trial.sign(Method::Post, sum(connection, BYTES)).await;
    let answer = match &signed {
        Ok(signed) => trial.send(&signed.parameters, BYTES).await,
        Err(reason) => Err(reason.clone()),
    };
    let is_used = connection.config.method_for(None) == Method::Post;
    let remedy = "Set UPLOAD_METHOD=put.";
    let form = match answer.map(|answer| (answer.is_success(), answer.summary())) {
        Ok((true, _)) => Finding::pass(CHECKS[0], "A file was uploaded with a form."),
        Ok((false, summary)) | Err(summary) if is_used => {
            Finding::fail(CHECKS[0], format!("It was answered with {summary}."), remedy)
        }
        Ok((false, summary)) | Err(summary) => {
            let detail = format!("It was answered with {summary}. Uploads are PUT unless a page asks for POST.");
            Finding::amiss(CHECKS[0], detail, remedy)
        }
    };
    if form.remedy.is_some() {
        return vec![form, Finding::unknown(CHECKS[1], "Not tried: the store takes no forms.")];
    }
    let longer = [BYTES, b"!"].concat();
    let answer = match trial.sign(Method::Post, None).await {
        Ok(signed) => trial.send(&signed.parameters, &longer).await,
        Err(reason) => Err(reason),
    };
    vec![form, refused(CHECKS[1], "A form with a longer file than was signed", answer, remedy)]
}

fn refused(check: &str, what: &str, answer: Result<Answer, String>, remedy: &str) -> Finding {
    match answer {
        Ok(answer) if answer.is_success() => {
            Finding::amiss(check, format!("{what}: the store took it, with {}.", answer.status), remedy)
        }
        Ok(answer) if (400..500).contains(&answer.status) => {
            Finding::pass(check, format!("{what}: refused with {}.", answer.summary()))
        }
        Ok(answer) => Finding::unknown(check, format!("{what}: answered with {}.", answer.summary())),
        Err(reason) => Finding::unknown(check, reason),
    }
}
