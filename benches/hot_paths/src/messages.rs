//! Decoding of messages of 192 atoms.

use std::hint::black_box;

use tumble_core::Settings;
use tumble_core::System;
use tumble_core::analytic::PairToy;
use tumble_core::potential::Potential;
use tumble_ipi::message::{self, Answer, Layout, Positions, Request, Transport};
use tumble_ipi::wire::Structure;
use tumble_server::SessionLimits;

use super::{CUTOFF, Unit, structures};

/// POSDATA to a structure in Å.
pub fn positions() -> Unit {
    let System { cell, positions, .. } = structures::water(1);
    let mut bytes = vec![];
    message::put_positions(&Structure { cell: *cell.vectors(), positions }, &mut bytes);
    Box::new(move || {
        let read = message::request(black_box(&bytes), &Layout::plain(192));
        let Ok(Some((Request::Positions(Positions::Inline(inline)), _))) = read else { panic!("it is a POSDATA") };
        inline.structures().for_each(|structure| drop(black_box(structure)));
    })
}

/// FORCEREADY to energy, forces and virial in eV and Å.
pub fn forces() -> Unit {
    let forces = structures::water(1).positions;
    let answer = Answer { energy: -1.0, forces, virial: [[0.5; 3]; 3], extras: r#"{"spread": 0.01}"#.into() };
    let mut bytes = vec![];
    message::put_answers(&[answer], Transport::Socket, &mut bytes);
    Box::new(move || {
        let read = message::reply(black_box(&bytes), &Layout::plain(192));
        black_box(read).expect("it is a FORCEREADY");
    })
}

/// INIT to the settings of a session.
pub fn init() -> Unit {
    let info = PairToy::new(CUTOFF, 1.0).info().clone();
    let terms = SessionLimits {
        max_atoms: 1000,
        max_rotations: 100,
        token: Some("1234".into()),
        settings: Settings::default(),
    };
    let text = format!("species: {}, rotate: octahedral, inversion: yes, seed: 7, token: 1234", "O H2 ".repeat(64));
    Box::new(move || {
        black_box(terms.accept_init(black_box(&text), &info)).expect("it is within the terms");
    })
}
