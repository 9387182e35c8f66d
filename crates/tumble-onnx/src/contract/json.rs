//! A reader of JSON that refuses duplicate keys, since one of the two values would be dropped silently.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::ContractViolation;

/// Reads a JSON text.
///
/// # Errors
/// [`ContractViolation::NotJson`] and [`ContractViolation::KeyTwice`].
pub(crate) fn read(text: &str) -> Result<Value, ContractViolation> {
    let found: Result<Unique, _> = serde_json::from_str(text);
    found.map(|Unique(value)| value).map_err(|source| match source.classify() {
        serde_json::error::Category::Data => ContractViolation::KeyTwice { source },
        _ => ContractViolation::NotJson { source },
    })
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Unique(value)) = access.next_element()? {
            all.push(value);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if all.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` is given twice")));
            }
            all.insert(key, access.next_value::<Unique>()?.0);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_agree_with_serde_json() {
        let text = r#"{"a": [null, true, -1, 18446744073709551615, 0.5, "é\n"], "b": {"a": {}}, "c": []}"#;
        assert_eq!(read(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn duplicate_keys_are_refused_at_any_depth() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"b": [{"a": 1, "\u0061": 2}]}"#, r#"{"b": {"c": {"a": {}, "a": []}}}"#]
        {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with("the key `a` is given twice at line 1 column "), "{error}");
            assert!(error.ends_with(" of its metadata"), "{error}");
        }
    }

    #[test]
    fn texts_other_than_json_are_refused() {
        for text in ["", "{", "{\"a\": nan}", "[1e999]", &"[".repeat(100_000)] {
            assert!(read(text).unwrap_err().to_string().starts_with("its metadata is not JSON: "), "{text}");
        }
    }
}
