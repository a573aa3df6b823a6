# Everything here sets itself up: Python 3.11 and make are enough.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# A key in the environment must not make the demonstration spend anything.
NO_PROVIDER := env -u OPENAI_API_KEY -u OPENAI_BASE_URL -u HEARTEN_API_KEY -u HEARTEN_MODEL -u HEARTEN_BASE_URL

# Tests run side by side, on each core some, and say which took longest.
TOGETHER := -n logical --dist worksteal --durations=25

.PHONY: demo browser pictures test test-slow test-all check fix setup golden clean

demo: .venv/core  ## build the sample dataset, without a key or an account
	@$(NO_PROVIDER) $(BIN)/build --corpus meld --sample

test: .venv/test browser  ## run every test but the slow ones
	$(BIN)/python -m pytest $(TOGETHER) -m "not slow"

test-slow: .venv/test browser  ## run the slow ones
	$(BIN)/python -m pytest $(TOGETHER) -m slow

test-all: .venv/test browser  ## run every test
	$(BIN)/python -m pytest $(TOGETHER)

check: .venv/test  ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: .venv/test  ## rewrite what format and lint can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

golden: .venv/test  ## rewrite the golden files from what is read now; read the difference
	$(BIN)/python -m pytest -q -k golden --update-golden

setup: .venv/test

.venv/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) install -q -c constraints.txt -e .
	@touch $@

.venv/test: .venv/core
	$(PIP) install -q -c constraints.txt -e ".[test]"
	@touch $@

browser:  ## Debian's Chromium, in which the review page is tested
	@command -v chromium >/dev/null || { \
	  root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$root apt-get -qq update && $$root apt-get -qq install -y --no-install-recommends chromium; }

pictures: .venv/test browser  ## take the pictures of the review page in docs/images anew
	$(BIN)/python tests/review/pictures.py docs/images

clean:  ## remove what was set up; output/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
