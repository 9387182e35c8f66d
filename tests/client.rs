//! The client of the force server, against a scripted server.

#[allow(dead_code)]
#[path = "support/scripted_server.rs"]
mod scripted_server;

use std::time::Duration;

use scripted_server::{Script, ScriptedServer, error, greeting, results, structure};
use tumble_ipi::client::{Client, ClientSettings};

/// i-PI's value.
const ANGSTROM: f64 = 1.8897261;
const ELECTRON_VOLT: f64 = 0.036749326;

const OPTIONS: &str = "stream: 0, step: 0";
const ZERO: [f64; 9] = [0.0; 9];
const MOLECULE: [[f64; 3]; 3] = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 2.0, -1.0]];
const CLOSED: &str = "broke: the server has closed it";

fn settings() -> ClientSettings {
    ClientSettings { species: vec![8, 1, 1], ..ClientSettings::default() }
}

fn hello() -> (Vec<u8>, Vec<u8>) {
    greeting(&format!("species: O H2, {OPTIONS}"))
}

/// A molecule as sent: a singular cell is sent with the inverse of a cube of 1 Å.
fn molecule() -> Vec<u8> {
    let unit = 1.0 / ANGSTROM;
    let a = ANGSTROM;
    structure(ZERO, [unit, 0.0, 0.0, 0.0, unit, 0.0, 0.0, 0.0, unit], &[0.0, 0.0, 0.0, a, 0.0, 0.0, 0.0, 2.0 * a, -a])
}

fn connect(script: Script, closes: bool) -> (ScriptedServer, tumble_ipi::Result<Client>) {
    let fake = ScriptedServer::start(script, closes);
    let client = Client::connect(&fake.address().parse().unwrap(), &settings());
    (fake, client)
}

