# make check is what CI runs. PYTHON is any interpreter that has the package with its `test` extra.
PYTHON ?= .venv/bin/python

check: format lint types docs test

format:
	$(PYTHON) -m ruff format --check .

lint:
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

docs:
	$(PYTHON) docs/generate.py --check

test:
	$(PYTHON) -m pytest

fix:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	$(PYTHON) docs/generate.py

.PHONY: check format lint types docs test fix
