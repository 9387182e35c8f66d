//! Checks of the conditions of a structure against those that a model knows.

use super::ModelInfo;
use crate::conditions::{Condition, Conditions};
use crate::error::{Error, Result};

impl ModelInfo {
    /// Refuses conditions that do not fit the model, and those that it needs and that are not given.
    ///
    /// # Errors
    /// [`Error::ConditionMissing`], and the errors of [`ModelInfo::check_given`].
    pub fn check_conditions(&self, conditions: &Conditions) -> Result<()> {
        match self.conditions.iter().find(|&&condition| conditions.numbers(condition).is_none()) {
            None => self.check_given(conditions),
            Some(missing) => {
                let (model, name, example) = (self.name.clone(), missing.name(), missing.example());
                Err(Error::ConditionMissing { model, name, example })
            }
        }
    }

    /// Refuses conditions that the model does not know, and values that make no sense. A neutral singlet without a field
    /// is right for every model.
    ///
    /// # Errors
    /// [`Error::ConditionValue`], [`Error::ConditionUnknown`] and [`Error::ConditionRange`].
    pub fn check_given(&self, conditions: &Conditions) -> Result<()> {
        let given =
            Condition::ALL.into_iter().filter_map(|condition| Some((condition, conditions.numbers(condition)?)));
        for (condition, found) in given {
            check_value(condition, &found)?;
            self.check_known(condition, &found)?;
            self.check_range(condition, &found)?;
        }
        Ok(())
    }

    /// Returns the conditions that the model knows, for messages.
    pub fn known_conditions(&self) -> String {
        match &*self.conditions {
            [] => "no conditions".into(),
            known => known.iter().map(|condition| condition.name()).collect::<Vec<_>>().join(" and ") + " only",
        }
    }

    fn check_known(&self, condition: Condition, found: &[f64]) -> Result<()> {
        let neutral = Conditions::NEUTRAL.numbers(condition);
        if self.conditions.contains(&condition) || neutral.is_some_and(|neutral| neutral == found) {
            return Ok(());
        }
        let (model, name, known) = (self.name.clone(), condition.name(), self.known_conditions());
        Err(Error::ConditionUnknown { model, name, found: text(found), known })
    }

    /// Refuses a number that is not among the whole numbers that the model knows.
    fn check_range(&self, condition: Condition, found: &[f64]) -> Result<()> {
        let range = self.whole_numbers.iter().find(|(known, _)| *known == condition);
        let Some(&(_, [least, most])) = range else { return Ok(()) };
        let known = |&number: &f64| number.fract() == 0.0 && (least as f64..=most as f64).contains(&number);
        if found.iter().all(known) {
            return Ok(());
        }
        let (model, name) = (self.name.clone(), condition.name());
        Err(Error::ConditionRange { model, name, found: text(found), least, most })
    }
}

/// Refuses values that make no sense.
fn check_value(condition: Condition, found: &[f64]) -> Result<()> {
    let fits = found.iter().all(|number| number.is_finite()) && (condition != Condition::Spin || found[0] >= 1.0);
    let (name, example) = (condition.name(), condition.example());
    if fits { Ok(()) } else { Err(Error::ConditionValue { name, found: text(found), example }) }
}

fn text(numbers: &[f64]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytic::{HarmonicToy, Legendre};
    use crate::potential::Potential;

    fn info() -> ModelInfo {
        HarmonicToy::new(3.0, &[(1, 1.0)], Legendre::default()).info().clone()
    }

    fn sentence(needs: &[Condition], conditions: Conditions) -> String {
        let info = ModelInfo { conditions: needs.to_vec(), ..info() };
        info.check_conditions(&conditions).map_or_else(|error| error.to_string(), |()| "accepted".into())
    }

    fn charge(charge: f64) -> Conditions {
        Conditions { charge: Some(charge), ..Conditions::default() }
    }

    #[test]
    fn missing_unknown_and_senseless_conditions_are_refused() {
        use Condition::{Charge, Field, Spin};
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
    fn numbers_beside_those_that_a_model_knows_are_refused() {
        let whole_numbers = vec![(Condition::Charge, [-2, 3])];
        let info = ModelInfo { conditions: vec![Condition::Charge], whole_numbers, ..info() };
        let check = |number| info.check_conditions(&charge(number));
        assert!([-2.0, 0.0, 3.0].into_iter().all(|number| check(number).is_ok()));
        assert_eq!(
            check(4.0).unwrap_err().to_string(),
            "charge is 4, but the model \"harmonic toy\" knows whole numbers from -2 to 3 only: give one of them, or take \
             another model"
        );
        assert!(check(0.5).unwrap_err().to_string().starts_with("charge is 0.5, but the model"));
    }

    #[test]
    fn neutral_conditions_fit_every_model() {
        assert_eq!(sentence(&[], Conditions::NEUTRAL), "accepted");
        assert_eq!(sentence(&Condition::ALL, Conditions::NEUTRAL), "accepted");
    }
}
