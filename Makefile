# make run: the demonstration. make test: what the tests need, then all of them.

CARGO ?= cargo
# apt-get needs root; everything else does not.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: run test check-cargo packages lint unit e2e release-check

run: check-cargo packages
	$(CARGO) build --release --locked
	./target/release/mintmark demo

test: check-cargo packages lint unit e2e

check-cargo:
	@command -v $(CARGO) >/dev/null || { \
	  echo "Rust is needed and was not found. Install it from https://rustup.rs and run this again." >&2; exit 1; }

# A C compiler, for the cryptography that TLS to mail servers uses.
packages:
	@command -v cc >/dev/null || { \
	  command -v apt-get >/dev/null || { echo "A C compiler is needed: install gcc." >&2; exit 1; }; \
	  echo "Installing a C compiler: apt-get install build-essential"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q build-essential; }

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

unit:
	$(CARGO) test --locked

# Walks through the pages in a browser, once there are some: e2e/run installs what it lacks.
e2e:
	@if [ -x e2e/run ]; then e2e/run; else echo "no walks in a browser yet"; fi

# What a release must pass beyond the tests: a clean tree, and a program that starts.
release-check: test
	@test -z "$$(git status --porcelain)" || { echo "The working tree is not clean." >&2; exit 1; }
	$(CARGO) build --release --locked
	./target/release/mintmark --version
	./target/release/mintmark formats >/dev/null
