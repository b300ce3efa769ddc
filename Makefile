# The only command list of the project. `make` alone prints it.

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON := $(BIN)/python
PIP    := $(PYTHON) -m pip --disable-pip-version-check --no-input --quiet
UV     ?= uv
# ape looks for the Vyper compiler on PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# One lock for every platform; --no-config and the --no-emit options keep hosts out of it.
LOCK   := $(UV) pip compile --no-config --quiet --universal --python-version 3.11 \
          --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
          --custom-compile-command "make lock"

# Hand-written C; generated headers and the C++ peer's harness have their own form.
C_SOURCES = $(filter-out %constants.h,$(wildcard offchain/core/include/headrace/*.h \
            offchain/core/src/*.h offchain/core/native/*.[ch] offchain/core/guest/*.[ch] \
            offchain/zkvm/*.c offchain/zkvm/native/*.[ch] offchain/zkvm/native/delegations/*.h \
            offchain/prover/native/*.[ch] examples/guests/*.c \
            tests/air/*.c tests/core/*.c tests/prover/*.c tests/zkvm/guests/*.c \
            benchmarks/leaves/*.c))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup native guest asan compile gen demo test test-python test-contracts test-slow coverage \
        lint lint-sources lint-contracts format bench lock clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/project.stamp ## Create .venv from the hashed lock (other targets do it for you)

# The system's own commands may be shims that exist and fail, so a candidate is run, not looked up.
$(VENV)/lock.stamp: requirements/build.txt requirements/dev.txt
	@set -e; \
	if [ ! -x $(PYTHON) ]; then \
	  found=; \
	  for candidate in python3.12 python3.11 python3; do \
	    if $$candidate -c 'import sys, venv, ensurepip; \
	        sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then \
	      found=$$candidate; break; \
	    fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Headrace needs Python 3.11 or 3.12 with its venv module, as python3.12, python3.11" \
	         "or python3 on PATH. Debian, Ubuntu: apt install python3.11-venv; Fedora: dnf install" \
	         "python3.12; macOS: brew install python@3.12." >&2; \
	    exit 1; \
	  fi; \
	  echo "creating $(VENV) with $$($$found --version)"; \
	  $$found -m venv $(VENV); \
	fi; \
	echo "installing the locked packages (one to three minutes the first time)"; \
	$(PIP) install --require-hashes -r requirements/build.txt; \
	$(PIP) install --no-build-isolation --require-hashes -r requirements/dev.txt; \
	touch $@

$(VENV)/project.stamp: $(VENV)/lock.stamp pyproject.toml
	@$(PIP) install --no-build-isolation --no-deps --no-index --editable .
	@touch $@

native: setup ## Build the C core, the executor and the prover's kernels for this machine
	@$(PYTHON) -m offchain.tools.build_native native
	@$(PYTHON) -m offchain.tools.build_native witness
	@$(PYTHON) -m offchain.tools.build_native zkvm
	@$(PYTHON) -m offchain.tools.build_native trace
	@$(PYTHON) -m offchain.prover.native_build

guest: setup ## Build the C core and the examples as RV32IM guests
	@$(PYTHON) -m offchain.tools.build_native guest
	@$(PYTHON) -m offchain.tools.build_native batch
	@$(PYTHON) -m offchain.tools.build_native examples

asan: setup ## Build the C core with address and undefined-behaviour checks (needs gcc)
	@$(PYTHON) -m offchain.tools.build_native asan

compile: setup ## Compile the contracts, rewrite contracts.lock.json and interfaces/abi
	@$(BIN)/ape compile --force
	@$(PYTHON) -m offchain.tools.contract_lock
	@$(PYTHON) -m offchain.tools.natspec

gen: setup ## Regenerate constants of core and contracts, the constraint program and documents
	@$(PYTHON) -m offchain.tools.gen_constants
	@$(PYTHON) -m offchain.tools.gen_poseidon2
	@$(PYTHON) -m offchain.tools.gen_air_docs
	@$(PYTHON) -m offchain.tools.gen_verifier_machine
	@$(PYTHON) -m offchain.tools.gen_constraint_program
	@$(PYTHON) -m offchain.tools.gen_fri_fold
	@$(PYTHON) -m offchain.tools.code_links
	@$(PYTHON) -m offchain.tools.gen_audit
	@$(PYTHON) -m offchain.tools.gen_proof_coverage

demo: native guest ## Run the whole path, from deposits on L1 to claims on L1
	@$(BIN)/headrace demo

# The contract tests have one process, the others two: side by side they take the time of the longer.
test: native guest ## Run all tests but the slow ones (under ten minutes on two cores)
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target test-python test-contracts

# Without ape's plugin a pure Python test run starts seven seconds earlier.
PYTEST = $(PYTHON) -m pytest -p no:ape_test -n 2 --dist worksteal --ignore=tests/contracts --durations=10

test-python: native guest ## Run the tests of specification, core, engine and tools
	@$(PYTEST) -m "not slow"

test-slow: native guest ## Run what is left: benchmarks, proofs for L1, fuzzers, long walks
	@$(PYTEST) -m slow

test-contracts: native ## Run the contract tests on the in-process EVM
	@$(BIN)/ape test tests/contracts --durations=10

coverage: native ## Measure which lines of the contracts the contract tests run
	@$(BIN)/ape test tests/contracts --vyper-coverage

# Compiling the contracts takes longer than all other checks, so it goes beside them.
lint: native ## Check style, types, import directions, generated files and the contract lock
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint-contracts lint-sources

lint-sources: native ## Check style, types, import directions and generated files
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/clang-format --dry-run --Werror $(C_SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTHON) -m offchain.tools.gen_constants --check
	@$(PYTHON) -m offchain.tools.gen_poseidon2 --check
	@$(PYTHON) -m offchain.tools.gen_air_docs --check
	@$(PYTHON) -m offchain.tools.gen_verifier_machine --check
	@$(PYTHON) -m offchain.tools.gen_constraint_program --check
	@$(PYTHON) -m offchain.tools.gen_fri_fold --check
	@$(PYTHON) -m offchain.tools.code_links --check
	@$(PYTHON) -m offchain.tools.gen_audit --check
	@$(PYTHON) -m offchain.tools.gen_proof_coverage --check
	@$(PYTHON) -m offchain.tools.program_lock --check

lint-contracts: native ## Check the contract lock and the contracts' documentation
	@$(PYTHON) -m offchain.tools.contract_lock --check
	@$(PYTHON) -m offchain.tools.natspec --check

format: setup ## Apply the formatter and the safe fixes
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(BIN)/clang-format -i $(C_SOURCES)

bench: native guest ## Measure matching, leaf sizes, proofs, their verification and gas on L1
	@$(BIN)/headrace bench matching
	@$(BIN)/headrace bench leaves
	@$(BIN)/headrace bench cascade
	@$(BIN)/headrace bench prove
	@$(BIN)/headrace bench batch
	@$(BIN)/headrace bench verify
	@$(BIN)/headrace bench gas

lock: ## Resolve pyproject.toml into requirements/*.txt (needs uv)
	@$(LOCK) pyproject.toml --group build --group test --group lint -o requirements/dev.txt
	@$(LOCK) --group build -c requirements/dev.txt -o requirements/build.txt
	@$(LOCK) --group bench -o requirements/bench.txt

clean: ## Remove outputs and caches, keep .venv
	@rm -rf .build .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache \
	  .import_linter_cache offchain/core/build offchain/prover/build examples/guests/build out
	@find offchain tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
