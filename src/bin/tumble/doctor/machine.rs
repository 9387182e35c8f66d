//! Processors, threads and memory available to this process.

use std::env;
use std::fs::read_to_string;
use std::thread::available_parallelism;

use tumble_core::Settings;

use super::finding::Finding;
use super::job;

/// Checks processors, threads and memory.
pub fn findings() -> Vec<Finding> {
    let allowed = available_parallelism().map_or(1, usize::from);
    let mut findings =
        vec![processors(allowed, online()), threads(allowed, env::var("OMP_NUM_THREADS").ok().as_deref())];
    findings.extend(available().map(memory));
    findings.extend(job::findings(allowed));
    findings
}

/// Number of processors of the machine.
fn online() -> Option<usize> {
    let text = read_to_string("/proc/cpuinfo").ok()?;
    Some(text.lines().filter(|line| line.starts_with("processor")).count()).filter(|&count| count > 0)
}

fn processors(allowed: usize, online: Option<usize>) -> Finding {
    let rule = "MPI ranks times threads should not be more";
    match online {
        Some(online) if allowed < online => {
            let found = format!("{allowed} of the {online} of this machine may be used: {rule}");
            Finding::note("processors", found).remedy("see taskset -p $$, and the limits of the queue or container")
        }
        _ => Finding::ok("processors", format!("{allowed}: {rule}")),
    }
}

/// Checks OMP_NUM_THREADS, the number of threads of LAMMPS' other styles; tumble has its own option.
fn threads(allowed: usize, variable: Option<&str>) -> Finding {
    let own = "tumble's own threads are those of --threads, or of the keyword threads";
    let Some(text) = variable.filter(|text| !text.is_empty()) else {
        return Finding::ok("threads", format!("OMP_NUM_THREADS is not set; {own}"));
    };
    // Numbers after a comma are for nested levels.
    let number = text.split(',').next().and_then(|first| first.trim().parse::<usize>().ok()).filter(|&n| n > 0);
    let remedy = "export OMP_NUM_THREADS=1";
    match number {
        Some(number) if number <= allowed => Finding::ok("threads", format!("OMP_NUM_THREADS is {text}; {own}")),
        Some(_) => Finding::note("threads", format!("OMP_NUM_THREADS is {text}, more than the processors; {own}"))
            .remedy(remedy),
        None => Finding::problem("threads", format!("OMP_NUM_THREADS is \"{text}\", not a number of threads"))
            .remedy(remedy),
    }
}

/// Free memory of the machine or of the control group, the smaller one, MB.
fn available() -> Option<usize> {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| mem_available(&text));
    let number = |name: &str| read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<usize>().ok();
    let group = number("memory.max").zip(number("memory.current"));
    let group = group.map(|(limit, used)| limit.saturating_sub(used) >> 20);
    machine.into_iter().chain(group).min()
}

fn mem_available(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib >> 10)
}

fn memory(free: usize) -> Finding {
    let limit = Settings::default().memory_mb;
    let found = format!("{free} MB are free; by default a model may take {limit} MB of them on each rank");
    if free >= limit {
        return Finding::ok("memory", found);
    }
    let remedy = format!("--memory {0} on the command line, memory {0} for pair_style tumble", (free / 2).max(1));
    Finding::note("memory", found).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;

    #[test]
    fn processors_excluded_by_affinity_are_reported() {
        assert_eq!(processors(8, Some(8)).found, "8: MPI ranks times threads should not be more");
        let bound = processors(2, Some(8));
        assert_eq!(bound.status, Status::Note);
        assert!(bound.found.starts_with("2 of the 8 of this machine may be used"), "{bound:?}");
    }

    #[test]
    fn omp_num_threads_is_read_as_openmp_reads_it() {
        assert_eq!(threads(4, None).status, Status::Ok);
        assert_eq!(threads(4, Some("4,2")).status, Status::Ok);
        assert_eq!(threads(4, Some("5")).status, Status::Note);
        let wrong = threads(4, Some("many"));
        assert_eq!(wrong.found, "OMP_NUM_THREADS is \"many\", not a number of threads");
        assert_eq!(wrong.remedy.as_deref(), Some("export OMP_NUM_THREADS=1"));
    }

    #[test]
    fn free_memory_is_compared_with_the_limit_of_a_model() {
        assert_eq!(mem_available("MemTotal: 9 kB\nMemAvailable:    4194304 kB\n"), Some(4096));
        assert_eq!(memory(4096).status, Status::Ok);
        let scarce = memory(1000);
        assert_eq!(
            scarce.remedy.as_deref(),
            Some("--memory 500 on the command line, memory 500 for pair_style tumble")
        );
    }
}
