//! The grammar of mitigations, and their quadratures.

use std::borrow::Cow;

use tumble_core::rotation::{Draw, IDENTITY, draw, multiply};
use tumble_core::settings::Frontend;
use tumble_core::settings::frontend::find;
use tumble_core::{Error, Graph, Mitigation, Quadrature, Settings};

/// (name, evaluations without inversion, degree, random)
const NAMES: [(&str, usize, usize, bool); 12] = [
    ("none", 1, 0, false),
    ("random", 1, 0, true),
    ("random:7", 7, 0, true),
    ("tetrahedral", 12, 2, false),
    ("octahedral", 24, 3, false),
    ("icosahedral", 60, 5, false),
    ("degree:6", 182, 6, false),
    ("legendre:3", 75, 4, false),
    ("lebedev:5", 70, 4, false),
    ("octahedral+random", 24, 3, true),
    ("degree:1+random", 4, 1, true),
    ("legendre:2+random", 18, 2, true),
];

fn parse(spec: &str, inversion: bool) -> Result<Mitigation, Error> {
    Ok(spec.parse::<Mitigation>()?.with_inversion(inversion))
}

/// The quadrature; no mitigation here depends on the structure.
fn quadrature(mitigation: &Mitigation, seed: u64, step: u64, stream: u32) -> Cow<'_, Quadrature> {
    mitigation.orientations(&Graph::default(), Draw { seed, step, stream })
}

fn sentence(spec: &str) -> String {
    parse(spec, false).unwrap_err().to_string()
}

