# Every target needs Python 3.11 or later and nothing else: it first sets up .venv.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install -c constraints.txt -e

.DEFAULT_GOAL := help
.PHONY: help demo format check test slow bench docs notebooks tables lock

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */\1\t/' | expand -t 10

demo: .venv/.installed  ## Train, score and generate on the sample that ships
	$(BIN)/seisflow demo --overwrite

format: .venv/.installed  ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

check: .venv/.installed  ## Lint, check the format, check types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test: check  ## Check, then run the tests
	$(BIN)/pytest -q -n 2

slow: .venv/.installed  ## Run the tests that take more than a few seconds
	$(BIN)/pytest -q -n 2 -m slow

bench: .venv/.bench-installed  ## Measure speed and memory, beside other packages; hours
	$(BIN)/pytest -q tests/benchmarks

docs: .venv/.docs-installed  ## Build the documentation into build/docs
	rm -rf docs/reference/generated
	$(BIN)/python -m sphinx -b html -q -W --keep-going docs build/docs
	@echo build/docs/index.html

notebooks: .venv/.installed  ## Make the notebooks in examples/ again from the tutorials
	$(BIN)/python docs/_ext/notebooks.py

tables: .venv/.installed  ## Make the tables in docs/ again from docs/results
	$(BIN)/seisflow benchmark mnist --tables-only -o docs
	$(BIN)/python tests/benchmarks/speed_page.py docs

lock: .venv/.installed  ## Write requirements.lock: all packages, with hashes of the files of your index
	$(BIN)/pip install --quiet --dry-run --ignore-installed --report .venv/report.json -c constraints.txt '.[test]' 'setuptools>=77'
	$(BIN)/python tools/lock.py .venv/report.json requirements.lock
	@echo requirements.lock: a new .venv takes no file with another hash

# With a lock, no file is installed whose hash is not in it, nor is any fetched to build seisflow itself.
.venv/.installed: pyproject.toml constraints.txt $(wildcard requirements.lock)
	$(PYTHON) -m venv .venv
	if [ -f requirements.lock ]; then \
	$(BIN)/pip install --require-hashes --no-deps -r requirements.lock && \
	$(BIN)/pip install --no-deps --no-build-isolation -e .; \
	else $(INSTALL) '.[test]'; fi
	touch $@

.venv/.bench-installed: .venv/.installed
	$(INSTALL) '.[bench]'
	$(BIN)/pip uninstall --yes torchvision  # memcnn names it and does not use it; a build for another torch breaks Lightning
	touch $@

.venv/.docs-installed: .venv/.installed
	$(INSTALL) '.[docs]'
	touch $@
