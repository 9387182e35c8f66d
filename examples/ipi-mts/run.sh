#!/usr/bin/env bash
# 64 H2O in i-PI, the bare model at every inner step, the correction to the rotational average at every outer step.
#
#   examples/ipi-mts/run.sh [OUTER STEPS]        results in target/ipi-mts
#
# i-pi must be on the PATH. Other variables: TUMBLE, the program; OUT, the folder for the results.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
steps=${1:-20}
tumble=${TUMBLE:-$root/target/release/tumble}
out=${OUT:-$root/target/ipi-mts}
model=$here/../models/water-pet.onnx
# Sockets are files in /tmp, shared with other runs.
address=tumble-mts-$$

command -v i-pi > /dev/null || { echo "i-pi is not on the PATH: python3 -m pip install ipi" >&2; exit 1; }
command -v "$tumble" > /dev/null || { echo "$tumble is not there: make build, or set TUMBLE" >&2; exit 1; }
mkdir -p "$out"
cd "$out"
cp "$here/start.xyz" .
sed -e "s/STEPS/$steps/" -e "s/ADDRESS/$address/" "$here/input.xml" > input.xml

end() {
    kill $(jobs -p) 2> /dev/null || true
    rm -f "/tmp/ipi_$address-fast" "/tmp/ipi_$address-slow"
}
trap end EXIT
trap 'exit 130' INT TERM

i-pi input.xml > ipi.log 2>&1 &
"$tumble" ipi "$model" --template start.xyz --unix "$address-fast" 2> fast.log &
"$tumble" ipi "$model" --template start.xyz --unix "$address-slow" --rotate octahedral --correction 2> slow.log &

# i-PI tells its clients when to end. If one of the three fails, the others would wait for it.
for _ in 1 2 3; do
    wait -n || { echo "the run stopped: see ipi.log, fast.log and slow.log in $out" >&2; exit 1; }
done
tail -n 1 fast.log slow.log
grep '^#' water.properties | sed 's/^# *//'
tail -n 1 water.properties
