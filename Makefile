# Everything here sets itself up: Python 3.11 and make are enough.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Nothing but what the lock says, and no code of a package is run to install it.
LOCKED := $(PIP) install --require-hashes --only-binary :all:
UV ?= $(BIN)/uv

# What a program prints is worth reading when it fails.
quietly = $(1) > .venv/setup.log 2>&1 || { cat .venv/setup.log; exit 1; }

# A key in the environment must not make the demonstration spend anything.
NO_PROVIDER := env -u OPENAI_API_KEY -u OPENAI_BASE_URL -u HEARTEN_API_KEY -u HEARTEN_MODEL -u HEARTEN_BASE_URL

# Tests run side by side, on each core some, and say which took longest.
TOGETHER := -n logical --dist worksteal --durations=25

.PHONY: demo browser pictures test test-slow test-all check fix docs setup wheel lock golden clean

demo: .venv/core  ## build the sample dataset, without a key or an account
	@$(NO_PROVIDER) $(BIN)/build --corpus meld --sample

test: .venv/test browser  ## run every test but the slow ones
	$(BIN)/python -m pytest $(TOGETHER) --warm -m "not slow"

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

docs: .venv/test  ## write the generated parts of the documentation again
	$(BIN)/python -m pytest -q tests/test_readme.py -k golden --update-golden

setup: .venv/test

.venv/core: pyproject.toml locks/build.txt locks/core.txt
	@echo "Setting up .venv: a minute or two, this once."
	@$(PYTHON) -m venv .venv
	@$(call quietly,$(LOCKED) -r locks/build.txt -r locks/core.txt)
	@$(call quietly,$(PIP) install --no-deps --no-build-isolation -e .)
	@touch $@

.venv/test: .venv/core locks/test.txt
	@echo "Adding what the tests need: a minute or two, this once."
	@$(call quietly,$(LOCKED) -r locks/test.txt)
	@touch $@

wheel: .venv/core  ## build dist/*.whl
	$(PIP) wheel -q --no-deps --no-build-isolation -w dist .

lock: .venv/test  ## write the locks anew from pyproject.toml; UPGRADE=--upgrade takes newer versions
	$(BIN)/python locks/renew.py --uv $(UV) $(UPGRADE)

browser:  ## Debian's Chromium, in which the review page is tested
	@command -v chromium >/dev/null || { \
	  root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$root apt-get -qq update && $$root apt-get -qq install -y --no-install-recommends chromium; }

pictures: .venv/test browser  ## take the pictures of the review page in docs/images anew
	$(BIN)/python tests/review/pictures.py docs/images

clean:  ## remove what was set up; output/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
