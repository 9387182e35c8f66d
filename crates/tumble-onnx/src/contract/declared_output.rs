//! Outputs besides the energy and its derivatives, as a file's metadata declares them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
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
