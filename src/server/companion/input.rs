//! What clients send, as far as this server takes it. Its answers to all else are Companion's own words.

use std::{fmt, future::ready};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{StatusCode, Uri, request::Parts},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::answer::Problem;
use crate::{
    s3::{PartNumber, UploadToken},
    server::service::{Described, NamedPart},
};

/// The most metadata that is read: S3 stores 2 KiB of it.
const MAX_METADATA: usize = 256;

/// The most URLs of one answer.
const MAX_BATCH: usize = 1000;

const QUERY_FILENAME: &str = r#"s3: the "filename" query parameter is required and must be a non-empty string"#;
const FILENAME: &str = r#"s3: the "filename" field is required and must be a non-empty string"#;
const TYPE: &str = "s3: content type must be a string";
const KEY: &str = r#"s3: the object key must be passed as a query parameter. For example: "?key=abc.jpg""#;
const PART_NUMBER: &str = "s3: the part number must be a number between 1 and 10000.";
const PART_NUMBERS: &str = "s3: the part numbers must be a number between 1 and 10000.";
const PART_LIST: &str = concat!(
    "s3: the part numbers must be passed as a comma separated query parameter. ",
    r#"For example: "?partNumbers=4,6,7,21""#
);
const PARTS: &str = "s3: `parts` must be an array of {ETag, PartNumber} objects.";

/// A call's query, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    fn of(uri: &Uri) -> Self {
        Self(axum::extract::Query::try_from_uri(uri).map(|query| query.0).unwrap_or_default())
    }

    /// What a parameter says that is there once.
    fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    /// The file that `GET /params` is about.
    pub(super) fn described(&self) -> Result<Described, Problem> {
        let name = self.one("filename").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Problem::bad_request(QUERY_FILENAME))?.to_owned();
        let content_type = self.one("type").unwrap_or_default().to_owned();
        let metadata = self.0.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((name.to_owned(), value.clone()))
        });
        Ok(Described { name, content_type, metadata: limited(metadata.collect())? })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    fn from_request_parts(parts: &mut Parts, _: &S) -> impl Future<Output = Result<Self, Problem>> {
        ready(Ok(Self::of(&parts.uri)))
    }
}

/// The upload that a path and a query name.
pub(super) struct Named {
    pub(super) token: UploadToken,
    /// Empty where the route has none.
    pub(super) part: String,
    pub(super) query: Query,
}

impl Named {
    pub(super) fn key(&self) -> Result<&str, Problem> {
        self.query.one("key").ok_or_else(|| Problem::bad_request(KEY))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = RawPathParams::from_request_parts(parts, state).await;
        let path = path.map_err(|_| Problem::new(StatusCode::NOT_FOUND, "s3: the path is not UTF-8"))?;
        let named = |wanted| path.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
        let token = UploadToken::new(named("upload").unwrap_or_default());
        Ok(Self { token, part: named("part").unwrap_or_default(), query: Query::of(&parts.uri) })
    }
}

/// An empty body is an object of nothing.
pub(super) fn json_body(body: &[u8]) -> Result<Value, Problem> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(&format!("s3: the body is not JSON: {error}")))
}

/// The file that `POST /multipart` is about.
pub(super) fn described(body: &[u8]) -> Result<Described, Problem> {
    let call = json_body(body)?;
    let name = call["filename"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Problem::bad_request(FILENAME))?.to_owned();
    let content_type = call["type"].as_str().ok_or_else(|| Problem::bad_request(TYPE))?.to_owned();
    let metadata = match &call["metadata"] {
        Value::Null => Vec::new(),
        Value::Object(_) => in_order(body)?,
        _ => return Err(Problem::bad_request("s3: metadata must be an object")),
    };
    Ok(Described { name, content_type, metadata: limited(metadata)? })
}

/// The metadata in the order in which the client has it, which [`Value`] does not keep: of two names that differ in case
/// only the first wins.
fn in_order(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    #[derive(Deserialize)]
    struct Call {
        metadata: Metadata,
    }
    struct Metadata(Vec<(String, String)>);

    impl<'de> Deserialize<'de> for Metadata {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(InOrder)
        }
    }
    struct InOrder;

    impl<'de> Visitor<'de> for InOrder {
        type Value = Metadata;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
            let mut metadata = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, Value>()? {
                metadata.extend(text(value).map(|value| (name, value)));
            }
            Ok(Metadata(metadata))
        }
    }
    let call: Call = serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(&format!("s3: the metadata can't be read: {error}")))?;
    Ok(call.metadata.0)
}

