//! The server functions' answers as the browser parsed them. `JSON.parse` is there already; a generic deserializer,
//! with its tables for floats that no answer has, would be a quarter of the page's WASM.

use wasm_bindgen::prelude::*;

use super::ApiError;
use crate::engine::CallFailure;
use crate::s3::{
    Checksum, ChecksumAlgorithm, CreatedUpload, ETag, Fields, Key, Method, Object, Part, PartNumber, Refusal,
    SignedUpload, UploadParameters, UploadToken,
};

#[wasm_bindgen]
extern "C" {
    /// Any JSON value; members that are not there are `undefined`.
    pub(super) type Json;

    #[wasm_bindgen(method, structural, indexing_getter)]
    fn member(this: &Json, name: &str) -> Json;
}

impl Json {
    /// `None` for text that is not JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        js_sys::JSON::parse(text).ok().map(JsCast::unchecked_into)
    }

    /// A member; `None` where this is no object or has none of that name.
    fn get(&self, name: &str) -> Option<Self> {
        let member = self.is_object().then(|| self.member(name))?;
        Some(member).filter(|member| !member.is_null() && !member.is_undefined())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_string()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the server sends whole numbers")]
    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_f64().map(|number| number as u64)
    }

    /// The items of an array; `None` where this is none, or one of them is not what `read` reads.
    fn list<T>(&self, read: fn(&Json) -> Option<T>) -> Option<Vec<T>> {
        let array = self.dyn_ref::<js_sys::Array>()?;
        let mut items = Vec::new();
        for index in 0..array.length() {
            items.push(read(array.get(index).unchecked_ref())?);
        }
        Some(items)
    }

    fn fields(&self, name: &str) -> Option<Fields> {
        let object = self.get(name)?.dyn_into::<js_sys::Object>().ok()?;
        let entries: Json = js_sys::Object::entries(&object).unchecked_into();
        let fields = entries.list(|entry| {
            let entry = entry.unchecked_ref::<js_sys::Array>();
            Some((entry.get(0).as_string()?, entry.get(1).as_string()?))
        });
        Some(fields?.into_iter().collect())
    }

    /// How serde writes an enum's variant: its name, or an object of its name and content.
    fn variant(&self) -> Option<(String, Json)> {
        if let Some(name) = self.as_string() {
            return Some((name, JsValue::UNDEFINED.unchecked_into()));
        }
        let name = js_sys::Object::keys(self.dyn_ref::<js_sys::Object>()?).get(0).as_string()?;
        let content = self.get(&name)?;
        Some((name, content))
    }
}

/// An answer that may turn out not to be one.
pub(super) trait FromJson: Sized {
    /// `None` for JSON of another shape.
    fn from_json(json: &Json) -> Option<Self>;
}

impl FromJson for Vec<Result<SignedUpload, CallFailure>> {
    fn from_json(json: &Json) -> Option<Self> {
        json.list(|item| match item.get("Ok") {
            Some(signed) => SignedUpload::from_json(&signed).map(Ok),
            None => Some(Err(CallFailure::Refused(Refusal::from_json(&item.get("Err")?)?))),
        })
    }
}

/// Of a `SignedPart` too, which has no token of its own.
impl FromJson for SignedUpload {
    fn from_json(json: &Json) -> Option<Self> {
        let parameters = UploadParameters::from_json(&json.get("parameters")?)?;
        let token = json.text("token").map(UploadToken::new);
        Some(Self { parameters, token, expires_in_ms: json.number("expires_in_ms") })
    }
}

impl FromJson for UploadParameters {
    fn from_json(json: &Json) -> Option<Self> {
        let method = match json.text("method")?.as_str() {
            "PUT" => Method::Put,
            "POST" => Method::Post,
            _ => return None,
        };
        Some(Self { method, url: json.text("url")?, fields: json.fields("fields")?, headers: json.fields("headers")? })
    }
}

impl FromJson for CreatedUpload {
    fn from_json(json: &Json) -> Option<Self> {
        Some(Self { token: UploadToken::new(json.text("token")?), expires_in_ms: json.number("expires_in_ms") })
    }
}

impl FromJson for Vec<Part> {
    fn from_json(json: &Json) -> Option<Self> {
        json.list(Part::from_json)
    }
}

impl FromJson for Part {
    fn from_json(json: &Json) -> Option<Self> {
        let checksum = json.get("checksum").and_then(|checksum| {
            let algorithm = ChecksumAlgorithm::from_json(&checksum.get("algorithm")?)?;
            Some(Checksum { algorithm, value: checksum.text("value")? })
        });
        Some(Self { number: PartNumber::from_json(&json.get("number")?)?, size: json.number("size")?, checksum })
    }
}

impl FromJson for PartNumber {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the server sends whole numbers")]
    fn from_json(json: &Json) -> Option<Self> {
        Self::try_from(json.as_f64()? as u16).ok()
    }
}

impl FromJson for ChecksumAlgorithm {
    fn from_json(json: &Json) -> Option<Self> {
        Self::named(&json.as_string()?)
    }
}

impl FromJson for Object {
    fn from_json(json: &Json) -> Option<Self> {
        let key = Key::try_from(json.text("key")?).ok()?;
        let verified = json.get("verified").and_then(|algorithm| ChecksumAlgorithm::from_json(&algorithm));
        let (etag, location) = (json.text("etag").map(ETag), json.text("location"));
        Some(Self { key, size: json.number("size")?, etag, verified, location })
    }
}

impl FromJson for Refusal {
    fn from_json(json: &Json) -> Option<Self> {
        let (name, content) = json.variant()?;
        let reason = || content.text("reason");
        Some(match name.as_str() {
            "FileTooLarge" => Self::FileTooLarge { size: content.number("size")?, max: content.number("max")? },
            "TypeNotAllowed" => Self::TypeNotAllowed {
                content_type: content.text("content_type")?,
                allowed: content.get("allowed")?.list(|item| item.as_string())?,
            },
            "Malformed" => Self::Malformed { reason: reason()? },
            "TooManyFiles" => Self::TooManyFiles { max: usize::try_from(content.number("max")?).ok()? },
            "TokenInvalid" => Self::TokenInvalid,
            "TokenExpired" => Self::TokenExpired,
            "ObjectMissing" => Self::ObjectMissing,
            "SizeMismatch" => {
                Self::SizeMismatch { expected: content.number("expected")?, actual: content.number("actual")? }
            }
            "UploadMissing" => Self::UploadMissing,
            "AlreadyComplete" => Self::AlreadyComplete,
            "PartsMissing" => Self::PartsMissing { parts: content.get("parts")?.list(PartNumber::from_json)? },
            "ChecksumMismatch" => Self::ChecksumMismatch,
            "StoreUnavailable" => Self::StoreUnavailable { reason: reason()? },
            "StoreRefused" => Self::StoreRefused { reason: reason()? },
            _ => return None,
        })
    }
}

impl FromJson for ApiError {
    fn from_json(json: &Json) -> Option<Self> {
        let (name, content) = json.variant()?;
        Some(match name.as_str() {
            "Refused" => Self::Refused(Refusal::from_json(&content)?),
            "Unreachable" => Self::Unreachable(content.as_string()?),
            "CrossSite" => Self::CrossSite,
            "NoCookie" => Self::NoCookie,
            "BadRequest" => Self::BadRequest(content.as_string()?),
            _ => return None,
        })
    }
}
