# Two commands do everything: `make book` builds the site, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: book test check refresh serve lab bench picture lock clean env chromium

book: env       ## the site, in _build/html; only what changed is made again
	@$(BIN)/python -m exohcc build

test: env chromium book  ## style, types, checks, tests; the browser tests read the built site
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m exohcc check
	@$(BIN)/python -m pytest -n 2 -m "not slow"

check: env      ## bibliography, tables and chapters, in seconds
	@$(BIN)/python -m exohcc check

refresh: env    ## what Crossref and PubMed say today; needs the network and MAILTO=you@example.org; changes nothing
	@$(BIN)/python -m exohcc refresh --mailto "$(MAILTO)"

serve: book     ## look at the site at http://127.0.0.1:8000
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

lab: .venv-lab/.ready  ## the chapters as notebooks; its own environment, since JupyterLab's plug-ins slow every kernel
	@JUPYTER_CONFIG_DIR=$(CURDIR)/.venv-lab/config .venv-lab/bin/jupyter lab --ServerApp.root_dir=$(CURDIR)/book

.venv-lab/.ready: requirements-lab.txt pyproject.toml
	@echo "installing JupyterLab into .venv-lab"
	@$(PYTHON) -m venv .venv-lab
	@.venv-lab/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-lab.txt
	@.venv-lab/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@JUPYTER_CONFIG_DIR=$(CURDIR)/.venv-lab/config .venv-lab/bin/jupytext-config set-default-viewer markdown  # a click on a chapter opens the notebook
	@touch $@

bench: env      ## speed, beside plain Jupyter Book, in one table
	@$(BIN)/python tests/bench.py

picture: book chromium  ## the map in the README, from the site of today
	@cd tests && ../$(BIN)/python picture.py

lock: env       ## pin the newest allowed versions, with hashes, and rewrite the Vega bundle that goes with them
	@$(BIN)/python -m exohcc lock
	@$(BIN)/python -m exohcc.sphinxext.vega.bundle

clean:          ## everything that can be made again
	@rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis

env: $(VENV)/.ready

$(VENV)/.ready: requirements.txt pyproject.toml
	@echo "installing the locked environment into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

chromium:       # the browser of the tests: a system package, never a download of its own
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing chromium"; (apt-get install -y -qq chromium || { apt-get update -qq && apt-get install -y -qq chromium; }) >/dev/null; \
	else echo "The browser tests need Chromium: install your system's package 'chromium' and run make test again."; exit 1; fi
