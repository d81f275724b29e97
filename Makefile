# Needs Python 3.11 or newer with its venv module, and make. Servers for `make test` are fetched when they are missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
NO_SERVERS := not es and not slack and not peer and not slow

.PHONY: help demo test test-fast soak lint types bench bench-quick picture wheel clean servers-start servers-stop servers-status

help:
	@echo 'make demo           a User and an Order incident from start to end, in this terminal'
	@echo 'make test           all tests; Elasticsearch, the Slack stand-in and ElastAlert 2 are fetched when needed'
	@echo 'make test-fast      the tests that need nothing but Python'
	@echo 'make soak           an hour of simulated histories with seeds that no test uses, another of real engines, 400 fresh requests a minute to the evaluator: SOAK_MINUTES=60 SOAK_START=1000000'
	@echo 'make lint types     ruff; mypy, strict'
	@echo 'make bench          what alerter costs beside ElastAlert 2, an hour or two; make bench-quick: some minutes'
	@echo 'make picture        draw docs/demo.svg anew from the real output'
	@echo 'make wheel          build the wheel into dist/'
	@echo 'make servers-start, servers-stop, servers-status'
	@echo 'make clean          remove what was built (not the servers)'

demo: $(VENV)/.run
	@$(BIN)/alerter demo

# Two processes: the tests with real engines wait more than they compute.
test: $(VENV)/.dev
	$(BIN)/python -m pytest tests -n 2 --dist worksteal

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest tests -m "$(NO_SERVERS)"

SOAK_MINUTES ?= 60
SOAK_START ?= 1000000
soak: $(VENV)/.dev
	$(BIN)/python -m tests.simulation --start $(SOAK_START) --count 500 --minutes $(SOAK_MINUTES)
	$(BIN)/python -m tests.reliability.replicas --minutes $(SOAK_MINUTES)
	$(BIN)/python -m tests.conformance.fuzz --worlds $(SOAK_MINUTES)

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy --strict alerter

# Results go to build/benchmarks.json; `python -m benchmarks report` writes docs/benchmarks.md from them.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks run

bench-quick: $(VENV)/.dev
	$(BIN)/python -m benchmarks run --quick

picture: $(VENV)/.dev
	$(BIN)/python docs/render_demo.py

wheel: $(VENV)/.run
	$(PIP) wheel --no-deps --wheel-dir dist .

servers-start: $(VENV)/.dev
	$(BIN)/python -m tests.servers start

# Needs no installed packages, so that it also works after `make clean`.
servers-stop:
	$(PYTHON) -m tests.servers stop

servers-status:
	$(PYTHON) -m tests.servers status

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find alerter tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'alerter needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) has no venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml setup.py | $(BIN)/python
	$(PIP) install -e .
	@touch $@

$(VENV)/.dev: pyproject.toml setup.py | $(BIN)/python
	$(PIP) install -e '.[dev]'
	@touch $@ $(VENV)/.run
