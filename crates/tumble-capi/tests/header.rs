//! `include/tumble.h` equals cbindgen's output for this crate. `make header` generates it.

use std::fs;
use std::path::Path;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// Generates the header from the crate's functions and their documentation.
fn generated() -> String {
    let config = cbindgen::Config::from_file(format!("{CRATE}/cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new().with_config(config).with_src(format!("{CRATE}/src/lib.rs")).generate();
    let mut bytes = vec![];
    bindings.unwrap().write(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn header_equals_the_output_of_cbindgen() {
    let path = Path::new(CRATE).join("../../include/tumble.h");
    if std::env::var_os("TUMBLE_BLESS").is_some() {
        fs::write(&path, generated()).unwrap();
    }
    assert!(fs::read_to_string(path).unwrap() == generated(), "include/tumble.h is old: run `make header`");
}