#[test]
fn names_match_the_table() {
    for (name, evaluations, degree, random) in NAMES {
        for (inversion, copies) in [(false, 1), (true, 2)] {
            let mitigation = parse(name, inversion).unwrap();
            assert_eq!(mitigation.evaluations(), copies * evaluations, "{name}");
            assert_eq!(mitigation.degree(), degree, "{name}");
            assert_eq!(mitigation.is_random(), random, "{name}");
            assert_eq!(mitigation.inversion(), inversion);
            let quadrature = quadrature(&mitigation, 1, 2, 0);
            assert_eq!((quadrature.len(), quadrature.degree), (copies * evaluations, degree), "{name}");
            assert!((quadrature.weights.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{name}");
            assert_eq!(matches!(quadrature, Cow::Owned(_)), random, "{name}");
        }
    }
}

#[test]
fn names_are_written_as_they_were_read() {
    for (name, ..) in NAMES {
        assert_eq!(name.parse::<Mitigation>().unwrap().to_string(), name);
    }
    assert_eq!(" random:1 ".parse::<Mitigation>().unwrap().to_string(), "random");
}

#[test]
fn an_inversion_is_part_of_the_written_name() {
    for (name, evaluations, ..) in NAMES {
        let text = format!("{name}+inversion");
        let found: Mitigation = text.parse().unwrap();
        assert_eq!((found.to_string(), found.name()), (text, name));
        assert_eq!(found, parse(name, true).unwrap());
        assert_eq!((found.evaluations(), found.inversion()), (2 * evaluations, true));
        let without = found.clone().with_inversion(false);
        assert_eq!((without.to_string().as_str(), without.evaluations()), (name, evaluations));
        assert_ne!(found, without);
    }
    assert_eq!(parse("random:1", false).unwrap(), parse("random", false).unwrap());
    assert_eq!(Mitigation::default(), parse("none", false).unwrap());
    for spec in ["cubic+inversion+random", "octahedral+inversion+rand", "+inversion", "inversion"] {
        assert!(sentence(spec).starts_with(&format!("the mitigation \"{spec}\" is unknown: ")));
    }
}

#[test]
fn endings_out_of_order_or_repeated_are_refused_with_the_text_to_give() {
    let cases = [
        ("octahedral+inversion+random", "its endings out of order", "octahedral+random+inversion"),
        ("degree:7+inversion+random", "its endings out of order", "degree:7+random+inversion"),
        ("octahedral+inversion+inversion", "an ending twice", "octahedral+inversion"),
        ("octahedral+random+random", "an ending twice", "octahedral+random"),
        ("octahedral+random+inversion+random", "an ending twice", "octahedral+random+inversion"),
    ];
    for (spec, problem, ordered) in cases {
        assert_eq!(sentence(spec), format!("the mitigation \"{spec}\" has {problem}: give {ordered}"));
        ordered.parse::<Mitigation>().unwrap();
    }
}

#[test]
fn random_rotations_come_from_the_documented_streams() {
    let one = parse("random", true).unwrap();
    assert_eq!(quadrature(&one, 3, 9, 0).rotations, [draw(3, 9, 0), draw(3, 9, 0).map(|row| row.map(|x| -x))]);
    let many = parse("random:3", false).unwrap();
    assert_eq!(quadrature(&many, 3, 9, 0).rotations, [0, 1, 2].map(|stream| draw(3, 9, stream)));
    assert_ne!(quadrature(&many, 3, 9, 0), quadrature(&many, 3, 10, 0));
    assert_ne!(quadrature(&many, 3, 9, 0), quadrature(&many, 4, 9, 0));
}

#[test]
fn streams_draw_independently_each_from_its_own_4_billion() {
    let many = parse("random:3", false).unwrap();
    let expected = [0, 1, 2].map(|k| draw(3, 9, (7 << 32) + k));
    assert_eq!(quadrature(&many, 3, 9, 7).rotations, expected);
    let turned = parse("octahedral+random", false).unwrap();
    assert_eq!(
        quadrature(&turned, 3, 9, 7).rotations[0],
        multiply(&Quadrature::octahedral().rotations[0], &expected[0])
    );
    let fixed = parse("octahedral", false).unwrap();
    assert_eq!(quadrature(&fixed, 3, 9, 7), quadrature(&fixed, 3, 9, 0));
}

#[test]
fn a_turned_grid_is_turned_by_the_first_stream() {
    let mitigation = parse("octahedral+random", false).unwrap();
    let expected: Vec<_> = Quadrature::octahedral().rotations.iter().map(|r| multiply(r, &draw(3, 9, 0))).collect();
    assert_eq!(quadrature(&mitigation, 3, 9, 0).rotations, expected);
}

#[test]
fn mitigation_none_has_the_identity_only() {
    assert_eq!(quadrature(&Mitigation::default(), 3, 9, 0).rotations, [IDENTITY]);
}

#[test]
fn unknown_mitigations_are_refused_with_the_grammar() {
    let grammar = "give none, random, random:N, tetrahedral, octahedral, icosahedral, degree:N, legendre:L or \
                   lebedev:L; +random after any of the grids to turn it at random; +inversion last to invert every \
                   rotation too";
    for (spec, problem) in [
        ("cubic", "is unknown"),
        ("", "is unknown"),
        ("Octahedral", "is unknown"),
        ("octahedral+randomly", "is unknown"),
        ("random:100001", "asks for 100001 rotations, but N goes from 1 to 100000"),
        ("random:-1", "has \"-1\" where a whole number is expected"),
        ("degree:x", "has \"x\" where a whole number is expected"),
        ("degree:", "has \"\" where a whole number is expected"),
        ("degree:+3", "has \"+3\" where a whole number is expected"),
        ("random:0", "asks for 0 rotations, but N goes from 1 to 100000"),
        ("+random", "is unknown"),
        ("degree:\u{663}", "has \"\u{663}\" where a whole number is expected"),
        ("legendre:99999999999999999999", "has \"99999999999999999999\" where a whole number is expected"),
        ("lebedev", "lacks the number of \"lebedev\""),
        ("octahedral:3", "gives a number to \"octahedral\", which takes none"),
        ("none+random", "turns \"none\", which is no grid (\"random\" is enough)"),
        ("random:4+random", "turns \"random:4\", which is no grid (\"random\" is enough)"),
    ] {
        assert_eq!(sentence(spec), format!("the mitigation \"{spec}\" {problem}: {grammar}"));
    }
}

#[test]
fn an_unknown_order_is_refused_with_the_known_ones() {
    assert!(sentence("lebedev:4+random").starts_with("there is no lebedev grid of order 4: give one of 1, 3, 5, 7,"));
    assert_eq!(
        sentence("degree:0"),
        "there is no degree grid of order 0: give a whole number from 1 to 101, as in degree:3"
    );
}

#[test]
fn a_grid_in_use_is_not_made_again() {
    let first = parse("legendre:20", false).unwrap();
    let second = first.clone();
    let third = first.clone().with_inversion(true).with_inversion(false);
    let place = |mitigation: &Mitigation| match quadrature(mitigation, 0, 0, 0) {
        Cow::Borrowed(grid) => std::ptr::from_ref(grid) as usize,
        Cow::Owned(_) => panic!("a fixed grid is the same at every step"),
    };
    assert!(place(&first) == place(&second) && place(&second) == place(&third));
    let mut settings = Settings { mitigation: first.clone(), ..Settings::default() };
    settings.take(&[(find(Frontend::Init, "rotate").unwrap(), "legendre:20")]).unwrap();
    assert_eq!(place(&settings.mitigation), place(&first));
    assert_eq!(parse("legendre:20", true).unwrap().evaluations(), 2 * first.evaluations());
}

#[test]
fn long_names_and_odd_letters_are_refused_in_one_line() {
    let error = parse(&"octahedral".repeat(100_000), false).unwrap_err().to_string();
    let expected =
        "the mitigation \"octahedraloctahedraloctahedraloctahedral...\" has 1000000 bytes, more than any name: ";
    assert!(error.starts_with(expected), "{error}");
    let error = parse("oct\nah\u{202e}edral", false).unwrap_err().to_string();
    assert!(error.starts_with("the mitigation \"oct\\nah\\u{202e}edral\" is unknown: "), "{error}");
    let error = parse("legendre:9\n1", false).unwrap_err().to_string();
    assert!(error.contains(" has \"9\\n1\" where a whole number is expected: "), "{error}");
    let error = parse(&"\u{e9}".repeat(51), false).unwrap_err().to_string();
    assert!(error.starts_with(&format!("the mitigation \"{}...\" has 102 bytes", "\u{e9}".repeat(20))), "{error}");
}
