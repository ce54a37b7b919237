# Every target sets up what it needs: a virtual environment in .venv, a kind cluster named zddc.
.PHONY: help demo check test lint golden options sanity newest faults bench cluster clean
.DEFAULT_GOAL := help

VENV := .venv
PLAYBOOK := $(VENV)/bin/ansible-playbook -i localhost,
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Never use the user's own clusters and inventory.
unexport KUBECONFIG $(filter K8S_AUTH_%,$(.VARIABLES)) ANSIBLE_CONFIG ANSIBLE_INVENTORY

help: ## show the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

$(VENV)/done: requirements.txt
	@echo "== Install Python packages into $(VENV)"
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: put one first in PATH"; exit 1; }
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-compile --requirement requirements.txt
	@# To compile the collections of others that Ansible brings would take longer than all else.
	$(VENV)/bin/python -m compileall -q -j 0 -x '/ansible_collections/(?!ansible/|kubernetes/)' $(VENV)/lib
	@touch $@

$(VENV)/scan/done: $(VENV)/done tests/golden/requirements.txt
	@echo "== Install the manifest scanners into $(VENV)/scan"
	python3 -m venv $(VENV)/scan
	$(VENV)/scan/bin/pip install --quiet --requirement tests/golden/requirements.txt
	@touch $@

cluster: $(VENV)/done ## create or fix the kind cluster zddc, for the demo and the tests
	@echo "== Create or fix the kind cluster zddc"
	$(PLAYBOOK) playbooks/cluster.yml $(CLUSTER)

demo: $(VENV)/done ## deploy prod and dev over the same documents, at 127.0.0.1, on a bare machine
	$(PLAYBOOK) playbooks/demo.yml $(DEMO)

# The order matters, as two run in parallel: the slowest is third from last. .pre-commit-config.yaml has the same linters.
LINT := lint-ruff lint-shell lint-changelog lint-yaml lint-ansible lint-docs lint-mypy
SCRIPTS := .ci/run $(shell find bench roles tests -name '*.sh' -o -path '*/pieces/*/build')
.PHONY: $(LINT) check-tests

lint: $(VENV)/done ## lint the Python, the shell, the YAML, the Ansible content, the docs and the changelog
	@echo "== Lint"
	@$(MAKE) --no-print-directory --jobs 2 $(LINT)

lint-ruff: $(VENV)/done
	ruff check --quiet .
	ruff format --quiet --check .

lint-shell: $(VENV)/done
	shellcheck $(SCRIPTS)

lint-changelog: $(VENV)/done
	antsibull-changelog lint

lint-yaml: $(VENV)/done
	yamllint --strict .

lint-ansible: $(VENV)/done
	tests/lint.sh

# It copies the dependencies of the collection, and would skip them because Git ignores $(VENV).
lint-docs: $(VENV)/done
	GIT_CEILING_DIRECTORIES=$(realpath $(VENV)/bin/..) antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .

lint-mypy: $(VENV)/done
	mypy

check: $(VENV)/scan/done ## lint, and run every test that needs no cluster
	@echo "== Lint, and run the tests without a cluster"
	@$(MAKE) --no-print-directory --jobs 3 check-tests $(LINT)

check-tests: $(VENV)/scan/done
	pytest --numprocesses 4 --quiet tests/unit tests/variables tests/golden tests/offline tests/fixtures/test_stand_in.py \
		tests/cluster/test_engine.py tests/cluster/test_pieces.py tests/cluster/test_runc_fit.py

test: $(VENV)/done ## run everything that CI runs
	@$(MAKE) --no-print-directory --jobs 3 lint cluster $(VENV)/scan/done CLUSTER="-e kind_cluster_ingress=true"
	@echo "== Run the tests, four in parallel"
	pytest --numprocesses 4

golden: $(VENV)/done ## regenerate the golden manifests, for review
	ZDDC_GOLDEN=write pytest tests/golden

options: $(VENV)/done ## regenerate docs/options.md from the argument specs
	python tests/variables/options.py

sanity: $(VENV)/done ## run ansible-test sanity on the built collection
	@echo "== ansible-test sanity"
	tests/sanity/run.sh $(SANITY)

newest: $(VENV)/done ## run the golden tests and a scenario with the newest ansible-core, in a container of Debian trixie
	$(MAKE) cluster
	tests/newest/run.sh $(NEWEST)

faults: $(VENV)/done ## cause every fault, and write its effect on an instance to docs/faults.md
	$(MAKE) cluster
	ZDDC_FAULTS=write pytest tests/faults -m "" $(FAULTS)
	python tests/faults/report.py

bench: $(VENV)/done ## measure against the charts, and write the table to the README
	$(MAKE) cluster
	$(VENV)/bin/pip install --quiet --requirement bench/requirements.txt
	@echo "== Benchmark; keep the machine idle"
	python bench/run.py $(BENCH)
	python bench/report.py

clean: $(VENV)/done ## remove the cluster, everything built for it, and the virtual environment
	$(PLAYBOOK) playbooks/cluster.yml -e kind_cluster_state=absent -e kind_cluster_purge=true
	rm -rf $(VENV) .cache .pytest_cache .ansible *.tar.gz
