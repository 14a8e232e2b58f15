//! Companion's S3 protocol, below `/s3`: with it Uppy's `AwsS3` plugin uploads through this server as it would through its
//! own, from `companionUrl` in 2018 to `companionEndpoint` in 6.x. The same service signs as for our own page, within the
//! same limits.
//!
//! | call | answer |
//! |---|---|
//! | `GET /params` | a form for one file |
//! | `POST /multipart` | begins an upload in parts: its key, and its sealed token as `uploadId` |
//! | `GET /multipart/{uploadId}` | the parts that the store has |
//! | `GET /multipart/{uploadId}/{part}`, `…/batch` | URLs to send parts to |
//! | `POST /multipart/{uploadId}/complete` | the object that the parts become |
//! | `DELETE /multipart/{uploadId}` | the parts are gone |
//! | `GET /sts` | credentials that end, for a client that signs for itself, where a role for it is configured |
//!
//! Credentials take every limit but the prefix and their end from the server's hands, so it takes an operator to ask for
//! them.

mod answer;
mod cors;
mod input;

use aws_sdk_sts::primitives::DateTimeFormat;
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::State,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use serde_json::{Map, Value, json};

use self::{
    answer::{Answer, Problem, not_found},
    cors::share_with_origins,
    input::{Named, Query, json_body, named_parts, part_numbers},
};
use super::{
    UploadService,
    http::{Held, Room, Unread},
    service::StoredPart,
};

const PREFIX: &str = "/s3";

/// Bytes of a call's body, and of one that names ten thousand parts.
const MAX_BYTES: usize = 100 << 10;
const MAX_PARTS_BYTES: usize = 1 << 20;

/// The protocol's routes; where no origins are configured, there are none.
pub(super) fn companion_routes(service: UploadService) -> Router {
    let sts = if service.lends_credentials() { get(lend) } else { get(lend_nothing) };
    let routes = match service.companion_origins() {
        None => Router::new().fallback(not_found),
        Some(_) => Router::new()
            .route("/params", get(params))
            .route("/multipart", post(create))
            .route("/multipart/{upload}", get(list).delete(abort))
            .route("/multipart/{upload}/batch", get(sign_batch))
            .route("/multipart/{upload}/complete", post(complete))
            .route("/multipart/{upload}/{part}", get(sign))
            .route("/sts", sts)
            .fallback(not_found)
            .method_not_allowed_fallback(not_found)
            .layer(middleware::from_fn_with_state(service.clone(), share_with_origins)),
    };
    Router::new().nest(PREFIX, routes).with_state(service)
}

async fn params(State(service): State<UploadService>, query: Query) -> Answer {
    let signed = service.sign_form(query.described()?).await?;
    let parameters = signed.parameters;
    Ok(Json(json!({
        "method": parameters.method,
        "url": parameters.url,
        "fields": parameters.fields,
        "expires": signed.expires_in_ms.map(|ms| ms / 1000),
    })))
}

async fn create(State(service): State<UploadService>, Extension(room): Extension<Room>, body: Body) -> Answer {
    let Held { bytes, taken: _taken } = read(&room, body, MAX_BYTES).await?;
    let (key, token) = service.begin_unsized(input::described(&bytes)?).await?.heard();
    Ok(Json(json!({ "key": key, "uploadId": token, "bucket": service.bucket().name() })))
}

async fn list(State(service): State<UploadService>, upload: Named) -> Answer {
    let parts = service.list_unsized(&upload.token, upload.key()?).await?;
    let part = |part: StoredPart| json!({ "PartNumber": part.number, "ETag": part.etag, "Size": part.size });
    Ok(Json(parts.into_iter().map(part).collect()))
}

async fn sign(State(service): State<UploadService>, upload: Named) -> Answer {
    let key = upload.key()?;
    let (urls, expires) = service.sign_unsized(&upload.token, key, &[input::part_number(&upload.part)?]).await?;
    Ok(Json(json!({ "url": urls.first(), "expires": expires })))
}

async fn sign_batch(State(service): State<UploadService>, upload: Named) -> Answer {
    let key = upload.key()?;
    let parts = part_numbers(&upload.query)?;
    let (urls, _) = service.sign_unsized(&upload.token, key, &parts).await?;
    let urls = parts.iter().map(|part| part.get().to_string()).zip(urls.into_iter().map(Value::String));
    Ok(Json(json!({ "presignedUrls": urls.collect::<Map<_, _>>() })))
}

async fn complete(
    State(service): State<UploadService>,
    Extension(room): Extension<Room>,
    upload: Named,
    body: Body,
) -> Answer {
    let Held { bytes, taken: _taken } = read(&room, body, MAX_PARTS_BYTES).await?;
    let parts = named_parts(&json_body(&bytes)?)?;
    let key = service.complete_unsized(&upload.token, upload.key()?, parts).await?;
    let bucket = service.bucket();
    Ok(Json(json!({ "location": bucket.object_url(&key), "key": key, "bucket": bucket.name() })))
}

async fn abort(State(service): State<UploadService>, upload: Named) -> Answer {
    service.abort_unsized(&upload.token, upload.key()?).await?;
    Ok(Json(json!({})))
}

async fn lend(State(service): State<UploadService>) -> Answer {
    let credentials = service.lend_credentials().await?;
    let end = credentials.expiration().fmt(DateTimeFormat::DateTime);
    let end = end.map_err(|_| Problem::new(StatusCode::BAD_GATEWAY, "s3: the credentials have no end"))?;
    let bucket = service.bucket();
    Ok(Json(json!({
        "credentials": {
            "AccessKeyId": credentials.access_key_id(),
            "SecretAccessKey": credentials.secret_access_key(),
            "SessionToken": credentials.session_token(),
            "Expiration": end,
        },
        "bucket": bucket.name(),
        "region": bucket.region(),
    })))
}

/// Companion's own answer is 404 without a word.
async fn lend_nothing() -> Problem {
    let text =
        "s3: this server gives no temporary credentials: COMPANION_STS_ROLE_ARN is not set. It signs each upload.";
    Problem::new(StatusCode::NOT_FOUND, text)
}

/// The body, whatever type the client says it has, and its room, which the call keeps for as long.
async fn read(room: &Room, body: Body, max: usize) -> Result<Held, Problem> {
    room.read(body, max).await.map_err(|unread| match unread {
        Unread::TooLarge => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("s3: a call has at most {max} bytes")),
        Unread::NoRoom => Problem::no_room(),
        Unread::Late => Problem::new(StatusCode::REQUEST_TIMEOUT, "s3: the body did not arrive in time"),
        Unread::Broken(_) => Problem::bad_request("s3: the body did not arrive whole"),
    })
}

#[cfg(test)]
mod tests {
    use axum::{http::header, response::IntoResponse};

    use super::*;

    #[tokio::test]
    async fn large_calls_have_their_room_until_they_are_over_and_others_are_told_when_to_come_back() {
        let room = Room::default();
        let json = || Body::from(["{}", &" ".repeat(MAX_PARTS_BYTES - 2)].concat());
        let call = || read(&room, json(), MAX_PARTS_BYTES);
        let mut calls = Vec::new();
        for _ in 0..68 {
            calls.push(call().await.unwrap());
        }
        let refused = call().await.err().unwrap().into_response();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()[header::RETRY_AFTER], "5");
        calls.pop();
        assert!(call().await.is_ok());
    }
}
