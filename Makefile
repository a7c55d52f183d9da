# make run: the demonstration. make test: what the tests need, then all of them.

CARGO ?= cargo
# Everything is built once here: what speeds up building again only slows that down.
export CARGO_INCREMENTAL ?= 0
# The driver of card readers that are none, where it is installed and below the folder that it is unpacked into.
VPCD := /usr/lib/pcsc/drivers/serial/libifdvpcd.so
# The vendor's client of YubiKeys, and what Python needs for it.
YKMAN := 5.9.2
# What makes the Debian package.
CARGO_DEB := 3.8.0
PYTHON_BUILDS := import ensurepip, os, sysconfig; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")
# apt-get needs root; everything else does not.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: run test check-cargo packages lint build-tests unit card-reader mail-server ykman browser e2e-packages e2e pictures \
  fuzz package package-check release-check

run: check-cargo packages
	$(CARGO) build --release --locked
	./target/release/mintmark demo

# The last crate compiles on one core: the lints use the other meanwhile, and what tests need is fetched.
test: check-cargo packages
	$(MAKE) -j3 -Oline lint build-tests e2e-packages
	$(MAKE) unit e2e

check-cargo:
	@command -v $(CARGO) >/dev/null || { \
	  echo "Rust is needed and was not found. Install it from https://rustup.rs and run this again." >&2; exit 1; }

# A C compiler, for the cryptography that TLS to mail servers uses, and the library of the card reader service.
packages:
	@command -v cc >/dev/null && command -v pkg-config >/dev/null && pkg-config --exists libpcsclite || { \
	  command -v apt-get >/dev/null || { \
	    echo "A C compiler, pkg-config and libpcsclite are needed: install gcc, pkg-config and libpcsclite-dev." >&2; \
	    exit 1; }; \
	  missing="build-essential pkg-config libpcsclite-dev"; \
	  echo "Installing what is built with: apt-get install $$missing"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q $$missing; }

