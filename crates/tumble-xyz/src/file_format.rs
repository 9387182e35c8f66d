//! Recognition of file formats other than XYZ by name and first bytes, and their conversion.

use std::path::Path;

use crate::error::{Error, Result};

/// Name of a format, with its article, and its conversion.
type Format = (&'static str, Convert);

/// Conversion of a format to XYZ.
#[derive(Clone, Copy, PartialEq)]
enum Convert {
    /// `ase convert -i FORMAT`
    Ase(&'static str),
    /// `ase convert`, which recognizes the format by the file name.
    AseByName,
    /// Another remedy.
    Advice(&'static str),
}
use Convert::{Advice, Ase, AseByName};

/// Remedy for a model in place of structures.
const MODEL: Convert = Advice("give the model first and the structures after it");

/// Formats by their first bytes.
const MAGIC: [(&[u8], Format); 10] = [
    (b"\x1f\x8b", ("a file compressed by gzip", Advice("decompress it with `gunzip`"))),
    (b"BZh", ("a file compressed by bzip2", Advice("decompress it with `bunzip2`"))),
    (b"\xfd7zXZ", ("a file compressed by xz", Advice("decompress it with `unxz`"))),
    (b"\x28\xb5\x2f\xfd", ("a file compressed by zstd", Advice("decompress it with `unzstd`"))),
    (b"- of Ulm", ("a trajectory of ASE", Ase("traj"))),
    (b"PK\x03\x04", ("a zip archive, as checkpoints of PyTorch are", Advice("give a file of structures"))),
    (b"\x89HDF", ("an HDF5 file", Advice("write its structures as XYZ with the program that made it"))),
    (b"CDF", ("a NetCDF file", Ase("netcdftrajectory"))),
    // The first field of an ONNX model is its version, a small number.
    (b"\x08", ("an ONNX model", MODEL)),
    (b"ITEM: TIMESTEP", ("a dump of LAMMPS", Ase("lammps-dump-text"))),
];

/// Formats by file name extension.
const EXTENSIONS: [(&str, Format); 19] = [
    ("onnx", ("an ONNX model", MODEL)),
    ("traj", ("a trajectory of ASE", Ase("traj"))),
    ("vasp", POSCAR),
    ("poscar", POSCAR),
    ("cif", CIF),
    ("pdb", PDB),
    ("gro", ("a structure of GROMACS", Ase("gromacs"))),
    ("data", LAMMPS_DATA),
    ("lmp", LAMMPS_DATA),
    ("lammpstrj", ("a dump of LAMMPS", Ase("lammps-dump-text"))),
    ("cube", ("a cube file of Gaussian", AseByName)),
    ("xsf", ("a structure of XCrySDen", AseByName)),
    ("gen", ("a structure of DFTB+", AseByName)),
    ("res", ("a structure of SHELX", AseByName)),
    ("mol", ("a molecule in MDL format", AseByName)),
    ("sdf", ("a molecule in MDL format", AseByName)),
    ("db", ("a database of ASE", AseByName)),
    ("json", ("a file of JSON", AseByName)),
    ("xml", ("a file of XML", AseByName)),
];

const POSCAR: Format = ("a POSCAR file of VASP", Ase("vasp"));
const CIF: Format = ("a CIF file", Ase("cif"));
const PDB: Format = ("a PDB file", Ase("proteindatabank"));
const LAMMPS_DATA: Format = ("a data file of LAMMPS", Ase("lammps-data"));

/// Record names at the start of a PDB file.
const RECORDS: [&str; 8] = ["HEADER", "TITLE ", "COMPND", "REMARK", "CRYST1", "MODEL ", "ATOM  ", "HETATM"];

/// Refuses a file of another format. `head` holds its first bytes; an XYZ file is accepted under any name.
///
/// # Errors
/// [`Error::NotXyz`] for a recognized format other than XYZ.
pub(super) fn check(path: &Path, head: &[u8]) -> Result<()> {
    let Some((format, convert)) = recognize(path, head) else { return Ok(()) };
    let file = path.display();
    let name = path.file_name().unwrap_or_default().display();
    // Without -o, ASE would write any file name that starts with POSCAR as a POSCAR again.
    let remedy = match convert {
        // ASE takes type 1 for hydrogen and type 2 for helium unless the file names elements or masses.
        Ase(format) if format.starts_with("lammps") => format!(
            "convert it with `ase convert -i {format} -o extxyz {file} {name}.xyz`, from a dump with the column \
             element, or data with Masses: else types are taken for atomic numbers"
        ),
        Ase(format) => format!("convert it with `ase convert -i {format} -o extxyz {file} {name}.xyz`"),
        AseByName => format!("convert it with `ase convert -o extxyz {file} {name}.xyz`"),
        Advice(words) => words.into(),
    };
    Err(Error::NotXyz { path: path.into(), format, remedy })
}

/// Returns whether a file with these first bytes holds structures, in XYZ or another format.
pub fn holds_structures(path: &Path, head: &[u8]) -> bool {
    let known = recognize(path, head);
    is_xyz(head) || known.is_some_and(|(_, convert)| matches!(convert, Ase(_)))
}

fn recognize(path: &Path, head: &[u8]) -> Option<Format> {
    if is_xyz(head) || head.is_empty() {
        return None;
    }
    let magic = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, format)| *format);
    magic.or_else(|| by_name(path)).or_else(|| by_lines(&String::from_utf8_lossy(head)))
}

/// Returns whether the first non-empty line is a number of atoms.
fn is_xyz(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let first = text.trim_start_matches('\u{feff}').lines().map(str::trim).find(|line| !line.is_empty());
    first.is_some_and(|line| line.parse::<usize>().is_ok())
}

fn by_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    if name.starts_with("poscar") || name.starts_with("contcar") {
        return Some(POSCAR);
    }
    let (_, end) = name.rsplit_once('.')?;
    EXTENSIONS.iter().find(|(extension, _)| *extension == end).map(|(_, format)| *format)
}

