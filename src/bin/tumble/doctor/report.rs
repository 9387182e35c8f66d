//! One text with everything about the machine, LAMMPS and the model, to send with a question.

use std::env;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::finding::Finding;
use super::lammps::Lammps;
use crate::program;

/// Variables that decide what is found and how it runs. No others: they may hold secrets.
const VARIABLES: [&str; 34] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "LOADEDMODULES",
    "ORT_DYLIB_PATH",
    "LAMMPS_PLUGIN_PATH",
    "TUMBLE_LIBRARY",
    "CXX",
    "CXXFLAGS",
    "OMP_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_HOME",
    "ROCR_VISIBLE_DEVICES",
    "I_MPI_ROOT",
    "MPICH_GPU_SUPPORT_ENABLED",
    "PE_ENV",
    "CRAY_MPICH_VERSION",
    "SLURM_JOB_ID",
    "SLURM_JOB_PARTITION",
    "SLURM_NNODES",
    "SLURM_NTASKS",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_CPUS_PER_TASK",
    "SRUN_CPUS_PER_TASK",
    "SLURM_CPU_BIND",
    "SLURM_MPI_TYPE",
    "SLURM_GPUS_PER_TASK",
    "PBS_JOBID",
    "LSB_JOBID",
    "TMPDIR",
];

/// Lines of a file that are of interest, with the number of lines to keep.
const FILES: [(&str, &str, usize); 4] = [
    ("/etc/os-release", "", 20),
    ("/proc/version", "", 1),
    ("/proc/cpuinfo", "model name|flags|Features|CPU implementer|CPU part", 3),
    ("/proc/meminfo", "Mem|Swap", 5),
];

/// Writes the text: the findings first, then what they came from.
pub fn text(findings: &[Finding], lammps: Option<&Lammps>, model: Option<&Path>) -> String {
    let rows: Vec<_> = findings.iter().map(|finding| finding.text(false)).collect();
    let mut sections = vec![section("tumble doctor", &rows.join("\n"))];
    sections.push(section("variables", &variables(|name| env::var(name).ok())));
    sections.extend(FILES.map(|(path, starts, count)| section(path, &lines(path, starts, count))));
    sections.extend(commands(lammps, model).into_iter().map(|command| of_command(&command)));
    sections.concat()
}

fn section(title: &str, text: &str) -> String {
    format!("== {title}\n{}\n\n", text.trim_end())
}

fn variables(value: impl Fn(&str) -> Option<String>) -> String {
    let set = VARIABLES.iter().filter_map(|name| Some(format!("{name}={}\n", value(name)?)));
    set.collect()
}

/// The first lines of a file that begin with one of the words, which a bar separates.
fn lines(path: &str, starts: &str, count: usize) -> String {
    let text = read_to_string(path).unwrap_or_else(|error| error.to_string());
    let wanted = |line: &&str| starts.split('|').any(|start| line.starts_with(start));
    text.lines().filter(wanted).take(count).collect::<Vec<_>>().join("\n")
}

/// The programs to ask: a name or path, and its arguments.
fn commands(lammps: Option<&Lammps>, model: Option<&Path>) -> Vec<Vec<PathBuf>> {
    let fixed = [
        "ldd --version",
        "nvidia-smi -L",
        "mpiexec --version",
        "mpicxx -show",
        "c++ --version",
        "cmake --version",
        "python3 --version",
        "python3 -m pip list",
    ];
    let mut commands: Vec<Vec<PathBuf>> =
        fixed.iter().map(|command| command.split(' ').map(PathBuf::from).collect()).collect();
    if let Some(lammps) = lammps {
        commands.push(vec![lammps.program.clone(), "-h".into()]);
        commands.push(vec!["ldd".into(), lammps.program.clone()]);
        commands.push(vec!["ldd".into(), lammps.place.library.clone()]);
    }
    if let (Some(model), Ok(tumble)) = (model, env::current_exe()) {
        commands.push(vec![tumble, "info".into(), model.into()]);
    }
    commands
}

/// What a program prints; LAMMPS lists a thousand styles after its packages, which nobody reads.
fn of_command(words: &[PathBuf]) -> String {
    let name = words.iter().map(|word| word.display().to_string()).collect::<Vec<_>>().join(" ");
    let said = program::run(Command::new(&words[0]).args(&words[1..]), "").map_or_else(|cause| cause, |said| said.text);
    section(&name, said.split("List of individual style options").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_stay_out() {
        let found = variables(|name| (name != "PATH").then(|| format!("<{name}>")));
        assert!(found.contains("SLURM_JOB_ID=<SLURM_JOB_ID>\n") && !found.contains("PATH=<PATH>"));
        assert!(VARIABLES.iter().all(|name| !name.contains("TOKEN") && !name.contains("KEY")));
    }

    #[test]
    fn files_and_programs_are_quoted_in_part() {
        assert_eq!(lines("/proc/meminfo", "MemTotal|MemFree", 1).lines().count(), 1);
        assert!(lines("/no/file", "", 1).starts_with("No such file"));
        assert!(of_command(&["/no/program".into()]).contains("/no/program cannot be started: "));
        let help =
            of_command(&["echo".into(), "Installed packages: PLUGIN List of individual style options lj".into()]);
        assert_eq!(help.lines().nth(1), Some("Installed packages: PLUGIN"));
    }
}
