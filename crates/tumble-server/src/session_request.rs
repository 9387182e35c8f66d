//! The `INIT` of a simulation: parsing it, and granting a session within the server's limits.

use std::sync::Arc;

use tumble_core::echo::echo;
use tumble_core::error::Result;
use tumble_core::policy::Policy;
use tumble_core::potential::ModelInfo;
use tumble_core::settings::frontend::{given, listed, names};
use tumble_core::settings::{Frontend, Given, Settings};
use tumble_ipi::init::{batch, check_once, pairs, species, value};
use tumble_ipi::message::Transport;
use tumble_ipi::options::{self, STEP};

use crate::scheduler::SessionConfig;

/// Keys of an `INIT` other than settings, with their positions in the list of keys.
const EXTRA_KEYS: [(u8, &str); 5] = [(0, "species"), STEP, (8, "beads"), (9, "batch_size"), (10, "token")];

/// The answer to a wrong token.
pub(super) const WRONG_TOKEN: &str = "the token is wrong or missing: give the one that the server was started with";

/// Limits and defaults of a session.
#[derive(Clone, Debug)]
pub struct SessionLimits {
    /// The most atoms per message, over all of its structures.
    pub max_atoms: usize,
    /// The most rotations per structure.
    pub max_rotations: usize,
    /// The token that every `INIT` must contain, if any.
    pub token: Option<String>,
    /// Defaults of settings missing in the `INIT`.
    pub settings: Settings,
}

/// A parsed `INIT`.
struct InitRequest<'a> {
    species: Option<Vec<u8>>,
    given: Vec<Given<'a>>,
    first_step: u64,
    beads: Option<u64>,
    batch: usize,
}

impl SessionLimits {
    /// The longest `INIT` of a structure of `max_atoms` atoms, bytes: "Xx1 " per atom, and the other keys.
    pub fn max_text(&self) -> usize {
        4096 + 4 * self.max_atoms
    }

    /// Whether an `INIT` contains the token, if one is required.
    pub fn admits(&self, text: &str) -> bool {
        let found = value(text, "token").unwrap_or_default();
        self.token.as_ref().is_none_or(|expected| constant_time_eq(expected, found))
    }

    /// Grants the session that an `INIT` asks for.
    ///
    /// # Errors
    /// A sentence for the peer. Without the right token it says nothing else.
    pub fn accept_init(&self, text: &str, info: &ModelInfo) -> Result<SessionConfig, String> {
        if !self.admits(text) {
            return Err(WRONG_TOKEN.into());
        }
        let request = InitRequest::read(text, self)?;
        let species = request.species.filter(|species| !species.is_empty());
        let species = species.ok_or("the INIT names no species: add, for instance, species: O H2")?;
        let atoms = species.len().saturating_mul(request.batch);
        if atoms > self.max_atoms {
            return Err(format!("{atoms} atoms per message exceed the server's limit of {}", self.max_atoms));
        }
        info.check_species(&species).map_err(|error| error.to_string())?;
        let policy = self.policy(&request.given, info).map_err(|error| error.to_string())?;
        info.check_conditions(&policy.conditions).map_err(|error| error.to_string())?;
        let (rotations, most) = (policy.mitigation.evaluations(), self.max_rotations);
        if rotations > most {
            return Err(format!("{rotations} rotations per structure exceed the server's limit of {most}"));
        }
        let beads = request.beads.unwrap_or(request.batch as u64);
        Ok(SessionConfig {
            species,
            batch: request.batch,
            transport: Transport::Socket,
            periodic: None,
            policy,
            streams: beads as u32,
            beads,
            first_step: request.first_step,
            counter: Arc::default(),
        })
    }

    fn policy(&self, given: &[Given], info: &ModelInfo) -> Result<Policy> {
        let mut settings = self.settings.clone();
        settings.take(given)?;
        Policy::new(&settings, info)
    }
}

impl<'a> InitRequest<'a> {
    fn read(text: &'a str, session_limits: &SessionLimits) -> Result<Self, String> {
        check_once(text)?;
        let mut request = Self {
            species: None,
            given: vec![],
            first_step: 0,
            beads: None,
            batch: batch(text, session_limits.max_atoms)?,
        };
        pairs(text).try_for_each(|(key, value)| request.take(key, value, session_limits))?;
        Ok(request)
    }

    fn take(&mut self, key: &str, value: &'a str, session_limits: &SessionLimits) -> Result<(), String> {
        match key {
            "species" => self.species = Some(species(value, session_limits.max_atoms)?),
            "step" => self.first_step = options::step(value)?,
            "beads" => self.beads = Some(beads(value)?),
            // Both are read elsewhere.
            "token" | "batch_size" => {}
            _ => self.given.push(given(Frontend::Init, key, value)?.ok_or_else(|| unknown(key))?),
        }
        Ok(())
    }
}

fn unknown(key: &str) -> String {
    let known = listed(&names(Frontend::Init, &EXTRA_KEYS));
    format!("the INIT has the unknown key \"{}\": the keys are {known}", echo(key))
}

fn beads(value: &str) -> Result<u64, String> {
    let beads = value.parse().ok().filter(|&beads: &u16| beads > 0);
    let beads = beads.ok_or_else(|| format!("beads is \"{}\": give a whole number from 1 to 65535", echo(value)))?;
    Ok(beads.into())
}

/// Compares in constant time, so that the duration does not reveal a matching prefix.
fn constant_time_eq(expected: &str, found: &str) -> bool {
    let pairs = expected.bytes().zip(found.bytes());
    expected.len() == found.len() && pairs.fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
