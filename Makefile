# `make serve` and `make test` install what is missing, say what they do, and are quick when nothing is missing.
# They need rustup and a C compiler; `make test` also Node.js 20 or newer and Python 3.10 or newer.

SHELL := bash
.NOTPARALLEL:
.PHONY: help serve release test simulate mutants bench format lint deny unit-tests doc front size browser-tests screenshots \
	toolchain cargo-leptos cargo-deny cargo-mutants wasm-bindgen node chromium companion uppy moto host-page end-to-end

features := --features ssr,app
wasm := --target wasm32-unknown-unknown
# The versions that were tested, and no others. Who has changed Cargo.toml: `cargo check` writes Cargo.lock anew.
locked := --locked
leptos_locked := $(locked:--%=--cargo-%)
target := $(or $(CARGO_TARGET_DIR),target)
# A place of its own, so that a running `make serve` keeps its files.
release_site := target/site-release
host_page := target/host-page
# WASM, script and style sheet together, as Brotli bytes.
max_size := 150000

cargo_leptos_version := 0.3.11
cargo_mutants_version := 27.1.0
cargo_deny_version := 0.20.2
wasm_bindgen_version := $(shell sed -n '/^name = "wasm-bindgen"$$/{n;s/^version = "\(.*\)"/\1/p;}' Cargo.lock)

# The project's own tools first, and wasm-opt among them: cargo-leptos downloads one only if it finds none.
export PATH := $(CURDIR)/target/tools/bin:$(CURDIR)/end2end/node_modules/.bin:$(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

heading = @printf '\n== %s ==\n' '$(1)'

help:
	@echo 'make serve        serve the upload page on http://127.0.0.1:3000, with an S3 store of its own'
	@echo 'make release      build the server and the page as they are deployed'
	@echo 'make test         run every check and test'
	@echo 'make simulate     let the engine live random lives until one of them breaks a rule'
	@echo 'make mutants      break the code in a thousand places, and name those that no test finds: hours'
	@echo 'make bench        print the figures of BENCHMARKS.md'
	@echo 'make screenshots  take pictures of the page, into end2end/screenshots'

serve: cargo-leptos wasm-bindgen
	cargo leptos serve $(leptos_locked)

# With the wasm-opt of end2end/package-lock.json. cargo-leptos by itself takes the one in PATH, or else downloads one, which it
# compares with no hash.
release: cargo-leptos wasm-bindgen node_modules
	cargo leptos build --release $(leptos_locked)

test: format lint unit-tests doc size browser-tests

format: toolchain
	$(call heading,Format)
	cargo fmt --check

lint: toolchain node_modules deny
	$(call heading,Lints)
	cargo clippy $(locked) $(features) --all-targets -- -D warnings
	cargo clippy $(locked) --lib $(wasm) --no-default-features --features hydrate,app -- -D warnings
	@echo 'The library without the demonstration, as other apps use it'
	cargo clippy $(locked) --lib --no-default-features --features ssr -- -D warnings
	cargo clippy $(locked) --lib --example host $(wasm) --no-default-features --features hydrate -- -D warnings
	npm --prefix end2end run --silent check

# RustSec's advisories come from GitHub; where that can't be reached, the rest is checked all the same.
deny: cargo-deny
	$(call heading,Dependencies)
	cargo deny $(locked) check bans licenses sources
	@if fetched=$$(cargo deny $(locked) fetch db 2>&1); then \
		echo cargo deny $(locked) check advisories; \
		cargo deny $(locked) check advisories; \
	else \
		printf '%s\n' "$$fetched" 'NOT CHECKED: advisories. Their database, https://github.com/RustSec/advisory-db, can not be fetched.'; \
	fi

unit-tests: toolchain
	$(call heading,Unit$(comma) simulation and server tests)
	cargo test $(locked) $(features)

# From a seed that the clock chooses, or from `SIMULATE_FOREVER=1` on.
simulate: toolchain
	SIMULATE_FOREVER=$(or $(SIMULATE_FOREVER),clock) cargo test $(locked) $(features) --lib simulation -- --nocapture

# What engine and signing server do is changed in one place after the other; a change that all tests pass is named.
# `MUTANTS='--shard 0/8'` takes an eighth; `.cargo/mutants.toml` has what is left out, and why.
mutants: toolchain cargo-mutants
	$(call heading,Mutants of engine and S3 types)
	cargo mutants --file 'src/engine/*.rs' --file 'src/engine/file/*.rs' --file 'src/s3/*.rs' --no-default-features \
		--output target/mutants/engine $(MUTANTS) -- --lib
	$(call heading,Mutants of the server)
	cargo mutants --file src/server/token.rs --file 'src/server/service/*.rs' --file 'src/server/presign/*.rs' \
		--file 'src/server/http/*.rs' --features ssr,app --output target/mutants/server $(MUTANTS) -- \
		--lib --test server --test presets

doc: toolchain
	$(call heading,Documentation)
	RUSTDOCFLAGS='-D warnings' cargo doc $(locked) $(features) --no-deps

front: cargo-leptos wasm-bindgen node_modules
	$(call heading,Release build of the front end)
	LEPTOS_SITE_ROOT=$(release_site) cargo leptos build --release --frontend-only $(leptos_locked)

# The example with `host`, for the browser tests; it shares what the page's release build has compiled.
host-page: toolchain wasm-bindgen
	$(call heading,The page with `host`)
	cargo build $(locked) --example host $(wasm) --no-default-features --features hydrate \
		--profile wasm-release --target-dir $(target)/front
	wasm-bindgen --target web --no-typescript --out-dir $(host_page) \
		$(target)/front/wasm32-unknown-unknown/wasm-release/examples/host.wasm

size: front
	$(call heading,Size)
	node end2end/scripts/size.mjs $(release_site)/pkg $(max_size)

browser-tests: front host-page chromium companion uppy moto
	$(call heading,Browser tests)
	cargo build $(locked) $(features)
	cd end2end && LEPTOS_SITE_ROOT=$(release_site) npx playwright test

# What `cargo leptos end-to-end` runs, on its own build of page and server.
end-to-end: host-page chromium companion uppy moto
	cd end2end && npx playwright test

bench: size chromium companion
	$(call heading,Benchmarks)
	cargo bench $(locked) $(features)
	cargo build $(locked) --release $(features)
	cd end2end && LEPTOS_SITE_ROOT=$(release_site) SERVER_BINARY=$(abspath $(target))/release/leptos-aws-s3 npm run --silent bench

screenshots: front chromium
	cargo build $(locked) $(features)
	cd end2end && LEPTOS_SITE_ROOT=$(release_site) npm run --silent screenshots

# What the above need.

toolchain:
	@if ! { rustc --version && cargo fmt --version && cargo clippy --version \
			&& test -d "$$(rustc --print target-libdir $(wasm))"; } >/dev/null 2>&1; then \
		echo 'Installing the toolchain of rust-toolchain.toml'; \
		rustup toolchain install --no-self-update; \
	fi

# A debug build takes half the time, and cargo-leptos only calls other tools.
cargo-leptos: toolchain
	@if ! cargo leptos --version 2>/dev/null | grep -q ' 0\.3\.'; then \
		echo 'Installing cargo-leptos'; \
		CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-leptos --version $(cargo_leptos_version) --locked --debug; \
	fi

cargo-mutants: toolchain
	@if ! cargo mutants --version 2>/dev/null | grep -q ' 27\.'; then \
		echo 'Installing cargo-mutants'; \
		CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-mutants --version $(cargo_mutants_version) --locked --debug; \
	fi

cargo-deny: toolchain
	@if ! cargo deny --version 2>/dev/null | grep -q ' 0\.20\.'; then \
		echo 'Installing cargo-deny'; \
		CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-deny --version $(cargo_deny_version) --locked --debug; \
	fi

# Has to be of the very version that the code is compiled with. Another version, of another project, stays where it is.
wasm-bindgen: toolchain
	@case "$$(wasm-bindgen --version 2>/dev/null)" in \
		'wasm-bindgen $(wasm_bindgen_version)') ;; \
		'') echo 'Installing wasm-bindgen-cli'; \
			cargo install wasm-bindgen-cli --version $(wasm_bindgen_version) --locked ;; \
		*) echo 'Installing wasm-bindgen-cli $(wasm_bindgen_version) into target/tools'; \
			cargo install wasm-bindgen-cli --version $(wasm_bindgen_version) --locked --root target/tools ;; \
	esac

