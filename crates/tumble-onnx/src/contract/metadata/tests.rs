use super::*;

const GOOD: &str = r#"{"version": 1, "name": "toy", "cutoff": 6.0, "hops": 2, "species": [8, 1],
    "length_unit": "bohr", "energy_unit": "kJ/mol", "precision": "float64", "layout": "list", "forces": "both",
    "reference_energies": {"1": -13.6, "8": -432.0}, "provenance": {"made by": ["hand"]}}"#;

fn parse(text: &str) -> Result<Metadata> {
    Metadata::parse(Some(text), Path::new("m.onnx"))
}

#[test]
fn info_is_in_angstrom_and_electronvolt() {
    let info = parse(GOOD).unwrap().info();
    assert_eq!(info.cutoff, 6.0 * units::BOHR);
    assert_eq!(info.species, [1, 8]);
    assert_eq!(info.reference_energies[&8], -432.0);
    assert_eq!(info.forces, [Forces::Conservative, Forces::Direct]);
}

#[test]
fn ranges_of_charge_and_spin_are_optional() {
    assert!(parse(GOOD).unwrap().info().whole_numbers.is_empty());
    let ranges = GOOD.replace("\"hops\": 2", "\"hops\": 2, \"charges\": [-3, 3], \"spins\": [1, 7]");
    let expected = [(Condition::Charge, [-3, 3]), (Condition::Spin, [1, 7])];
    assert_eq!(parse(&ranges).unwrap().info().whole_numbers, expected);
}

#[test]
fn errors_name_the_wrong_metadata() {
    let cases = [
        ("\"version\": 1, ", "", "missing field `version` in its metadata"),
        ("\"cutoff\": 6.0, ", "", "missing field `cutoff` in its metadata"),
        ("6.0", "-6.0", "`cutoff` is -6.0 in its metadata where a length above 0 and up to 100 Å was expected"),
        ("6.0", "189.0", "`cutoff` is 189.0 in its metadata where a length above 0 and up to 100 Å was expected"),
        ("6.0", "1e999", "its metadata is not JSON: number out of range at line 1 column 45"),
        ("\"hops\": 2", "\"hops\": 0", "`hops` is 0 in its metadata where a whole number from 1 to 100 was expected"),
        (
            "\"hops\": 2",
            "\"hops\": 101",
            "`hops` is 101 in its metadata where a whole number from 1 to 100 was expected",
        ),
        (
            "[8, 1]",
            "[1, 1]",
            "`species` is [1, 1] in its metadata where a list of distinct atomic numbers from 1 to 118 was expected",
        ),
        (
            "[8, 1]",
            "[119, 1]",
            "`species` is [1, 119] in its metadata where a list of distinct atomic numbers from 1 to 118 was \
             expected",
        ),
        (
            "\"hops\": 2",
            "\"hops\": 2, \"kept_neighbors\": 0",
            "`kept_neighbors` is 0 in its metadata where a whole number from 1 was expected",
        ),
        (
            "\"hops\": 2",
            "\"hops\": 2, \"kept_neighbors\": -1",
            "`kept_neighbors` is -1 in its metadata where a whole number from 1 was expected",
        ),
        (
            "\"hops\": 2",
            "\"hops\": 2, \"kept_neighbors\": 1.5",
            "`kept_neighbors` is 1.5 in its metadata where a whole number from 1 was expected",
        ),
        (
            "\"hops\": 2",
            "\"hops\": 2, \"kept_neighbors\": \"8\"",
            "`kept_neighbors` is \"8\" in its metadata where a whole number from 1 was expected",
        ),
        (
            "\"hops\": 2",
            "\"hops\": \"two\"",
            "`hops` is \"two\" in its metadata where a whole number from 1 to 100 was expected",
        ),
        (
            "\"hops\": 2",
            "\"hops\": 2, \"bytes_per_edge\": 1e3",
            "`bytes_per_edge` is 1000.0 in its metadata where a whole number from 1 to 1073741824 was expected",
        ),
        (
            "\"hops\": 2",
            "\"hops\": 2, \"bytes_per_edge\": 1073741825",
            "`bytes_per_edge` is 1073741825 in its metadata where a whole number from 1 to 1073741824 was expected",
        ),
        (
            "\"8\": -432.0",
            "\"6\": -432.0",
            "`reference_energies` has the elements [1, 6] in its metadata where those of `species` were expected",
        ),
        ("bohr", "furlong", "unknown variant `furlong`, expected one of `angstrom`, `bohr`, `nm` in its metadata"),
    ];
    for (from, to, cause) in cases {
        let error = parse(&GOOD.replace(from, to)).unwrap_err().to_string();
        assert_eq!(error, format!("the model m.onnx breaks the model contract: {cause}"));
    }
}

fn with_output(name: &str, declaration: &str) -> String {
    GOOD.replace("\"hops\": 2", &format!("\"hops\": 2, \"outputs\": {{\"{name}\": {declaration}}}"))
}

