! Machine-learned potentials averaged over rotations: the Fortran interface to include/tumble.h.
!
! Units are eV and Å. Arrays of vectors are (3, n_atoms), one vector per column. The cell vectors are the columns of
! cell(3, 3); directions with a zero vector are not periodic. Procedures with `ok` set it to .false. on failure, and
! failure() then returns the reason as a sentence.
module tumble
  use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_double, c_f_pointer, c_funloc, c_funptr, c_int, &
    c_loc, c_long_long, c_null_char, c_null_funptr, c_null_ptr, c_ptr, c_size_t
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  implicit none
  private
  public :: model_t, ends, load_model, load_committee, set_step, set_beads, set_conditions, watch, compute, spread_of, &
    per_atom, force_deviations, details, ipi_extras, cutoff_of, knows, free_model, failure, version

  ! A model loaded into this process. Threads that share it evaluate in turn, and each reads the results of its own last
  ! structure.
  type :: model_t
    private
    type(c_ptr) :: handle = c_null_ptr
  end type

  abstract interface
    ! A function for watch(): returns 0 to continue an evaluation, any other number to end it.
    function ends() bind(c) result(answer)
      import :: c_int
      integer(c_int) :: answer
    end function
  end interface

  interface
    function c_load(file, options) bind(c, name="tumble_load") result(model)
      import :: c_char, c_ptr
      character(kind=c_char), intent(in) :: file(*), options(*)
      type(c_ptr) :: model
    end function

    function c_load_committee(n_files, files, options) bind(c, name="tumble_load_committee") result(model)
      import :: c_char, c_int, c_ptr
      integer(c_int), value :: n_files
      type(c_ptr), intent(in) :: files(*)
      character(kind=c_char), intent(in) :: options(*)
      type(c_ptr) :: model
    end function

    function c_set_step(model, step) bind(c, name="tumble_set_step") result(status)
      import :: c_int, c_long_long, c_ptr
      type(c_ptr), value :: model
      integer(c_long_long), value :: step
      integer(c_int) :: status
    end function

    function c_set_beads(model, n_beads, shared) bind(c, name="tumble_set_beads") result(status)
      import :: c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: n_beads, shared
      integer(c_int) :: status
    end function

    function c_set_conditions(model, n_structures, charges, spins, fields) &
        bind(c, name="tumble_set_conditions") result(status)
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: n_structures
      real(c_double), intent(in) :: charges(*), spins(*), fields(3, *)
      integer(c_int) :: status
    end function

    function c_watch(model, should_end) bind(c, name="tumble_watch") result(status)
      import :: c_funptr, c_int, c_ptr
      type(c_ptr), value :: model
      type(c_funptr), value :: should_end
      integer(c_int) :: status
    end function

    function c_compute(model, n_atoms, species, cell, positions, energy, forces, virial) &
        bind(c, name="tumble_compute") result(status)
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: n_atoms
      integer(c_int), intent(in) :: species(*)
      real(c_double), intent(in) :: cell(3, 3), positions(3, *)
      real(c_double), intent(out) :: energy, forces(3, *), virial(3, 3)
      integer(c_int) :: status
    end function

    function c_compute_many(model, n_structures, n_atoms, species, cells, positions, energies, forces, virials) &
        bind(c, name="tumble_compute_many") result(status)
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: n_structures
      integer(c_int), intent(in) :: n_atoms(*), species(*)
      real(c_double), intent(in) :: cells(3, 3, *), positions(3, *)
      real(c_double), intent(out) :: energies(*), forces(3, *), virials(3, 3, *)
      integer(c_int) :: status
    end function

    function c_select(model, structure) bind(c, name="tumble_select") result(status)
      import :: c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: structure
      integer(c_int) :: status
    end function

    function c_spread(model, energy, force) bind(c, name="tumble_spread") result(status)
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: model
      real(c_double), intent(out) :: energy, force
      integer(c_int) :: status
    end function

    function c_per_atom(model, n_atoms, energies, energy_spreads, force_spreads) &
        bind(c, name="tumble_per_atom") result(status)
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: n_atoms
      real(c_double), intent(out) :: energies(*), energy_spreads(*), force_spreads(3, *)
      integer(c_int) :: status
    end function

    function c_force_deviations(model, n_atoms, deviations) bind(c, name="tumble_force_deviations") result(status)
      import :: c_double, c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: n_atoms
      real(c_double), intent(out) :: deviations(*)
      integer(c_int) :: status
    end function

    function c_details(model) bind(c, name="tumble_details") result(text)
      import :: c_ptr
      type(c_ptr), value :: model
      type(c_ptr) :: text
    end function

    function c_ipi_extras(model) bind(c, name="tumble_ipi_extras") result(text)
      import :: c_ptr
      type(c_ptr), value :: model
      type(c_ptr) :: text
    end function

    function c_cutoff(model) bind(c, name="tumble_cutoff") result(cutoff)
      import :: c_double, c_ptr
      type(c_ptr), value :: model
      real(c_double) :: cutoff
    end function

    function c_knows(model, species) bind(c, name="tumble_knows") result(known)
      import :: c_int, c_ptr
      type(c_ptr), value :: model
      integer(c_int), value :: species
      integer(c_int) :: known
    end function

    subroutine c_free(model) bind(c, name="tumble_free")
      import :: c_ptr
      type(c_ptr), value :: model
    end subroutine

    function c_error() bind(c, name="tumble_error") result(text)
      import :: c_ptr
      type(c_ptr) :: text
    end function

    function c_version() bind(c, name="tumble_version") result(text)
      import :: c_ptr
      type(c_ptr) :: text
    end function

    function c_length(text) bind(c, name="strlen") result(length)
      import :: c_ptr, c_size_t
      type(c_ptr), value :: text
      integer(c_size_t) :: length
    end function
  end interface

