//! For a fixed time and key, each preset's requests are those that botocore signs (`tests/vectors/presign.py`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use leptos_aws_s3::{
    s3::{Checksum, ChecksumAlgorithm, FileInfo, Key, Method, PartRequest, SignRequest, UploadParameters, UploadToken},
    server::{
        Config, UploadService, Visitor,
        config::S3Config,
        presign::Endpoint,
        provider::Provider,
        service::Store,
        token::{MultipartUpload, Sealer, Upload},
    },
};
use serde::Deserialize;

use crate::example::{Variables, config, presets, read, s3};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

const PART_SIZE: u64 = 8 << 20;

#[derive(Deserialize)]
struct Vectors {
    input: Input,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Input {
    time: u64,
    key: Key,
    size: u64,
    upload_id: String,
    part: u16,
    r#type: String,
    file_name: String,
    meta: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    preset: String,
    variables: Variables,
    session_token: Option<String>,
    checksum: Option<Checksum>,
    put: Request,
    part: Request,
    post: Option<Form>,
    auto: Method,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Request {
    url: String,
    headers: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Form {
    url: String,
    fields: BTreeMap<String, String>,
}

#[test]
fn every_preset_has_a_vector() {
    let with_vector: BTreeSet<_> = vectors().vectors.into_iter().map(|vector| vector.preset).collect();
    assert_eq!(with_vector, Provider::names().into_iter().map(str::to_owned).collect());
}

#[tokio::test]
async fn every_presets_put_is_the_one_botocore_signs() {
    let Vectors { input, vectors } = vectors();
    for vector in vectors {
        let signed = sign(&input, &vector, Some(Method::Put)).await;
        assert_eq!(request(&signed), vector.put.sorted(), "{}", vector.name);
        assert_eq!(&signed.fields["key"], input.key.as_str());
    }
}

#[tokio::test]
async fn every_presets_part_is_the_one_botocore_signs() {
    let Vectors { input, vectors } = vectors();
    for vector in vectors {
        let (service, visitor) = (service(&vector), Visitor::new());
        let upload = MultipartUpload {
            key: input.key.clone(),
            upload_id: input.upload_id.clone(),
            size: input.size,
            part_size: PART_SIZE,
            algorithm: service.checksum_algorithm(),
        };
        let token = seal(&vector, &visitor, Upload::Multipart(upload), &input);
        let part = PartRequest { part: input.part.try_into().unwrap(), checksum: Some(vector.checksum()) };
        let signed =
            service.sign_parts_at(&visitor, &token, vec![part], input.time()).await.unwrap().remove(0).unwrap();
        assert_eq!(request(&signed.parameters), vector.part.sorted(), "{}", vector.name);
    }
}

#[tokio::test]
async fn every_presets_form_is_the_one_botocore_signs_and_without_forms_there_is_a_put() {
    let Vectors { input, vectors } = vectors();
    for vector in vectors {
        let signed = sign(&input, &vector, Some(Method::Post)).await;
        let Some(form) = &vector.post else {
            assert_eq!(request(&signed), vector.put.sorted(), "{}", vector.name);
            continue;
        };
        let fields: BTreeMap<_, _> =
            signed.fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(policy(&fields), policy(&form.fields), "{}", vector.name);
        assert_eq!((&signed.url, &fields), (&form.url, &form.fields), "{}", vector.name);
        assert_eq!((signed.method, signed.headers.is_empty()), (Method::Post, true));
    }
}

#[tokio::test]
async fn a_page_without_a_wish_gets_a_form_where_its_size_limit_is_known_to_hold() {
    let Vectors { input, vectors } = vectors();
    for vector in vectors {
        assert_eq!(sign(&input, &vector, None).await.method, vector.auto, "{}", vector.name);
    }
}

#[tokio::test]
async fn no_signature_is_longer_than_the_store_takes_whatever_the_configuration_says() {
    let Vectors { input, vectors } = vectors();
    for vector in vectors {
        let mut config = configured(&vector);
        config.expires = Duration::from_hours(365 * 24);
        let longest = config.store.provider().max_expires.as_secs();
        let signed = sign_with(&service_of(config, &vector), &input, &vector, Some(Method::Put)).await;
        assert!(signed.url.contains(&format!("&X-Amz-Expires={longest}&")), "{}", signed.url);
    }
}

#[tokio::test]
async fn an_upload_in_more_parts_than_the_store_takes_is_refused_before_it_begins() {
    let Vectors { input, vectors } = vectors();
    for vector in vectors {
        let mut config = configured(&vector);
        config.limits.max_size = u64::MAX;
        let (service, part_size) = (service_of(config, &vector), 5 << 20);
        let max_parts = Provider::named(&vector.preset).unwrap().max_parts;
        for (size, expected) in
            [(part_size * u64::from(max_parts), true), (part_size * u64::from(max_parts) + 1, false)]
        {
            let file = FileInfo { name: input.file_name.clone(), size, ..FileInfo::default() };
            let request = SignRequest { file, part_size: Some(part_size), ..SignRequest::default() };
            let reserved = service.sign_at(&Visitor::new(), vec![request], input.time()).await.remove(0);
            assert_eq!(reserved.is_ok(), expected, "{}: {reserved:?}", vector.name);
        }
    }
}

async fn sign(input: &Input, vector: &Vector, method: Option<Method>) -> UploadParameters {
    sign_with(&service(vector), input, vector, method).await
}

async fn sign_with(
    service: &UploadService,
    input: &Input,
    vector: &Vector,
    method: Option<Method>,
) -> UploadParameters {
    let visitor = Visitor::new();
    let file = FileInfo {
        name: input.file_name.clone(),
        size: input.size,
        content_type: input.r#type.clone(),
        meta: input.meta.iter().collect(),
    };
    // An earlier signature's key is kept, so the key can be any.
    let upload = Upload::Single {
        key: input.key.clone(),
        size: file.size,
        content_type: input.r#type.clone(),
        checksum: vector.checksum.clone(),
    };
    let renew = Some(seal(vector, &visitor, upload, input));
    let request = SignRequest { file, renew, method, checksum: Some(vector.checksum()), ..SignRequest::default() };
    let mut signed = service.sign_at(&visitor, vec![request], input.time()).await;
    signed.remove(0).unwrap().parameters
}

/// As the server starts with the preset's example and the vector's own variables.
fn service(vector: &Vector) -> UploadService {
    service_of(configured(vector), vector)
}

fn configured(vector: &Vector) -> Config {
    let mut variables = presets().remove(&vector.preset).unwrap();
    variables.extend(vector.variables.clone());
    variables.insert("UPLOAD_META".to_owned(), "*".to_owned());
    config(&variables).unwrap()
}

fn service_of(config: Config, vector: &Vector) -> UploadService {
    let token = vector.session_token.clone();
    let credentials =
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token, None, "test");
    let s3 = S3Config { endpoint: empty_store(), ..s3(&config) };
    let store = Store::configured(&s3, SharedCredentialsProvider::new(credentials));
    UploadService::new(config, store, SECRET)
}

/// Where the server itself looks whether a key has an object already: there is none.
fn empty_store() -> Endpoint {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(axum::serve(listener, axum::Router::new()).into_future());
    endpoint.parse().unwrap()
}

fn seal(vector: &Vector, visitor: &Visitor, upload: Upload, input: &Input) -> UploadToken {
    let sealer = Sealer::new(SECRET, Duration::from_hours(1)).bound_to(configured(vector).store.deployment());
    sealer.seal(visitor, upload, input.time())
}

fn request(parameters: &UploadParameters) -> Request {
    let headers = parameters.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Request { url: parameters.url.clone(), headers }.sorted()
}

fn policy(fields: &BTreeMap<String, String>) -> String {
    String::from_utf8(BASE64.decode(&fields["policy"]).unwrap()).unwrap()
}

fn vectors() -> Vectors {
    serde_json::from_str(&read("tests/vectors/presigned.json")).unwrap()
}

impl Input {
    fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.time)
    }
}

impl Vector {
    /// What the browser would send. Where no checksum is expected it sends one nevertheless, to be ignored.
    fn checksum(&self) -> Checksum {
        let md5 = Checksum { algorithm: ChecksumAlgorithm::Md5, value: "kAFQmDzST7DWlj99KOF/cg==".to_owned() };
        self.checksum.clone().unwrap_or(md5)
    }
}

impl Request {
    /// With the query's parameters in order: which one they have in the URL is not signed.
    fn sorted(&self) -> Self {
        let (object, query) = self.url.split_once('?').unwrap();
        let mut query: Vec<_> = query.split('&').collect();
        query.sort_unstable();
        Self { url: format!("{object}?{}", query.join("&")), headers: self.headers.clone() }
    }
}
