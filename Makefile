# Every target may be run again at any time; those that need the environment set it up first.
.DEFAULT_GOAL := help
.PHONY: help setup test test-full bench soak check format generate lock demo demo-boston down clean

export MAKECMDGOALS
BIN := .venv/bin
BOSTON_HOME := .gridrates-boston
BENCH_HOME := .gridrates-bench
BOSTON_CSV ?= ../shared/data/boston_311_2011h2.csv.gz

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv what the lock says (skipped when it is)
	@scripts/python scripts/setup.py

# In the order of the tree, in which the files that take long come first: none of them is begun last.
test: setup ## run the tests that CI runs, on all processors
	@$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m "not full"

test-full: setup ## run all tests, the long ones too
	@$(BIN)/pytest --hypothesis-profile=full

# Neither what is generated nor what holds macros, which the linter does not know; tests run every statement.
SQL_FILES := git ls-files -z '*.sql' ':!warehouse/sql/parse_*.sql' | xargs -0 grep -LZ -e '{[{%]'
check: setup ## check format, lint, types, the arrows between the rooms, and SQL
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SQL_FILES) | xargs -0 $(BIN)/sqlfluff lint --disable-progress-bar

format: setup ## mend what `make check` says about format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## measure landing and publishing beside bare readers (docs/benchmarks.md), the gateway, and a rebuild of the rates
	@GRIDRATES_HOME=$(BENCH_HOME) $(BIN)/python -m benchmarks.table $(BENCH_ARGS)
	@GRIDRATES_HOME=$(BENCH_HOME) $(BIN)/python -m benchmarks.gateway
	@$(BIN)/python -m benchmarks.rates --write

MINUTES ?= 60
soak: setup ## land 20,000 events a second for MINUTES (60), and watch memory, handles and books
	@GRIDRATES_HOME=$(BENCH_HOME) $(BIN)/python -m benchmarks.soak --minutes $(MINUTES) --plot docs/soak.svg

generate: setup ## write what is made from the code: JSON Schemas, AsyncAPI, docs/contract.md, docs/indicators.md, docs/quality-rules.md, public tables
	$(BIN)/python -m contracts.generate
	$(BIN)/python -m gridrates.public_schema
	$(BIN)/python -m transforms.documents
	$(BIN)/python -m expectations.documents

# UPGRADE=1 takes newer versions; otherwise only what the .in files ask for changes.
COMPILE := $(BIN)/python -m uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --quiet $(if $(UPGRADE),--upgrade)
lock: setup ## lock requirements and the broker's jars anew, with hashes (UPGRADE=1: newer versions)
	$(COMPILE) requirements/uv.in -o requirements/uv.txt
	$(COMPILE) requirements/base.in -o requirements/base.txt
	$(COMPILE) requirements/dev.in -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt requirements/image.in -o requirements/image.txt
	$(BIN)/python -m deploy.jars
	@scripts/python scripts/setup.py

demo: setup ## the demo street, end to end: Kafka, Airflow, rates; everything stays up
	@$(BIN)/gridrates demo

demo-boston: setup ## the same with the Boston 311 export of the second half of 2011
	@$(BIN)/gridrates --home $(BOSTON_HOME) --profile boston-311 demo --csv $(BOSTON_CSV)

down: ## stop everything that the demos or `gridrates dev up` started
	@test ! -x $(BIN)/gridrates || $(BIN)/gridrates dev down
	@test ! -x $(BIN)/gridrates || $(BIN)/gridrates --home $(BOSTON_HOME) dev down

clean: down ## remove the environment and what tools cached; the data in .gridrates stay
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
