# Thin targets over the pendopo command. PYTHON chooses the interpreter: make up PYTHON=python3.12
# The first interpreter that runs and fits; a version manager's stub may be on the path without running.
FITS = import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))
PYTHON ?= $(or $(shell for p in python3 python3.12 python3.11; do \
	$$p -c '$(FITS)' 2>/dev/null && command -v $$p && break; done),python3)
PENDOPO = .venv/bin/pendopo

.PHONY: up down status install test unit lint format lock

up: install
	@$(PENDOPO) up $(if $(DETACH),--detach)

down status: install
	@$(PENDOPO) $@

install:
	@$(PYTHON) deploy/install.py

test: install
	@.venv/bin/python deploy/system_packages.py
	@.venv/bin/python -m pytest $(ARGS)

unit: install
	@.venv/bin/python -m pytest -m "not e2e" $(ARGS)

lint: install
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@.venv/bin/sqlfluff lint --processes 2 dbt_project/models dbt_project/tests

format: install
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

lock: install
	@for name in uv warehouse superset; do (cd deploy/locks && ../../.pendopo/tools/bin/uv pip compile --quiet \
		--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header $$name.in -o $$name.txt); done
