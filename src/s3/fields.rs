use std::ops::Index;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

/// The most that are read: S3 takes 2 KiB of metadata, and each name is compared with all before it.
const MAX_FIELDS: usize = 256;

/// Form fields, headers or metadata: strings by name, each name once, in the order they were put in. JSON's object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Sets the value of a name.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    /// Keeps only some names.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Index<&str> for Fields {
    type Output = str;

    /// # Panics
    /// Without such a name.
    fn index(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("there is no field `{name}`"))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut all = Self::default();
        for (name, value) in fields {
            all.insert(name, value);
        }
        all
    }
}

impl<N: Into<String>, V: Into<String>, const LEN: usize> From<[(N, V); LEN]> for Fields {
    fn from(fields: [(N, V); LEN]) -> Self {
        fields.into_iter().collect()
    }
}

impl IntoIterator for Fields {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<(String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Fields {
    /// Signers may send `null` for nothing, as the original plugin takes it, or `[]`, which is PHP's empty array; and for a
    /// value a number or a boolean. A field that is `null` is none.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object of strings")
            }

            fn visit_unit<E>(self) -> Result<Fields, E> {
                Ok(Fields::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Fields, A::Error> {
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(Fields::default()),
                    Some(_) => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = map.next_entry::<String, Text>()? {
                    if fields.0.len() == MAX_FIELDS {
                        return Err(A::Error::custom("there are too many fields"));
                    }
                    if let Some(value) = value.0 {
                        fields.insert(name, value);
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_any(Object)
    }
}

/// A field's value, if it has one.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = Text;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text(None))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                self.visit_string(text.to_owned())
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Text, E> {
                Ok(Text(Some(text)))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Text, E> {
                self.visit_string(value.to_string())
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Text, E> {
                self.visit_string(value.to_string())
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Text, E> {
                self.visit_string(value.to_string())
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Text, E> {
                self.visit_string(value.to_string())
            }
        }

        deserializer.deserialize_any(Scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_json_object() {
        let fields = Fields::from([("key", "a/b"), ("acl", "private")]);
        let json = serde_json::to_string(&fields).unwrap();
        assert_eq!(json, r#"{"key":"a/b","acl":"private"}"#);
        assert_eq!(serde_json::from_str::<Fields>(&json).unwrap(), fields);
    }

    #[test]
    fn a_hundred_thousand_fields_are_not_read() {
        let names: Vec<_> = (0..100_000).map(|name| format!(r#""{name}":"""#)).collect();
        assert!(serde_json::from_str::<Fields>(&format!("{{{}}}", names.join(","))).is_err());
    }

    #[test]
    fn a_name_has_one_value() {
        let mut fields = Fields::from([("key", "a")]);
        fields.insert("key", "b");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("key", "b")]);
    }

    #[test]
    fn a_signer_in_php_may_answer_an_empty_array_and_one_in_javascript_numbers() {
        assert_eq!(serde_json::from_str::<Fields>("[]").unwrap(), Fields::default());
        assert_eq!(serde_json::from_str::<Fields>("null").unwrap(), Fields::default());
        let fields = r#"{"status":201,"below":-7,"ratio":1.5,"public":true,"acl":null,"key":"a"}"#;
        let expected = [("status", "201"), ("below", "-7"), ("ratio", "1.5"), ("public", "true"), ("key", "a")];
        assert_eq!(serde_json::from_str::<Fields>(fields).unwrap(), expected.into());
        for other in [r#"["a"]"#, r#""a""#, "1", r#"{"a":[]}"#, r#"{"a":{}}"#] {
            assert!(serde_json::from_str::<Fields>(other).is_err(), "{other}");
        }
    }
}
