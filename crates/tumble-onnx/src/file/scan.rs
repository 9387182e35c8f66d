//! A scan of a model file before ONNX Runtime reads it: metadata, and the names and number of operators.

use crate::contract::metadata;
use crate::error::{ContractViolation, Malformed};
use crate::file::functions::{Operator, Operators};
use crate::file::proto::{Fields, entry, field, fields, text, utf8, value};

/// The results of a scan.
#[derive(Debug, Default, PartialEq)]
pub struct Scan {
    /// The value in `metadata_props` under the key `tumble`.
    pub metadata: Option<String>,
    /// Names of the ScatterND nodes with a reduction, in functions too.
    pub scatters: Vec<String>,
}

/// The reason to refuse a file.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It is not an ONNX model.
    #[error(transparent)]
    Format(#[from] Malformed),
    /// It is an ONNX model, but breaks the contract.
    #[error(transparent)]
    Contract(#[from] ContractViolation),
}

/// Scans the bytes of a model file.
///
/// # Errors
/// [`ScanError`].
pub fn scan(bytes: &[u8]) -> Result<Scan, ScanError> {
    if bytes.is_empty() {
        return Err(Malformed::Empty.into());
    }
    let (mut scan, mut graphs, mut operators) = (Scan::default(), 0, Operators::default());
    for (number, value) in fields(bytes)? {
        match number {
            field::MODEL_GRAPH => {
                graphs += 1;
                operators.graph = scan.nodes(value, field::GRAPH_NODE)?;
            }
            field::MODEL_FUNCTION => operators.define(function(value)?, scan.nodes(value, field::FUNCTION_NODE)?)?,
            field::MODEL_METADATA => scan.metadata(value)?,
            field::MODEL_TRAINING => return Err(ContractViolation::Training.into()),
            _ => {}
        }
    }
    if graphs != 1 {
        return Err(Malformed::Graphs { found: graphs }.into());
    }
    operators.check()?;
    Ok(scan)
}

impl Scan {
    fn metadata(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        let (key, value) = entry(bytes)?;
        if key == metadata::KEY.as_bytes() {
            let text = String::from_utf8_lossy(value).into_owned();
            if self.metadata.replace(text).is_some() {
                return Err(ContractViolation::MetadataTwice { key: metadata::KEY }.into());
            }
        }
        Ok(())
    }

    /// Scans the nodes of a graph or function; returns their operators.
    fn nodes<'a>(&mut self, bytes: &'a [u8], node: u64) -> Result<Vec<Operator<'a>>, ScanError> {
        let nodes = fields(bytes)?.into_iter().filter(|(number, _)| *number == node);
        nodes.map(|(_, value)| self.node(value)).collect()
    }

    fn node<'a>(&mut self, bytes: &'a [u8]) -> Result<Operator<'a>, ScanError> {
        let (mut name, mut operator, mut reduces) = (&b""[..], Operator::default(), false);
        let (mut nested, mut attributes) = (false, Vec::new());
        for (number, value) in fields(bytes)? {
            match number {
                field::NODE_NAME => name = value,
                field::NODE_OP_TYPE => operator.name = utf8(value)?,
                field::NODE_DOMAIN => operator.domain = utf8(value)?,
                field::NODE_OVERLOAD => operator.overload = utf8(value)?,
                field::NODE_ATTRIBUTE => attributes.push(value),
                _ => {}
            }
        }
        for attribute in attributes {
            nested |= has_graph(attribute)?;
            reduces |= is_reduction(attribute)?;
        }
        if nested {
            return Err(ContractViolation::NestedNode { operator: operator.name.into() }.into());
        }
        if operator.name == "ScatterND" && reduces {
            self.scatters.push(String::from_utf8_lossy(name).into_owned());
        }
        Ok(operator)
    }
}

/// Returns whether an attribute holds a graph.
fn has_graph(attribute: &[u8]) -> Result<bool, Malformed> {
    let mut found = false;
    for field in Fields(attribute) {
        found |= [field::ATTRIBUTE_GRAPH, field::ATTRIBUTE_GRAPHS].contains(&field?.number);
    }
    Ok(found)
}

/// Returns whether an attribute is a `reduction` other than "none".
fn is_reduction(attribute: &[u8]) -> Result<bool, Malformed> {
    let named = value(attribute, field::ATTRIBUTE_NAME)? == b"reduction";
    Ok(named && ![&b""[..], b"none"].contains(&value(attribute, field::ATTRIBUTE_STRING)?))
}

