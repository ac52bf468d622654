# Everything a newcomer needs: `make run`, `make test`. The set-up is done once and again when a lock file changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PAGE := triplane/api/static/index.html
TYPES := ui/src/data/schema.d.ts
MAKEFLAGS += --jobs=2
# What compiles runs first and in one process, which needs a quarter of the time that it takes strategy by strategy.
COMPILING := $(addprefix tests/,unit/strategies/test_compile_all.py \
	docs/test_writing_a_strategy.py docs/test_detectors_and_guards.py unit/strategies/test_detector.py \
	unit/research/test_backtest.py integration/engine/test_runner.py unit/kernel/indicators/test_features.py \
	unit/kernel/patterns/test_detectors.py)
# What needs nothing compiled runs beside it.
PLAIN := $(addprefix tests/unit/,alerts data exchange flow model scripts store venues) \
	$(addprefix tests/property/,data exchange execution venues)
# A file's tests stay in one process: they share servers and fixtures.
SPREAD := --numprocesses 3 --dist loadfile --no-loadscope-reorder

.PHONY: run test test-compiling test-plain test-page test-python lint lint-style lint-types lint-layers bench peers docs chaos soak coverage mutants size setup lock wheel clean
.DEFAULT_GOAL := run

setup: $(READY) $(PAGE)

$(READY): requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Triplane needs Python 3.11 or newer; this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

ui/node_modules/.ready: ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The shapes that the page works with are those of the API's description.
$(TYPES): $(READY) ui/node_modules/.ready ui/scripts/types.mjs $(shell find triplane/api triplane/model -name '*.py')
	cd ui && PYTHON=../$(BIN)/python npm run --silent types

$(PAGE): $(TYPES) $(shell find ui/src ui/public ui/index.html ui/vite.config.ts -type f 2>/dev/null)
	cd ui && npm run --silent build
	@touch $@

run: setup
	$(BIN)/triplane up --source demo

test: test-compiling test-page test-plain test-python

test-compiling: $(READY)
	$(BIN)/pytest $(COMPILING)

test-page: $(TYPES)
	cd ui && npm run --silent test

test-plain: $(READY)
	$(BIN)/pytest $(PLAIN)

test-python: setup test-compiling test-plain
	$(BIN)/pytest $(SPREAD) $(addprefix --ignore=,$(COMPILING) $(PLAIN))

lint: lint-style lint-types lint-layers

lint-style: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lint-types: $(READY)
	$(BIN)/mypy

lint-layers: $(READY)
	$(BIN)/lint-imports

bench: $(READY)
	PEERS=$(wildcard $(VENV)-peers/bin/python) $(BIN)/python -m benchmarks

# What `make bench` measures Triplane against, in an environment of its own: it is no part of any lock.
peers:
	$(PYTHON) -m venv $(VENV)-peers
	$(VENV)-peers/bin/pip install --quiet --disable-pip-version-check vectorbt

# The page and the machine code of everything built in: whoever installs this wheel, with the same Python and Numba,
# compiles nothing.
wheel: setup
	$(BIN)/python scripts/compile_wheel.py
	$(BIN)/hatchling build -t wheel
	rm -rf triplane/compiled

docs: $(READY)
	$(BIN)/mkdocs build --strict

# What users run, and what developers need on top of it, each package with its version and hashes. After a change of the
# dependencies in pyproject.toml; needs uv (pip install uv). Versions stay as they are; `make lock UPGRADE=-U` takes newer ones.
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 $(UPGRADE) \
	--custom-compile-command "make lock"
lock:
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group dev -c requirements.lock -o requirements-dev.lock \
		$$(sed -nE 's/^([A-Za-z0-9._-]+)==[^ ]+ .$$/--no-emit-package \1/p' requirements.lock)

clean:
	rm -rf $(VENV) ui/node_modules ui/openapi.json $(TYPES) ui/src/data/limits.json triplane/api/static site

# Schedules of faults for the night: N of them, from seed FIRST on; or the one of SEED, with everything that happens.
chaos: $(READY)
	$(BIN)/python tests/chaos/schedules.py $(if $(SEED),--seed $(SEED),--count $(or $(N),2000) --first $(or $(FIRST),1))

# An hour of an exchange in a box with faults, over real sockets: memory, tasks and sockets stay, the books are right.
soak: $(READY)
	$(BIN)/python tests/soak/soak.py --minutes $(or $(MINUTES),60) --speed $(or $(SPEED),60) --seed $(or $(SEED),1)

# Line coverage of what decides, sends and remembers; the kernel without the compiler.
coverage: $(READY)
	$(BIN)/python scripts/line_coverage.py

# Small faults planted into a copy, one at a time: N of them, of SEED, IN some folders or files of triplane; the survivors.
mutants: $(READY)
	$(BIN)/python scripts/mutants.py $(or $(N),200) --seed $(or $(SEED),0) $(if $(IN),--in $(IN))

# Lines of code by folder, what is too long, and the bounds of the design.
size:
	@$(PYTHON) scripts/size.py
