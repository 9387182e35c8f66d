//! The check of settings for all front ends: values out of range, contradictions, and settings without effect.

use crate::error::{Error, Result};
use crate::potential::{Forces, ModelInfo};
use crate::settings::table::SETTINGS;
use crate::settings::{Settings, Value};

impl Settings {
    /// Refuses values out of range, contradictions, and settings without effect, as far as they are known without the
    /// model.
    ///
    /// `seed` and `stream` are accepted without random rotations, and `inner` with the same kind as `forces`, as
    /// scripts that loop over mitigations or kinds of forces always give them.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::SettingValue`].
    pub fn check(&self) -> Result<()> {
        self.check_ranges()?;
        self.running().check()?;
        self.check_together(self.forces)
    }

    /// Checks the settings for a model. Its preferred kind of forces is taken if the settings name none.
    ///
    /// # Errors
    /// As [`Settings::check`].
    pub fn check_for(&self, info: &ModelInfo) -> Result<()> {
        self.check()?;
        self.check_together(self.forces.or(info.forces.first().copied()))?;
        match self.inner {
            Some(inner) if info.forces.len() == 1 => {
                let problem =
                    format!("changes nothing: the model \"{}\" gives no other forces: leave it out", info.name);
                Err(refused("inner", inner.name(), problem))
            }
            _ => Ok(()),
        }
    }

    /// Checks the numbers, which a program may have set directly.
    fn check_ranges(&self) -> Result<()> {
        let numbers = SETTINGS.iter().filter(|setting| matches!(setting.value, Value::Whole { .. }));
        let mut given = numbers.filter_map(|setting| Some((setting, (setting.show)(self)?)));
        given.try_for_each(|(setting, number)| setting.check(&number))
    }

    /// Checks for contradictions and settings without effect. `forces` is the kind of forces, if it is known.
    fn check_together(&self, forces: Option<Forces>) -> Result<()> {
        let Self { ref mitigation, inner, every, correction, .. } = *self;
        let steps = every > 1;
        // Direct forces corrected by conservative ones need no rotations.
        let differs = mitigation.evaluations() > 1
            || mitigation.is_random()
            || inner.is_some() && (forces.is_none() || inner != forces);
        let problem = |name, value: String, problem: &str| Err(refused(name, value, problem));
        match inner {
            _ if steps && correction => problem("every", every.to_string(), EVERY_WITH_CORRECTION),
            _ if steps && !differs => problem("every", every.to_string(), EVERY_WITHOUT_ROTATE),
            _ if correction && !differs => problem("correction", "yes".into(), CORRECTION_WITHOUT_ROTATE),
            Some(inner) if !steps && !correction => problem("inner", inner.name().into(), INNER_ALONE),
            _ => Ok(()),
        }
    }
}

const EVERY_WITH_CORRECTION: &str = "contradicts correction yes, which leaves the time stepping to the host program \
                                     (run_style respa in LAMMPS, nmts in i-PI): leave one of them out";
const EVERY_WITHOUT_ROTATE: &str = "changes nothing without rotations: all steps are bare: give rotate, inversion yes or \
                                    another kind of inner forces, or leave it out";
// Only LAMMPS has the keyword `inner`.
const CORRECTION_WITHOUT_ROTATE: &str = "is zero without rotations, as it is averaged minus bare: give rotate or \
                                         inversion yes (in LAMMPS also another kind of inner forces), or leave it out";
const INNER_ALONE: &str = "changes nothing without every (2 or more) or correction yes, which evaluate the bare model \
                           beside the average: give one of them, or leave it out";

fn refused(name: &'static str, value: impl ToString, problem: impl Into<String>) -> Error {
    Error::Setting { name, value: value.to_string(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytic::{HarmonicToy, Legendre};
    use crate::policy::Policy;
    use crate::potential::Potential;
    use crate::settings::{MAX_STREAM, MOST};

    fn settings(rotate: &str) -> Settings {
        Settings { mitigation: rotate.parse().unwrap(), ..Settings::default() }
    }

    fn sentence(settings: &Settings) -> String {
        settings.check().unwrap_err().to_string()
    }

    fn harmonic() -> ModelInfo {
        HarmonicToy::new(3.0, &[(1, 1.0)], Legendre { l2: 0.2, ..Legendre::default() }).info().clone()
    }

    fn both() -> ModelInfo {
        ModelInfo { forces: vec![Forces::Conservative, Forces::Direct], ..harmonic() }
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let plain = || settings("octahedral");
        for every in [0, u64::MAX] {
            let expected = format!("every is \"{every}\": give a whole number from 1 to 1000000");
            assert_eq!(sentence(&Settings { every, ..plain() }), expected);
        }
        for threads in [0, MOST + 1, usize::MAX] {
            let expected = format!("threads is \"{threads}\": give a whole number from 1 to 1000000");
            assert_eq!(sentence(&Settings { threads, ..plain() }), expected);
        }
        for memory_mb in [0, usize::MAX] {
            let expected = format!("memory is \"{memory_mb}\": give a whole number from 1 to 1000000");
            assert_eq!(sentence(&Settings { memory_mb, ..plain() }), expected);
        }
        let expected = "stream is \"65536\": give a whole number from 0 to 65535";
        assert_eq!(sentence(&Settings { stream: MAX_STREAM + 1, ..plain() }), expected);
    }

    #[test]
    fn contradictions_are_refused_before_a_model_is_known() {
        let direct = Some(Forces::Direct);
        let cases = [
            (
                Settings { every: 4, correction: true, ..settings("octahedral") },
                "every 4 contradicts correction yes, which leaves the time stepping to the host program (run_style \
                 respa in LAMMPS, nmts in i-PI): leave one of them out",
            ),
            (
                Settings { every: 4, ..settings("none") },
                "every 4 changes nothing without rotations: all steps are bare: give rotate, inversion yes or another \
                 kind of inner forces, or leave it out",
            ),
            (
                Settings { correction: true, ..settings("none") },
                "correction yes is zero without rotations, as it is averaged minus bare: give rotate or inversion yes (in \
                 LAMMPS also another kind of inner forces), or leave it out",
            ),
            (
                Settings { tf32: true, ..settings("octahedral") },
                "tf32 yes is for products on a GPU, but the device is cpu: choose the device cuda, or leave tf32 out",
            ),
            (
                Settings { inner: direct, ..settings("octahedral") },
                "inner direct changes nothing without every (2 or more) or correction yes, which evaluate the bare \
                 model beside the average: give one of them, or leave it out",
            ),
        ];
        for (settings, expected) in cases {
            assert_eq!(sentence(&settings), expected);
        }
        let same = Settings { inner: direct, forces: direct, every: 2, ..settings("none") };
        assert!(sentence(&same).starts_with("every 2 changes nothing"));
    }

    #[test]
    fn contradictions_with_the_model_are_refused() {
        let preferred = Settings { inner: Some(Forces::Conservative), every: 2, ..settings("none") };
        preferred.check().unwrap();
        let error = preferred.check_for(&both()).unwrap_err().to_string();
        assert!(error.starts_with("every 2 changes nothing without rotations"), "{error}");
        let only = Settings { inner: Some(Forces::Conservative), every: 2, ..settings("octahedral") };
        only.check_for(&both()).unwrap();
        assert_eq!(
            only.check_for(&harmonic()).unwrap_err().to_string(),
            "inner conservative changes nothing: the model \"harmonic toy\" gives no other forces: leave it out"
        );
        assert!(Policy::new(&only, &harmonic()).is_err());
    }

    #[test]
    fn meaningful_combinations_are_accepted() {
        let direct = Some(Forces::Direct);
        let octahedral = || settings("octahedral");
        let accepted = [
            Settings { seed: 7, stream: 3, ..octahedral() },
            Settings { seed: 7, stream: 3, ..settings("none") },
            Settings { every: 4, ..settings("none+inversion") },
            Settings { correction: true, ..settings("none+inversion") },
            Settings { every: 4, ..settings("random") },
            Settings { every: 4, inner: direct, ..settings("none") },
            Settings { correction: true, inner: direct, ..settings("none") },
            Settings { correction: true, ..octahedral() },
            Settings {
                every: 4,
                inner: Some(Forces::Conservative),
                forces: Some(Forces::Conservative),
                ..octahedral()
            },
            Settings {
                seed: u64::MAX,
                every: MOST as u64,
                threads: MOST,
                memory_mb: MOST,
                stream: MAX_STREAM,
                ..octahedral()
            },
        ];
        for settings in accepted {
            settings.check_for(&both()).unwrap();
        }
    }
}
