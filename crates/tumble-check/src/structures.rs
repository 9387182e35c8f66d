//! Structures of water, for users without a file and models that know hydrogen and oxygen.

use tumble_core::rotation::{Matrix3, Vector3, add, apply, apply_transposed, draw, norm, scale, sub};
use tumble_core::system::{Cell, System};

use crate::error::Result;

/// O-H distance, Å, and H-O-H angle, degrees, of the free molecule (A. R. Hoy, P. R. Bunker, J. Mol. Spectrosc. 74
/// (1979) 1).
const BOND: f64 = 0.9572;
const ANGLE: f64 = 104.52;

/// Distance of the oxygens in the free dimer, Å, and angle between their line and the axis of the acceptor, degrees
/// (J. A. Odutola, T. R. Dyke, J. Chem. Phys. 72 (1980) 5062).
const DIMER: f64 = 2.976;
const TILT: f64 = 57.0;

/// Distance of neighboring oxygens in ice Ih, Å (V. F. Petrenko, R. W. Whitworth, Physics of Ice (1999) 2.2).
const ICE: f64 = 2.76;

/// Volume of a molecule in the liquid at 0.997 g/cm³, Å^3: 18.015 u at 0.60221 u/Å^3 a g/cm³.
const VOLUME: f64 = 18.015 / (0.997 * 0.602_214_076);

/// Molecules along an edge of the liquid's box.
const EDGE: usize = 3;

/// Sweeps over the molecules of the liquid, and trial orientations per molecule and sweep.
const SWEEPS: u64 = 4;
const CHOICES: u64 = 60;

/// A structure with its name.
pub type Named = (String, System);

/// Builds a molecule, a dimer, 27 molecules of liquid and 8 of ice.
///
/// # Errors
/// None: all of them are valid.
pub fn water() -> Result<Vec<Named>> {
    let all =
        [("H2O molecule", molecule()?), ("H2O dimer", dimer()?), ("liquid, 27 H2O", liquid()?), ("ice, 8 H2O", ice()?)];
    Ok(all.map(|(name, system)| (name.into(), system)).into())
}

/// Positions of O, H, H of a molecule in the plane of x and y, with O at the origin and x as its symmetry axis.
fn arms() -> [Vector3; 3] {
    let (sin, cos) = (0.5 * ANGLE.to_radians()).sin_cos();
    [[0.0; 3], [BOND * cos, BOND * sin, 0.0], [BOND * cos, -BOND * sin, 0.0]]
}

fn system(molecules: Vec<[Vector3; 3]>, cell: Cell) -> Result<System> {
    let species = [8, 1, 1].repeat(molecules.len());
    Ok(System::new(molecules.into_iter().flatten().collect(), species, cell)?)
}

/// An isolated system in a random orientation, so that no special one hides the broken symmetry.
fn turned(molecules: Vec<[Vector3; 3]>) -> Result<System> {
    let turn = draw(0, 0, 0);
    system(molecules.into_iter().map(|m| m.map(|x| apply(&turn, x))).collect(), Cell::isolated())
}

fn molecule() -> Result<System> {
    turned(vec![arms()])
}

/// A dimer: the donor's hydrogen points at the acceptor's oxygen, and the plane of the donor mirrors the acceptor.
fn dimer() -> Result<System> {
    let (sin, cos) = ANGLE.to_radians().sin_cos();
    let donor = [[0.0; 3], [BOND, 0.0, 0.0], [BOND * cos, 0.0, BOND * sin]];
    let (sin, cos) = TILT.to_radians().sin_cos();
    let tilted = |[x, y, z]: Vector3| [cos * x - sin * z + DIMER, y, sin * x + cos * z];
    turned(vec![donor, arms().map(tilted)])
}

/// A liquid: molecules on a simple cubic lattice, each rotated to the lowest electrostatic energy of the charges of
/// TIP3P, so that hydrogens meet oxygens. It is not equilibrated, but has no shorter contacts than a liquid.
fn liquid() -> Result<System> {
    let spacing = VOLUME.cbrt();
    let length = spacing * EDGE as f64;
    let count = EDGE.pow(3);
    let place = |i: usize| [i / EDGE / EDGE, i / EDGE % EDGE, i % EDGE].map(|k| spacing * (k as f64 + 0.5));
    let turned = |i: usize, turn: &Matrix3| arms().map(|x| add(place(i), apply(turn, x)));
    let mut molecules: Vec<_> = (0..count).map(|i| turned(i, &draw(1, 0, i as u64))).collect();
    for (sweep, i) in (1..=SWEEPS).flat_map(|sweep| (0..count).map(move |i| (sweep, i))) {
        let choices = (0..CHOICES).map(|k| turned(i, &draw(1, sweep * CHOICES + k, i as u64)));
        let energy = |one: &[Vector3; 3]| {
            (0..count).filter(|&j| j != i).map(|j| attraction(one, &molecules[j], length)).sum::<f64>()
        };
        let best = choices.chain([molecules[i]]).min_by(|a, b| energy(a).total_cmp(&energy(b)));
        molecules[i] = best.unwrap_or(molecules[i]);
    }
    let cell = Cell::new([[length, 0.0, 0.0], [0.0, length, 0.0], [0.0, 0.0, length]], [true; 3])?;
    system(molecules, cell)
}

