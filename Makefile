# `make help` lists the targets. `make` builds ./runnel, `make test` runs all tests.

VERSION ?= 0.1.0-dev
# What is built; a release has a binary for each architecture.
BINARY  ?= runnel
IMAGE_BINARY ?= runnel-image
COMMIT  ?= $(shell git describe --always --exclude='*' --dirty --abbrev=12 2>/dev/null || echo unknown)
PREFIX  ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
SHAREDIR ?= $(PREFIX)/share
MANDIR  ?= $(SHAREDIR)/man
BASH_COMPLETION = $(SHAREDIR)/bash-completion/completions/runnel
ZSH_COMPLETION  = $(SHAREDIR)/zsh/site-functions/_runnel
FISH_COMPLETION = $(SHAREDIR)/fish/vendor_completions.d/runnel.fish

GO          ?= go
ifeq ($(origin CC),default)
CC := gcc
endif
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT  ?= github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOSEC       ?= github.com/securego/gosec/v2/cmd/gosec@v2.22.11
NFPM        ?= github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4

# The seccomp compiler, which is embedded by go:embed. A static binary without cgo has
# libseccomp only with the tag embed_libseccomp, which embeds the compiler. It has no
# build id, which would depend on the directory of libseccomp. The child is committed as
# an image for each architecture (make generate).
GOARCH   ?= $(shell $(GO) env GOARCH)
COMPILER  = seccomp/compiler/embedded/$(GOARCH).bin
EMBEDDED  = $(COMPILER)
# Without urfave_cli_no_docs, urfave/cli links a Markdown parser, which slows down
# every start.
TAGS     ?= embed_libseccomp,urfave_cli_no_docs

WARNINGS     := -Wall -Wextra -Werror
HELPER_CFLAGS   := -std=gnu11 -O1 -static -s $(WARNINGS)

