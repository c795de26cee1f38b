# The short front door. CMake does the building (CMakeLists.txt, CMakePresets.json); this knows the order of things.
# SPDX-License-Identifier: MIT
LISTEN ?= 127.0.0.1:8080
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 30
JOBS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
MAKEFLAGS += --no-print-directory
export FUZZ_SECONDS

.PHONY: build run test bench soak fuzz lint format install client clean help

build: ## a release build: libraries in build/release/lib, programs in build/bin (the default)
	@tools/deps.sh build
	@tools/configure.sh release -DCMAKE_INSTALL_PREFIX="$(PREFIX)"
	@cmake --build build/release -j $(JOBS)

run: build ## serves the demo at http://LISTEN (default 127.0.0.1:8080)
	@exec build/bin/demo --listen "$(LISTEN)"

test: ## every test, with gcc, with sanitizers and clang; last line: N passed, N failed, N skipped
	@tools/test.sh

bench: ## speed against nginx
	@tools/deps.sh build bench
	@$(MAKE) build
	@tools/bench.sh

soak: ## mixed and live load for SOAK_SECONDS (default 30): nothing is left afterwards; once more with sanitizers
	@tools/deps.sh build
	@$(MAKE) build
	@tools/soak.sh

fuzz: ## every fuzz target for FUZZ_SECONDS (default 30)
	@tools/deps.sh build fuzz
	@tools/fuzz.sh

lint: ## format, clang-tidy, cppcheck, layers
	@tools/deps.sh build lint
	@tools/lint.sh

format: ## rewrites the C files in the house format
	@tools/deps.sh lint
	@tools/lint.sh --format

install: build ## to PREFIX (default /usr/local; DESTDIR is respected)
	@cmake --install build/release --prefix "$(PREFIX)"

client: ## fetches the Datastar client for the browser tests, and checks its hash
	@tools/client.sh

clean: ## removes build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16
