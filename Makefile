# Everything is run by these; `make run` needs Python 3.11 or later and nothing else.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed
DEVELOPER := .venv/developer

.PHONY: run test check format bench conformance identity million scale soak clean

run: $(INSTALLED)
	@$(BIN)/childrecord run

test: $(DEVELOPER)
	$(BIN)/pytest -n auto

check: $(DEVELOPER)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

format: $(DEVELOPER)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Loads, checks and measures a server of its own; BENCH=--help tells how to choose.
bench: $(DEVELOPER)
	$(BIN)/python bench/run.py $(BENCH)

# Holds the validator against the cases of FHIR's own, and the authorization server against SMART's requirements;
# and subscriptions against those of the Backport; rewrites docs/validator-conformance.md,
# docs/smart-conformance.md and docs/subscriptions-conformance.md.
conformance: $(DEVELOPER)
	$(BIN)/python -m tests.validation.conformance.report
	$(BIN)/python -m tests.oauth.smart.report
	$(BIN)/python -m tests.subscription.conformance.report

# Judges who is taken for one child on authorities that are made up, and rewrites the figures of docs/identity.md.
identity: $(DEVELOPER)
	$(BIN)/pip install --quiet --editable '.[identity]'
	$(BIN)/python bench/identity/run.py $(IDENTITY)

# What a new child and $match cost among a million children; MILLION="--children 100000" for fewer.
million: $(DEVELOPER)
	$(BIN)/python bench/million/run.py $(MILLION)

# Grows a database of its own to SIZES resources, and rewrites docs/performance.md; SCALE=--help tells more.
scale: $(DEVELOPER)
	$(BIN)/python bench/size/run.py $(SIZES) $(SCALE)

# The tests that `make test` runs at reduced size, at full size.
soak: $(DEVELOPER)
	$(BIN)/pytest -m soak --soak --timeout 0

$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Installing into .venv (once) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(DEVELOPER): $(INSTALLED)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
