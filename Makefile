# The words a newcomer needs. Everything is set up in .venv beside this file; nothing is installed elsewhere but, when
# root on Debian, the SIP agents that the tests call (see APT).

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
WHEELS := x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu
CLIENTS := tests/eventsocket/esl/clients
APT := baresip-core chromium coturn ffmpeg kamailio kamailio-websocket-modules postgresql sip-tester sipsak systemd tshark valgrind
NATIVE := Cargo.toml Cargo.lock engine/native/Cargo.toml $(shell find engine/native/src -name '*.rs' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test lint bench bench-check soak wander fuzz docs wheels clean

help:  ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

run: .venv/run.stamp  ## Start the engine with examples/ivr, ready to be called
	@set -m 2>/dev/null; $(BIN)/callflow run examples/ivr/ivr.py  # a job of its own: Ctrl-C ends it, and make says nothing

test: .venv/dev.stamp .venv/apt.stamp .venv/clients.stamp  ## Run all tests
	cargo test --quiet --workspace
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

lint: .venv/dev.stamp  ## Check style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	cargo clippy --quiet --workspace --all-targets --features python -- -D warnings

bench: .venv/dev.stamp .venv/apt.stamp  ## Measure calls, media and memory
	@$(BIN)/python -m benchmarks

bench-check: .venv/dev.stamp .venv/apt.stamp  ## Count the instructions of hot paths: is one dearer than it was?
	@$(BIN)/python -m benchmarks.check

soak: .venv/dev.stamp  ## Media for ten minutes, a million simulated calls (SECONDS=, CALLS=, SEED=): is anything left?
	@$(BIN)/python -m tests.soak.media --seconds $(or $(SECONDS),600)
	@$(BIN)/python -m tests.soak.soak --calls $(or $(CALLS),1000000) --seed $(or $(SEED),1)

wander: .venv/dev.stamp  ## Random people use every example for so long, simulated (MINUTES=, SEED=): is anything wrong?
	@$(BIN)/python -m tests.soak.random_use --minutes $(or $(MINUTES),60) --seed $(or $(SEED),1)

fuzz:  ## Give every parser anything, for so long each (SECONDS=, TARGETS=): does one fall?
	@engine/native/fuzz/run $(or $(SECONDS),60) $(TARGETS)

docs: .venv/dev.stamp  ## Generate the schema, the reference, and what the Lua language server reads
	$(BIN)/python -m callflow.protocol.schema
	$(BIN)/python -m engine.eventsocket.esl.compatibility
	$(BIN)/python -m callflow.runtime.lua.stub

wheels: .venv/dev.stamp  ## Build wheels for x86-64 and arm64 Linux, to dist/ (needs rustup)
	$(BIN)/pip install --quiet ziglang
	for target in $(WHEELS); do \
		rustup target add $$target && \
		PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/maturin build --release --locked --zig --target $$target \
			--compatibility manylinux_2_28 --out dist || exit 1; \
	done

clean:  ## Remove what was built
	rm -rf .venv target dist engine/_native*.so

.venv/bin/pip:
	@test -n "$(PYTHON)" || { echo "callflow needs Python 3.11 or newer. Say where: make PYTHON=/path/to/python3" >&2; exit 1; }
	@command -v cargo >/dev/null || { echo "callflow needs a Rust toolchain: cargo was not found (https://rustup.rs)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/apt python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip

# An editable install: Python is read from the tree, the crate is compiled once and again when its sources change.
.venv/run.stamp: pyproject.toml $(NATIVE) | .venv/bin/pip
	@echo "Building callflow (the first time takes a minute) ..."
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/dev.stamp: .venv/run.stamp
	$(BIN)/pip install --quiet --group dev
	@touch $@

.venv/apt.stamp: Makefile | .venv/bin/pip
	@.ci/apt $(APT)
	@touch $@

# FreeSWITCH's clients and JsSIP, as their authors publish them, apart from us: they want other versions of what we use.
.venv/clients.stamp: $(CLIENTS)/requirements.txt $(CLIENTS)/package-lock.json | .venv/bin/pip
	@command -v npm >/dev/null || .ci/apt npm
	$(BIN)/python -m venv .venv/clients
	.venv/clients/bin/pip install --quiet --requirement $(CLIENTS)/requirements.txt
	cp $(CLIENTS)/package.json $(CLIENTS)/package-lock.json .venv/clients
	cd .venv/clients && npm ci --silent --no-audit --no-fund
	@touch $@
