# make run    install, and answer the question on the embedded corpus: runs/gazette/report.html
# make test   install what the tests need, and run them
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
STAMP := .venv/.installed
TEST_STAMP := .venv/.installed-test
DEV_STAMP := .venv/.installed-dev

.PHONY: install run test test-fast lint corpus docs clean help
help:
	@sed -n 's/^# //p' Makefile

install: $(STAMP)

$(BIN)/python:
	$(PYTHON) -m venv .venv

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(TEST_STAMP): $(STAMP)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

$(DEV_STAMP): $(TEST_STAMP)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test,dev]'
	@touch $@

# a second call goes on where the first one stopped, and is quick when nothing changed
run: install
	$(BIN)/ocr-neurons run --data gazette --out runs/gazette

test: $(TEST_STAMP)
	$(BIN)/python -m pytest -n auto

# without the tests that need the embedded model
test-fast: $(TEST_STAMP)
	$(BIN)/python -m pytest -n auto -m 'not model'

lint: $(DEV_STAMP) ## ruff without its cache, which keeps an old verdict when a module it sorts by moves
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python corpus/build.py --check

# the reference of the Python API, from the docstrings: build/docs/index.html
docs: $(DEV_STAMP)
	$(BIN)/pdoc --docformat google --output-directory build/docs ocr_neurons

corpus: $(STAMP)
	$(BIN)/python corpus/build.py

clean:
	rm -rf .venv runs
