//! Conditions of a structure beside its atoms and cell: total charge, spin multiplicity, electric field.

use crate::rotation::Vector3;

/// The conditions that are given for a structure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Total charge, e.
    pub charge: Option<f64>,
    /// Spin multiplicity 2S + 1: 1 is a singlet, 2 a doublet.
    pub spin: Option<f64>,
    /// Uniform electric field, laboratory frame, V/Å.
    pub field: Option<Vector3>,
}

/// A condition, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Total charge.
    Charge,
    /// Spin multiplicity.
    Spin,
    /// Electric field.
    Field,
}

impl Condition {
    /// All conditions.
    pub const ALL: [Self; 3] = [Self::Charge, Self::Spin, Self::Field];

    /// Returns the name that users write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Spin => "spin",
            Self::Field => "field",
        }
    }

    /// Returns a value as users write it, for messages.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Charge => "charge 0",
            Self::Spin => "spin 1 (the multiplicity 2S + 1)",
            Self::Field => "field 0 0 0.1 (V/Å)",
        }
    }
}

impl Conditions {
    /// A neutral singlet without a field: right for every model.
    pub const NEUTRAL: Self = Self { charge: Some(0.0), spin: Some(1.0), field: Some([0.0; 3]) };

    /// Returns these conditions, completed by others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            charge: self.charge.or(others.charge),
            spin: self.spin.or(others.spin),
            field: self.field.or(others.field),
        }
    }

    /// Returns the numbers of a condition, if it is given.
    pub fn numbers(&self, condition: Condition) -> Option<Vec<f64>> {
        match condition {
            Condition::Charge => self.charge.map(|charge| vec![charge]),
            Condition::Spin => self.spin.map(|spin| vec![spin]),
            Condition::Field => self.field.map(|field| field.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_a_structure_come_before_others() {
        let own = Conditions { charge: Some(1.0), ..Conditions::default() };
        let others = Conditions { charge: Some(2.0), spin: Some(3.0), field: None };
        assert_eq!(own.or(others), Conditions { charge: Some(1.0), spin: Some(3.0), field: None });
    }
}
