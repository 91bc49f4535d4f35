# Two commands: `make run` starts the portal, `make test` passes its tests. Nothing needs to be set up before them.

PYTHON ?= python3
BIN := .venv/bin
# A try-out unless the environment says otherwise, also when DATABASE_URL names a server of your own.
export REMEDY_ENV ?= development

CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))

TEMPLATES := templates kt_remedy/devtools/templates
STYLES := $(wildcard static/css/*.css)
CSS_BEAUTIFY := $(BIN)/css-beautify --indent-size=2 --end-with-newline --space-around-combinator

.DEFAULT_GOAL := run
.PHONY: run dev cluster flower install reset test test-fast coverage soak bench load rehearse lint format sbom

# Tests that need neither a browser nor processes of their own (tests/conftest.py marks the others as slow).
FAST := -m "not soak and not slow"

run: .venv/installed $(CATALOGUES)
	@exec $(BIN)/python manage.py run $(ARGS)

# As `run`, and what is saved is served: templates and styles by the next request, code after a few seconds.
dev: .venv/installed $(CATALOGUES)
	@exec $(BIN)/python manage.py run --reload $(ARGS)

# Two of each process and the servers between them, as production has them on many machines; nothing is kept. The
# stand-in for the object store comes with the tests.
cluster: .venv/installed-test $(CATALOGUES)
	@$(BIN)/python .ci/debian.py cluster
	@exec $(BIN)/python manage.py cluster $(ARGS)

# Workers and tasks of the portal that `make run` started, on a page of their own; FLOWER_PORT is 5555.
flower: .venv/installed
	@exec $(BIN)/python -m celery -A kt_remedy flower --address=127.0.0.1 --port=$${FLOWER_PORT:-5555}

install: .venv/installed $(CATALOGUES)

reset:
	@test ! -d .local || exec $(BIN)/python -m kt_remedy.devtools.devservers reset

# Everything but the soaks: what needs little by two workers, beside it the rest by two more, which wait most of their
# time and take a file each, because its tests share servers; ARGS name tests of one run.
test: .venv/installed-test $(CATALOGUES)
	@$(BIN)/python .ci/debian.py
	@$(MAKE) --no-print-directory lint
ifdef ARGS
	@exec $(BIN)/python -m pytest $(ARGS)
else
	@failed=0; log=$$(mktemp); \
	$(BIN)/python -m pytest -n 2 $(FAST) > $$log 2>&1 & fast=$$!; \
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow and not soak" || failed=1; \
	wait $$fast || failed=1; \
	cat $$log; rm -f $$log; exit $$failed
endif

# The answer while one works: two workers, each with servers of its own, no lint.
test-fast: .venv/installed-test $(CATALOGUES)
	@exec $(BIN)/python -m pytest -n 2 $(FAST) $(ARGS)

# One process: a worker would load the models before it measures.
coverage: .venv/installed-test $(CATALOGUES)
	@exec $(BIN)/python -m pytest --cov $(FAST) $(ARGS)

soak: .venv/installed-test $(CATALOGUES)
	@$(BIN)/python .ci/debian.py soak
	@exec $(BIN)/python -m pytest -m soak $(ARGS)

bench: .venv/installed-test $(CATALOGUES)
	@exec $(BIN)/python -m benchmarks $(ARGS)

# The launch morning on this machine, on servers of its own; ARGS="--people 2000000" for the arrivals of two million.
load: .venv/installed-test $(CATALOGUES)
	@exec $(BIN)/python -m benchmarks.launch $(ARGS)

# The whole programme in compressed time: 13,000,000 lines, or as many as ARGS="--lines 200000" says. Goes on after a stop.
rehearse: .venv/installed-test $(CATALOGUES)
	@exec $(BIN)/python -m benchmarks.rehearse $(ARGS)

lint: .venv/installed-test
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "Format the files above with: make format"; exit 1; }
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy
	@$(BIN)/bandit --quiet --severity-level medium --configfile pyproject.toml --recursive kt_remedy eligibility refunds rewards
	@$(MAKE) --no-print-directory sbom > /dev/null
	@$(BIN)/djlint --quiet --lint $(TEMPLATES)
	@$(BIN)/djangofmt --check $(TEMPLATES) || { echo "Format the templates with: make format"; exit 1; }
	@for file in $(STYLES); do \
		$(CSS_BEAUTIFY) $$file | cmp --quiet - $$file || { echo "Format $$file with: make format"; exit 1; }; \
	done

# The bill of materials: every library of production with its version and licence, as CycloneDX.
sbom: .venv/installed-test
	@$(BIN)/cyclonedx-py requirements requirements.txt

format: .venv/installed-test
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .
	@$(BIN)/djangofmt --quiet $(TEMPLATES)
	@for file in $(STYLES); do $(CSS_BEAUTIFY) --replace $$file >/dev/null; done

# The mark files hold no content; they are newer than the requirements they were installed from.
.venv/installed: requirements-dev.txt requirements.txt
	@.ci/install requirements-dev.txt
	@touch $@

.venv/installed-test: requirements-test.txt requirements-watching.txt requirements-dev.txt requirements.txt
	@.ci/install requirements-test.txt
	@touch $@ .venv/installed

# Compiled catalogues are made here, never committed: a binary file conflicts on every merge.
%.mo: %.po | .venv/installed
	@$(BIN)/python manage.py compilemessages --verbosity 0 >/dev/null
