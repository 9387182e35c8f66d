//! Programs in other languages, linked to the library of this build.
#![allow(dead_code, reason = "each test uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Suppresses valgrind's reports about ONNX Runtime.
const SUPPRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/c/onnxruntime.supp");

/// The folder of the library: cargo puts a test beside the libraries of its build.
fn folder() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

/// Compiles a C program of the repository.
pub fn c(source: &str, name: &str) -> PathBuf {
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-std=c99", "-g"]);
    compiler.arg(format!("-I{ROOT}/include")).arg(format!("{ROOT}/{source}"));
    linked(compiler, name)
}

/// Compiles a Fortran program of the repository; None without gfortran.
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

/// Runs a program under valgrind, to fail on leaks and uninitialized reads; without valgrind, runs it directly.
pub fn watched(program: &Path) -> Command {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Command::new(program);
    }
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    command.arg(format!("--suppressions={SUPPRESSIONS}")).arg(program);
    command
}
