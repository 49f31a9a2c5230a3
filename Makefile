# Everything here sets itself up: Python 3.11 and make are all a machine must have.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export PYTHONUTF8 := 1

# The vintage that `make build` reproduces, made with what was known before its year began, and how
# large the demo company is.
PLAN ?= FY2026-v1
PLAN_AS_OF ?= 2025-12-31
DEMO_OPPORTUNITIES ?= 20000
# The first day that `make backtest` forecasts from.
BACKTEST_FROM ?= 2023-06-30

# Test processes at a time: a number, or auto for one a core. Each takes a whole file of tests.
TEST_PROCESSES ?= auto
PARALLEL := -n $(TEST_PROCESSES) --maxprocesses 4 --dist loadfile --no-loadscope-reorder -p no:benchmark

.DEFAULT_GOAL := help
.PHONY: help setup build plan gate headlines real test test-quick lint bench bench-plan validate-methods validate-plan validate-starting validate-growth validate-faults backtest lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(READY) ## Create the virtual environment from the lock file
$(READY): requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (about a minute, once) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

profiles.yml: | profiles.yml.example
	@cp profiles.yml.example $@

build: $(READY) profiles.yml ## Build everything: demo CRM if there is none, models, plan, marts; print the headlines
	@$(BIN)/reverse-funnel demo --if-missing --opportunities $(DEMO_OPPORTUNITIES)
	@$(BIN)/dbt --quiet build --exclude-resource-type unit_test --exclude path:seeds/targets+
	@$(BIN)/dbt --quiet build --exclude-resource-type unit_test test --selector plan_inputs --vars 'as_of_date: $(PLAN_AS_OF)'
	@$(BIN)/reverse-funnel plan --version $(PLAN) --as-of $(PLAN_AS_OF)
	@$(BIN)/reverse-funnel plan > /dev/null
	@$(BIN)/dbt --quiet build --exclude-resource-type unit_test --select path:seeds/targets+
	@$(BIN)/reverse-funnel headlines

gate: $(READY) profiles.yml ## Check the raw tables, as of their latest load; the report goes to build/validation/
	@$(BIN)/reverse-funnel validate --as-of latest

headlines: $(READY) profiles.yml ## Print the two headline tables
	@$(BIN)/reverse-funnel headlines

real: $(READY) ## Build on the public data sets beside the checkout (../shared/data), where they are
	@$(BIN)/python -m pytest -q -m real python/tests

test: lint ## Check everything: style, types, SQL, tests, builds on DuckDB and Postgres
	@$(BIN)/python -m pytest $(PARALLEL) python/tests

test-quick: $(READY) ## Run the tests that need neither dbt nor Postgres, in about a minute
	@$(BIN)/python -m pytest -q $(PARALLEL) -m "not dbt and not postgres and not real" python/tests

lint: $(READY) profiles.yml
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary
	@mkdir -p build
	@UNIFIED_PIPELINE_DB=build/lint.duckdb DBT_TARGET_PATH=build/lint DBT_LOG_PATH=build/lint \
		$(BIN)/sqlfluff lint --disable-progress-bar models tests analyses

bench: $(READY) profiles.yml ## Time the build at 20 k, 100 k and 1 M opportunities; writes docs/performance.md
	@$(BIN)/python bench/build_bench.py

bench-plan: $(READY) ## Time the solver at 1,000 and 10,000 goal cells
	@mkdir -p build
	@$(BIN)/python -m pytest -q bench/plan_benchmark.py --benchmark-json build/plan_benchmark.json

validate-methods: $(READY) ## Estimate simulated companies whose truth is known; writes docs/validation.md
	@$(BIN)/python bench/validate_methods.py

validate-plan: $(READY) ## Let simulated companies create what was planned for them; writes docs/validation_plan.md
	@$(BIN)/python bench/validate_plan.py

backtest: $(READY) profiles.yml ## Forecast past quarters and score it, in the built warehouse; writes docs/accuracy.md
	@$(BIN)/reverse-funnel backtest --from $(BACKTEST_FROM)
	@$(BIN)/reverse-funnel backtest --from $(BACKTEST_FROM) --every week3
	@$(BIN)/dbt --quiet build --exclude-resource-type unit_test --select backtest_forecasts+
	@$(BIN)/python bench/validate_accuracy.py

validate-starting: $(READY) profiles.yml ## Hold starting forecasts of simulated companies against what came; writes docs/validation_starting.md
	@$(BIN)/python bench/validate_starting.py

validate-growth: $(READY) ## Forecast what simulated companies of known growth create; writes docs/validation_growth.md
	@$(BIN)/python bench/validate_growth.py

validate-faults: $(READY) profiles.yml ## Find planted faults in a simulated company of both CRMs; writes docs/validation_faults.md
	@$(BIN)/python bench/validate_faults.py

lock: ## Write requirements.lock anew from pyproject.toml (needs uv)
	@$(PYTHON) .ci/lock.py

clean: ## Remove everything that was built, but not the warehouse
	@rm -rf $(VENV) build target logs dist
