# Both commands need Python 3.11 or later and nothing else: each first sets up .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test

demo: .venv/.installed
	$(BIN)/seisflow demo --overwrite

test: .venv/.installed
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest -q -n 2

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -c constraints.txt -e '.[test]'
	touch $@
