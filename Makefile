# Each target sets up what it needs, in .venv; a second call finds it there.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
DEV_INSTALLED := $(VENV)/installed-dev

TRACES := $(or $(ARYL_TRACES),../shared/traces)

# The first Python on the path that is new enough; `make PYTHON=… demo` names another.
IS_NEW := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c "$(IS_NEW)" 2>/dev/null && echo $$name && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo serve test control-plane check bench reclaims scale soak figures evaluation clean

help:  ## list these targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED)  ## replay the built-in 15 days under fifo, sjf and aryl: table and report in runs/demo
	$(BIN)/aryl trace synth --out runs/demo/paper.csv.gz
	$(BIN)/aryl sim compare runs/demo/paper.csv.gz --schemes fifo,sjf,aryl --out runs/demo

serve: $(INSTALLED)  ## start the service on an emulated cluster, fed by the built-in workload at 600 x
	$(BIN)/aryl serve --demo

test: $(DEV_INSTALLED)  ## run every test (needs Debian's chromium and prometheus, and a control-plane)
	$(BIN)/pytest -n auto

control-plane:  ## build a Kubernetes control plane for the tests, once, from Debian's source (5 minutes)
	bash tests/kubernetes/build_control_plane.sh

check: $(DEV_INSTALLED)  ## format, lint, types, import contracts and the shape of the code
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/test_shape.py

bench: $(DEV_INSTALLED)  ## run every benchmark in bench/, but for those below
	@for script in $(filter-out $(addprefix bench/,reclaims.py scale.py soak.py),$(wildcard bench/*.py)); do \
		echo "== $$script"; $(BIN)/python $$script || exit 1; done

reclaims: $(DEV_INSTALLED)  ## the reclaim study: every policy in replays and on the same problems, beside the paper
	$(BIN)/python bench/reclaims.py

scale: $(DEV_INSTALLED)  ## replay up to 1,000,000 jobs on 25,000 servers (half an hour): CPU seconds, memory, growth
	$(BIN)/python bench/scale.py

soak: $(DEV_INSTALLED)  ## run the service at 600 x for 30 minutes: memory, stuck jobs, metrics against the store
	$(BIN)/python bench/soak.py

figures: demo  ## replay what the README shows, and write its tables
	$(BIN)/aryl sim compare $(TRACES)/window15d_philly.csv.gz --cluster philly --seed 1 \
		--inference $(TRACES)/window15d_infer_azure.csv.gz --out runs/philly
	$(BIN)/python bench/figures/readme.py

EVALUATED := runs/evaluation

evaluation: $(DEV_INSTALLED)  ## run every sweep in evaluation/ (hours; goes on where it was stopped): docs/evaluation.md
	@mkdir -p $(EVALUATED)/traces
	test -f $(EVALUATED)/paper.csv.gz || $(BIN)/aryl trace synth --out $(EVALUATED)/paper.csv.gz
	@for n in 0 1 2 3 4 5 6 7 8 9; do file=$(EVALUATED)/traces/b$$n.csv.gz; test -f $$file || \
		$(BIN)/aryl trace bootstrap $(EVALUATED)/paper.csv.gz --days 10 --seed $$n --out $$file || exit 1; done
	@if [ -d ../shared/traces ] && [ ! -f $(EVALUATED)/traces/philly-5d.csv.gz ]; then \
		$(BIN)/aryl trace window ../shared/traces/window15d_philly.csv.gz --start-day 5 --days 5 \
		--out $(EVALUATED)/traces/philly-5d.csv.gz; fi
	@for spec in evaluation/*.toml; do name=$$(basename $$spec .toml); \
		if [ $$name = real ] && [ ! -d ../shared/traces ]; then echo "left out: $$spec needs ../shared/traces"; \
		else echo "== $$spec"; $(BIN)/aryl sim sweep $$spec --out $(EVALUATED)/$$name --cells $(EVALUATED)/cells || exit 1; fi; done
	$(BIN)/aryl sim compare $(EVALUATED)/paper.csv.gz --schemes all --scenario basic --out $(EVALUATED)/basic
	$(BIN)/aryl sim run $(EVALUATED)/paper.csv.gz --scheme aryl --scenario ideal --out $(EVALUATED)/ideal/aryl
	$(BIN)/python -m evaluation $(EVALUATED) ../shared/traces docs

clean:  ## remove what these targets made, runs/ apart
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage

$(INSTALLED): pyproject.toml | $(VENV)
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(DEV_INSTALLED): pyproject.toml | $(VENV)
	$(BIN)/pip install --quiet --editable . --group dev
	@touch $@ $(INSTALLED)

# pip knows dependency groups from 25.1 on
$(VENV):
	@test -n "$(PYTHON)" || { echo "aryl needs Python 3.11 or newer; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c "$(IS_NEW)" || { echo "aryl needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --help | grep -q -- --group || $(BIN)/pip install --quiet --upgrade pip
