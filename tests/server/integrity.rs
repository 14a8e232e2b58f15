//! What the store checks of a file that one request carries, and what is made of its word.

use leptos_aws_s3::s3::{Checksum, ChecksumAlgorithm, Method, Object, Refusal, SignRequest};
use serde_json::json;

use crate::support::{TestServer, by, file, md5, send, sha256, with_checksum};

/// The variables of a server, how its browsers hash, and what that is called.
type Store = (&'static [(&'static str, &'static str)], fn(&[u8]) -> Checksum, ChecksumAlgorithm);

const STORES: [Store; 2] =
    [(&[], sha256, ChecksumAlgorithm::Sha256), (&[("S3_CHECKSUM", "md5")], md5, ChecksumAlgorithm::Md5)];

#[tokio::test]
async fn the_right_bytes_are_verified_by_either_method() {
    for (variables, sum, algorithm) in STORES {
        let server = TestServer::start_with(variables).await;
        let visit = server.visit().await;
        for method in [Method::Put, Method::Post] {
            let request = with_checksum(sum(b"abc"), by(method, file("a.txt", "text/plain", 3)));
            let signed = visit.sign_one(request).await.unwrap();
            let sent = send(&server.http, &signed.parameters, "abc").await;
            assert!(sent.status().is_success(), "{algorithm:?} {method:?}: {}", sent.text().await.unwrap());
            let object: Object = visit.call("confirm_upload", json!({ "token": signed.token })).await;
            assert_eq!(object.verified, Some(algorithm), "{method:?}");
        }
    }
}

#[tokio::test]
async fn other_bytes_are_refused_by_the_store_by_either_method() {
    for (variables, sum, algorithm) in STORES {
        let server = TestServer::start_with(variables).await;
        let visit = server.visit().await;
        for method in [Method::Put, Method::Post] {
            let request = with_checksum(sum(b"abc"), by(method, file("a.txt", "text/plain", 3)));
            let signed = visit.sign_one(request).await.unwrap();
            let refused = send(&server.http, &signed.parameters, "xyz").await;
            assert_eq!(refused.status(), 400, "{algorithm:?} {method:?}");
            assert!(refused.text().await.unwrap().contains("<Code>BadDigest</Code>"));
        }
        assert_eq!(server.files(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_checksum_can_not_be_left_out_or_changed_once_it_is_signed() {
    for (variables, sum, algorithm) in STORES {
        let server = TestServer::start_with(variables).await;
        let visit = server.visit().await;
        for (method, status) in [(Method::Put, 403), (Method::Post, 400)] {
            let request = with_checksum(sum(b"abc"), by(method, file("a.txt", "text/plain", 3)));
            let signed = visit.sign_one(request).await.unwrap().parameters;
            let mut changed = signed.clone();
            match method {
                Method::Put => changed.headers.insert(algorithm.header(), sum(b"xyz").value),
                Method::Post if algorithm == ChecksumAlgorithm::Md5 => {
                    changed.fields.insert("Content-MD5", sum(b"xyz").value);
                }
                Method::Post => changed.fields.insert(algorithm.header(), sum(b"xyz").value),
            }
            let mut without = signed;
            without.headers.retain(|name| name != algorithm.header());
            without.fields.retain(|name| !name.eq_ignore_ascii_case(algorithm.header()));
            for parameters in [changed, without] {
                assert_eq!(send(&server.http, &parameters, "xyz").await.status(), status, "{algorithm:?} {method:?}");
            }
        }
    }
}

#[tokio::test]
async fn other_bytes_are_signed_for_another_key() {
    for (variables, sum, algorithm) in STORES {
        let server = TestServer::start_with(variables).await;
        let visit = server.visit().await;
        let first = visit.sign_one(with_checksum(sum(b"abc"), file("a.txt", "", 3))).await.unwrap();
        let changed = SignRequest { renew: first.token.clone(), ..with_checksum(sum(b"xyz"), file("a.txt", "", 3)) };
        let second = visit.sign_one(changed).await.unwrap();
        assert_ne!(second.parameters.fields["key"], first.parameters.fields["key"]);
        assert_eq!(send(&server.http, &second.parameters, "xyz").await.status(), 201);
        let refused = visit.refused("confirm_upload", json!({ "token": first.token })).await;
        assert_eq!(refused, (404, json!({ "Refused": "ObjectMissing" })), "{algorithm:?}");
        let object: Object = visit.call("confirm_upload", json!({ "token": second.token })).await;
        assert_eq!(object.verified, Some(algorithm));
    }
}

#[tokio::test]
async fn an_object_of_other_bytes_is_not_confirmed_and_may_be_discarded() {
    for (variables, sum, algorithm) in STORES {
        let server = TestServer::start_with(variables).await;
        let visit = server.visit().await;
        let signed = visit.sign_one(with_checksum(sum(b"abc"), file("a.txt", "", 3))).await.unwrap();
        // Whoever can write to the bucket itself.
        let other = server.s3().put_object().bucket("uploads").key(&signed.parameters.fields["key"]);
        let other = other.checksum_sha256(sha256(b"xyz").value);
        other.body(b"xyz".to_vec().into()).send().await.unwrap();
        let refused = visit.refused("confirm_upload", json!({ "token": signed.token })).await;
        assert_eq!(refused, (409, json!({ "Refused": "ChecksumMismatch" })), "{algorithm:?}");
        let () = visit.call("discard_upload", json!({ "token": signed.token })).await;
        assert_eq!(server.files(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_checksum_the_store_would_not_check_is_not_signed() {
    for (variables, checksum) in [(&[][..], md5(b"xyz")), (&[("S3_CHECKSUM", "none")][..], sha256(b"xyz"))] {
        let server = TestServer::start_with(variables).await;
        let visit = server.visit().await;
        let signed = visit.sign_one(with_checksum(checksum, file("a.txt", "", 3))).await.unwrap();
        assert!(send(&server.http, &signed.parameters, "abc").await.status().is_success());
        let object: Object = visit.call("confirm_upload", json!({ "token": signed.token })).await;
        assert_eq!(object.verified, None);
    }
}

#[tokio::test]
async fn what_is_no_checksum_is_refused() {
    let server = TestServer::start().await;
    let visit = server.visit().await;
    for (algorithm, other) in [(ChecksumAlgorithm::Sha256, md5(b"")), (ChecksumAlgorithm::Md5, sha256(b""))] {
        for value in ["", "AAAA", "not Base64!", &other.value, &other.value[1..]] {
            let checksum = Checksum { algorithm, value: value.to_owned() };
            let refused = visit.sign_one(with_checksum(checksum, file("a", "", 0))).await;
            assert!(matches!(refused, Err(Refusal::Malformed { .. })), "{algorithm:?} {value}");
        }
    }
}
