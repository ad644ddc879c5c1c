# Everything a fresh machine with Python 3.11 and make needs: `make demo`, `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install assets demo test test-isa test-slow lint format docs bench clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say PYTHON=/its/path"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -q -c constraints.txt -e '.[dev]'
	@touch $@

# The embedded language model, the sentence encoder and the sample posts, once for this user.
assets: install
	@$(BIN)/softtopic fetch smollm2-135m all-minilm-l6-v2 20newsgroups >/dev/null

demo: assets
	$(BIN)/softtopic demo --out build/demo-model

# Two processes of one thread each: most tests are too small for two threads to share.
test: assets
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

# The tests whose result could depend on the processor, once more with narrower instruction sets than it has.
ISA_TESTS := tests/lm tests/teacher/test_scoring.py tests/test_document_order.py
test-isa: assets
	ONEDNN_MAX_CPU_ISA=AVX2 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(ISA_TESTS)
	ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(ISA_TESTS)
	ATEN_CPU_CAPABILITY=avx2 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(ISA_TESTS)

test-slow: assets
	@$(BIN)/softtopic fetch election-tweets >/dev/null
# Tests of kills and crashes fork, which OpenMP's threads do not survive.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow tests/storage
	$(BIN)/python -m pytest -m slow --ignore=tests/storage

lint: install
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/pyright --warnings

format: install
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

# The documentation as a site in build/site. It can be read from disk; its search needs a server:
# python -m http.server -d build/site
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# Speed and memory, each with its targets; one at a time, on a machine that does nothing else. Methods are compared by
# `softtopic bench` (docs/bench.md), parts of the recipe by benchmarks/ablation.py.
bench: assets
	@test -d "$(DATA)" || { echo "make bench DATA=FOLDER needs the folder of the sample corpora"; exit 2; }
	for script in start_up steps formats lm_pass teacher_cost dry_run training transform sparse_labels coherence rating; do \
		file=benchmarks/$$script.py; \
		$(BIN)/python $$file $$(grep -q "data=False" $$file || echo --data-dir $(DATA)) || exit 1; done

clean:
	rm -rf $(VENV) build
