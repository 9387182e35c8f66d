//! Programs of rows give the numbers of the nodes that they replace.

use std::path::{Path, PathBuf};

use ort::session::Session;
use tumble_core::execution::ExecutionOptions;
use tumble_core::neighbors;
use tumble_core::potential::{Potential, Replicas};
use tumble_core::rotation::draw;
use tumble_core::system::{Cell, System};
use tumble_engine::OnnxPotential;
use tumble_onnx::contract::metadata::{Metadata, Precision};
use tumble_onnx::contract::packing::Tensors;
use tumble_onnx::contract::signature::Signature;
use tumble_onnx::file::fused::without_functions;
use tumble_onnx::file::products::with_linear;
use tumble_onnx::file::scan::scan;
use tumble_onnx::fusion::{Shapes, with_row_programs};
use tumble_onnx::runtime::library;
use tumble_ops::{ROW_PROGRAM, Real};

/// Returns the models of the examples and of the tests that PyTorch has written.
fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let exported = ["adaptive", "orb", "pet", "residual"];
    let exported = exported.map(|name| root.join(format!("tests/data/models/exported-{name}-f64.onnx")));
    let examples = ["water-pet", "water-pet-f64", "water-mtt-pet"];
    exported.into_iter().chain(examples.map(|name| root.join(format!("examples/models/{name}.onnx")))).collect()
}

/// Returns atoms on a distorted grid; one more far away has no neighbors.
fn system(atoms: usize) -> System {
    let position = |atom: usize| {
        let wave = |axis: usize| 0.3 * ((5 * atom + 2 * axis) as f64).sin();
        [atom % 3, atom / 3 % 3, atom / 9].map(|place| 2.1 * place as f64).map(|x| x + wave(atom))
    };
    let positions = (0..atoms).map(position).chain([[90.0; 3]]).collect();
    let species = (0..=atoms).map(|atom| if atom % 3 == 0 { 8 } else { 1 }).collect();
    System::new(positions, species, Cell::new([[0.0; 3]; 3], [false; 3]).unwrap()).unwrap()
}

/// Returns all outputs of a model, opened as it is, for these replicas.
fn outputs<T: Real>(bytes: &[u8], metadata: &Metadata, work: &[Replicas]) -> Vec<Vec<f64>> {
    let runtime = library::runtime(None).unwrap();
    let builder =
        Session::builder(&runtime.environment).unwrap().with_operators(tumble_ops::domain().unwrap()).unwrap();
    let mut session = builder.with_intra_threads(1).unwrap().commit_from_memory(bytes).unwrap();
    let signature = Signature::read(&session, metadata).unwrap();
    let mut tensors = Tensors::<T>::of(metadata);
    tensors.pack(work);
    let inputs: Vec<_> = signature.inputs.iter().map(|(name, input)| (*name, tensors.view(*input).unwrap())).collect();
    let found = session.run(inputs).unwrap();
    found
        .values()
        .map(|value| value.try_extract_tensor::<T>().unwrap().1.iter().map(|x| x.to_f64()).collect())
        .collect()
}

/// Returns the largest difference, relative to the largest number of each output.
fn difference(fused: &[Vec<f64>], plain: &[Vec<f64>]) -> f64 {
    let of = |(a, b): (&Vec<f64>, &Vec<f64>)| {
        assert_eq!(a.len(), b.len());
        let largest = b.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest
    };
    fused.iter().zip(plain).map(of).fold(0.0, f64::max)
}

#[test]
fn programs_of_rows_agree_with_the_nodes_that_they_replace() {
    let rotations = [1, 2, 3].map(|step| draw(7, step, 0));
    for path in models() {
        let cutoff = OnnxPotential::load(&path, &ExecutionOptions::default()).unwrap().info().cutoff;
        let file = std::fs::read(&path).unwrap();
        let metadata = Metadata::parse(scan(&file).unwrap().metadata.as_deref(), &path).unwrap();
        let plain = with_linear(&without_functions(&file).unwrap()).unwrap();
        let fused = with_row_programs(&plain, &Shapes::of_model(&plain).unwrap()).unwrap();
        let has_programs = ROW_PROGRAM.iter().any(|name| fused.windows(name.len()).any(|part| part == name.as_bytes()));
        assert!(has_programs, "{}", path.display());
        for (atoms, count) in [(1, 1), (3, 3), (40, 2)] {
            let graph = neighbors::graph(&system(atoms), cutoff).unwrap();
            let work = [Replicas { graph: &graph, rotations: &rotations[..count] }];
            let (all, tolerance) = match metadata.precision {
                Precision::Float32 => ([&fused, &plain].map(|bytes| outputs::<f32>(bytes, &metadata, &work)), 1e-5),
                Precision::Float64 => ([&fused, &plain].map(|bytes| outputs::<f64>(bytes, &metadata, &work)), 2e-12),
            };
            let found = difference(&all[0], &all[1]);
            assert!(found < tolerance, "{}, {atoms} atoms: {found}", path.display());
        }
    }
}
