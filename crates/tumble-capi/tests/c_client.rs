//! The C interface to the force server, through a C program against a scripted server.

#[path = "../../../tests/support/cc.rs"]
mod cc;
#[path = "../../../tests/support/scripted_server.rs"]
mod scripted_server;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use scripted_server::{Script, ScriptedServer, error, greeting, results, structure};

/// 1 Å in Bohr, i-PI's value.
const ANGSTROM: f64 = 1.8897261;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The program of `tests/c/client.c`.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| cc::c("tests/c/client.c", "tumble-c-client"))
}

/// Runs the program, under valgrind if installed, and returns its output.
fn run(arguments: [&str; 2], before_input: impl FnOnce()) -> String {
    let mut command = cc::watched(program());
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    before_input();
    child.stdin.take().unwrap().write_all(b"\n").ok();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}: {text}", output.status);
    text
}

fn molecule() -> Vec<u8> {
    let (a, unit) = (ANGSTROM, 1.0 / ANGSTROM);
    let positions = [0.0, 0.0, 0.0, a, 0.0, 0.0, 0.0, 2.0 * a, -a];
    structure([0.0; 9], [unit, 0.0, 0.0, 0.0, unit, 0.0, 0.0, 0.0, unit], &positions)
}

fn crystal() -> Vec<u8> {
    let columns = [2.0, 1.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 5.0].map(|x| x * ANGSTROM);
    let inverse = [0.5, -0.125, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.2].map(|x| x * (1.0 / ANGSTROM));
    let positions = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, -1.0].map(|x| x * ANGSTROM);
    structure(columns, inverse, &positions)
}

#[test]
fn c_program_gets_energy_forces_virial_and_extras() {
    let forces = [0.5, 0.0, 0.0, 0.0, -0.25, 0.0, 0.0, 0.0, 2.0];
    let virial = [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0];
    let script: Script = vec![
        greeting("species: O H2, rotate: octahedral, seed: 1"),
        (crystal(), results(-1.0, &forces, virial, r#"{"evaluations":24,"o3grid_pots":[-1.0]}"#)),
        (molecule(), results(-1.0, &forces, virial, "")),
        (molecule(), error("atoms 1 and 2 coincide")),
    ];
    let fake = ScriptedServer::start(script, true);
    let address = fake.address();
    let found = run(["evaluated", &address], || ());
    let expected = format!(
        "no positions: \"the argument positions is NULL: give three coordinates for each atom, in Å\"\n\
         extras \"\"\n\
         energy -27.211383, f1x 25.711031, f3z 102.844123, wyz 136.056917\n\
         extras {{\"evaluations\":24,\"replica_energies\":[-27.211383414215543]}}\n\
         nothing wanted: \"\"\n\
         refused: \"the force server refused: atoms 1 and 2 coincide\"\n\
         energy -27.211383\n\
         dead: \"the connection to the server at {address} broke: an earlier error ended it: connect again\"\n"
    );
    assert_eq!(found, expected);
    assert!(fake.rest().is_empty());
}

#[test]
fn wrong_arguments_are_errors_and_do_not_crash() {
    let unknown = "the argument options cannot be used: the key";
    let keys = "rotate, inversion, seed, stream, step, forces, correction, charge, spin, field and token";
    let client = "\"the argument client is NULL: open one with tumble_open\"";
    let expected = format!(
        "no address: \"the argument address is NULL: give unix:PATH or tcp:HOST:PORT\"\n\
         no atoms: \"the argument n_atoms is 0: give at least one atom\"\n\
         no species: \"the argument species is NULL: give the atomic number of each atom\"\n\
         negative species: \"the argument species has -3 for atom 1: give numbers from 1 to 118\"\n\
         no such address: \"the address \"nowhere\" is neither unix:PATH nor tcp:HOST:PORT\"\n\
         no text: \"the argument options is not UTF-8 text\"\n\
         species twice: \"{unknown} \"species\" is unknown: the keys are {keys}\"\n\
         batches: \"{unknown} \"batch_size\" is unknown: the keys are {keys}\"\n\
         twice: \"{unknown} \"seed\" is given twice: leave one of them out\"\n\
         no client: {client}\n\
         no client for extras: {client}\n\
         nothing closed: \"\"\n"
    );
    assert_eq!(run(["refused", "unix:/nonexistent/s"], || ()), expected);
}

#[test]
fn closed_server_is_an_error_and_no_signal() {
    let fake = ScriptedServer::start(vec![greeting("species: O H2")], true);
    let address = fake.address();
    let found = run(["left", &address], || assert!(fake.rest().is_empty()));
    assert_eq!(
        found,
        format!("gone: \"the connection to the server at {address} broke: Broken pipe (os error 32)\"\n")
    );
}

#[test]
fn version_equals_the_version_of_the_crate() {
    assert_eq!(run(["version", ""], || ()), format!("{}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn header_compiles_as_cpp() {
    let mut compiler = Command::new("c++");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-std=c++11", "-fsyntax-only", "-x", "c++"]);
    assert!(compiler.arg(format!("{ROOT}/include/tumble.h")).status().unwrap().success());
}
