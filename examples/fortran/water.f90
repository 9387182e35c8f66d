! The energy of a water molecule, turned about x and averaged over rotations, and its spread over them.
!
!     gfortran examples/fortran/tumble.f90 examples/fortran/water.f90 -L target/release -ltumble -o water
!     export LD_LIBRARY_PATH=target/release
!     ./water examples/models/water-pet.onnx "rotate: octahedral, inversion: yes"
!
! Prints a line per angle: angle (degrees), energy (eV), spread over the rotations (eV), largest force (eV/Å).
! Without options the model is bare: the energy changes with the angle, and the spread is NaN.
program water
  use, intrinsic :: iso_c_binding, only: c_double
  use, intrinsic :: iso_fortran_env, only: error_unit
  use tumble
  implicit none
  integer, parameter :: species(3) = [8, 1, 1]
  real(c_double), parameter :: molecule(3, 3) = reshape( &
    [0.0_c_double, 0.0_c_double, 0.0_c_double, 0.96_c_double, 0.0_c_double, 0.0_c_double, &
     -0.24_c_double, 0.93_c_double, 0.0_c_double], [3, 3])
  real(c_double), parameter :: vacuum(3, 3) = 0
  type(model_t) :: model
  character(1000) :: file, options
  integer :: degrees
  logical :: ok

  call get_command_argument(1, file)
  call get_command_argument(2, options)
  call load_model(model, file, options, ok)
  if (.not. ok) call give_up()
  do degrees = 0, 90, 30
    call show(degrees)
  end do
  call free_model(model)

contains

  subroutine show(degrees)
    integer, intent(in) :: degrees
    real(c_double) :: positions(3, 3), forces(3, 3), virial(3, 3), energy, energy_spread, force_spread, angle
    logical :: ok
    angle = degrees * acos(-1.0_c_double) / 180
    positions(1, :) = molecule(1, :)
    positions(2, :) = cos(angle) * molecule(2, :) - sin(angle) * molecule(3, :)
    positions(3, :) = sin(angle) * molecule(2, :) + cos(angle) * molecule(3, :)
    call compute(model, species, vacuum, positions, energy, forces, virial, ok)
    if (ok) call spread_of(model, energy_spread, force_spread, ok)
    if (.not. ok) call give_up()
    print "(f6.1, f17.8, 2f13.8)", real(degrees), energy, energy_spread, maxval(abs(forces))
  end subroutine

  subroutine give_up()
    write (error_unit, "(2a)") "error: ", failure()
    stop 1
  end subroutine
end program
