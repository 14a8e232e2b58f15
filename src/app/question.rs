//! The server functions' arguments as JSON, which serde's generic serializer would write too, 1 kB larger compressed. The
//! tests compare the two.

use super::api::{
    CompleteUpload, ConfirmUpload, CreateMultipartUpload, DiscardUpload, ListParts, SignParts, SignUploads,
};
use crate::s3::{
    Checksum, ChecksumAlgorithm, Fields, FileInfo, Method, PartNumber, PartRequest, SignRequest, UploadToken,
};

/// What a server function can be asked with.
pub(super) trait ToJson {
    /// Appends it to a text.
    fn write(&self, json: &mut String);

    fn to_json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }
}

/// Declares that a struct is a JSON object of some members, each with the field it comes from.
macro_rules! object {
    ($object:ty { $($name:literal: $field:ident),* $(,)? }) => {
        impl ToJson for $object {
            fn write(&self, json: &mut String) {
                object(json, &[$(($name, &self.$field)),*]);
            }
        }
    };
}

object!(SignUploads { "files": files });
object!(CreateMultipartUpload { "request": request, "again": again });
object!(SignParts { "token": token, "parts": parts });
object!(ListParts { "token": token });
object!(CompleteUpload { "token": token, "checksums": checksums });
object!(ConfirmUpload { "token": token });
object!(DiscardUpload { "token": token });
object!(SignRequest {
    "file": file,
    "renew": renew,
    "method": method,
    "checksum": checksum,
    "part_size": part_size,
    "algorithm": algorithm,
});
object!(FileInfo { "name": name, "size": size, "type": content_type, "meta": meta });
object!(PartRequest { "part": part, "checksum": checksum });
object!(Checksum { "algorithm": algorithm, "value": value });

fn object(json: &mut String, members: &[(&str, &dyn ToJson)]) {
    json.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        begin_member(json, index, name);
        value.write(json);
    }
    json.push('}');
}

fn begin_member(json: &mut String, index: usize, name: &str) {
    separate(json, index);
    write_text(json, name);
    json.push(':');
}

fn separate(json: &mut String, index: usize) {
    if index > 0 {
        json.push(',');
    }
}

fn write_text(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\0'..' ' => {
                json.push_str(if c < '\x10' { "\\u000" } else { "\\u001" });
                json.extend(char::from_digit(u32::from(c) % 16, 16));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

impl ToJson for Fields {
    fn write(&self, json: &mut String) {
        json.push('{');
        for (index, (name, value)) in self.iter().enumerate() {
            begin_member(json, index, name);
            write_text(json, value);
        }
        json.push('}');
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write(&self, json: &mut String) {
        json.push('[');
        for (index, item) in self.iter().enumerate() {
            separate(json, index);
            item.write(json);
        }
        json.push(']');
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn write(&self, json: &mut String) {
        match self {
            Some(value) => value.write(json),
            None => json.push_str("null"),
        }
    }
}

impl ToJson for String {
    fn write(&self, json: &mut String) {
        write_text(json, self);
    }
}

impl ToJson for bool {
    fn write(&self, json: &mut String) {
        json.push_str(if *self { "true" } else { "false" });
    }
}

impl ToJson for u64 {
    fn write(&self, json: &mut String) {
        json.push_str(&self.to_string());
    }
}

impl ToJson for PartNumber {
    fn write(&self, json: &mut String) {
        u64::from(self.get()).write(json);
    }
}

impl ToJson for UploadToken {
    fn write(&self, json: &mut String) {
        write_text(json, self.as_str());
    }
}

impl ToJson for Method {
    fn write(&self, json: &mut String) {
        write_text(json, self.as_str());
    }
}

impl ToJson for ChecksumAlgorithm {
    fn write(&self, json: &mut String) {
        write_text(json, self.name());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::Value;

    use super::*;

    /// The JSON of ours and serde's.
    fn both(call: &(impl ToJson + Serialize)) -> (Value, Value) {
        (serde_json::from_str(&call.to_json()).unwrap(), serde_json::to_value(call).unwrap())
    }

    fn token() -> UploadToken {
        UploadToken::new("sealed-token_0".into())
    }

    fn checksum(algorithm: ChecksumAlgorithm) -> Checksum {
        Checksum { algorithm, value: "1B2M2Y8AsgTpgAmY7PhCfg==".into() }
    }

    fn full_request() -> SignRequest {
        SignRequest {
            file: FileInfo {
                name: "a \"quoted\"\\path\n\u{1f}€.txt".into(),
                size: u64::MAX,
                content_type: "text/plain".into(),
                meta: Fields::from([("name", "a"), ("rela\"tive", "b/\tc")]),
            },
            renew: Some(token()),
            method: Some(Method::Put),
            checksum: Some(checksum(ChecksumAlgorithm::Sha256)),
            part_size: Some(8 << 20),
            algorithm: Some(ChecksumAlgorithm::Md5),
        }
    }

    #[test]
    fn every_call_is_the_json_that_the_server_reads() {
        let post = SignRequest { method: Some(Method::Post), ..SignRequest::default() };
        let parts = [1, PartNumber::MAX].map(|number| PartNumber::try_from(number).unwrap());
        let parts = vec![
            PartRequest { part: parts[0], checksum: Some(checksum(ChecksumAlgorithm::Md5)) },
            PartRequest { part: parts[1], checksum: None },
        ];
        let checksums = vec![checksum(ChecksumAlgorithm::Sha256); 2];
        let pairs = [
            both(&SignUploads { files: vec![full_request(), post, SignRequest::default()] }),
            both(&SignUploads { files: Vec::new() }),
            both(&CreateMultipartUpload { request: full_request(), again: true }),
            both(&CreateMultipartUpload { request: SignRequest::default(), again: false }),
            both(&SignParts { token: token(), parts }),
            both(&ListParts { token: token() }),
            both(&CompleteUpload { token: token(), checksums }),
            both(&ConfirmUpload { token: token() }),
            both(&DiscardUpload { token: token() }),
        ];
        for (ours, serdes) in pairs {
            assert_eq!(ours, serdes);
        }
    }

    proptest! {
        #[test]
        fn any_text_survives(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&text.to_json()).unwrap(), text);
        }
    }
}
