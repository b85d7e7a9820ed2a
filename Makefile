# The two commands: `make report` and `make test`. Each does all the set-up first.
# Variables: PYTHON, VENV, TORCH_INDEX (an index with other wheels of torch, see the README),
# QUARTO=1 (installs Quarto, too), CONSTRAINTS (/dev/null takes the newest release of everything).

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
TORCH_INDEX ?=
QUARTO ?=
installed := $(VENV)/.installed$(if $(QUARTO),-with-quarto)

.PHONY: report test lint setup pictures
report: setup
	$(VENV)/bin/mmn13 render

test: setup
	$(VENV)/bin/python -m pytest -n auto --maxprocesses 4

lint: setup
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	@$(VENV)/bin/python report/pictures.py --check

pictures: setup # of the finished report, for the README: needs pdftoppm and Chromium
	$(VENV)/bin/python report/pictures.py

setup: $(installed)

comma := ,

# uv where it is, else pip: the same packages either way
ifneq ($(shell command -v uv 2>/dev/null),)
install := uv pip install --quiet --python $(VENV)/bin/python
other_index := --index-strategy unsafe-best-match --index
else
install := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
other_index := --extra-index-url
endif

$(installed): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "This needs Python 3.11 or newer; '$(PYTHON)' is not. Install one and run:" \
	  "make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up $(VENV): about 3 GB to download (PyTorch, most of it), 6 GB on disk;"
	@echo "one to ten minutes, once. Nothing is installed outside this folder."
	@$(PYTHON) -m venv $(VENV) || { echo "Python can't make a virtual environment:" \
	  "on Debian and Ubuntu, 'apt install python3-venv' mends that." >&2; exit 1; }
	$(install) --constraint $(CONSTRAINTS) $(if $(TORCH_INDEX),$(other_index) $(TORCH_INDEX)) \
	  --editable ".[dev$(if $(QUARTO),$(comma)quarto)]"
	@$(VENV)/bin/python mmn13lib/hook.py cells
	@touch $@