fn by_lines(text: &str) -> Option<Format> {
    let lines: Vec<_> = text.lines().take(200).collect();
    let any = |test: &dyn Fn(&str) -> bool| lines.iter().any(|line| test(line));
    if any(&|line| line.starts_with("data_")) {
        Some(CIF)
    } else if lines.first().is_some_and(|line| RECORDS.iter().any(|record| line.starts_with(record))) {
        Some(PDB)
    } else if any(&|line| line.trim_end().ends_with("xlo xhi")) {
        Some(LAMMPS_DATA)
    } else {
        is_poscar(&lines).then_some(POSCAR)
    }
}

/// Returns whether the lines start with a title, a scale and three vectors.
fn is_poscar(lines: &[&str]) -> bool {
    let numbers =
        |line: &&str| line.split_whitespace().map(|word| word.parse::<f64>().ok()).collect::<Option<Vec<_>>>();
    let counts = lines.iter().skip(1).take(4).map(|line| numbers(line).map(|found| found.len()));
    counts.eq([1, 3, 3, 3].map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSCAR_TEXT: &[u8] = b"water\n1.0\n9 0 0\n0 9 0\n0 0 9\nO H\n1 2\nDirect\n0 0 0\n0.1 0 0\n0 0.1 0\n";

    fn sentence(name: &str, head: &[u8]) -> String {
        check(Path::new(name), head).unwrap_err().to_string()
    }

    #[test]
    fn other_formats_are_named_with_their_conversion() {
        assert_eq!(
            sentence("runs/POSCAR", POSCAR_TEXT),
            "runs/POSCAR seems to be a POSCAR file of VASP, and structures are read from XYZ files: convert it with \
             `ase convert -i vasp -o extxyz runs/POSCAR POSCAR.xyz`"
        );
        for (name, head, format, convert) in [
            ("x", POSCAR_TEXT, "a POSCAR file of VASP", "-i vasp -o extxyz x x.xyz"),
            ("CONTCAR_2", b"?", "a POSCAR file of VASP", "-i vasp -o extxyz CONTCAR_2 CONTCAR_2.xyz"),
            ("x", b"# by hand\ndata_water\n_cell_length_a 9\n", "a CIF file", "-i cif -o extxyz x x.xyz"),
            ("x.CIF", b"?", "a CIF file", "-i cif -o extxyz x.CIF x.CIF.xyz"),
            ("x", b"CRYST1    9.000\nATOM      1  O\n", "a PDB file", "-i proteindatabank -o extxyz x x.xyz"),
            ("x.gro", b"water\n3\n    1SOL\n", "a structure of GROMACS", "-i gromacs -o extxyz x.gro x.gro.xyz"),
            (
                "x",
                b"title\n\n3 atoms\n2 atom types\n0 9 xlo xhi\n",
                "a data file of LAMMPS",
                "-i lammps-data -o extxyz x x.xyz",
            ),
            ("x", b"ITEM: TIMESTEP\n0\n", "a dump of LAMMPS", "-i lammps-dump-text -o extxyz x x.xyz"),
            ("x", b"- of UlmAFFormatASE-Trajectory", "a trajectory of ASE", "-i traj -o extxyz x x.xyz"),
            ("x.cube", b"title\n", "a cube file of Gaussian", "-o extxyz x.cube x.cube.xyz"),
        ] {
            let found = sentence(name, head);
            assert!(found.starts_with(&format!("{name} seems to be {format}, ")), "{found}");
            let elements =
                ", from a dump with the column element, or data with Masses: else types are taken for atomic numbers";
            let end = if format.ends_with("LAMMPS") { elements } else { "" };
            assert!(found.ends_with(&format!(": convert it with `ase convert {convert}`{end}")), "{found}");
        }
    }

    #[test]
    fn models_and_archives_are_named_too() {
        let swapped = "seems to be an ONNX model, and structures are read from XYZ files: give the model first and the \
                       structures after it";
        assert_eq!(sentence("x", b"\x08\x08\x12\x06tumble"), format!("x {swapped}"));
        assert_eq!(sentence("water.onnx", b"?"), format!("water.onnx {swapped}"));
        assert!(sentence("x.xyz.gz", b"\x1f\x8b\x08").ends_with(": decompress it with `gunzip`"));
        assert!(sentence("x.pt", b"PK\x03\x04").contains("seems to be a zip archive, as checkpoints of PyTorch are"));
    }

    #[test]
    fn xyz_files_are_read_under_any_name() {
        for name in ["POSCAR", "x.pdb", "x.data", "water.onnx", "x.xyz", "x"] {
            assert!(check(Path::new(name), b"\n3\nwater\n").is_ok(), "{name}");
        }
        assert!(check(Path::new("x"), b"\xef\xbb\xbf3\r\n").is_ok());
        assert!(check(Path::new("x"), b"some words\n").is_ok());
        assert!(check(Path::new("x.cif"), b"").is_ok());
    }

    #[test]
    fn structures_in_place_of_a_model_are_recognized() {
        assert!(holds_structures(Path::new("x"), b"3\nwater\n"));
        assert!(holds_structures(Path::new("POSCAR"), POSCAR_TEXT));
        for (name, head) in [("x.onnx", &b"\x08\x08"[..]), ("x.pt", b"PK\x03\x04"), ("x", b"<html>"), ("x", b"")] {
            assert!(!holds_structures(Path::new(name), head), "{name}");
        }
    }
}
