# `make rehearse` and `make test` create .venv and install the dependencies on first use.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers

.PHONY: rehearse test chaos lint bench peers pictures venv clean

rehearse: $(VENV)/.installed
	$(BIN)/gonogo rehearse

# Three workers for two cores, because many tests wait for processes. Compiled modules are kept for the hundreds of
# processes that the tests start.
test: $(VENV)/.installed
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# Sessions that are disturbed: kills, stops, exhausted limits, a hanging driver, restarts: make chaos N=2000 JOBS=32
N ?= 200
SEED ?= 0
JOBS ?= 0
chaos: $(VENV)/.installed
	$(BIN)/python -m tests.session.chaos $(N) $(SEED) --jobs $(JOBS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

# Programs that `make bench` measures for comparison; toolong requires another version of Textual.
peers: $(VENV)/.installed
	$(BIN)/python -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet toolong==1.5.0 wandb==0.31.0

# The pictures of the screens in the documentation.
pictures: $(VENV)/.installed
	$(BIN)/python -m tests.tui.pictures

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	command -v $(PYTHON) >/dev/null && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis
