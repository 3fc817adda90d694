# Two commands matter: `make demo` and `make test`. Each sets up what it needs. `make help` lists the rest.

SHELL := /bin/sh
.DEFAULT_GOAL := help
UV_VERSION := 0.13.9
# The same uv everywhere, from PyPI into .uv/. To use one of your own: make UV=$$(command -v uv) …
UV ?= $(CURDIR)/.uv/bin/uv
export UV
export SAM_CLI_TELEMETRY := 0
RUN := $(UV) run --frozen --no-sync
PYTHON_SOURCES := layers/core/darkroom functions simulator devstack bench

.PHONY: help setup demo up test faults refreshes forged fuzz explore check format lint types imports security template contract openapi build deploy bench reset doctor

help: ## list the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(CURDIR)/.uv/bin/uv:
	@echo "fetching uv $(UV_VERSION) from PyPI into .uv/"
	@rm -rf .uv; if python3 -c 'import ensurepip' 2>/dev/null; \
	then python3 -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	else python3 -m pip install --quiet --disable-pip-version-check --target .uv uv==$(UV_VERSION); \
	fi || { echo 'python3 has neither venv nor pip here: install one (Debian: apt install python3-venv), or put uv on the machine and run make UV=$$(command -v uv)'; exit 1; }

.venv/.local: uv.lock pyproject.toml .python-version | $(UV)
	@$(UV) sync --quiet --frozen --inexact --no-default-groups --group local
	@touch $@

.venv/.dev: uv.lock pyproject.toml .python-version | $(UV)
	@$(UV) sync --quiet --frozen
	@touch $@ .venv/.local

# aws-sam-cli pins its own boto3 and click, so it has an environment of its own, from the same lock.
.venv-sam/.ready: uv.lock pyproject.toml .python-version | $(UV)
	@UV_PROJECT_ENVIRONMENT=.venv-sam $(UV) sync --quiet --frozen --only-group sam
	@touch $@

# checkov pins an older botocore than the functions use, so it has an environment and a lock of its own.
.venv-checkov/.ready: .ci/checkov/uv.lock .ci/checkov/pyproject.toml .python-version | $(UV)
	@UV_PROJECT_ENVIRONMENT="$(CURDIR)/.venv-checkov" $(UV) sync --quiet --frozen --project .ci/checkov
	@touch $@

setup: .venv/.dev ## install what the other commands need, and nothing else

demo: .venv/.local ## connect an account and publish four posts, all on this machine; prints what happened
	@$(RUN) darkroom demo

up: .venv/.local ## start Darkroom on this machine and keep it up (Ctrl-C stops it)
	@$(RUN) darkroom up

test: .venv/.dev ## run the tests
	@$(RUN) pytest -n 2 --dist loadgroup

faults: .venv/.dev ## publishing under every fault we know, against a control and mutants: make faults N=10000 SEED=7
	@$(RUN) python -m tests.faults $(if $(N),--random $(N)) $(if $(SEED),--seed $(SEED))

forged: .venv/.dev ## a million forged signatures, and valid ones: make forged COUNT=10000 SEED=7
	@$(RUN) python -m tests.forging $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

refreshes: .venv/.dev ## keeping 10,000 tokens alive for 400 virtual days of faults, against mutants
	@$(RUN) python -m tests.refreshing $(if $(SEED),--seed $(SEED))

fuzz: .venv/.dev ## each parser fed with what nobody should send, led by coverage, 20 s each: make fuzz SECONDS=300 ONLY=cursor
	@$(RUN) python -m tests.fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ONLY),--only $(ONLY)) $(if $(SEED),--seed $(SEED))

explore: .venv/.dev ## requests nobody thought of to every operation of openapi.json, on the local cloud: make explore EXAMPLES=50 SEED=7
	@DARKROOM_EXAMPLES=$(or $(EXAMPLES),50) $(if $(SEED),DARKROOM_SEED=$(SEED)) $(RUN) pytest -q tests/stack/test_openapi_contract.py

check: format lint types imports security template contract test ## everything that must be green: format, lint, types, imports, security, template, tests

format: .venv/.dev ## check the format (mend with: uv run ruff format)
	@$(RUN) ruff format --check --quiet . || { echo "mend with: uv run ruff format ."; exit 1; }

lint: .venv/.dev ## ruff
	@$(RUN) ruff check --quiet .

types: .venv/.dev ## mypy, strict
	@$(RUN) mypy $(PYTHON_SOURCES)

imports: .venv/.dev ## the rings of docs/architecture.md, by import-linter
	@$(RUN) lint-imports

security: .venv/.dev ## bandit; our own rules are tests/test_code_rules.py
	@$(RUN) bandit --quiet --recursive --configfile pyproject.toml $(PYTHON_SOURCES)

template: .venv/.dev .venv-sam/.ready .venv-checkov/.ready ## the SAM template and what it becomes in CloudFormation
	@.venv-sam/bin/sam validate --lint --template template.yaml
	@$(RUN) cfn-lint template.yaml
	@$(RUN) python -m devstack.translated template.yaml .local/template.cfn.json
	@$(RUN) cfn-lint .local/template.cfn.json
	@$(RUN) python -m devstack.asl statemachines/*.asl.yaml
	@.venv-checkov/bin/checkov --config-file .checkov.yaml

openapi: .venv/.dev ## write openapi.json from the code
	@$(RUN) python -m devstack.openapi openapi.json

contract: .venv/.dev ## is openapi.json what the code says?
	@$(RUN) python -m devstack.openapi --check openapi.json

layers/dependencies/requirements.txt: uv.lock pyproject.toml | $(UV)
	@$(UV) export --quiet --frozen --no-default-groups --no-emit-project --no-hashes --output-file $@

build: .venv/.dev .venv-sam/.ready layers/dependencies/requirements.txt ## what AWS runs, in .aws-sam/build; no Docker
	@find functions -name __pycache__ -type d -prune -exec rm -rf {} + # or it would be packed, and change the hash
	@PATH="$(CURDIR)/.venv/bin:$$PATH" .venv-sam/bin/sam build --parallel

deploy: build ## deploy to the AWS account your credentials name (samconfig.toml has the stages): make deploy STAGE=dev
	@.venv-sam/bin/sam deploy --config-env $(or $(STAGE),dev)

bench: .venv/.dev ## all benchmarks; each prints ratios measured side by side in one run
	@$(RUN) python -m bench

reset: .venv/.local ## delete the local state in .local/
	@$(RUN) darkroom reset

doctor: .venv/.local ## say what is missing on this machine and how to mend it
	@$(RUN) darkroom doctor
