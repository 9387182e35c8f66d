//! The client with `tumble serve`: results through the socket equal those of the library.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tumble_core::Cell;
use tumble_core::Evaluation;
use tumble_core::Mitigation;
use tumble_core::Settings;
use tumble_core::System;
use tumble_core::potential::Forces;
use tumble_engine::load;
use tumble_ipi::client::{Client, ClientSettings};

const POSITIONS: [[f64; 3]; 4] = [[0.1, 0.0, 0.2], [1.0, 0.1, -0.1], [0.2, 1.1, 0.9], [-0.7, 0.3, 0.8]];
const SPECIES: [u8; 4] = [8, 1, 1, 8];
const CELL: [[f64; 3]; 3] = [[5.0, 0.0, 0.0], [0.7, 5.5, 0.0], [-0.3, 0.4, 6.0]];
const SLAB: [[f64; 3]; 3] = [CELL[0], CELL[1], [0.0; 3]];

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/models").join(name)
}

/// A server, killed on drop.
struct Server(TempDir, Child);

impl Server {
    fn start(model: &Path, options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tumble"));
        command.arg("serve").arg(model).args(["--listen", "unix:s"]).args(options);
        let mut child = command.current_dir(folder.path()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = log.by_ref().map_while(Result::ok).find(|line| line.contains("listening"));
        assert!(listening.is_some());
        // Drain the rest of the log.
        std::thread::spawn(move || log.for_each(drop));
        Self(folder, child)
    }

    fn connect(&self, settings: &ClientSettings) -> tumble_ipi::Result<Client> {
        let address = format!("unix:{}", self.0.path().join("s").display());
        Client::connect(&address.parse().unwrap(), settings)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.1.kill().unwrap();
        self.1.wait().unwrap();
    }
}

fn expected(model: &Path, wanted: &ClientSettings, cell: Cell, step: u64) -> Evaluation {
    let mitigation: Mitigation = wanted.rotate.as_deref().unwrap_or("none").parse().unwrap();
    let settings = Settings {
        mitigation: mitigation.with_inversion(wanted.inversion.unwrap_or(false)),
        seed: wanted.seed.unwrap_or(0),
        stream: wanted.stream.into(),
        forces: wanted.forces,
        correction: wanted.correction.unwrap_or(false),
        ..Settings::default()
    };
    let system = System::new(POSITIONS.to_vec(), wanted.species.clone(), cell).unwrap();
    load(model, &settings).unwrap().evaluate_system(&system, step).unwrap()
}

fn check(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{found} is not {expected}");
}

#[test]
fn answers_equal_the_library_for_all_settings_and_cells() {
    let model = model("both-padded-f64.onnx");
    let server = Server::start(&model, &[]);
    let plain = || ClientSettings { species: SPECIES.to_vec(), ..ClientSettings::default() };
    let wanted = [
        plain(),
        ClientSettings { rotate: Some("tetrahedral".into()), inversion: Some(true), ..plain() },
        ClientSettings { rotate: Some("random".into()), seed: Some(3), stream: 7, step: 5, ..plain() },
        ClientSettings { rotate: Some("octahedral".into()), correction: Some(true), ..plain() },
        ClientSettings { rotate: Some("random".into()), forces: Some(Forces::Direct), ..plain() },
    ];
    let crystal = Cell::new(CELL, [true; 3]).unwrap();
    let slab = Cell::new(SLAB, [true, true, false]).unwrap();
    for wanted in wanted {
        let mut client = server.connect(&wanted).unwrap();
        let cells = [(Some(&CELL), crystal.clone()), (Some(&SLAB), slab.clone()), (None, Cell::isolated())];
        for (number, (cell, same_cell)) in cells.into_iter().enumerate() {
            let answer = client.evaluate(cell, &POSITIONS).unwrap();
            let expected = expected(&model, &wanted, same_cell, wanted.step + number as u64);
            check(answer.energy, expected.energy);
            let forces = answer.forces.as_flattened().iter().zip(expected.forces.as_flattened());
            forces.for_each(|(&found, &expected)| check(found, expected));
            match expected.virial {
                Some(virial) => (0..9).for_each(|i| check(answer.virial[i / 3][i % 3], virial[i / 3][i % 3])),
                None => assert!(answer.virial.as_flattened().iter().all(|w| w.is_nan())),
            }
            let count = format!("\"evaluations\":{}", expected.evaluations);
            assert!(answer.extras.contains(&count), "{}", answer.extras);
        }
    }
}

#[test]
fn refusals_quote_the_server() {
    let server = Server::start(&model("both-padded-f64.onnx"), &["--token", "sesame"]);
    let settings = ClientSettings { species: vec![8, 8], ..ClientSettings::default() };
    let refused = server.connect(&settings).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the force server refused: the token is wrong or missing: give the one that the server was started with"
    );
    let settings = ClientSettings { token: Some("sesame".into()), ..settings };
    let mut client = server.connect(&settings).unwrap();
    let refused = client.evaluate(None, &[[0.0; 3]; 2]).unwrap_err().to_string();
    assert!(refused.starts_with("the force server refused: atoms 1 and 2 coincide"), "{refused}");
    let unknown = server.connect(&ClientSettings { species: vec![92], ..settings }).unwrap_err().to_string();
    assert!(unknown.contains("does not know element U"), "{unknown}");
}