#[test]
fn a_structure_goes_out_and_its_results_come_back_in_ev_and_angstrom() {
    let virial = [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0];
    let forces = [0.5, 0.0, 0.0, 0.0, -0.25, 0.0, 0.0, 0.0, 2.0];
    let answer = (molecule(), results(-1.0, &forces, virial, r#"{"evaluations":1}"#));
    let (fake, client) = connect(vec![hello(), answer], false);
    let answer = client.unwrap().evaluate(None, &MOLECULE).unwrap();
    assert_eq!(answer.energy, -1.0 / ELECTRON_VOLT);
    assert!((answer.energy + 27.2114).abs() < 1e-4);
    assert!((answer.forces[0][0] - 0.5 * 51.4221).abs() < 1e-3);
    assert!((answer.forces[1][1] + 0.25 * 51.4221).abs() < 1e-3);
    assert!((answer.virial[1][2] - 5.0 * 27.2114).abs() < 1e-3);
    assert_eq!(answer.extras, r#"{"evaluations":1}"#);
    assert_eq!(fake.rest(), b"EXIT        ");
}

#[test]
fn rows_of_a_cell_travel_as_columns_and_one_connection_takes_many_structures() {
    let cell = [[2.0, 0.0, 0.0], [1.0, 4.0, 0.0], [0.0, 0.0, 5.0]];
    let columns = [2.0, 1.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 5.0].map(|x| x * ANGSTROM);
    let inverse = [0.5, -0.125, 0.0, 0.0, 0.25, 0.0, 0.0, 0.0, 0.2].map(|x| x * (1.0 / ANGSTROM));
    let positions = MOLECULE.as_flattened().iter().map(|x| x * ANGSTROM).collect::<Vec<_>>();
    // More extras than fit into the buffer.
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(100_000));
    let answers = [(&*long, 1.0), ("", 2.0), ("{}", 3.0)];
    let exchange =
        |(extras, energy)| (structure(columns, inverse, &positions), results(energy, &[0.0; 9], ZERO, extras));
    let (_fake, client) = connect([hello()].into_iter().chain(answers.map(exchange)).collect(), false);
    let mut client = client.unwrap();
    for (extras, energy) in answers {
        let answer = client.evaluate(Some(&cell), &MOLECULE).unwrap();
        assert_eq!((&*answer.extras, answer.energy), (extras, energy / ELECTRON_VOLT));
    }
}

#[test]
fn a_wrong_number_of_positions_is_refused_before_sending() {
    let (fake, client) = connect(vec![hello()], false);
    let mut client = client.unwrap();
    let refused = client.evaluate(None, &MOLECULE[..2]).unwrap_err().to_string();
    assert_eq!(refused, "the structure has 2 positions but 3 species: give one of each per atom");
    drop(client);
    assert_eq!(fake.rest(), b"EXIT        ");
}

#[test]
fn a_refusal_is_shown_and_ends_the_connection() {
    let (fake, client) = connect(vec![hello(), (molecule(), error("atoms 1 and 2 coincide"))], true);
    let mut client = client.unwrap();
    let refused = client.evaluate(None, &MOLECULE).unwrap_err().to_string();
    assert_eq!(refused, "the force server refused: atoms 1 and 2 coincide");
    let dead = client.evaluate(None, &MOLECULE).unwrap_err().to_string();
    let address = fake.address();
    let expected = "broke: an earlier error ended it: connect again";
    assert_eq!(dead, format!("the connection to the server at {address} {expected}"));
    fake.rest();
}

#[test]
fn a_refusal_of_the_options_is_shown() {
    let reply = [b"NEEDINIT    ", &error("the token is wrong")[..]].concat();
    let (_fake, client) = connect(vec![(hello().0, reply)], true);
    assert_eq!(client.unwrap_err().to_string(), "the force server refused: the token is wrong");
}

#[test]
fn a_refusal_is_shown_even_if_it_comes_before_the_request() {
    let mut first = hello();
    first.1.extend(error("the server is going down"));
    let (fake, client) = connect(vec![first], true);
    let mut client = client.unwrap();
    fake.rest();
    let refused = client.evaluate(None, &MOLECULE).unwrap_err().to_string();
    assert_eq!(refused, "the force server refused: the server is going down");
}

#[test]
fn a_closed_connection_is_an_error() {
    let (fake, client) = connect(vec![hello(), (molecule(), b"FORCEREADY  ".to_vec())], true);
    let gone = client.unwrap().evaluate(None, &MOLECULE).unwrap_err().to_string();
    assert_eq!(gone, format!("the connection to the server at {} {CLOSED}", fake.address()));
}

#[test]
fn a_missing_server_is_an_error() {
    let address = "unix:/nonexistent/s".parse().unwrap();
    let missing = Client::connect(&address, &settings()).unwrap_err().to_string();
    let expected = "cannot connect to unix:/nonexistent/s: No such file or directory (os error 2): is the server \
                    running there?";
    assert_eq!(missing, expected);
}

#[test]
fn a_server_of_another_protocol_is_an_error() {
    let faults = [
        ("HAVEDATA    ", "sent HAVEDATA where NEEDINIT was due: check that it is a force server of tumble"),
        (
            "HTTP/1.1 400 Bad Request",
            "sent \"HTTP/1.1 400\" where the header NEEDINIT, READY, HAVEDATA, FORCEREADY or ERROR was expected: check \
             that it speaks i-PI's protocol",
        ),
    ];
    for (reply, fault) in faults {
        let (fake, client) = connect(vec![(hello().0, reply.into())], true);
        assert_eq!(client.unwrap_err().to_string(), format!("the server at {} {fault}", fake.address()));
    }
}

#[test]
fn a_wrong_number_of_forces_is_an_error() {
    let (fake, client) = connect(vec![hello(), (molecule(), results(0.0, &[0.0; 6], ZERO, ""))], true);
    let fault = client.unwrap().evaluate(None, &MOLECULE).unwrap_err().to_string();
    let expected = "sent 2 atoms where 3 were expected: give the same structure on both sides, and shared memory to both or neither";
    assert_eq!(fault, format!("the server at {} {expected}", fake.address()));
}

#[test]
fn a_timeout_ends_the_wait_for_an_answer() {
    let fake = ScriptedServer::start(vec![hello()], false);
    let settings = ClientSettings { timeout: Some(Duration::from_millis(50)), ..settings() };
    let mut client = Client::connect(&fake.address().parse().unwrap(), &settings).unwrap();
    let late = client.evaluate(None, &MOLECULE).unwrap_err().to_string();
    assert_eq!(late, format!("the connection to the server at {} broke: no answer within 50ms", fake.address()));
}