/// Returns the name of a function; refuses graphs in its default attributes.
fn function(bytes: &[u8]) -> Result<Operator<'_>, ScanError> {
    let (domain, name) = (text(bytes, field::FUNCTION_DOMAIN)?, text(bytes, field::FUNCTION_NAME)?);
    for (_, value) in fields(bytes)?.into_iter().filter(|(number, _)| *number == field::FUNCTION_ATTRIBUTE) {
        if has_graph(value)? {
            return Err(ContractViolation::NestedFunction { name: name.into() }.into());
        }
    }
    Ok(Operator { domain, name, overload: text(bytes, field::FUNCTION_OVERLOAD)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::proto::{message, number};

    fn node(op_type: &str, name: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
        let texts = [message(field::NODE_NAME, name.as_bytes()), message(field::NODE_OP_TYPE, op_type.as_bytes())];
        let attributes = attributes.iter().flat_map(|attribute| message(field::NODE_ATTRIBUTE, attribute));
        message(field::GRAPH_NODE, &texts.concat().into_iter().chain(attributes).collect::<Vec<_>>())
    }

    fn attribute(name: &str, value: Vec<u8>) -> Vec<u8> {
        [message(field::ATTRIBUTE_NAME, name.as_bytes()), value].concat()
    }

    fn scatter(name: &str, reduction: &str) -> Vec<u8> {
        let reduction = message(field::ATTRIBUTE_STRING, reduction.as_bytes());
        node("ScatterND", name, &[attribute("reduction", reduction)])
    }

    fn model(nodes: &[Vec<u8>]) -> Vec<u8> {
        message(field::MODEL_GRAPH, &nodes.concat())
    }

    fn contract(bytes: &[u8]) -> String {
        match scan(bytes) {
            Err(ScanError::Contract(cause)) => cause.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn format(bytes: &[u8]) -> String {
        match scan(bytes) {
            Err(ScanError::Format(cause)) => cause.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn scatters_with_a_reduction_are_found() {
        let model = model(&[scatter("plain", "none"), scatter("outer", "mul"), scatter("sum", "add")]);
        assert_eq!(scan(&model).unwrap().scatters, ["outer", "sum"]);
    }

    #[test]
    fn graphs_in_attributes_are_refused() {
        for field in [field::ATTRIBUTE_GRAPH, field::ATTRIBUTE_GRAPHS] {
            let looped = node("Loop", "l", &[attribute("body", message(field, b""))]);
            let expected = "its node Loop contains a graph, as If, Loop and Scan do: export it without branches, and \
                            unroll its loops";
            assert_eq!(contract(&model(std::slice::from_ref(&looped))), expected);
            let function = [message(field::FUNCTION_NAME, b"F"), message(field::FUNCTION_NODE, &looped[2..])].concat();
            let model = [model(&[]), message(field::MODEL_FUNCTION, &function)].concat();
            assert_eq!(contract(&model), expected);
            let default = message(field::FUNCTION_ATTRIBUTE, &attribute("body", message(field, b"")));
            let function = [message(field::FUNCTION_NAME, b"F"), default].concat();
            assert_eq!(
                contract(&message(field::MODEL_FUNCTION, &function)),
                "its function F has an attribute with a graph"
            );
        }
    }

    #[test]
    fn training_is_refused() {
        let model = [model(&[]), message(field::MODEL_TRAINING, b"")].concat();
        assert_eq!(contract(&model), "it contains a training step (training_info): export it for inference");
    }

    #[test]
    fn metadata_are_found_by_their_key() {
        let entry = |key: &[u8], value: &[u8]| {
            message(
                field::MODEL_METADATA,
                &[message(field::ENTRY_KEY, key), message(field::ENTRY_VALUE, value)].concat(),
            )
        };
        let (other, ours) = (entry(b"author", b"me"), entry(b"tumble", b"{}"));
        let found = scan(&[model(&[]), other.clone(), ours.clone(), other.clone()].concat()).unwrap();
        assert_eq!(found.metadata.as_deref(), Some("{}"));
        assert_eq!(scan(&[model(&[]), other].concat()).unwrap().metadata, None);
        let twice = [model(&[]), ours.clone(), ours].concat();
        assert_eq!(contract(&twice), "it has two entries of the key \"tumble\" in its metadata");
    }

    #[test]
    fn bytes_other_than_a_model_are_refused_with_a_reason() {
        assert_eq!(format(b""), "the file is empty");
        assert_eq!(
            format(&message(7, b"12345")[..5]),
            "it ends 2 bytes early, so it was cut short or is of another format"
        );
        assert_eq!(format(&number(8, 1)), "it holds 0 graphs instead of one");
        assert_eq!(format(&[model(&[]), model(&[])].concat()), "it holds 2 graphs instead of one");
    }
}
