# `make help` lists what can be made.
PYTHON ?= python3
CORES ?= all
TARGET ?= all
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PECOS := .venv-pecos
HALF = $(shell echo $$((($(if $(filter all,$(CORES)),$$(nproc),$(CORES)) + 1) / 2)))

.DEFAULT_GOAL := help
.PHONY: help setup demo archive test bench faults test-slurm lint plan clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## set up .venv from requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true  # on all cores; some packages ship files that are no Python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

# each training uses half of the cores, so that both members of LightXML train at once
demo: setup  ## real data and a real encoder, from download to report, in minutes on two cores
	PYTHONPATH=rules/terminal $(BIN)/snakemake --cores $(CORES) --rerun-incomplete demo --logger steps \
	    --config 'hardware={"threads": $(HALF)}'

archive: setup  ## keep the runs of a finished target: `make archive TARGET=demo`
	$(BIN)/python -m lightxml_core archive --target $(TARGET)
	$(BIN)/python -m docs.generate measured figures picture

test: setup  ## the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

bench: setup  ## speed against peers, as ratios, into benchmarks/results.md
	-test -e $(PECOS)/.ready || ($(PYTHON) -m venv $(PECOS) && $(PECOS)/bin/python -m pip install --quiet \
	    --disable-pip-version-check 'libpecos==1.2.8' 'numpy<2' 'scipy<1.14' && touch $(PECOS)/.ready)
	OMP_NUM_THREADS=2 PECOS_PYTHON=$(PECOS)/bin/python $(BIN)/python -m benchmarks

faults: setup  ## break the real DAG in every way it must survive, into tests/faults/README.md
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults

test-slurm: setup  ## the DAG through a real Slurm of one node, started here (root, Debian's slurmctld, slurmd, slurm-client, munge)
	$(BIN)/python -m tests.slurm

lint: setup  ## style, types, formatting of the workflow, its linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules workflow
	$(BIN)/snakemake --lint
	$(BIN)/python -m docs.generate --check

plan: setup  ## what `make plan TARGET=all` would take in hours, memory, disk and downloads, and which jobs it is
	$(BIN)/python -m lightxml_core plan --target $(TARGET)
	$(BIN)/snakemake $(TARGET) --cores $(CORES) --dry-run --quiet rules

clean:  ## remove results and logs; downloads and .venv stay
	rm -rf results logs
