# What people type and what CI runs; `make` alone lists the targets. Nothing but make and a POSIX shell is needed to begin.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

READY := .venv/.ready
# Sourced by each recipe: puts .venv/bin and the unpacked slapd within reach.
ENVIRONMENT := . scripts/environment.sh
PYTEST_ARGS ?=
# Processes that tests run in: as many as there are cores; 0 for a debugger.
WORKERS ?= 2
# Groups: a file, and what needs the same slow server; see tests/scenarios/turns.py.
PYTEST = pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# Which benchmarks, and how: make bench BENCH_ARGS="first_load --people 10000"
BENCH_ARGS ?=

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY)  ## install everything into .venv and .local, and what Debian packages are missing

$(READY): requirements/dev.txt pyproject.toml scripts/setup.sh scripts/system_packages.sh scripts/unpack_slapd.sh
	@scripts/setup.sh
	@touch $@

.PHONY: demo
demo: $(READY)  ## two directories and Airflow with a running collection; stays until Ctrl-C
	@$(ENVIRONMENT) && exec python -m demo

.PHONY: demo-check
demo-check: $(READY)  ## the same unattended; exits 0 only if the destination holds what it should
	@$(ENVIRONMENT) && exec python -m demo --check

.PHONY: test-packages
test-packages: $(READY)  ## install the servers that only tests need, where root or sudo is there
	@scripts/system_packages.sh test

.PHONY: test
test: test-packages  ## every test, unit tests first
	@$(ENVIRONMENT) && exec $(PYTEST) $(PYTEST_ARGS)

# They wait for nothing, so that one process for each core is enough.
test-unit: WORKERS = 2
.PHONY: test-unit
test-unit: $(READY)  ## tests that write no file, start no process, use no network
	@$(ENVIRONMENT) && exec $(PYTEST) tests/unit $(PYTEST_ARGS)

.PHONY: test-local
test-local: $(READY)  ## tests with files, processes and small servers of their own
	@$(ENVIRONMENT) && exec $(PYTEST) tests/local $(PYTEST_ARGS)

.PHONY: test-endpoints
test-endpoints: test-packages  ## tests against real slapd, 389 Directory Server, Samba, PostgreSQL and files
	@$(ENVIRONMENT) && exec $(PYTEST) tests/endpoints $(PYTEST_ARGS)

.PHONY: test-airflow
test-airflow: $(READY)  ## tests inside real Airflow
	@$(ENVIRONMENT) && exec $(PYTEST) tests/airflow tests/portal $(PYTEST_ARGS)

.PHONY: lint
lint: $(READY)  ## ruff, mypy --strict, import rules
	@$(ENVIRONMENT) && ruff check
	@$(ENVIRONMENT) && ruff format --check
	@$(ENVIRONMENT) && mypy
	@$(ENVIRONMENT) && lint-imports

.PHONY: format
format: $(READY)  ## let ruff put code into shape
	@$(ENVIRONMENT) && ruff check --fix-only --quiet && ruff format

SEED ?= $(shell date +%s)
FAULTS ?= 20
PROCESSES ?= 1

.PHONY: chaos
chaos: test-packages  ## faults at random points of real runs: SEED=1 FAULTS=300 PROCESSES=3, HOSTILE=10, FIDELITY=300
	@$(ENVIRONMENT) && exec python -m tests.chaos --seed $(SEED) --faults $(FAULTS) --processes $(PROCESSES)
ifdef HOSTILE
	@$(ENVIRONMENT) && HOSTILE=$(HOSTILE) exec pytest tests/chaos -k hostile --timeout 3600 $(PYTEST_ARGS)
endif
ifdef FIDELITY
	@$(ENVIRONMENT) && FIDELITY=$(FIDELITY) exec pytest tests/endpoints/test_fidelity.py --timeout 3600 $(PYTEST_ARGS)
endif

FUZZ_SECONDS ?= 60

.PHONY: fuzz
fuzz: $(READY)  ## all examples of each property, then atheris: FUZZ_SECONDS=600, TARGETS="csv ldif"
	@$(ENVIRONMENT) && FULL=1 $(PYTEST) -m hypothesis --timeout 3600 $(PYTEST_ARGS)
	@$(ENVIRONMENT) && exec scripts/fuzz.sh $(FUZZ_SECONDS) $(TARGETS)

.PHONY: bench
bench: $(READY)  ## measure against the floors of the same machine; writes docs/benchmarks.md
	@$(ENVIRONMENT) && exec python -m benchmarks $(BENCH_ARGS)

.PHONY: bench-large
bench-large: $(READY)  ## the same with a million people; needs 8 GB of disk and ten minutes
	@$(ENVIRONMENT) && exec python -m benchmarks no_change_large

.PHONY: reference
reference: $(READY)  ## write the pages of docs/ that are made from the program: definitions, settings
	@$(ENVIRONMENT) && python -m docs._generate.definition_reference > docs/definition-reference.md
	@$(ENVIRONMENT) && python -m docs._generate.settings > docs/settings.md

.PHONY: screenshots
screenshots: $(READY)  ## run the demo and photograph Airflow's pages for the docs
	@scripts/system_packages.sh browser
	@$(ENVIRONMENT) && exec python scripts/screenshots.py

.PHONY: lock
lock: $(READY)  ## resolve the dependencies again, into requirements/*.txt
	@$(ENVIRONMENT) && scripts/lock.sh

.PHONY: clean
clean:  ## remove everything that setup, tests and demo made
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
