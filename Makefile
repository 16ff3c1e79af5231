SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 8000
SERVE ?= 1
# Any interpreter >= 3.11; name another one with `make setup PYTHON=/path/to/python`.
PYTHON ?=
# One more than there are cores, because many tests wait for a disk or another process; but not more than one
# PostgreSQL has connections for.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 8 ? n + 1 : 8)))

# Tests start a hundred processes, each of which would compile every module anew.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
# A file, so that the environment is made again only when what it is made of changes.
STAMP := .venv/.ready
SOURCES := src api tests $(wildcard benchmarks scripts)

.PHONY: help setup demo test check soak bench fmt lint types imports definitions lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with the pinned dependencies (the other targets do it themselves)
	@:

$(STAMP): requirements-dev.lock pyproject.toml
	@python=''; \
	for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Python 3.11 or newer is needed; found: $$(python3 --version 2>&1 || echo none). Use: make setup PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	if ! $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then "$$python" -m venv --clear .venv; fi
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## run the main job, then serve it on PORT (default 8000); SERVE=0 ends after the narration
	$(BIN)/workflows demo --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve)

test: setup ## run the tests at their small size (minutes)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: lint types imports definitions test ## format, lint, strict types, import rules, definitions, schema, tests

soak: setup ## run the same tests at full size, without time limits (hours)
	WORKFLOWS_TEST_SIZE=full $(BIN)/pytest --timeout=0

bench: setup ## measure against a plain driver loop
	$(BIN)/python -m benchmarks

fmt: setup ## format the code and apply the safe fixes
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

lint: setup ## check format and style
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types: setup ## check the types, strictly
	$(BIN)/mypy $(SOURCES)

imports: setup ## check the layering
	$(BIN)/lint-imports --no-logo

definitions: setup ## prove the shipped definitions and that their published schema is fresh
	$(BIN)/workflows check definitions
	$(BIN)/workflows schema --check

lock: ## resolve the dependencies again (needs uv); the lock files carry hashes and no address
	uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --output-file requirements.lock
	uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --extra dev --constraints requirements.lock --output-file requirements-dev.lock

clean: ## remove the environment, caches and build products; leaves var/ alone
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src api tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
