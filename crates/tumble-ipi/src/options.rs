//! Settings as a text of pairs: `rotate: octahedral, inversion: yes, seed: 1`.

use tumble_core::echo::echo;
use tumble_core::error::Result;
use tumble_core::settings::frontend::{given, listed, names};
use tumble_core::settings::{Frontend, Given, MAX_STEP, Settings};

use crate::init::{check_once, pairs};

/// The key of the step number, not a setting, with its position in the list of keys.
pub const STEP: (u8, &str) = (5, "step");

/// Parsed options; their keys and the syntax of their values are checked.
#[derive(Debug)]
pub struct Options<'a> {
    given: Vec<Given<'a>>,
    /// Step number of the first structure.
    pub step: u64,
}

impl<'a> Options<'a> {
    /// Reads a text, before the model is loaded.
    ///
    /// # Errors
    /// A sentence.
    pub fn read(text: &'a str) -> Result<Self, String> {
        check_once(text)?;
        let mut options = Self { given: vec![], step: 0 };
        pairs(text).try_for_each(|(key, value)| options.add(key, value))?;
        Ok(options)
    }

    fn add(&mut self, key: &str, value: &'a str) -> Result<(), String> {
        if key == STEP.1 {
            self.step = step(value)?;
            return Ok(());
        }
        let keys = || listed(&names(Frontend::CApi, &[STEP]));
        let pair = given(Frontend::CApi, key, value)?;
        self.given.push(pair.ok_or_else(|| format!("the key \"{}\" is unknown: the keys are {}", echo(key), keys()))?);
        Ok(())
    }

    /// The settings: the defaults, overridden by the options.
    ///
    /// # Errors
    /// Errors of [`Settings::take`].
    pub fn settings(&self) -> Result<Settings> {
        let mut settings = Settings::default();
        settings.take(&self.given)?;
        Ok(settings)
    }
}

/// Parses the number of a step.
///
/// # Errors
/// A sentence.
pub fn step(value: &str) -> Result<u64, String> {
    let number = value.parse().ok().filter(|&step: &u64| step <= MAX_STEP);
    number.ok_or_else(|| format!("step is \"{}\": give a whole number from 0 to {MAX_STEP}", echo(value)))
}

#[cfg(test)]
mod tests {
    use tumble_core::execution::Device;
    use tumble_core::potential::Forces;

    use super::*;

    fn parse(text: &str) -> Result<(Settings, u64), String> {
        let options = Options::read(text)?;
        Ok((options.settings().unwrap(), options.step))
    }

    #[test]
    fn every_key_reaches_its_setting() {
        let text = "rotate: random:10, inversion: yes, seed: 1, stream: 2, step: 3, forces: direct, correction: yes, \
                    threads: 4, memory: 512, device: cuda, onnxruntime: /opt/ort, tf32: yes, sha256: ";
        let hash = "0123456789abcdef".repeat(4);
        let (found, step) = parse(&format!("{text}{}", hash.to_uppercase())).unwrap();
        assert_eq!(
            (found.mitigation.name(), found.mitigation.inversion(), found.seed, found.stream),
            ("random:10", true, 1, 2)
        );
        assert_eq!((found.forces, found.correction, found.threads), (Some(Forces::Direct), true, 4));
        assert_eq!((found.memory_mb, found.device, step), (512, Device::Cuda, 3));
        assert_eq!(found.library.as_deref(), Some(std::path::Path::new("/opt/ort")));
        assert_eq!((found.sha256, found.tf32), (Some(hash), true));
    }

    #[test]
    fn missing_keys_have_their_defaults() {
        let (found, step) = parse("").unwrap();
        let expected = Settings::default();
        assert_eq!((found.mitigation, found.threads, found.memory_mb), (expected.mitigation, 1, expected.memory_mb));
        assert_eq!((found.forces, step), (None, 0));
    }

    #[test]
    fn unknown_keys_and_values_are_refused() {
        let error = |text: &str| parse(text).unwrap_err();
        assert!(error("rotation: none").starts_with("the key \"rotation\" is unknown: the keys are rotate, "));
        assert_eq!(error("inversion: maybe"), "inversion is \"maybe\": give yes or no");
        assert_eq!(error("threads: 0"), "threads is \"0\": give a whole number from 1 to 1000000");
        assert_eq!(error("seed: -1"), "seed is \"-1\": give a whole number from 0 to 18446744073709551615");
        assert_eq!(
            error("sha256: c0ffee"),
            "sha256 is \"c0ffee\": give the 64 hexadecimal digits that tumble info shows"
        );
        assert_eq!(error("stream: 65536"), "stream is \"65536\": give a whole number from 0 to 65535");
        let expected = "step is \"9223372036854775808\": give a whole number from 0 to 9223372036854775807";
        assert_eq!(error("step: 9223372036854775808"), expected);
        assert_eq!(error("species: H3").split(':').next(), Some("the key \"species\" is unknown"));
        assert_eq!(error("seed: 1, rotate: none, seed: 1"), "the key \"seed\" is given twice: leave one of them out");
        assert_eq!(error("device: tpu"), "device is \"tpu\": give cpu or cuda");
    }

    #[test]
    fn long_texts_are_cut_in_sentences() {
        let long = "a".repeat(100_000);
        for text in [long.clone(), format!("{long}, {long}"), format!("threads: {long}"), format!("step: {long}")] {
            let sentence = parse(&text).unwrap_err();
            assert!(sentence.contains("aaa...\"") && sentence.len() < 300, "{sentence}");
        }
    }
}
