//! The structures of the units.

use tumble_core::Cell;
use tumble_core::System;
use tumble_core::rotation::Vector3;

const WATER: &str = include_str!("../../../examples/liquid/water-64.data");

/// Liquid water, repeated `times` along each axis: 192 · times³ atoms.
pub fn water(times: usize) -> System {
    let (side, atoms) = (side(), atoms());
    let mut positions = Vec::new();
    for image in 0..times.pow(3) {
        let shift = [image / (times * times), image / times % times, image % times].map(|i| side * i as f64);
        positions.extend(atoms.iter().map(|(_, x)| [0, 1, 2].map(|k| x[k] + shift[k])));
    }
    let species = atoms.iter().map(|(z, _)| *z).collect::<Vec<_>>().repeat(times.pow(3));
    let length = side * times as f64;
    let cell = Cell::new([[length, 0.0, 0.0], [0.0, length, 0.0], [0.0, 0.0, length]], [true; 3]);
    System::new(positions, species, cell.expect("the box has a volume")).expect("water is a structure")
}

/// Four atoms in a cell of 26 Å³, each with far more than four neighbors.
pub fn triclinic() -> System {
    let cell = Cell::new([[2.9, 0.0, 0.0], [1.7, 3.1, 0.0], [-0.8, 1.2, 2.6]], [true; 3]);
    let positions = [[0.1, 0.2, 0.3], [1.9, 0.7, 1.6], [0.5, 2.4, 0.1], [2.2, 3.5, 1.5]];
    System::new(positions.to_vec(), vec![8; 4], cell.expect("the cell has a volume")).expect("it is a structure")
}

/// Side of the box, Å.
fn side() -> f64 {
    let line = WATER.lines().find(|line| line.ends_with("xlo xhi")).expect("the file has a box");
    line.split(' ').nth(1).and_then(|high| high.parse().ok()).expect("the box has a length")
}

/// Atomic number and position (Å) of each atom, molecules apart as in the file.
fn atoms() -> Vec<(u8, Vector3)> {
    let rows = WATER.split("Atoms # atomic").nth(1).and_then(|rest| rest.split("Velocities").next());
    rows.expect("the file has atoms").lines().filter(|line| !line.is_empty()).map(atom).collect()
}

/// Parses a row "id type x y z ...".
fn atom(row: &str) -> (u8, Vector3) {
    let mut words = row.split(' ').skip(1);
    let z = if words.next() == Some("1") { 8 } else { 1 };
    let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a row has three coordinates");
    (z, [number(), number(), number()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn water_has_two_hydrogens_for_each_oxygen_and_the_density_of_the_liquid() {
        for times in [1, 2] {
            let system = water(times);
            let oxygens = system.species.iter().filter(|z| **z == 8).count();
            assert_eq!((system.len(), oxygens), (192 * times.pow(3), 64 * times.pow(3)));
            let grams = 18.015 * oxygens as f64 / 0.602_214_076;
            assert!((grams / system.cell.volume() - 1.0).abs() < 0.01);
        }
    }

    #[test]
    fn each_oxygen_has_two_hydrogens_beside_it() {
        let system = water(2);
        let graph = tumble_core::neighbors::graph(&system, 1.3).unwrap();
        for atom in 0..system.len() {
            assert_eq!(graph.edges(atom).len(), if system.species[atom] == 8 { 2 } else { 1 });
        }
    }
}
