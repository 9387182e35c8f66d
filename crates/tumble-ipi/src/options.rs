//! Settings as a text of pairs: `rotate: octahedral, inversion: yes, seed: 1`.

use std::str::FromStr;

use tumble_core::execution::Device;
use tumble_core::hash::Hash;
use tumble_core::potential::Forces;
use tumble_core::settings::{MAX_STEP, Settings};

use crate::init::{check_once, pairs};

const KEYS: &str = "rotate, inversion, seed, stream, step, forces, correction, threads, memory, device, \
                    onnxruntime, sha256 and tf32";

/// Settings, and the number of the first structure, for a model that is still to be loaded.
///
/// # Errors
/// A sentence.
pub fn parse(text: &str) -> Result<(Settings, u64), String> {
    check_once(text)?;
    let (mut settings, mut step) = (Settings::default(), 0);
    for (key, value) in pairs(text) {
        match key {
            "step" => step = self::step(value)?,
            _ if running(&mut settings, key, value)? || asked(&mut settings, key, value)? => {}
            _ => return Err(format!("the key \"{key}\" is unknown: the keys are {KEYS}")),
        }
    }
    Ok((settings, step))
}

/// Takes in what a simulation can ask of a model that runs already; whether the key is one of these.
///
/// # Errors
/// A sentence.
pub fn asked(settings: &mut Settings, key: &str, value: &str) -> Result<bool, String> {
    match key {
        "rotate" => settings.mitigation = value.into(),
        "inversion" => settings.inversion = yes(key, value)?,
        "correction" => settings.correction = yes(key, value)?,
        "seed" => settings.seed = number(key, value)?,
        "stream" => settings.stream = number::<u16>(key, value)?.into(),
        "forces" => settings.forces = Some(kind(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Takes in how a model is to be run; whether the key is one of these.
fn running(settings: &mut Settings, key: &str, value: &str) -> Result<bool, String> {
    match key {
        "threads" => settings.threads = positive(key, value)?,
        "memory" => settings.memory_mb = positive(key, value)?,
        "device" => settings.device = device(value)?,
        "onnxruntime" => settings.library = Some(value.into()),
        "tf32" => settings.tf32 = yes(key, value)?,
        "sha256" => settings.sha256 = Some(hash(value)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn yes(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{key} is \"{value}\": give yes or no")),
    }
}

/// A whole number that is not negative.
///
/// # Errors
/// A sentence.
pub fn number<T: FromStr>(key: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{key} is \"{value}\": give a whole number, not negative and not too large"))
}

/// The number of a step.
///
/// # Errors
/// A sentence.
pub fn step(value: &str) -> Result<u64, String> {
    let number = value.parse().ok().filter(|&step: &u64| step <= MAX_STEP);
    number.ok_or_else(|| format!("step is \"{value}\": give a whole number from 0 to {MAX_STEP}"))
}

fn positive(key: &str, value: &str) -> Result<usize, String> {
    // A million threads or terabytes: more is a mistake, and must not overflow as bytes.
    let number = value.parse().ok().filter(|number: &usize| (1..=1_000_000).contains(number));
    number.ok_or_else(|| format!("{key} is \"{value}\": give a whole number from 1 to 1000000"))
}

fn kind(value: &str) -> Result<Forces, String> {
    Forces::named(value).ok_or_else(|| format!("forces is \"{value}\": give conservative or direct"))
}

fn hash(value: &str) -> Result<String, String> {
    Hash::parse(value).map(|hash| hash.to_string()).map_err(|problem| format!("sha256 {problem}"))
}

fn device(value: &str) -> Result<Device, String> {
    Device::named(value).ok_or_else(|| format!("device is \"{value}\": give cpu or cuda"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_reaches_its_setting() {
        let text = "rotate: random:10, inversion: yes, seed: 1, stream: 2, step: 3, forces: direct, correction: yes, \
                    threads: 4, memory: 512, device: cuda, onnxruntime: /opt/ort, tf32: yes, sha256: ";
        let hash = "0123456789abcdef".repeat(4);
        let (found, step) = parse(&format!("{text}{}", hash.to_uppercase())).unwrap();
        assert_eq!((found.mitigation.as_str(), found.inversion, found.seed, found.stream), ("random:10", true, 1, 2));
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
        assert_eq!(error("seed: -1"), "seed is \"-1\": give a whole number, not negative and not too large");
        assert_eq!(
            error("sha256: c0ffee"),
            "sha256 is \"c0ffee\": give the 64 hexadecimal digits that tumble info shows"
        );
        assert_eq!(error("stream: 65536"), "stream is \"65536\": give a whole number, not negative and not too large");
        let expected = "step is \"9223372036854775808\": give a whole number from 0 to 9223372036854775807";
        assert_eq!(error("step: 9223372036854775808"), expected);
        assert_eq!(error("species: H3").split(':').next(), Some("the key \"species\" is unknown"));
        assert_eq!(error("seed: 1, rotate: none, seed: 1"), "the key \"seed\" is given twice: leave one of them out");
        assert_eq!(error("device: tpu"), "device is \"tpu\": give cpu or cuda");
    }
}
