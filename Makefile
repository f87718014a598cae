# `make demo` and `make test` set up everything they need in .venv.
.PHONY: demo test quick coverage lint bench experiments readme soak clean

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= python3
# two cores must not be oversubscribed: parallel work is xlate's own to start
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export POLARS_MAX_THREADS := 2

# "make quick" and the run on the oldest versions, .ci/oldest
QUICK := not slow and not data and not soak

$(VENV)/run.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	$(PY) -m pip install --quiet --disable-pip-version-check -e ".[test]"
	touch $@

# the main job on the simulated corpus, in a separate data home
demo: export XLATE_HOME := $(CURDIR)/build/demo
demo: $(VENV)/run.stamp
	$(VENV)/bin/xlate fit --anchor g3s.xlarge --target p3.2xlarge --data simulated --replace
	$(VENV)/bin/xlate translate datasets/examples --anchor g3s.xlarge --target p3.2xlarge
	$(VENV)/bin/xlate clocks fit --target p3.2xlarge --sweeps simulated
	$(VENV)/bin/xlate predict-freq datasets/examples --anchor g3s.xlarge --target p3.2xlarge

lint: $(VENV)/test.stamp
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test: lint
	$(PY) -m pytest -n 2 --dist loadfile --durations=25

# what neither fits models nor reads the public corpora: under a minute on two cores
quick: $(VENV)/test.stamp
	$(PY) -m pytest -n 2 --dist loadfile -m "$(QUICK)"

# which lines tests reach, at least 90 of 100; tracing them takes half as long again
coverage: $(VENV)/test.stamp
	$(PY) -m pytest -n 2 --dist loadfile --cov --cov-report=term

# figures of experiments/results; needs XLATE_DATA_HOME, see experiments/README.md
experiments: $(VENV)/run.stamp
	$(PY) -m experiments.run

# every input meant to break it, each failure with the line that repeats it; a quarter of an hour
soak: $(VENV)/test.stamp
	$(PY) -m tests.soak --home build/soak --report build/soak-report.txt

# the files of examples/ and the output shown in the README, anew
readme: $(VENV)/run.stamp
	$(PY) -m examples.make
	$(PY) -m examples.readme

bench: $(VENV)/test.stamp
	$(PY) -m experiments.benchmarks

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
