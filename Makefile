# What people and CI run. Everything else is `agency --help`.

.DEFAULT_GOAL := help
.PHONY: help setup check test cluster bench demo image clean

PYTHON ?= python3
BIN := .venv/bin
BENCHES ?= sandbox gate tools overhead validators evals

help:  ## Say what there is
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: .venv/.done  ## Virtual environment, system packages, validators

.venv/.done: pyproject.toml scripts/setup.sh tools/agency_tools/image/policies.txt tools/agency_tools/image/validators.txt
	PYTHON=$(PYTHON) scripts/setup.sh
	touch $@

check: setup  ## Lint, format, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright
	.tools/bin/shellcheck scripts/*.sh .ci/run tools/agency_tools/image/install-validators

test: setup  ## Every test, with real sandboxes where the machine has them
	scripts/with-engine.sh scripts/test.sh $(ARGS)

bench: setup  ## The tables in docs/performance.md
	scripts/with-engine.sh sh -c 'for name in $(BENCHES); do $(BIN)/python tests/bench/$$name.py; echo; done'

cluster:  ## Build the test cluster (once; some minutes), for the tests marked so
	scripts/cluster.sh build

demo: setup  ## A whole run on a sample repository, without key or network
	scripts/with-engine.sh $(BIN)/agency demo $(ARGS)

image: setup  ## The workspace image
	scripts/with-engine.sh $(BIN)/agency image build

clean:  ## Remove what the above made in this folder
	rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis
