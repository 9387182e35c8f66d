//! The job of a queue: processors and GPUs of a rank.

use std::env;

use super::finding::Finding;

/// Checks the job in which this process runs; nothing outside of jobs of Slurm.
pub fn findings(allowed: usize) -> Vec<Finding> {
    of_slurm(|name| env::var(name).ok(), allowed)
}

/// Whether this process belongs to a job of Slurm.
pub fn is_slurm() -> bool {
    env::var_os("SLURM_JOB_ID").is_some()
}

fn of_slurm(variable: impl Fn(&str) -> Option<String>, allowed: usize) -> Vec<Finding> {
    if variable("SLURM_JOB_ID").is_none() {
        return vec![];
    }
    let number = |name: &str| variable(name)?.parse::<usize>().ok();
    let (ranks, each) = (number("SLURM_NTASKS").unwrap_or(1), number("SLURM_CPUS_PER_TASK").unwrap_or(1));
    let processors = processors(ranks, each, allowed);
    [processors].into_iter().chain(variable("CUDA_VISIBLE_DEVICES").and_then(|devices| gpus(ranks, &devices))).collect()
}

fn processors(ranks: usize, each: usize, allowed: usize) -> Finding {
    let found = format!("Slurm gives {each} processor(s) to each of {ranks} task(s)");
    if each <= allowed {
        return Finding::ok("job", format!("{found}: threads of a rank should not be more"));
    }
    Finding::problem("job", format!("{found}, but this process may use {allowed}"))
        .remedy("export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK before srun, which does not take it from sbatch")
}

/// Checks CUDA_VISIBLE_DEVICES; a rank takes the first of its devices.
fn gpus(ranks: usize, devices: &str) -> Option<Finding> {
    let count = devices.split(',').filter(|device| !device.trim().is_empty()).count();
    match count {
        0 => Some(
            Finding::note("gpu of a rank", "CUDA_VISIBLE_DEVICES is empty: this process sees no GPU")
                .remedy("ask for GPUs: #SBATCH --gpus-per-task=1"),
        ),
        1 => None,
        _ if ranks < 2 => None,
        _ => Some(
            Finding::note(
                "gpu of a rank",
                format!("CUDA_VISIBLE_DEVICES is {devices}: all ranks would take the first"),
            )
            .remedy("one GPU a rank: srun --gpus-per-task=1, or CUDA_VISIBLE_DEVICES=$SLURM_LOCALID for each rank"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;

    fn job(variables: &[(&str, &str)], allowed: usize) -> Vec<Finding> {
        let known = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        of_slurm(known, allowed)
    }

    #[test]
    fn processors_of_a_task_are_compared_with_those_of_the_process() {
        assert_eq!(job(&[("CUDA_VISIBLE_DEVICES", "")], 1), []);
        let slurm = [("SLURM_JOB_ID", "7"), ("SLURM_NTASKS", "4"), ("SLURM_CPUS_PER_TASK", "8")];
        let [good] = &job(&slurm, 8)[..] else { panic!() };
        let found = "Slurm gives 8 processor(s) to each of 4 task(s): threads of a rank should not be more";
        assert_eq!((good.status, &*good.found), (Status::Ok, found));
        let [lost] = &job(&slurm, 1)[..] else { panic!() };
        assert_eq!(lost.found, "Slurm gives 8 processor(s) to each of 4 task(s), but this process may use 1");
        assert!(lost.status == Status::Problem && lost.remedy.as_ref().unwrap().contains("SRUN_CPUS_PER_TASK"));
    }

    #[test]
    fn each_rank_should_see_one_gpu() {
        let gpu = |devices, ranks| {
            let job = job(&[("SLURM_JOB_ID", "7"), ("SLURM_NTASKS", ranks), ("CUDA_VISIBLE_DEVICES", devices)], 1);
            job.into_iter().nth(1).map(|finding| finding.found)
        };
        assert_eq!(gpu("0", "4"), None);
        assert_eq!(gpu("0,1", "1"), None);
        let all = "CUDA_VISIBLE_DEVICES is 0,1: all ranks would take the first";
        assert_eq!(gpu("0,1", "2").as_deref(), Some(all));
        assert_eq!(gpu("", "2").as_deref(), Some("CUDA_VISIBLE_DEVICES is empty: this process sees no GPU"));
    }
}
