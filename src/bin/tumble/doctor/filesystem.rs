//! The file system of a model: on a network, each rank reads the file over it.

use std::fs::read_to_string;
use std::path::Path;

use super::finding::Finding;

/// Kinds of file systems that reach over a network.
const NETWORK: [&str; 12] =
    ["nfs", "nfs4", "lustre", "gpfs", "beegfs", "ceph", "afs", "cifs", "smb3", "pvfs2", "9p", "fuse.sshfs"];

/// Returns a note for a model on a network.
pub fn finding(model: &Path) -> Option<Finding> {
    let path = model.canonicalize().ok()?;
    of_mounts(&read_to_string("/proc/self/mounts").ok()?, &path)
}

fn of_mounts(mounts: &str, path: &Path) -> Option<Finding> {
    let (folder, kind) = mount(mounts, path)?;
    let found = format!("the model is on {kind} at {folder}: every rank reads it from there");
    let remedy =
        "for many ranks, copy it to each node first: sbcast model.onnx /tmp/model.onnx; sha256 tells if it is the same";
    NETWORK.contains(&kind).then(|| Finding::note("file system", found).remedy(remedy))
}

/// Returns the folder and the kind of the file system that holds a path.
fn mount<'a>(mounts: &'a str, path: &Path) -> Option<(&'a str, &'a str)> {
    let rows = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?, words.next()?))
    });
    // Later mounts lie over earlier ones.
    rows.filter(|(folder, _)| path.starts_with(folder)).max_by_key(|(folder, _)| folder.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "/dev/vda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\ntmpfs /home/me/fast tmpfs rw 0 0\n";

    #[test]
    fn models_on_a_network_have_a_note() {
        let found = |path| of_mounts(MOUNTS, Path::new(path)).map(|finding| finding.found);
        let network = "the model is on nfs4 at /home: every rank reads it from there";
        assert_eq!(found("/home/me/model.onnx").as_deref(), Some(network));
        assert_eq!((found("/home/me/fast/model.onnx"), found("/homes/model.onnx")), (None, None));
    }
}
