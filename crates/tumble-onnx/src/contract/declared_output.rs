//! Outputs besides the energy and its derivatives, as a file's metadata declares them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tumble_core::echo::echo;
use tumble_core::outputs::{Law, OutputInfo, Per, Unit, is_free_name};

use crate::error::ContractViolation;

/// A declaration: the value of a name in the field `outputs`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct DeclaredOutput {
    per: Per,
    law: Law,
    #[serde(default)]
    unit: Option<String>,
}

/// Reads the declarations, so that an error names the output.
pub(crate) fn declarations<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, DeclaredOutput>, D::Error> {
    let read = |(name, value): (String, Value)| match value {
        Value::Object(_) => match serde_json::from_value(value) {
            Ok(output) => Ok((name, output)),
            Err(error) => Err(Error::custom(format!("{error} of the output `{}`", echo(&name)))),
        },
        _ => Err(Error::custom(format!(
            "the output `{}` is {value} where an object with `per` and `law` was expected",
            echo(&name)
        ))),
    };
    BTreeMap::deserialize(from)?.into_iter().map(read).collect()
}

/// Returns the descriptions of declared outputs, by name.
///
/// # Errors
/// [`ContractViolation::OutputName`] and [`ContractViolation::OutputUnit`].
pub(crate) fn descriptions(
    declared: &BTreeMap<String, DeclaredOutput>,
) -> Result<Vec<Arc<OutputInfo>>, ContractViolation> {
    declared.iter().map(|(name, output)| Ok(Arc::new(output.description(name)?))).collect()
}

impl DeclaredOutput {
    fn description(&self, name: &str) -> Result<OutputInfo, ContractViolation> {
        if !is_free_name(name) {
            return Err(ContractViolation::OutputName { found: name.into() });
        }
        Ok(OutputInfo { name: name.into(), per: self.per, law: self.law, unit: self.unit(name)? })
    }

    fn unit(&self, name: &str) -> Result<Option<Unit>, ContractViolation> {
        let unknown = |found: &String| ContractViolation::OutputUnit {
            name: name.into(),
            found: found.clone(),
            known: Unit::ALL.map(|unit| unit.name).join(", "),
        };
        self.unit.as_ref().map(|found| Unit::named(found).ok_or_else(|| unknown(found))).transpose()
    }
}
