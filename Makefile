# Safelight's doors for people: every target says in its `##` line what it does. The work is in deploy/tools/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo build kafka tools test chaos fuzz fmt lint latency bench corpus differ proto openapi readme

# Jars, linters and the Python environment live here between runs; CARGO_TARGET_DIR is respected too.
export SAFELIGHT_CACHE ?= $(CURDIR)/.cache
TARGET := $(or $(CARGO_TARGET_DIR),target)
TOOLS := deploy/tools
# What looks at a corpus: our workers, and the peers where `bench-fetch.sh` has put them.
EYES = BENCH_PROGRAM=$(TARGET)/release/bench BENCH_NODE=$(SAFELIGHT_CACHE)/bench/node $(SAFELIGHT_CACHE)/bench/py/bin/python -B
FUZZ_SECONDS = $(or $(SECONDS),600)

# Where the pinned toolchain is there only under another name, as an installed `stable` of the same version, that one
# is taken: nothing needs to be fetched then.
PINNED := $(shell sed -nE 's/^channel *= *"(.*)"/\1/p' rust-toolchain.toml)
ifndef RUSTUP_TOOLCHAIN
ifeq (,$(shell rustup toolchain list 2>/dev/null | grep '^$(PINNED)-'))
ifneq (,$(shell rustc +stable --version 2>/dev/null | grep '^rustc $(PINNED) '))
export RUSTUP_TOOLCHAIN := stable
endif
endif
endif

help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Start the whole local stack, push the sample photos, keep serving (ARGS=--exit ends after the table)
	@$(TOOLS)/install.sh demo
	@$(TOOLS)/fetch-kafka.sh || { [ "$${CI:-}" != true ] && echo "safelight: no Apache Kafka, going on with the embedded broker" >&2; }
	@cargo build --release --locked -p safelight
	@$(TARGET)/release/safelight demo $(ARGS)

build: ## Build the stations and the command into target/release/
	@$(TOOLS)/install.sh build
	cargo build --release --locked -p ingest -p processor -p sink -p safelight

kafka: ## Fetch Apache Kafka's jars into .cache/ (make demo does it by itself)
	@$(TOOLS)/install.sh kafka
	@$(TOOLS)/fetch-kafka.sh

tools: ## Install what the tests need: a browser, linters, clients and servers that are not ours
	@$(TOOLS)/install.sh test
	@for fetch in $(TOOLS)/fetch-*.sh; do "$$fetch"; done

test: ## Run everything that must pass: fmt, clippy, tests, the page in a browser, schemas, rules
	@$(TOOLS)/install.sh test
	@$(TOOLS)/test.sh

chaos: ## Send bombs, damaged files of each format and sequences of files through real workers (FILES=10000 SEQUENCES=100000)
	@$(TOOLS)/install.sh test
	SAFELIGHT_CHAOS_FILES=$(or $(FILES),10000) SAFELIGHT_CHAOS_SEQUENCES=$(or $(SEQUENCES),100000) \
		cargo test --release --locked -p darkroom --test chaos

fuzz: ## Fuzz every decoder path and the recipe parser, guided by coverage, so many seconds each (SECONDS=600)
	@$(TOOLS)/install.sh test
	@$(TOOLS)/fuzz.sh $(FUZZ_SECONDS)

latency: ## Print the time from upload to visible beyond the pixel work, at idle, on both brokers
	@cargo build --release --locked --workspace --bins
	@$(TARGET)/release/latency

bench: ## Measure engine and service beside sharp, libvips, Pillow, ImageMagick, ipx and thumbor (ARGS=--only=pixels)
	@$(TOOLS)/install.sh bench
	@$(TOOLS)/fetch-kafka.sh
	@$(TOOLS)/bench-fetch.sh
	@cargo build --release --locked --workspace --bins
	@$(TARGET)/release/bench --chart tests/bench/chart.svg $(ARGS)

corpus: ## Walk a folder of images through real workers beside Pillow and sharp (FILES=folder)
	@$(TOOLS)/install.sh bench
	@$(TOOLS)/bench-fetch.sh peers
	@cargo build --release --locked --workspace --bins
	@$(EYES) tests/corpus/walk.py $(FILES)

differ: ## Show the files that we and a peer see differently on purpose (docs/differences.md)
	@$(TOOLS)/install.sh bench
	@$(TOOLS)/bench-fetch.sh peers
	@cargo build --release --locked --workspace --bins
	@$(EYES) tests/corpus/differences.py

proto: ## Write the Protobuf types from the .proto files to proto/src/safelight.v1.rs
	cargo run --release --locked -p proto --features generate --example generate

openapi: ## Write the API's description from the code to sink/openapi.json
	@cargo build --release --locked -p safelight
	@$(TARGET)/release/safelight openapi >sink/openapi.json.new && mv sink/openapi.json.new sink/openapi.json

readme: ## Write the README table of settings from the code
	SAFELIGHT_REGENERATE=1 cargo test --release --locked --workspace --test readme

fmt: ## Format the Rust sources
	cargo fmt --all

lint: ## Check format and lints without running the tests
	@$(TOOLS)/install.sh test
	@$(TOOLS)/test.sh lint