/// What can be text is; Uppy sends `null` for the folder of a file that was in none.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn limited(metadata: Vec<(String, String)>) -> Result<Vec<(String, String)>, Problem> {
    if metadata.len() > MAX_METADATA {
        let text = format!("s3: a file has at most {MAX_METADATA} fields of metadata");
        return Err(Problem::new(StatusCode::BAD_REQUEST, text));
    }
    Ok(metadata)
}

pub(super) fn part_number(text: &str) -> Result<PartNumber, Problem> {
    number(text).ok_or_else(|| Problem::bad_request(PART_NUMBER))
}

/// `?partNumbers=4,6,7,21`.
pub(super) fn part_numbers(query: &Query) -> Result<Vec<PartNumber>, Problem> {
    let list = query.one("partNumbers").ok_or_else(|| Problem::bad_request(PART_LIST))?;
    let numbers: Option<Vec<_>> = list.split(',').map(number).collect();
    let numbers = numbers.ok_or_else(|| Problem::bad_request(PART_NUMBERS))?;
    if numbers.len() > MAX_BATCH {
        return Err(Problem::bad_request(&format!("s3: a call signs at most {MAX_BATCH} parts")));
    }
    Ok(numbers)
}

fn number(text: &str) -> Option<PartNumber> {
    text.parse::<u16>().ok()?.try_into().ok()
}

