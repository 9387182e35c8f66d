//! Conditions of a structure beside its atoms and cell: total charge, spin multiplicity, electric field.

use crate::error::{Error, Result};
use crate::potential::ModelInfo;
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
    fn example(self) -> &'static str {
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
    fn numbers(&self, condition: Condition) -> Option<Vec<f64>> {
        match condition {
            Condition::Charge => self.charge.map(|charge| vec![charge]),
            Condition::Spin => self.spin.map(|spin| vec![spin]),
            Condition::Field => self.field.map(|field| field.to_vec()),
        }
    }

    /// Refuses conditions that do not fit a model, and those that it needs and that are not given.
    ///
    /// # Errors
    /// [`Error::ConditionMissing`], and the errors of [`Conditions::check_given`].
    pub fn check(&self, info: &ModelInfo) -> Result<()> {
        let missing = info.conditions.iter().find(|&&condition| self.numbers(condition).is_none());
        match missing {
            None => self.check_given(info),
            Some(condition) => {
                let (model, name, example) = (info.name.clone(), condition.name(), condition.example());
                Err(Error::ConditionMissing { model, name, example })
            }
        }
    }

    /// Refuses conditions that a model does not know, and values that make no sense. A neutral singlet without a field is
    /// right for every model.
    ///
    /// # Errors
    /// [`Error::ConditionUnknown`] and [`Error::ConditionValue`].
    pub fn check_given(&self, info: &ModelInfo) -> Result<()> {
        for condition in Condition::ALL {
            let Some(found) = self.numbers(condition) else { continue };
            condition.check(&found)?;
            let neutral = self.numbers(condition) == Self::NEUTRAL.numbers(condition);
            if !info.conditions.contains(&condition) && !neutral {
                let (model, name, known) = (info.name.clone(), condition.name(), listed(&info.conditions));
                return Err(Error::ConditionUnknown { model, name, found: text(&found), known });
            }
        }
        Ok(())
    }
}

impl Condition {
    /// Refuses values that make no sense.
    fn check(self, found: &[f64]) -> Result<()> {
        let fits = found.iter().all(|number| number.is_finite()) && (self != Self::Spin || found[0] >= 1.0);
        match fits {
            true => Ok(()),
            false => Err(Error::ConditionValue { name: self.name(), found: text(found), example: self.example() }),
        }
    }
}

fn text(numbers: &[f64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn listed(conditions: &[Condition]) -> String {
    match conditions {
        [] => "no conditions".into(),
        known => known.iter().map(|condition| condition.name()).collect::<Vec<_>>().join(" and ") + " only",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytic::{HarmonicToy, Legendre};
    use crate::potential::Potential;

    fn sentence(needs: &[Condition], conditions: Conditions) -> String {
        let toy = HarmonicToy::new(3.0, &[(1, 1.0)], Legendre::default());
        let info = ModelInfo { conditions: needs.to_vec(), ..toy.info().clone() };
        conditions.check(&info).map_or_else(|error| error.to_string(), |()| "accepted".into())
    }

    #[test]
    fn conditions_of_a_structure_come_before_others() {
        let own = Conditions { charge: Some(1.0), ..Conditions::default() };
        let others = Conditions { charge: Some(2.0), spin: Some(3.0), field: None };
        assert_eq!(own.or(others), Conditions { charge: Some(1.0), spin: Some(3.0), field: None });
    }

    #[test]
    fn missing_unknown_and_senseless_conditions_are_refused() {
        use Condition::{Charge, Field, Spin};
        let charge = |charge| Conditions { charge: Some(charge), ..Conditions::default() };
        assert_eq!(
            sentence(&[Charge], Conditions::default()),
            "the model \"harmonic toy\" needs the charge of the structure: give, for instance, charge 0"
        );
        assert_eq!(
            sentence(&[], charge(-1.0)),
            "the structure has charge -1, but the model \"harmonic toy\" knows no conditions: leave it out, or take \
             another model"
        );
        assert_eq!(
            sentence(&[Spin, Field], Conditions { spin: Some(3.0), field: Some([0.1; 3]), ..charge(2.0) }),
            "the structure has charge 2, but the model \"harmonic toy\" knows spin and field only: leave it out, or \
             take another model"
        );
        assert_eq!(
            sentence(&[Spin], Conditions { spin: Some(0.0), ..Conditions::default() }),
            "spin is 0, which makes no sense: give, for instance, spin 1 (the multiplicity 2S + 1)"
        );
        assert!(sentence(&[Charge], charge(f64::NAN)).starts_with("charge is NaN, which makes no sense"));
    }

    #[test]
    fn neutral_conditions_fit_every_model() {
        assert_eq!(sentence(&[], Conditions::NEUTRAL), "accepted");
        assert_eq!(sentence(&Condition::ALL, Conditions::NEUTRAL), "accepted");
    }
}
