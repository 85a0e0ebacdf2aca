# Everything a newcomer needs: `make demo` and `make test`. Both work without Docker, a GPU, root or a model hub.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/python -m uv
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links
export UV_LINK_MODE ?= copy

.PHONY: demo demo-null test check lock clean help

help:
	@echo "make demo       set up .venv and run the whole path on simulated conversations"
	@echo "make demo-null  the same world with homophily and no peer effect"
	@echo "make test       set up .venv and run the test suite"
	@echo "make check      ruff, mypy and import-linter"
	@echo "make lock       resolve the dependencies again and rewrite requirements/"

demo: $(VENV)/.base
	$(BIN)/copenet demo demo

demo-null: $(VENV)/.base
	$(BIN)/copenet demo demo-null --null

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/.uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "copenet needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.base: $(VENV)/.uv requirements/lock.txt pyproject.toml
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements/lock.txt
	$(UV) pip install --python $(BIN)/python --require-hashes --no-deps -r requirements/build.txt
	$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	$(UV) pip install --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

lock: $(VENV)/.uv
	$(UV) pip compile $(LOCK) --extra dev pyproject.toml -o requirements/dev.txt
	cp requirements/dev.txt requirements/lock.txt  # so that both locks choose the same versions
	$(UV) pip compile $(LOCK) pyproject.toml -o requirements/lock.txt
	$(UV) pip compile $(LOCK) requirements/build.in -o requirements/build.txt
	$(UV) pip compile $(LOCK) requirements/uv.in -o requirements/uv.txt

clean:
	rm -rf $(VENV) demo demo-null