#[test]
fn outputs_are_described_with_the_unit_that_they_are_reported_in() {
    let outputs = |declaration: &str| parse(&with_output("dipole", declaration)).unwrap().info().outputs;
    let in_debye = outputs(r#"{"per": "structure", "law": "vector", "unit": "debye"}"#);
    assert_eq!((in_debye.len(), in_debye[0].name.as_str()), (1, "dipole"));
    assert_eq!((in_debye[0].per.name(), in_debye[0].law.name()), ("structure", "vector"));
    assert_eq!(in_debye[0].reported_unit(), "e*angstrom");
    assert_eq!(outputs(r#"{"per": "atom", "law": "scalar"}"#)[0].reported_unit(), "");
    assert!(parse(GOOD).unwrap().info().outputs.is_empty());
}

#[test]
fn errors_name_the_wrong_output() {
    const VECTOR: &str = r#"{"per": "structure", "law": "vector"}"#;
    let name = |found: &str| {
        format!(
            "`outputs` has the name `{found}` in its metadata where a name of small letters, digits and _ was \
             expected, such as `dipole`, and not that of another result, key or input"
        )
    };
    let cases = [
        ("Dipole", VECTOR, name("Dipole")),
        ("forces", VECTOR, name("forces")),
        ("dipole_spread", VECTOR, name("dipole_spread")),
        (
            "dipole",
            r#"{"per": "structure", "law": "vector", "unit": "furlong"}"#,
            "`unit` of the output `dipole` is `furlong` in its metadata where one of e, e*angstrom, e*bohr, debye, \
             angstrom^3, bohr^3, eV, hartree, bohr_magneton, or no unit, was expected"
                .into(),
        ),
        (
            "dipole",
            r#"{"per": "structure", "law": "axial"}"#,
            "unknown variant `axial`, expected one of `scalar`, `vector`, `tensor` of the output `dipole` in its metadata".into(),
        ),
        (
            "dipole",
            r#"{"per": "cell", "law": "vector"}"#,
            "unknown variant `cell`, expected `atom` or `structure` of the output `dipole` in its metadata".into(),
        ),
        ("dipole", r#"{"per": "structure"}"#, "missing field `law` of the output `dipole` in its metadata".into()),
        (
            "dipole",
            r#"["structure", "vector"]"#,
            "the output `dipole` is [\"structure\",\"vector\"] where an object with `per` and `law` was expected in its \
             metadata"
                .into(),
        ),
        (
            "dipole",
            r#"{"per": "structure", "law": "vector", "units": "e"}"#,
            "unknown field `units`, expected one of `per`, `law`, `unit` of the output `dipole` in its metadata".into(),
        ),
    ];
    for (output, declaration, cause) in cases {
        let error = parse(&with_output(output, declaration)).unwrap_err().to_string();
        assert_eq!(error, format!("the model m.onnx breaks the model contract: {cause}"));
    }
}

#[test]
fn cutoff_that_overflows_is_refused() {
    let error = parse(&GOOD.replace("6.0", "1e308").replace("bohr", "nm")).unwrap_err().to_string();
    assert!(error.contains("`cutoff` is 1e308 in its metadata where a length above 0 "), "{error}");
}

#[test]
fn unknown_keys_are_refused_with_a_list_of_known_keys() {
    for (from, to) in [("reference_energies", "reference_energy"), ("hops", "Hops"), ("\"provenance\"", "\"x\"")] {
        let error = parse(&GOOD.replace(from, to)).unwrap_err().to_string();
        let expected = format!("unknown field `{}`, expected one of `version`, `name`, ", to.trim_matches('"'));
        assert!(error.contains(&expected) && error.contains("`reference_energies`, "), "{error}");
    }
    // The provenance may hold any keys.
    assert!(parse(&GOOD.replace("made by", "reference_energy")).is_ok());
}

#[test]
fn duplicate_keys_are_refused() {
    let cases = [
        ("\"hops\": 2", "\"hops\": 2, \"hops\": 2", "hops"),
        ("\"1\": -13.6", "\"1\": -13.6, \"1\": -13.7", "1"),
        ("{\"made by\"", "{\"made by\": 1, \"made by\"", "made by"),
    ];
    for (from, to, key) in cases {
        let error = parse(&GOOD.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(&format!("contract: the key `{key}` is given twice at line ")), "{error}");
    }
    for other in ["01", "+1", " 1", "1.0", "256", "-1", "H"] {
        let both = format!("\"1\": -13.6, \"{other}\": -13.6");
        assert!(parse(&GOOD.replace("\"1\": -13.6", &both)).is_err(), "{other}");
    }
}

#[test]
fn unsupported_version_is_refused_before_other_fields_are_read() {
    let error = parse(r#"{"version": "1.5", "novelty": true}"#).unwrap_err().to_string();
    assert!(error.starts_with("the model m.onnx follows version \"1.5\" of the model contract"), "{error}");
}