node:
	@node --eval 'process.exitCode = Number(parseInt(process.versions.node) < 20)' \
		|| { echo 'Node.js 20 or newer is needed: https://nodejs.org'; exit 1; }

.PHONY: node_modules
node_modules: node end2end/node_modules/.package-lock.json
end2end/node_modules/.package-lock.json: end2end/package-lock.json
	npm --prefix end2end ci
	@touch $@

# Uppy's signer, for the benchmarks and the tests of `host`: 233 packages, 87 MB, about 10 seconds.
companion: node end2end/companion/node_modules/.package-lock.json
end2end/companion/node_modules/.package-lock.json: end2end/companion/package-lock.json
	npm --prefix end2end/companion ci
	@touch $@

# Uppy's S3 plugin as it was before 6, for the tests of Companion's protocol: 16 to 18 packages each, 30 MB in all.
uppy: node $(patsubst %,end2end/uppy/%/node_modules/.package-lock.json,3 4 5)
end2end/uppy/%/node_modules/.package-lock.json: end2end/uppy/%/package-lock.json
	npm --prefix end2end/uppy/$* ci
	@touch $@

# An S3 server that nobody here wrote, for the browser tests: 27 packages, 140 MB, about 10 seconds.
moto: end2end/moto/.venv/installed
end2end/moto/.venv/installed: end2end/moto/requirements.txt
	@python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo 'Python 3.10 or newer with its venv is needed (apt-get install python3-venv, or https://www.python.org)'; exit 1; }
	python3 -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

chromium: node_modules
	@cd end2end && scripts/chromium.sh

comma := ,
