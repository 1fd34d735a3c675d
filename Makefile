# Two commands do everything: `make demo` and `make test`. Both set up first, from the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= workspace
PEER_VENV ?= .venv-peer

.PHONY: demo test check lock setup bench cluster cluster-stop help chaos gpu-check
help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(VENV)/.complete ## create the virtual environment with the locked dependencies

$(VENV)/.complete: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else f"adaptersweep needs Python 3.11 to 3.13, found {sys.version.split()[0]}: set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

demo: setup ## run the quickstart sweep, from nothing to adapters in a registry
	$(BIN)/adaptersweep submit sweeps/quickstart.yaml --workspace $(WORKSPACE) --sample
	@echo "Look at it in a browser:  $(BIN)/adaptersweep dashboard --workspace $(WORKSPACE)"

cluster: setup ## start a cluster of processes on this machine, in .cluster; CLUSTER_OPTIONS=--help lists what can be set
	$(BIN)/python docker/local_cluster.py start $(CLUSTER_OPTIONS)

cluster-stop: setup ## stop what `make cluster` has started
	$(BIN)/python docker/local_cluster.py stop $(CLUSTER_OPTIONS)

check: setup ## format, lint, types and import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check ## all checks and tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

gpu-check: setup ## check this machine's GPU with small trials; GPU_CHECK=--help lists what can be set
	$(BIN)/adaptersweep gpu-check $(GPU_CHECK)

chaos: setup ## disturb a sweep with faults at random, and print what it came to
	$(BIN)/python -m tests.integration.chaos_long $(CHAOS)

bench: setup $(PEER_VENV)/.complete ## set up what `docs/benchmarks.md` compares with: AdapterHub, apart

$(PEER_VENV)/.complete: tests/benchmarks/peer/requirements.txt
	$(PYTHON) -m venv $(PEER_VENV)
	$(PEER_VENV)/bin/python -m pip install --quiet --requirement $<
	@touch $@

lock: setup ## resolve the lock file again; torch brings its own exact CUDA packages, so they stay out
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --upgrade \
	  --custom-compile-command 'make lock' --output-file requirements.lock \
	  $$(for p in cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
	    nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver \
	    nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx \
	    triton; do printf -- '--no-emit-package %s ' $$p; done)
