# Everything a developer types. The virtual environment in .venv is made on first use.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto
# Installs in seconds what takes pip half a minute; where it does not get at the packages (a mirror that only pip knows), pip does.
UV = $(shell sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements-dev.txt)

.PHONY: demo test pictures proof soak bench lint clean
.DEFAULT_GOAL := test

$(VENV)/.installed: requirements.txt requirements-dev.txt requirements-axe.txt constraints.txt
	@test -n "$(PYTHON)" || { echo "Crossdock needs Python 3.11 or newer; none was found. Name one: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what Crossdock needs into $(VENV) ..."
	@{ $(BIN)/pip install --quiet --disable-pip-version-check $(UV) \
	 && UV_HTTP_TIMEOUT=20 $(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt; } 2>/dev/null \
	 || $(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt \
	 && $(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-axe.txt \
	 || { echo "Installation failed: are the Python package registry or its mirror reachable?"; exit 1; }
	@touch $@

demo: $(VENV)/.installed
	@DEBUG=1 ALLOW_CUSTOM_ENDPOINTS=1 $(BIN)/python manage.py demo $(if $(ONCE),--once)

# Within minutes; WHOLE=1 adds the long ones: real processes, days of outage, further variations, samples of the proofs.
test: $(VENV)/.installed
	@$(BIN)/python -m pytest -n $(WORKERS) $(if $(WHOLE),,-m "not long")

# The pictures of README and guide, of the working day in tests/browser; needs Chromium and its driver.
pictures: $(VENV)/.installed
	@PICTURES=1 $(BIN)/python -m pytest tests/browser/test_whole_day.py

# Everything of tests/proof, on each database that is there; ON=SQLite or ON=PostgreSQL tries one.
proof: $(VENV)/.installed
	@WORKERS=$(WORKERS) $(BIN)/python -m tests.proof $(ON)

# The state machine of tests/proof, with new examples for MINUTES.
soak: $(VENV)/.installed
	@PROOF_FULL=1 SOAK_MINUTES=$(or $(MINUTES),30) $(BIN)/python -m pytest tests/proof/test_machine.py

bench: $(VENV)/.installed
	@DEBUG=1 ALLOW_CUSTOM_ENDPOINTS=1 $(BIN)/python -m bench

lint: $(VENV)/.installed
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@DEBUG=1 $(BIN)/mypy .
	@DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run
	@SECRET_KEY=only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG \
	 CREDENTIALS_KEYS=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= DEBUG= \
	 $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/pip-audit --progress-spinner off -r constraints.txt --no-deps --disable-pip 2>/tmp/crossdock-pip-audit.txt \
	 || { grep -qiE 'connection|resolve|unreachable|timed out|HTTPError|ConnectionError' /tmp/crossdock-pip-audit.txt \
	 && echo "pip-audit could not reach its database; skipped"; } || { cat /tmp/crossdock-pip-audit.txt; exit 1; }

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis staticfiles
