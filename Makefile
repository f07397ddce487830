# Two commands do all their own set-up:
#   make demo   deploys the sample apps to the local cloud, calls them, changes them, removes them
#   make test   lint, types and every test
# And two that measure:
#   make coverage   fails if a branch of adapter/ is not tested, by this process or one that a test started
#   make bench      the adapter against other adapters, into benchmarks/README.md
#   make bench-packaging   packaging against other packers, into the same; takes a quarter of an hour
# And one for the documents:
#   make docs   the site of docs/, into build/docs
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# Tests run side by side, and those that share something slow mostly in one process: see tests/conftest.py.
SIDE_BY_SIDE := -n auto --dist worksteal
# Bytecode is kept, whatever the shell says: without it every program that a test starts is compiled anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test quick coverage lint types bench bench-packaging docs clean

demo: $(VENV)/.installed
	$(BIN)/python tests/demo.py

test: $(VENV)/.installed-for-tests lint types
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

quick: $(VENV)/.installed-for-tests lint types
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not slow"

coverage: $(VENV)/.installed-for-tests
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest $(SIDE_BY_SIDE) tests/adapter
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

lint: $(VENV)/.installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-for-tests
	$(BIN)/mypy

bench: $(VENV)/bin/python
	$(BIN)/python benchmarks/adapter.py

bench-packaging: $(VENV)/.installed
	$(BIN)/python benchmarks/packaging.py

docs: $(VENV)/.installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[docs]"
	$(BIN)/python docs/settings_page.py
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-for-tests: $(VENV)/.installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) benchmarks/.venv benchmarks/.venv-packers build dist *.egg-info
