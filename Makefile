# Two commands do everything on a machine with Python 3.11+ and make:  make demo   make test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA_DIR ?= data
# As huitou.main sets them: OpenMP threads that soon sleep, and one BLAS thread, on machines that do other things too.
export GOMP_SPINCOUNT := 3000
export OPENBLAS_NUM_THREADS := 1

.PHONY: demo test lint lock clean bench-serving

demo: $(VENV)/.demo
	$(BIN)/huitou demo --data-dir $(DATA_DIR)

# Three processes for two cores, as a third of the tests' time is waiting for a database, a process or a clock; tests/conftest.py puts the longest first.
test: $(VENV)/.dev
	$(BIN)/coverage erase
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder --cov --cov-report=term
	@echo "make test: passed"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

# How fast the service answers beside its peers: figures in benchmarks/out/serving.json. Two quiet cores, ten minutes; the first run trains.
bench-serving: $(VENV)/.dev
	$(BIN)/python -m benchmarks.serving

# Regenerate the hash-locked requirements from pyproject.toml; no index address is written.
lock: $(VENV)/.dev
	for part in dev demo serve otel; do \
		$(BIN)/uv pip compile pyproject.toml --extra $$part $$( [ $$part != otel ] || echo --extra serve ) --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header --no-annotate --quiet --upgrade \
			$$( [ $$part = dev ] || echo --constraints requirements/.dev.constraints ) --output-file requirements/$$part.lock; \
		[ $$part != dev ] || sed 's/ *--hash=.*//; s/ *\\$$//; /^ *$$/d' requirements/dev.lock > requirements/.dev.constraints; \
	done
	rm -f requirements/.dev.constraints
	awk '/^uv==/ { found = 1 } found && NR > 1 && !/^uv==/ && !/--hash/ { exit } found' requirements/dev.lock > requirements/uv.txt

clean:
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("huitou needs Python 3.11 or newer, this is %s; set PYTHON=..." % sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

# uv takes a tenth of pip's time; it is told pip's index, and where it cannot install, pip does. Python without .pyc files imports slowly: they are compiled
# on every core at once, but for packages' own tests; a file that does not compile is no module (templates, other Pythons' code). The locks are complete, so nothing
# is resolved: an older pip would ask the index for the newest `coverage[toml]`, find one without a hash, and refuse.
define INSTALL
	index="$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)}"; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r requirements/uv.txt && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r $< && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable . || { \
		echo "uv could not install; pip does." >&2; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r $< && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .; }
	$(BIN)/python -m compileall -qq -j 0 -x 'site-packages/.*/tests?/' $(VENV)/lib || true
	touch $@
endef

$(VENV)/.demo: requirements/demo.lock requirements/uv.txt pyproject.toml | $(VENV)/bin/python
	$(INSTALL)

$(VENV)/.dev: requirements/dev.lock requirements/uv.txt pyproject.toml | $(VENV)/bin/python
	$(INSTALL)