HELPERS := $(patsubst tests/helpers/%.c,tests/helpers/bin/%,$(wildcard tests/helpers/*.c))

LDFLAGS = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

# For every go command below, in scripts too.
export CGO_ENABLED := 0
export GOFLAGS := $(filter-out -tags=%,$(GOFLAGS)) -tags=$(TAGS)

.DEFAULT_GOAL := all
.PHONY: all runnel runnel-image embedded generate helpers demo test unit golden integration attacks test-vm conformance conformance-vm faults faults-vm storm fuzz robustness bench \
	dist test-dist lint fmt install install-share uninstall clean deps help

all: runnel runnel-image ## build ./runnel and ./runnel-image, after installing missing build dependencies

runnel: embedded
	$(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o $(BINARY) .

# The program of spec --from-image.
runnel-image:
	$(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o $(IMAGE_BINARY) ./image/runnel-image

embedded: deps-build ## build the embedded seccomp compiler
	@$(MAKE) --no-print-directory $(EMBEDDED)

# Go's build cache doesn't know what pkg-config prints, only these variables: without
# them, libseccomp could come from where an earlier build, for another directory, found it.
$(COMPILER): $(wildcard seccomp/compiler/*.go seccomp/compiler/program/*.go internal/memfd/*.go) go.mod
	@mkdir -p $(@D)
	CGO_ENABLED=1 GOFLAGS= CC=$(CC) GOARCH=$(GOARCH) CGO_CFLAGS="-O2 -g $$(pkg-config --cflags libseccomp)" \
		CGO_LDFLAGS="$$(pkg-config --libs-only-L libseccomp)" $(GO) build -trimpath -buildvcs=false -tags netgo,osusergo \
		-ldflags '-s -w -buildid= -linkmode external -extldflags -static' -o $@ ./seccomp/compiler/program
	@printf '%s %s\n' "$$(pkg-config --modversion libseccomp)" "$$(sha256sum $@ | cut -d' ' -f1)" >$(@:.bin=.id)

generate: deps-generate ## rewrite generated files: Go and C sources, man pages, the child's images
	$(GO) generate ./nsenter/... ./specconv/... # which the generators of the rest are built from
	$(GO) generate ./...
	nsenter/child/build write

helpers: $(HELPERS) ## build the helper programs of the tests

tests/helpers/bin/%: tests/helpers/%.c tests/helpers/receive.h
	@mkdir -p $(@D)
	$(CC) $(HELPER_CFLAGS) -o $@ $<

demo: deps-demo runnel ## run two containers step by step
	@contrib/demo/demo

test: deps-test deps-lint runnel runnel-image helpers ## run all tests: unit, golden files, integration, attacks, lint
	@tests/all

unit golden: embedded ## run the Go tests (as root, also those that use the kernel)
	$(GO) test ./...

integration: deps-test runnel runnel-image helpers ## run the bats tests against ./runnel, or RUNTIME=/path (ONLY="FILE…")
	@tests/integration/run $(ONLY)

attacks: deps-test runnel helpers ## attack ./runnel, or RUNTIME=/path, by each known class of attacks (ONLY="CLASS…")
	@tests/attacks/run $(ONLY)

test-vm: deps-test runnel runnel-image helpers ## run tests in guests with systemd (ONLY="FILE…", MODES="v2 rootless …", FULL=1; see tests/vm/run)
	@tests/vm/run $(ONLY)

clients: deps-clients runnel ## run containers through Docker, Podman and containerd, or with RUNTIME=/path (ONLY="docker …", NEWER=1)
	@tests/clients/run $(ONLY)

conformance: runnel ## run the OCI validation suite
	@tests/conformance/run

conformance-vm: runnel ## run the OCI validation suite in guests with cgroup v2 and v1, and AppArmor (ONLY=, MODES=)
	@tests/conformance/vm $(ONLY)

faults: runnel ## break every command at its system calls, and check that nothing is left (FAULTS=all, ONLY="create …")
	$(GO) test -tags faults,$(TAGS) -count=1 -timeout 3h -v -run TestFaults ./tests/faults

faults-vm: runnel ## the same in guests with cgroup v2, and with systemd (MODES=, FAULTS=, ONLY=)
	@tests/faults/vm

storm: runnel ## run random commands at once and kill some of them, 50 containers, many lifecycles (MINUTES=10)
	$(GO) test -tags faults,$(TAGS) -count=1 -timeout 24h -v -run 'TestStorm|TestParallel|TestLifecycles' ./tests/faults

fuzz: embedded ## fuzz the readers of config.json and the child's decoder (FUZZ_SECONDS=30)
	@CC=$(CC) tests/fuzz/run $(or $(FUZZ_SECONDS),30)

robustness: deps-test runnel ## faults, a storm and fuzzing for some minutes; the last line counts
	@CC=$(CC) tests/robustness

bench: runnel ## compare times and system calls with runc and crun
	PATH=$$(tests/criu 2>/dev/null || echo /usr/sbin):$$PATH $(GO) run ./contrib/bench

dist test-dist: export VERSION := $(VERSION)
dist test-dist: export COMMIT := $(COMMIT)
dist test-dist: export NFPM := $(NFPM)

dist: deps-dist ## build the files of a release in dist/ (VERSION=1.2.3; contrib/release/build)
	@contrib/release/build

test-dist: dist ## run the binaries of a release, install the packages, build all once more and compare the bytes
	@tests/builds/release

lint: deps-lint embedded ## run gofmt, vet, staticcheck, imports, C warnings, GCC analyzer, gosec, clang-format, shellcheck, workflows
	@STATICCHECK=$(STATICCHECK) ACTIONLINT=$(ACTIONLINT) GOSEC=$(GOSEC) tests/lint/run

fmt: ## format the Go and C sources
	gofmt -s -w $$(git ls-files -co --exclude-standard '*.go')
	clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

install: runnel runnel-image install-share ## install to $(SBINDIR), with man pages and completions below $(SHAREDIR)
	install -D -m 0755 runnel $(DESTDIR)$(SBINDIR)/runnel
	install -D -m 0755 runnel-image $(DESTDIR)$(SBINDIR)/runnel-image

install-share:
	@for page in $(wildcard contrib/man/*.8); do \
		install -D -m 0644 $$page $(DESTDIR)$(MANDIR)/man8/$$(basename $$page); done
	install -D -m 0644 contrib/completions/runnel.bash $(DESTDIR)$(BASH_COMPLETION)
	install -D -m 0644 contrib/completions/_runnel $(DESTDIR)$(ZSH_COMPLETION)
	install -D -m 0644 contrib/completions/runnel.fish $(DESTDIR)$(FISH_COMPLETION)

uninstall: ## remove the installed files
	rm -f $(DESTDIR)$(SBINDIR)/runnel $(DESTDIR)$(SBINDIR)/runnel-image $(DESTDIR)$(MANDIR)/man8/runnel*.8 \
		$(DESTDIR)$(BASH_COMPLETION) $(DESTDIR)$(ZSH_COMPLETION) $(DESTDIR)$(FISH_COMPLETION)

clean: ## remove built files
	rm -rf runnel runnel-image bundle build dist seccomp/compiler/embedded tests/helpers/bin

deps: deps-build deps-demo deps-test deps-lint deps-dist ## install missing dependencies, or print their names

deps-%:
	@.ci/deps $*

help: ## print this list
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
