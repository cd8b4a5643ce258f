# Two commands: `make demo` and `make test`. Both make their environment by themselves.

# Bytecode is kept whatever the shell says: the tests start hundreds of workers and commands, and each would compile all of Notifier
# for 0.6 s of processor time, and each process of pytest rewrite the asserts of all files.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.notifier-installed
ARGS ?=
# Several files of tests at a time, in the order of tests/conftest.py. Real servers and workers wait more than they compute:
# four files keep two cores busy. Unit tests only compute.
FILES := 4
SIDE_BY_SIDE := --dist loadfile --no-loadscope-reorder
QUICK := $(BIN)/python -m pytest -q -n 2 $(SIDE_BY_SIDE) --hypothesis-profile=quick -m "not long" tests/unit tests/protocol

# The newest Python from 3.11 on that is there; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

.PHONY: demo test check chaos cuts format fuzz bench bench-end-to-end bench-profiles bench-smtp bench-pool bench-delivery bench-compose bench-django bench-scale docs requirements clean

demo: $(STAMP)
	@$(BIN)/notifier demo $(ARGS)

test: $(STAMP)
	@tests/install_servers.sh
	@$(BIN)/python -m pytest -n $(FILES) $(SIDE_BY_SIDE)

check: $(STAMP)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@mkdir -p .cache; { $(BIN)/lint-imports --no-cache >/dev/null || { $(BIN)/lint-imports; exit 1; }; $(BIN)/mypy --no-error-summary; } \
			>.cache/types.txt 2>&1 & types=$$!; \
		$(QUICK) && tests=0 || tests=$$?; \
		wait $$types && types=0 || { types=$$?; echo; cat .cache/types.txt; }; \
		exit $$(( tests > types ? tests : types ))

format: $(STAMP)
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

$(STAMP): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Notifier needs Python 3.11, 3.12 or 3.13, and none is on the PATH (PYTHON=/path/of/python names one)"; exit 1; }
	@echo "making the environment in $(VENV) with $(PYTHON); this takes a minute, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# dkimpy, pure Python, has no wheel; nothing else is built here. Modules are compiled when they are first imported: most never are.
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile --only-binary :all: --no-binary dkimpy -r requirements.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# Coverage-guided fuzzing of the reply and EHLO parsers, SECONDS long.
SECONDS ?= 60
fuzz: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: "atheris>=3.0,<4"
	@cd tests && ../$(BIN)/python -m fuzz $(SECONDS)

# Workers, store and callers are killed and frozen at every moment that counts; then the mails are counted. 15 minutes on two
# cores; ARGS="--only kills" runs a part. A short form is in `make test`.
chaos: $(STAMP)
	@cd tests && ../$(BIN)/python -m nemesis.run $(ARGS)

# A relay that ends the connection behind every single octet of a dialogue; `make test` does it behind every few of a message.
cuts: $(STAMP)
	@CUT_EVERY_OCTET=1 $(BIN)/python -m pytest -q -n 2 tests/integration/test_cut_connections.py

# The pages as a site, in .cache/docs; a warning is an error. Sphinx has an environment of its own.
DOCS := .cache/docs-venv
docs: $(STAMP) $(DOCS)/.installed
	@$(BIN)/python -m docs.reference >/dev/null
	@$(DOCS)/bin/python -m sphinx -b html -W --keep-going -q docs .cache/docs
	@echo "the pages are in .cache/docs/index.html"

$(DOCS)/.installed: docs/requirements.txt pyproject.toml
	@echo "making the environment of the documentation in $(DOCS)"
	@test -x $(DOCS)/bin/python || $(BIN)/python -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install -qq --disable-pip-version-check -r docs/requirements.txt
	@$(DOCS)/bin/python -m pip install -qq --disable-pip-version-check --no-deps --editable .
	@touch $@

# Every version fixed, without index lines or addresses, for all supported Pythons at once.
requirements: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate \
		--extra testing --extra demo --group dev --output-file requirements.txt pyproject.toml

# All that follow, one after the other: an hour on two cores; ARGS=--full takes the sizes of the targets, and three. It writes
# benchmarks/RESULTS.md, and each program's own page.
bench: $(STAMP)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks $(ARGS)

# From the call to the relay's last word, real workers beside peers'. It writes benchmarks/end_to_end/RESULTS.md.
bench-end-to-end: $(STAMP)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.end_to_end $(ARGS)

# Where the processor time of a mail goes, function by function. It writes benchmarks/profiles/RESULTS.md.
bench-profiles: $(STAMP)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.profiles $(ARGS)

# SMTP clients side by side on one sink; ARGS="--rtt 20 100" adds a longer round trip. It writes benchmarks/smtp/RESULTS.md.
bench-smtp: $(STAMP)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.smtp $(ARGS)

# The session pool: a checkout, a crowd, relays that end connections, a relay that is dead. It writes benchmarks/pool/RESULTS.md.
bench-pool: $(STAMP)
	@$(BIN)/python -m benchmarks.pool $(ARGS)

# What the ledger costs: processor time, memory of the store and of a worker. It writes benchmarks/delivery/RESULTS.md.
bench-delivery: $(STAMP)
	@$(BIN)/python -m benchmarks.delivery $(ARGS)

# A message from its content to its octets, beside other composers. It writes benchmarks/compose/RESULTS.md and CHILDREN.md.
bench-compose: $(STAMP)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.compose $(ARGS)
	@$(BIN)/python -m benchmarks.compose.children $(filter --quick,$(ARGS))

# Enqueueing through Django's API beside django-celery-email. It writes benchmarks/django_enqueue/RESULTS.md.
bench-django: $(STAMP)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.django_enqueue $(ARGS)

# What 1 to 8 replicas on one store carry, and what a simulation says of up to 1,000. It writes benchmarks/scale/RESULTS.md.
bench-scale: $(STAMP)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --only-binary :all: -r benchmarks/requirements.txt
	@$(BIN)/python -m benchmarks.scale $(ARGS)

clean:
	rm -rf $(VENV) .cache dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
