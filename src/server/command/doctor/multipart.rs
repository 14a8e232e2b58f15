use crate::{
    s3::{Refusal, UploadToken},
    server::command::{
        Connection, Finding, checksum,
        trial::{BYTES, Trial},
    },
};

const CREATE: &str = "multipart create";

const PART: &str = "multipart part";

const COMPLETE: &str = "multipart complete";

const ABORT: &str = "multipart abort";

/// An upload in parts from its beginning to its end, and another that is given up. There is one part, the last, which may
/// be small.
pub(super) async fn look(connection: &Connection, trial: &mut Trial<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(finding) = run(connection, trial, &mut findings).await {
        findings.push(finding);
    }
    findings
}

/// Stops at the first step that fails.
async fn run(connection: &Connection, trial: &mut Trial<'_>, done: &mut Vec<Finding>) -> Result<(), Finding> {
    let sum = connection.service.checksum_algorithm().map(|algorithm| checksum::of(BYTES, algorithm));
    let token = begin(connection, trial).await?;
    done.push(Finding::pass(CREATE, "An upload was begun."));

    let parameters = trial.sign_part(&token, sum.clone()).await.map_err(|refusal| failed(PART, &refusal))?;
    let answer = trial.send(&parameters, BYTES).await;
    let answer = answer.map_err(|reason| Finding::fail(PART, reason, "Run this again."))?;
    if !answer.is_success() {
        let remedy = format!("Let the keys do s3:PutObject on {}*.", connection.config.prefix);
        return Err(Finding::fail(PART, format!("It was answered with {}.", answer.summary()), remedy));
    }
    done.push(Finding::pass(PART, "A part was uploaded."));

    trial.complete(&token, sum).await.map_err(|refusal| failed(COMPLETE, &refusal))?;
    done.push(Finding::pass(COMPLETE, "The parts were put together, and the server has seen the file."));

    let token = begin(connection, trial).await?;
    trial.discard(&token).await.map_err(|refusal| failed(ABORT, &refusal))?;
    done.push(Finding::pass(ABORT, "Another upload was given up."));
    Ok(())
}

async fn begin(connection: &Connection, trial: &mut Trial<'_>) -> Result<UploadToken, Finding> {
    let algorithm = connection.service.checksum_algorithm();
    trial.begin_in_parts(algorithm).await.map_err(|refusal| failed(CREATE, &refusal))
}

fn failed(check: &str, refusal: &Refusal) -> Finding {
    let remedy = "Let the keys do s3:PutObject, s3:GetObject, s3:DeleteObject, s3:AbortMultipartUpload and \
                  s3:ListMultipartUploadParts on the prefix: .env.example has the list. The server's error output has all \
                  that the store said.";
    Finding::fail(check, refusal.to_string(), remedy)
}
