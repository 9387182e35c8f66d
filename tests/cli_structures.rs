//! Files of structures that users give to the command line.

#[path = "support/folder.rs"]
mod folder;

use folder::Folder;

const WATER: &str = "3\n\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n";
const POSCAR: &str = "water\n1.0\n9 0 0\n0 9 0\n0 0 9\nO H\n1 2\nDirect\n0 0 0\n0.1 0 0\n0 0.1 0\n";

#[test]
fn every_command_says_what_a_file_of_another_format_is() {
    let folder = Folder::new();
    folder.write("POSCAR", POSCAR);
    let sentence = "error: POSCAR seems to be a POSCAR file of VASP, and structures are read from XYZ files: convert \
                    it with `ase convert -i vasp -o extxyz POSCAR POSCAR.xyz`\n";
    for arguments in [
        &["eval", "model.onnx", "POSCAR"][..],
        &["check", "model.onnx", "POSCAR"],
        &["bench", "model.onnx", "POSCAR"],
        &["ipi", "model.onnx", "--unix", "nobody", "--template", "POSCAR"],
    ] {
        assert_eq!(folder.failure(1, arguments, ""), sentence, "{arguments:?}");
    }
    let piped = folder.failure(1, &["eval", "model.onnx", "-"], POSCAR);
    assert!(piped.starts_with("error: the standard input seems to be a POSCAR file of VASP, "), "{piped}");
}

#[test]
fn arguments_in_the_wrong_order_are_told() {
    let folder = Folder::new();
    folder.write("water.xyz", WATER);
    for command in ["eval", "check", "bench"] {
        assert_eq!(
            folder.failure(1, &[command, "water.xyz", "model.onnx"], ""),
            "error: water.xyz is not an ONNX model: it holds structures: give the model first and the structures after \
             it\n"
        );
    }
    let twice = folder.failure(1, &["eval", "model.onnx", "model.onnx"], "");
    assert_eq!(
        twice,
        "error: model.onnx seems to be an ONNX model, and structures are read from XYZ files: give the model first and \
         the structures after it\n"
    );
}

#[test]
fn heavy_water_is_water() {
    let folder = Folder::new();
    folder.write("light.xyz", WATER);
    folder.write("heavy.xyz", &WATER.replace("H 0", "D 0").replace("H -", "T -"));
    for name in ["light", "heavy"] {
        folder.output(&["eval", "model.onnx", &format!("{name}.xyz"), "-o", &format!("{name}-out.xyz")], "");
    }
    let heavy = folder.read("heavy-out.xyz");
    let symbols: Vec<_> = heavy.lines().skip(2).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(symbols, ["O", "D", "T"]);
    assert_eq!(heavy.replace("\nD", "\nH").replace("\nT", "\nH"), folder.read("light-out.xyz"));
}

#[test]
fn a_template_of_heavy_water_is_one_of_water() {
    let folder = Folder::new();
    let cell = "# CELL(abcABC): 12 12 12 90 90 90  positions{angstrom} cell{angstrom}";
    folder.write("start.xyz", &format!("3\n{cell}\nO 6 6 6\nD 6.757 6.587 6\nD 5.243 6.587 6\n"));
    let socket = format!("{}/nobody", folder.path("").display());
    let arguments = ["ipi", "model.onnx", "--template", "start.xyz", "--retry", "0", "--unix", &socket];
    let said = folder.failure(1, &arguments, "");
    assert!(said.contains("error: cannot connect to unix:") && !said.contains("element"), "{said}");
}

#[test]
fn output_for_a_molecule_at_rest_has_no_signed_zeros() {
    let folder = Folder::new();
    folder.write("one.xyz", "1\nLattice=\"20 0 0 0 20 0 0 0 20\"\nH 0 0 0\n");
    let table = folder.output(&["eval", "model.onnx", "one.xyz", "-o", "out.xyz"], "");
    let json = folder.output(&["eval", "model.onnx", "one.xyz", "--json"], "");
    for text in [table, json, folder.read("out.xyz")] {
        assert!(!text.contains("-0.0 ") && !text.contains("-0.0\"") && !text.contains("-0.0,"), "{text}");
    }
}
