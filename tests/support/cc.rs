//! Programs in other languages, linked to the library of this very build.
#![allow(dead_code, reason = "each test uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// What valgrind says about ONNX Runtime is not about us.
const SUPPRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/c/onnxruntime.supp");

/// Cargo puts a test beside the libraries that it was built with.
fn folder() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

/// A C program, from its source in the repository.
pub fn c(source: &str, name: &str) -> PathBuf {
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-std=c99", "-g"]);
    compiler.arg(format!("-I{ROOT}/include")).arg(format!("{ROOT}/{source}"));
    linked(compiler, name)
}

/// A Fortran program, from its sources in the repository; none without gfortran.
pub fn fortran(sources: [&str; 2], name: &str) -> Option<PathBuf> {
    let mut compiler = Command::new("gfortran");
    compiler.arg("--version").stdout(Stdio::null()).status().ok()?;
    compiler = Command::new("gfortran");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-std=f2018", "-fcheck=all", "-g", "-J"]).arg(folder());
    compiler.args(sources.map(|source| format!("{ROOT}/{source}")));
    Some(linked(compiler, name))
}

fn linked(mut compiler: Command, name: &str) -> PathBuf {
    let (folder, program) = (folder(), folder().join(name));
    compiler.arg(folder.join("libtumble_capi.so")).arg(format!("-Wl,-rpath,{}", folder.display()));
    assert!(compiler.args(["-lm", "-o"]).arg(&program).status().unwrap().success());
    program
}

/// A program under valgrind, which fails for leaks and for reads of what was never written; by itself without valgrind.
pub fn watched(program: &Path) -> Command {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Command::new(program);
    }
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg(format!("--suppressions={SUPPRESSIONS}")).arg(program);
    command
}
