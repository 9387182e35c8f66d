// Refusal of commands that hide atoms or pairs, since they would change the energies of a message-passing model. The
// checks run before each evaluation, since `run ... pre no` skips the setup and fixes change settings during a run.

#include <stdexcept>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "group.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "tumble/pair_tumble.h"

using namespace LAMMPS_NS;

namespace tumble {

namespace {

// Access to the protected group of Comm.
struct Border : Comm {
  static int group(Comm *comm) { return comm->*&Border::bordergroup; }
};

// Returns the first kind of special neighbors (1 to 3) that LAMMPS removes from the list of atom i; 0: none.
int hidden_special(const Atom *atom, const int *special_flag, int i) {
  int before = 0;
  for (int k = 1; k <= 3; k++) {
    const int upto = atom->nspecial[i][k - 1];
    if (special_flag[k] == 0 && upto > before) return k;
    before = upto;
  }
  return 0;
}

}  // namespace

// The origin of a list, and the exclusions set by fixes, are known only from the first step on.
void PairTumble::check_list() {
  if (!ready) {
    error->all(
        FLERR,
        "pair_style tumble: pair_style or pair_coeff was repeated since LAMMPS was set up: remove pre no from the run "
        "command");
  }
  check_exclusions();
  check_ghosts();
  check_reach();
  check_hybrid();
  check_scale();
}

void PairTumble::check_exclusions() {
  const char *molecules = neighbor->nex_mol > 0 && neighbor->ex_mol_intra[0] ? "molecule/intra" : "molecule/inter";
  const char *kind = neighbor->nex_type > 0    ? "type"
                     : neighbor->nex_group > 0 ? "group"
                     : neighbor->nex_mol > 0   ? molecules
                                               : nullptr;
  if (kind) {
    error->all(FLERR,
               "pair_style tumble must see all neighbors: remove neigh_modify exclude {}, or the fix that excludes "
               "atoms (fix gcmc and fix widom do with full_energy)",
               kind);
  }
  if (neighbor->includegroup != 0) {
    error->all(
        FLERR,
        "pair_style tumble must see the neighbors of all atoms, but neigh_modify include lists only group {}: remove "
        "neigh_modify include",
        group->names[neighbor->includegroup]);
  }
  if (neighbor->build_once) {
    error->all(
        FLERR,
        "pair_style tumble: neigh_modify once yes keeps the first neighbor list for the whole run, so new neighbors "
        "are missed: write neigh_modify once no");
  }
}

void PairTumble::check_ghosts() {
  if (comm->mode != Comm::SINGLE) {
    error->all(FLERR, "pair_style tumble needs one ghost cutoff for all types: write comm_modify mode single");
  }
  const int border = Border::group(comm);
  if (border != 0) {
    error->all(FLERR,
               "pair_style tumble must see all ghost atoms, but comm_modify group restricts them to group {}: write "
               "comm_modify group all",
               group->names[border]);
  }
}

void PairTumble::check_reach() {
  if (comm->cutghostuser < reach) {
    error->all(
        FLERR,
        "pair_style tumble: comm_modify cutoff was set to {:.4g} since LAMMPS was set up, but the model sees {:.4g}: "
        "remove pre no from the run command",
        comm->cutghostuser, reach);
  }
}

void PairTumble::check_hybrid() {
  bool partial = false;
  for (const NeighList *source = list; source; source = source->listcopy)
    partial |= source->listskip != nullptr || source->molskip != 0;
  if (partial) {
    error->all(
        FLERR,
        "pair_style tumble must see every pair of atoms, but pair_style hybrid gives some pairs of types to other "
        "styles only: use hybrid/overlay with pair_coeff * * tumble ...");
  }
}

// Throws if this rank's list lacks a bonded pair. Checked at each step, since bonds may form and break during a run.
void PairTumble::check_special() const {
  const int *flag = neighbor->special_flag;
  if (atom->molecular == Atom::ATOMIC || (flag[1] && flag[2] && flag[3])) return;
  for (int i = 0; i < atom->nlocal; i++) {
    const bool in_template = atom->molecular == Atom::TEMPLATE && atom->molindex[i] >= 0;
    const int kind = atom->molecular == Atom::MOLECULAR ? hidden_special(atom, flag, i) : (in_template ? 1 : 0);
    if (kind == 0) continue;
    throw std::runtime_error(
        fmt::format("bonded pairs must be seen too, but special_bonds hides 1-{} neighbors of atom {}: write "
                    "special_bonds lj/coul 1 1 1",
                    kind + 1, atom->tag[i]));
  }
}

}  // namespace tumble
