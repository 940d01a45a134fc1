# The two commands of the README are `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODELS_FROM ?=
PYRIGHT := pyright@1.1.414
BENCHMARKS := $(filter-out peers,$(basename $(notdir $(wildcard benchmarks/*.py))))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: help demo test system debian models photos lint docs soak package try clean
help:
	@grep -hE '^## ' $(MAKEFILE_LIST) | sed 's/^## //'

## make demo    learn one person from a few photos and tell them from others
demo: $(VENV)/.core models photos
	@$(BIN)/python tools/demo.py

## make test    everything the tests need, then lint, types and tests
test: $(VENV)/.dev system debian models photos lint
	@$(BIN)/python -m pytest -n auto --dist loadgroup --cov --cov-report=term:skip-covered

## make soak    the full counts and the figures of the documentation; takes hours
soak: $(VENV)/.dev models photos
	@failed=0; for benchmark in $(BENCHMARKS); do \
	  echo "== benchmarks/$$benchmark.py"; $(BIN)/python benchmarks/$$benchmark.py || failed=1; \
	done; exit $$failed

## make docs    build the documentation into site/
docs: $(VENV)/.dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

## make lint    format, lint and strict types
lint: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

## make models  fetch and check the networks (MODELS_FROM=folder: without network)
models: $(VENV)/.core
	@$(BIN)/onlyme models fetch $(if $(MODELS_FROM),--from $(MODELS_FROM))

# Debian's packages that tests drive.
system: $(VENV)/.core
	@$(BIN)/python tools/system_packages.py

# A Debian that tests boot, in the user's cache; it takes two minutes where it is missing.
debian: system
	@$(BIN)/python -m tools.debian >/dev/null

# Photos of public people, unpacked outside the checkout.
photos: $(VENV)/.core
	@$(BIN)/python tools/fetch_photos.py >/dev/null

## make package build dist/onlyme-*.whl, and the Debian package for the release that this is,
##              or for another one, as root: make package SUITE=trixie
package: $(VENV)/.core models
	@$(BIN)/python -m pip wheel --quiet --no-deps --disable-pip-version-check --wheel-dir dist .
	@PYTHONPATH=. $(BIN)/python packaging/$(if $(SUITE),build_in.py --suite $(SUITE),build_deb.py) $$(ls -t dist/onlyme-*.whl | head -1)

## make try     boot a Debian, install the package, log in by face, upgrade, purge (needs root);
##              another release: make try SUITE=trixie
try: $(VENV)/.dev debian models
	@PYTHON=$(BIN)/python packaging/try.sh $(if $(SUITE),--suite $(SUITE))

## make clean   remove what the other commands made
clean:
	rm -rf $(VENV) demo-out .mypy_cache .pytest_cache .ruff_cache .hypothesis $(addprefix src/onlyme/face/models/*.,npy onnx tflite)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "onlyme needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV) …"
	@$(PIP) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV) for development …"
	@$(PIP) -e '.[dev,docs,lab]'
	@mkdir -p $(VENV)/node && echo '{"private": true}' > $(VENV)/node/package.json
	@cd $(VENV)/node && npm install --loglevel error --no-audit --no-fund --ignore-scripts $(PYRIGHT) >/dev/null
	@touch $@ $(VENV)/.core