contains

  ! Loads a model from an ONNX file. Options are key: value pairs as in "rotate: octahedral, inversion: yes". The keys are
  ! rotate, inversion, seed, stream, step, forces, correction, threads, memory, device, onnxruntime, sha256 and tf32
  ! (explained in include/tumble.h). Unknown keys, repeated keys and values out of range are errors.
  subroutine load_model(model, file, options, ok)
    type(model_t), intent(out) :: model
    character(*), intent(in) :: file, options
    logical, intent(out) :: ok
    model%handle = c_load(trim(file) // c_null_char, trim(options) // c_null_char)
    ok = c_associated(model%handle)
  end subroutine

  ! Loads several models as a committee: energy, forces and virial are means over the models. See force_deviations() and
  ! details() for their disagreement.
  subroutine load_committee(model, files, options, ok)
    type(model_t), intent(out) :: model
    character(*), intent(in) :: files(:), options
    logical, intent(out) :: ok
    character(kind=c_char), target :: names(len(files) + 1, size(files))
    type(c_ptr) :: addresses(size(files))
    integer :: file, i
    names = c_null_char
    do file = 1, size(files)
      do i = 1, len_trim(files(file))
        names(i, file) = files(file)(i:i)
      end do
      addresses(file) = c_loc(names(1, file))
    end do
    model%handle = c_load_committee(size(files, kind=c_int), addresses, trim(options) // c_null_char)
    ok = c_associated(model%handle)
  end subroutine

  ! Sets the number of the next structure, which selects its random rotations. Later structures count up from it.
  subroutine set_step(model, step, ok)
    type(model_t), intent(in) :: model
    integer(c_long_long), intent(in) :: step
    logical, intent(out) :: ok
    ok = c_set_step(model%handle, step) == 0
  end subroutine

  ! Takes the structures as beads of ring polymers: bead by bead, step by step. Each bead has a random stream of its own, or
  ! all beads of a step share their random rotations.
  subroutine set_beads(model, n_beads, shared, ok)
    type(model_t), intent(in) :: model
    integer(c_int), intent(in) :: n_beads
    logical, intent(in) :: shared
    logical, intent(out) :: ok
    ok = c_set_beads(model%handle, n_beads, merge(1_c_int, 0_c_int, shared)) == 0
  end subroutine

  ! Sets the charge (e), spin multiplicity and field (V/Å) of the next structure; what is missing is that of the options.
  subroutine set_conditions(model, ok, charge, spin, field)
    type(model_t), intent(in) :: model
    logical, intent(out) :: ok
    real(c_double), intent(in), optional :: charge, spin, field(3)
    real(c_double) :: numbers(5)
    numbers = ieee_value(numbers, ieee_quiet_nan)
    if (present(charge)) numbers(1) = charge
    if (present(spin)) numbers(2) = spin
    if (present(field)) numbers(3:5) = field
    ok = c_set_conditions(model%handle, 1_c_int, numbers(1), numbers(2), numbers(3)) == 0
  end subroutine

  ! Registers a function that can end an evaluation, called about ten times per second in the thread that called
  ! compute(). Without it, removes the function.
  subroutine watch(model, ok, should_end)
    type(model_t), intent(in) :: model
    logical, intent(out) :: ok
    procedure(ends), optional :: should_end
    type(c_funptr) :: address
    address = c_null_funptr
    if (present(should_end)) address = c_funloc(should_end)
    ok = c_watch(model%handle, address) == 0
  end subroutine

  ! Computes energy (eV), forces (eV/Å) and virial (-dE/d(strain), eV) of one structure; species(n_atoms) are atomic
  ! numbers.
  subroutine compute(model, species, cell, positions, energy, forces, virial, ok)
    type(model_t), intent(in) :: model
    integer, intent(in) :: species(:)
    real(c_double), intent(in) :: cell(3, 3), positions(:, :)
    real(c_double), intent(out) :: energy, forces(:, :), virial(3, 3)
    logical, intent(out) :: ok
    integer(c_int) :: n_atoms
    n_atoms = size(species, kind=c_int)
    call check_shape(positions, size(species), "positions")
    call check_shape(forces, size(species), "forces")
    ok = c_compute(model%handle, n_atoms, int(species, c_int), cell, positions, energy, forces, virial) == 0
  end subroutine

  ! Standard deviations over the rotations: of the energy (eV), and of the forces (eV/Å, root mean square). NaN if there
  ! was only one rotation.
  subroutine spread_of(model, energy, force, ok)
    type(model_t), intent(in) :: model
    real(c_double), intent(out) :: energy, force
    logical, intent(out) :: ok
    ok = c_spread(model%handle, energy, force) == 0
  end subroutine

  ! Energies per atom (eV), their spreads (eV) and the spreads of the force components (eV/Å) of the last structure.
  subroutine per_atom(model, energies, energy_spreads, force_spreads, ok)
    type(model_t), intent(in) :: model
    real(c_double), intent(out) :: energies(:), energy_spreads(:), force_spreads(:, :)
    logical, intent(out) :: ok
    if (size(energy_spreads) /= size(energies)) error stop "tumble: energies and energy_spreads differ in size"
    call check_shape(force_spreads, size(energies), "force_spreads")
    ok = c_per_atom(model%handle, size(energies, kind=c_int), energies, energy_spreads, force_spreads) == 0
  end subroutine

  ! Disagreement of a committee on the force on each atom of the last structure (eV/Å); NaN for a single model.
  subroutine force_deviations(model, deviations, ok)
    type(model_t), intent(in) :: model
    real(c_double), intent(out) :: deviations(:)
    logical, intent(out) :: ok
    ok = c_force_deviations(model%handle, size(deviations, kind=c_int), deviations) == 0
  end subroutine

  ! Further results for the last structure, as a JSON object with the keys of tumble_details() in include/tumble.h, in eV
  ! and Å.
  function details(model) result(text)
    type(model_t), intent(in) :: model
    character(:), allocatable :: text
    text = fortran_text(c_details(model%handle))
  end function

  ! The same results for i-PI, as JSON with its names and in atomic units.
  function ipi_extras(model) result(text)
    type(model_t), intent(in) :: model
    character(:), allocatable :: text
    text = fortran_text(c_ipi_extras(model%handle))
  end function

  ! Cutoff of the model, the length of its longest edge, Å; -1 without a model.
  function cutoff_of(model) result(cutoff)
    type(model_t), intent(in) :: model
    real(c_double) :: cutoff
    cutoff = c_cutoff(model%handle)
  end function

  ! Whether the model knows the element with this atomic number.
  function knows(model, species) result(known)
    type(model_t), intent(in) :: model
    integer, intent(in) :: species
    logical :: known
    known = c_knows(model%handle, int(species, c_int)) == 1
  end function

  ! Frees the model.
  subroutine free_model(model)
    type(model_t), intent(inout) :: model
    call c_free(model%handle)
    model%handle = c_null_ptr
  end subroutine

  ! The error of the last call, as a sentence; empty if the call succeeded.
  function failure() result(text)
    character(:), allocatable :: text
    text = fortran_text(c_error())
  end function

  ! Version of the library.
  function version() result(text)
    character(:), allocatable :: text
    text = fortran_text(c_version())
  end function

  ! Stops if an array is too small: the library would write beyond its end.
  subroutine check_shape(vectors, n_atoms, name)
    real(c_double), intent(in) :: vectors(:, :)
    integer, intent(in) :: n_atoms
    character(*), intent(in) :: name
    if (size(vectors, 1) /= 3 .or. size(vectors, 2) /= n_atoms) &
      error stop "tumble: the shape of " // name // " is not (3, n_atoms)"
  end subroutine

  function fortran_text(pointer) result(text)
    type(c_ptr), intent(in) :: pointer
    character(:), allocatable :: text
    character(kind=c_char), pointer :: characters(:)
    integer :: i
    call c_f_pointer(pointer, characters, [c_length(pointer)])
    allocate(character(size(characters)) :: text)
    do i = 1, size(characters)
      text(i:i) = characters(i)
    end do
  end function
end module
