# Everything here makes the virtual environment that it needs. PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export KEDRO_DISABLE_TELEMETRY := 1
# Otherwise each of some thousand processes compiles every module that it imports.
unexport PYTHONDONTWRITEBYTECODE
NPM := npm install --silent --no-fund --no-audit --prefix .cache
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test coverage test-fast check mutants isolation docs benchmarks clean

demo: $(VENV)/.runtime  ## From `kedro new` to a prediction, on this machine
	@$(BIN)/python scripts/demo.py

test: $(VENV)/.dev  ## The whole suite
	@{ $(BIN)/python scripts/make_docker_base.py >/dev/null || echo "The tests of Docker need a daemon that answers."; } & \
	{ $(BIN)/python scripts/make_container_environment.py >/dev/null || echo "The tests of AWS's container are skipped."; } & \
	$(BIN)/python scripts/fetch_test_jars.py >/dev/null || echo "Without these jars the tests of Spark are skipped."; \
	$(NPM)/asl asl-validator@4.0.0 >/dev/null || echo "The tests by validators of state machines are skipped."; \
	$(NPM)/devcontainers @devcontainers/cli@0.89.0 >/dev/null || echo "The test of the development container is skipped."; \
	wait
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --durations=40 --durations-min=5 $(PYTEST_ARGS)

coverage: PYTEST_ARGS += --cov --cov-report=term
coverage: test  ## The same, and which lines nothing runs; fails below 90 %, takes half as long again

test-fast: $(VENV)/.dev  ## The inner loop: nothing that generates projects or starts many processes
	$(BIN)/python -m pytest -m "not slow and not wheel" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(VENV)/.dev  ## Lint, format, types, layers, policies
	bash -n .ci/run
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_imports.py
	$(BIN)/python scripts/check_policies.py

mutants: $(VENV)/.dev  ## Changes of the code that no test notices; ROOM=plan for one room, MUTANTS_ARGS="--minutes 20"
	$(BIN)/python scripts/run_mutants.py $(ROOM) $(MUTANTS_ARGS)

isolation: $(VENV)/.dev  ## What leaves for the AWS that is not in force, for docs/concepts/isolation.md (needs root)
	$(BIN)/python scripts/isolation_matrix.py --write

docs: $(VENV)/.dev  ## The documentation, in site/
	$(BIN)/mkdocs build --strict

benchmarks: $(VENV)/.dev  ## Each claim of the README, as a ratio
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) .cache build dist site *.egg-info

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14) and "Python 3.10 to 3.13 is needed; try make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.runtime: $(VENV)/.pip pyproject.toml setup.cfg constraints.txt
	@echo "Installing into $(VENV) (about a minute)"
	@$(PIP) install -qq --editable ".[athena,local,s3]" --group starters --constraint constraints.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.pip pyproject.toml setup.cfg constraints.txt
	@echo "Installing into $(VENV) (about two minutes)"
	@$(PIP) install -qq --no-compile --editable ".[athena,local,s3,sagemaker,spark,submit]" --group dev --group starters --constraint constraints.txt
	@touch $(VENV)/.runtime $@
