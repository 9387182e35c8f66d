# make demo, make test, make lint; `make` alone lists them. Nothing needs root.

VENV := .venv
BIN := $(VENV)/bin
PLUGIN := target/release/tumbleplugin.so
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
# The library of ONNX Runtime's wheel reports home unless told not to before it is loaded.
export ORT_DISABLE_TELEMETRY := 1

.PHONY: help setup build demo test test-rust test-lammps lint format clean

help:
	@echo "make demo    water in LAMMPS, turned at random at every step (about 3 minutes after the build)"
	@echo "make test    all tests: Rust, LAMMPS, Python reference"
	@echo "make lint    formats, lints and documentation"
	@echo "make build   the command line and the LAMMPS plugin, in target/release"
	@echo "make format  format all sources"
	@echo "make clean   remove target and .venv"

setup: $(VENV)/.done

$(VENV)/.done: requirements.txt scripts/check-tools.sh
	@scripts/check-tools.sh
	test -x $(BIN)/python || env -u VIRTUAL_ENV python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.tests: $(VENV)/.done tests/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

$(VENV)/.lint: $(VENV)/.done scripts/lint-requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r scripts/lint-requirements.txt
	@touch $@

build: setup
	cargo build --release --features lammps
	@ln -sf libtumble.so $(PLUGIN)
	@# Beside the program is where it looks first, so that it runs without an active environment.
	@ln -sf $$(ls $(CURDIR)/$(VENV)/lib/python*/site-packages/onnxruntime/capi/libonnxruntime.so.*) target/release/

demo: build
	@$(BIN)/python examples/liquid/demo.py

test: test-rust test-lammps

test-rust: setup
	cargo test

test-lammps: build $(VENV)/.tests
	$(BIN)/python -m pytest tests -q

lint: $(VENV)/.lint
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --lib --features lammps -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --features lammps
	$(BIN)/clang-format --dry-run --Werror cpp/*.cpp include/tumble/*.h
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.lint
	cargo fmt
	$(BIN)/clang-format -i cpp/*.cpp include/tumble/*.h
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf target $(VENV)
