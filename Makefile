# Both commands need Python 3.11 or later and nothing else: each first sets up .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo docs test

demo: .venv/.installed
	$(BIN)/seisflow demo --overwrite

docs: .venv/.docs-installed
	rm -rf docs/reference/generated
	$(BIN)/python -m sphinx -b html -q -W --keep-going docs build/docs
	@echo build/docs/index.html

test: .venv/.installed
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e '.[test]'
	touch $@

.venv/.docs-installed: .venv/.installed
	$(BIN)/pip install -c constraints.txt -e '.[docs]'
	touch $@