/// The parts that `POST …/complete` names: at least one.
pub(super) fn named_parts(body: &Value) -> Result<Vec<NamedPart>, Problem> {
    let named = |part: &Value| {
        let number = u16::try_from(part["PartNumber"].as_u64()?).ok()?;
        Some(NamedPart { number: number.try_into().ok()?, etag: part["ETag"].as_str()?.to_owned() })
    };
    let parts = body["parts"].as_array().filter(|parts| !parts.is_empty());
    let parts = parts.and_then(|parts| parts.iter().map(named).collect::<Option<Vec<_>>>());
    parts.ok_or_else(|| Problem::bad_request(PARTS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn posted(body: &Value) -> Result<Described, Problem> {
        described(body.to_string().as_bytes())
    }

    fn query(text: &str) -> Query {
        Query::of(&format!("http://h/s3/params?{text}").parse().unwrap())
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        let name = prop_oneof![
            Just("filename".to_owned()),
            Just("type".to_owned()),
            Just("metadata".to_owned()),
            Just("parts".to_owned()),
            Just("PartNumber".to_owned()),
            Just("ETag".to_owned()),
            any::<String>(),
        ];
        leaf.prop_recursive(4, 64, 8, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::hash_map(name.clone(), inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn a_file_is_described_in_a_query_as_uppy_writes_it() {
        let file = query("filename=a+b%C3%BC.txt&type=text%2Fplain&metadata%5Bname%5D=x&metadata[folder]=").described();
        let file = file.unwrap();
        assert_eq!((file.name.as_str(), file.content_type.as_str()), ("a bü.txt", "text/plain"));
        assert_eq!(file.metadata, [("name".into(), "x".into()), ("folder".into(), String::new())]);
    }

    #[test]
    fn a_name_is_said_once_and_is_not_empty() {
        for text in ["", "filename", "filename=", "filename=a&filename=b", "filename[]=a"] {
            assert_eq!(query(text).described().err().unwrap().text(), QUERY_FILENAME, "{text}");
        }
        for body in [json!(null), json!([]), json!({}), json!({ "filename": "" }), json!({ "filename": ["a"] })] {
            assert_eq!(posted(&body).err().unwrap().text(), FILENAME, "{body}");
        }
        assert_eq!(posted(&json!({ "filename": "a" })).err().unwrap().text(), TYPE);
    }

    #[test]
    fn metadata_that_is_no_text_becomes_text_or_nothing() {
        let metadata = json!({ "a": "x", "b": 7, "c": true, "d": null, "e": [], "f": {} });
        let file = posted(&json!({ "filename": "a", "type": "", "metadata": metadata })).unwrap();
        assert_eq!(file.metadata, [("a", "x"), ("b", "7"), ("c", "true")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        let many: Vec<_> = (0..257).map(|index| format!("metadata[{index}]=")).collect();
        assert!(query(&format!("filename=a&{}", many.join("&"))).described().is_err());
    }

    #[test]
    fn metadata_keeps_the_order_in_which_the_client_has_it() {
        let body = br#"{"filename":"a","type":"","metadata":{"name":"a","Name":"A","b":1,"a":[]}}"#;
        let metadata = described(body).unwrap().metadata;
        assert_eq!(metadata, [("name", "a"), ("Name", "A"), ("b", "1")].map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn part_numbers_are_s3s() {
        let read = |list: &str| part_numbers(&query(&format!("partNumbers={list}"))).map(|all| all.len());
        assert_eq!((read("4,6,7,21"), read("10000")), (Ok(4), Ok(1)));
        for list in ["", ",", "0", "10001", "1,x", "1.5", "-1", "1,,2", "65537"] {
            assert_eq!(read(list).unwrap_err().text(), PART_NUMBERS, "{list}");
        }
        assert_eq!(part_numbers(&query("key=a")).unwrap_err().text(), PART_LIST);
        assert!(read(&vec!["1"; MAX_BATCH + 1].join(",")).is_err());
        assert_eq!(part_number("0x1").unwrap_err().text(), PART_NUMBER);
    }

    #[test]
    fn parts_are_named_with_numbers_and_tags() {
        let named = named_parts(&json!({ "parts": [{ "PartNumber": 2, "ETag": "\"x\"" }] })).unwrap();
        assert_eq!(named, [NamedPart { number: 2.try_into().unwrap(), etag: "\"x\"".into() }]);
        for parts in [
            json!(null),
            json!([]),
            json!([null]),
            json!([{ "PartNumber": "1", "ETag": "x" }]),
            json!([{ "PartNumber": 0, "ETag": "x" }]),
            json!([{ "PartNumber": 1.5, "ETag": "x" }]),
            json!([{ "PartNumber": 65_537, "ETag": "x" }]),
            json!([{ "PartNumber": 1 }]),
        ] {
            assert_eq!(named_parts(&json!({ "parts": parts })).unwrap_err().text(), PARTS, "{parts}");
        }
    }

    /// A file's description with every value of the right kind, as query and as JSON.
    fn any_file() -> impl Strategy<Value = (String, String, Vec<(String, String)>)> {
        let metadata = prop::collection::btree_map("[a-z]{1,8}", any::<String>(), 0..4);
        ("\\PC{1,20}", any::<String>(), metadata.prop_map(|metadata| metadata.into_iter().collect()))
    }

    fn encoded(text: &str) -> String {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    proptest! {
        #[test]
        fn a_file_is_what_a_client_describes_by_query_and_by_json((name, content_type, metadata) in any_file()) {
            let fields = metadata.iter().map(|(name, value)| format!("&metadata[{name}]={}", encoded(value)));
            let text = format!("filename={}&type={}{}", encoded(&name), encoded(&content_type), fields.collect::<String>());
            let fields: serde_json::Map<_, _> = metadata.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            let body = json!({ "filename": name, "type": content_type, "metadata": fields });
            for file in [query(&text).described(), posted(&body)] {
                let file = file.unwrap();
                prop_assert_eq!((&file.name, &file.content_type, &file.metadata), (&name, &content_type, &metadata));
            }
        }

        #[test]
        fn any_list_of_s3s_part_numbers_is_taken_in_its_order_and_none_with_another(
            numbers in prop::collection::vec(1..=10_000_u16, 1..50),
            other in prop_oneof![Just(0), 10_001..=u16::MAX],
            at in any::<prop::sample::Index>(),
        ) {
            let list = |numbers: &[u16]| numbers.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
            let read = part_numbers(&query(&format!("partNumbers={}", list(&numbers)))).unwrap();
            prop_assert_eq!(read.iter().map(|number| number.get()).collect::<Vec<_>>(), numbers.clone());
            let mut others = numbers;
            others.insert(at.index(others.len() + 1), other);
            let with_another = part_numbers(&query(&format!("partNumbers={}", list(&others))));
            prop_assert!(with_another.is_err());
        }

        #[test]
        fn no_query_makes_it_panic(text in "([a-z]{0,3}|filename|metadata|key|partNumbers|[=&%+,\\[\\]]|%[0-9a-f]{2}){0,40}") {
            let query = query(&text);
            prop_assert!(query.described().is_err() || text.contains("filename"));
            prop_assert!(part_numbers(&query).is_err() || text.contains("partNumbers"));
        }

        #[test]
        fn no_json_makes_it_panic_or_take_what_is_not_there(body in any_json()) {
            let has_name = body["filename"].as_str().is_some_and(|name| !name.is_empty());
            prop_assert!(has_name || posted(&body).is_err());
            let has_parts = body["parts"].as_array().is_some_and(|parts| !parts.is_empty());
            prop_assert!(has_parts || named_parts(&body).is_err());
        }

        #[test]
        fn a_body_that_is_cut_off_is_no_call((name, content_type, _) in any_file(), cut in any::<prop::sample::Index>()) {
            let body = json!({ "filename": name, "type": content_type }).to_string();
            prop_assert!(described(body.as_bytes()).is_ok());
            prop_assert!(described(&body.as_bytes()[..cut.index(body.len())]).is_err());
        }
    }
}