/// Energy of the charges -2, 1, 1 of two molecules at their nearest images, in arbitrary units.
fn attraction(one: &[Vector3; 3], other: &[Vector3; 3], length: f64) -> f64 {
    const CHARGES: [f64; 3] = [-2.0, 1.0, 1.0];
    let shift = sub(other[0], one[0]).map(|d| -length * (d / length).round());
    let mut sum = 0.0;
    for (a, q) in one.iter().zip(CHARGES) {
        for (b, p) in other.iter().zip(CHARGES) {
            sum += q * p / norm(add(sub(*b, *a), shift));
        }
    }
    sum
}

/// Proton-ordered ice Ih, the orthorhombic cell of ice XI with its lattice idealized to regular tetrahedra: space group
/// Cmc2₁, molecules at (0, 2/3, 1/16) and (1/2, 5/6, -1/16) (A. J. Leadbetter et al., J. Chem. Phys. 82 (1985) 424).
fn ice() -> Result<System> {
    let lengths = [(8.0_f64 / 3.0).sqrt() * ICE, 8.0_f64.sqrt() * ICE, 8.0 / 3.0 * ICE];
    let cell = [[lengths[0], 0.0, 0.0], [0.0, lengths[1], 0.0], [0.0, 0.0, lengths[2]]];
    let (third, sixth, eighth, half) = (1.0 / 3.0, 1.0 / 6.0, 0.125, 0.5);
    // Oxygen and the vectors to the two oxygens that accept its hydrogens, in fractions of the cell.
    let molecules = [
        [[0.0, 2.0 * third, 0.0625], [0.0, 0.0, 0.375], [0.0, -third, -eighth]],
        [[half, 5.0 * sixth, -0.0625], [half, -sixth, eighth], [-half, -sixth, eighth]],
    ];
    let mut all = Vec::new();
    for [oxygen, one, other] in molecules {
        for (sign, rise, center) in [(1.0, 0.0, 0.0), (1.0, 0.0, half), (-1.0, half, 0.0), (-1.0, half, half)] {
            let glide = |[x, y, z]: Vector3| apply_transposed(&cell, [x, sign * y, z]);
            let origin = add(glide(oxygen), apply_transposed(&cell, [center, center, rise]));
            let hydrogen = |bond: Vector3| add(origin, scale(glide(bond), BOND / ICE));
            all.push([origin, hydrogen(one), hydrogen(other)]);
        }
    }
    system(all, Cell::new(cell, [true; 3])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tumble_core::neighbors;

    /// Sorted lengths of the edges from each center of species `from` to neighbors of species `to`.
    fn distances(system: &System, from: u8, to: u8, cutoff: f64) -> Vec<Vec<f64>> {
        let graph = neighbors::graph(system, cutoff).unwrap();
        let centers = (0..graph.n_atoms()).filter(|&c| graph.species[c] == from);
        let row = |c: usize| {
            let edges = graph.edges(c).filter(|&e| graph.species[graph.neighbors[e]] == to);
            let mut lengths: Vec<_> = edges.map(|e| norm(graph.vectors[e])).collect();
            lengths.sort_by(f64::total_cmp);
            lengths
        };
        centers.map(row).collect()
    }

    #[test]
    fn oxygens_have_two_hydrogens_in_all_structures() {
        for (name, system) in water().unwrap() {
            for lengths in distances(&system, 8, 1, 1.2) {
                assert!(lengths.len() == 2 && lengths.iter().all(|r| (r - BOND).abs() < 1e-9), "{name}: {lengths:?}");
            }
        }
    }

    #[test]
    fn dimer_has_a_hydrogen_bond() {
        let lengths = distances(&dimer().unwrap(), 8, 1, 2.2);
        assert!((lengths[1][2] - (DIMER - BOND)).abs() < 1e-9, "{lengths:?}");
        assert_eq!(lengths[0].len(), 2);
    }

    #[test]
    fn liquid_has_its_density_and_no_short_contact() {
        let system = liquid().unwrap();
        let density = 27.0 * 18.015 / system.cell.volume() / 0.602_214_076;
        assert!((density - 0.997).abs() < 1e-6, "{density}");
        for ((from, to), least) in [((8, 1), 1.5), ((1, 1), 1.5), ((8, 8), 2.5)] {
            let contacts = distances(&system, from, to, 3.0).into_iter().flatten().filter(|&r| r > 1.55);
            let shortest = contacts.fold(f64::INFINITY, f64::min);
            assert!(shortest > least, "{from} {to}: {shortest}");
        }
        let all = distances(&system, 1, 1, 1.55).concat();
        assert!(all.iter().all(|&r| r < 1.52), "{all:?}");
    }

    /// Each oxygen has four equidistant oxygen neighbors, two hydrogens nearby and two at the far ends of bonds.
    #[test]
    fn ice_obeys_the_rules_of_ice() {
        let system = ice().unwrap();
        assert_eq!(system.len(), 24);
        for lengths in distances(&system, 8, 8, 3.0) {
            assert!(lengths.len() == 4 && lengths.iter().all(|r| (r - ICE).abs() < 1e-9), "{lengths:?}");
        }
        for lengths in distances(&system, 8, 1, 2.0) {
            let far: Vec<_> = lengths.iter().filter(|&&r| r > 1.2).collect();
            assert!(far.len() == 2 && far.iter().all(|&r| (r - (ICE - BOND)).abs() < 1e-9), "{lengths:?}");
        }
    }
}