# In a folder of its own, so that it does not wait for other builds.
lint:
	$(CARGO) fmt --check
	CARGO_TARGET_DIR=target/lint $(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	cd fuzz && $(CARGO) fetch --locked --target $(FUZZ_HOST)

build-tests: check-cargo packages
	$(CARGO) test --locked --no-run --workspace --lib --test it --test pcscd --test hostile

# Some tests wait for the clock: one more runs than there are cores. Those that compare times (law 6) run behind the others.
unit: build-tests card-reader mail-server ykman
	$(CARGO) test --locked --workspace --lib
	$(CARGO) test --locked --workspace --test pcscd --test hostile
	RUST_TEST_THREADS=3 $(CARGO) test --locked --test it -- --skip law6_
	RUST_TEST_THREADS=2 $(CARGO) test --locked --test it -- law6_

# The card reader service and the driver of readers that are none, for simulated tokens. The test starts its own. The
# driver is unpacked only: installed, it would open a port to everybody as soon as the system's service starts. With them
# come the programs that read what the system is given: rules of udev, the unit, the rule of polkit.
card-reader: packages
	@PATH="$$PATH:/usr/sbin:/sbin"; missing=""; \
	needs() { command -v "$$1" >/dev/null || missing="$$missing $$2"; }; \
	needs pcscd pcscd; needs ip iproute2; needs udevadm udev; needs systemd-analyze systemd; needs node nodejs; \
	env kill -l >/dev/null 2>&1 || missing="$$missing procps"; \
	[ -z "$$missing" ] || { \
	  command -v apt-get >/dev/null || { echo "These are needed, install them:$$missing" >&2; exit 1; }; \
	  echo "Installing the card reader service and readers of system files for the tests: apt-get install$$missing"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends $$missing; }
	@[ -e $(VPCD) ] || [ -e target/vpcd$(VPCD) ] || { \
	  command -v apt-get >/dev/null || { echo "$(VPCD) is needed: build vsmartcard's vpcd." >&2; exit 1; }; \
	  echo "Unpacking the driver of simulated card readers into target/vpcd: apt-get download vsmartcard-vpcd"; \
	  mkdir -p target/vpcd && cd target/vpcd && apt-get download -q vsmartcard-vpcd && \
	  dpkg-deb -x vsmartcard-vpcd_*.deb . ; }

# The mail server that the tests send to. After the card readers: two installations at once would wait for each other's
# lock and fail.
mail-server: card-reader
	@python3 -c 'import aiosmtpd' 2>/dev/null || /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || { \
	  command -v apt-get >/dev/null || { echo "aiosmtpd is needed: pip install aiosmtpd." >&2; exit 1; }; \
	  echo "Installing a mail server for the tests: apt-get install python3-aiosmtpd"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends python3-aiosmtpd; }

# The vendor's client of YubiKeys, which reads what we write and writes what we read. Its reader library is built here. After
# the mail server, for the same reason.
ykman: mail-server
	@target/ykman/bin/ykman --version 2>/dev/null | grep -qF ' $(YKMAN)' || { \
	  fits() { for python in python3 /usr/bin/python3; do $$python -c '$(PYTHON_BUILDS)' 2>/dev/null && return; done; false; }; \
	  fits || { \
	    command -v apt-get >/dev/null || { echo "Python's venv and header files are needed: install them." >&2; exit 1; }; \
	    echo "Installing what the vendor's client of YubiKeys is built with: apt-get install python3-venv python3-dev"; \
	    $(SUDO) apt-get update -q && \
	    $(SUDO) apt-get install -y -q --no-install-recommends python3-venv python3-dev && fits; } && \
	  echo "Installing the vendor's client of YubiKeys into target/ykman: pip install yubikey-manager==$(YKMAN)" && \
	  $$python -m venv --clear target/ykman && \
	  target/ykman/bin/pip install -q --disable-pip-version-check yubikey-manager==$(YKMAN); }

# The walks in a browser, against the program that was built for the tests.
e2e: e2e-packages unit
	cd tests/e2e && npm test

e2e-packages: browser
	cd tests/e2e && npm ci --no-audit --no-fund

# The README's pictures, taken by the same walks.
pictures: e2e
	mkdir -p docs/pictures
	cp target/e2e-pictures/portal-confirm-1280-light.png docs/pictures/portal.png
	cp target/e2e-pictures/station-synchronised-1280-light.png docs/pictures/station.png

# After the vendor's client, for the same reason.
browser: ykman
	@command -v npm >/dev/null && command -v chromium >/dev/null || { \
	  command -v apt-get >/dev/null || { echo "npm and Chromium are needed: install them." >&2; exit 1; }; \
	  missing="$$(command -v npm >/dev/null || echo nodejs npm) $$(command -v chromium >/dev/null || echo chromium)"; \
	  echo "Installing what the walks in a browser need: apt-get install $$missing"; \
	  $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends $$missing; }

# The Debian package, in target/debian.
package: check-cargo packages
	@target/cargo-deb/bin/cargo-deb --version 2>/dev/null | grep -qxF 'cargo-deb $(CARGO_DEB)' || { \
	  echo "Installing what makes Debian packages into target/cargo-deb: cargo install cargo-deb@$(CARGO_DEB)"; \
	  $(CARGO) install --locked --root target/cargo-deb --version $(CARGO_DEB) cargo-deb; }
	rm -f target/debian/mintmark_*.deb
	target/cargo-deb/bin/cargo-deb --locked --output target/debian/

# What is in it: each file where the system looks for it, nothing in /etc, and a program that starts.
package-check: package
	rm -rf target/debian/unpacked
	dpkg-deb -x target/debian/mintmark_*.deb target/debian/unpacked
	dpkg-deb -c target/debian/mintmark_*.deb
	for file in usr/bin/mintmark usr/lib/systemd/system/mintmark.service usr/lib/sysusers.d/mintmark.conf \
	  usr/share/polkit-1/rules.d/50-mintmark.rules usr/lib/udev/rules.d/70-mintmark.rules \
	  usr/share/doc/mintmark/README.md usr/share/doc/mintmark/copyright; do \
	  [ -f target/debian/unpacked/$$file ] || { echo "The package lacks $$file." >&2; exit 1; }; done
	[ ! -e target/debian/unpacked/etc ] && [ ! -e target/debian/unpacked/var ]
	dpkg-deb -f target/debian/mintmark_*.deb Depends | grep -q 'libpcsclite1.*pcscd'
	target/debian/unpacked/usr/bin/mintmark --version

# Each parser of what a device answers, fed by libFuzzer for FUZZ_SECS each, with the address sanitizer; what breaks one lies in
# fuzz/artifacts. The flags are those of cargo-fuzz, which is not needed; the stable compiler has all of it behind the switch
# for its own build. The sanitizer needs the target named, so that build scripts are built without it.
FUZZ_SECS ?= 60
FUZZ_TARGETS = $(basename $(notdir $(wildcard fuzz/targets/*.rs)))
FUZZ_HOST = $(shell rustc -vV | sed -n 's/^host: //p')
FUZZ_FLAGS := --cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares

fuzz: check-cargo packages
	cd fuzz && CARGO_TARGET_DIR=target RUSTC_BOOTSTRAP=1 RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) build --release --locked --target $(FUZZ_HOST)
	cd fuzz && target/$(FUZZ_HOST)/release/seeds
	cd fuzz && for target in $(FUZZ_TARGETS); do \
	  echo "$$target:"; mkdir -p artifacts/$$target; \
	  target/$(FUZZ_HOST)/release/$$target corpus/$$target -artifact_prefix=artifacts/$$target/ -max_total_time=$(FUZZ_SECS) \
	    -max_len=8192 -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 || exit 1; \
	done

# What a release must pass beyond the tests: the laws at full size, a clean tree, and a program that starts.
release-check: test
	tests/full-size
	$(MAKE) fuzz
	cd tests/e2e && MINTMARK_AXE=all npm test
	@test -z "$$(git status --porcelain)" || { echo "The working tree is not clean." >&2; exit 1; }
	$(CARGO) build --release --locked
	./target/release/mintmark --version
	./target/release/mintmark formats >/dev/null
	$(MAKE) package-check
