//! Charge, spin and field as words of an input: numbers, or variables, whose numbers are known at each step only.

use tumble_core::Error;
use tumble_core::conditions::{Condition, Conditions};
use tumble_core::error::Result;
use tumble_core::potential::ModelInfo;

/// Refuses conditions that a model does not know, and those that it needs and that are not given. `words` are the charge,
/// the spin and the three components of the field; empty: not given.
///
/// # Errors
/// The errors of [`ModelInfo::check_conditions`].
pub fn check(info: &ModelInfo, words: &[String]) -> Result<()> {
    let charge = numbers(info, Condition::Charge, &words[..1])?.map(|numbers| numbers[0]);
    let spin = numbers(info, Condition::Spin, &words[1..2])?.map(|numbers| numbers[0]);
    let field = numbers(info, Condition::Field, &words[2..])?.map(|numbers| [numbers[0], numbers[1], numbers[2]]);
    info.check_conditions(&Conditions { charge, spin, field })
}

/// Returns the numbers of a condition, if it is given; neutral ones stand for variables.
fn numbers(info: &ModelInfo, condition: Condition, words: &[String]) -> Result<Option<Vec<f64>>> {
    let varies = words.iter().any(|word| word.starts_with("v_"));
    match varies {
        false => Ok(words.iter().map(|word| word.parse().ok()).collect()),
        true if info.conditions.contains(&condition) => Ok(Conditions::NEUTRAL.numbers(condition)),
        true => {
            let (model, name, known) = (info.name.clone(), condition.name(), info.known_conditions());
            Err(Error::ConditionUnknown { model, name, found: words.join(" "), known })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::analytic::{HarmonicToy, Legendre};
    use tumble_core::potential::Potential;

    #[test]
    fn variables_count_as_given_and_are_refused_if_the_model_does_not_know_them() {
        let toy = HarmonicToy::new(3.0, &[(1, 1.0)], Legendre::default());
        let info = ModelInfo { conditions: vec![Condition::Charge], ..toy.info().clone() };
        let sentence = |words: [&str; 5]| check(&info, &words.map(String::from)).map_err(|error| error.to_string());
        for charge in ["v_q", "-1", "0.5"] {
            assert_eq!(sentence([charge, "1", "0", "0", "0"]), Ok(()));
        }
        assert!(sentence(["", "", "", "", ""]).unwrap_err().contains("needs the charge of the structure"));
        let unknown = "the structure has field 0 0 v_z, but the model \"harmonic toy\" knows charge only: leave it out, or \
                       take another model";
        assert_eq!(sentence(["0", "", "0", "0", "v_z"]).unwrap_err(), unknown);
        assert!(sentence(["0", "2", "", "", ""]).unwrap_err().starts_with("the structure has spin 2, but"));
    }
}
