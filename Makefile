# `make help` lists the targets. `make` builds ./runnel, `make test` checks all.

VERSION ?= 0.1.0-dev
COMMIT  ?= $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
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

# Both C programs are embedded by go:embed; neither is installed by itself.
CHILD    := nsenter/child.bin
COMPILER := seccomp/compiler/compiler.bin
EMBEDDED := $(CHILD) $(COMPILER)

WARNINGS     := -Wall -Wextra -Werror
CHILD_CFLAGS := -std=gnu11 -O2 $(WARNINGS) -ffreestanding -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-pie -fcf-protection=none
CHILD_LDFLAGS := -static -nostdlib -no-pie -s -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,norelro
COMPILER_CFLAGS := -std=gnu11 -O2 $(WARNINGS)
HELPER_CFLAGS   := -std=gnu11 -O1 -static -s $(WARNINGS)

HELPERS := $(patsubst tests/helpers/%.c,tests/helpers/bin/%,$(wildcard tests/helpers/*.c))

# Asked only when a link needs the answers.
SECCOMP_LIBS = $(shell pkg-config --static --libs libseccomp)
# Without the tag, urfave/cli links a Markdown parser, which slows down every start.
TAGS    = urfave_cli_no_docs
LDFLAGS = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

export CGO_ENABLED := 0

.DEFAULT_GOAL := all
.PHONY: all runnel embedded helpers demo test unit golden integration test-vm conformance conformance-vm faults fuzz bench \
	lint fmt install uninstall clean deps help

all: runnel ## build ./runnel, installing what the build misses

runnel: embedded
	$(GO) build -trimpath -buildvcs=false -tags '$(TAGS)' -ldflags '$(LDFLAGS)' -o $@ .

embedded: deps-build ## compile the two embedded C programs
	@$(MAKE) --no-print-directory $(EMBEDDED)

$(CHILD): $(wildcard nsenter/child/*.c nsenter/child/*.h)
	$(CC) $(CHILD_CFLAGS) $(CHILD_LDFLAGS) -o $@ $(filter %.c,$^)

$(COMPILER): $(wildcard seccomp/compiler/*.c seccomp/compiler/*.h)
	$(CC) $(COMPILER_CFLAGS) -static -s -o $@ $(filter %.c,$^) $(SECCOMP_LIBS)
	@printf '%s %s\n' "$$(pkg-config --modversion libseccomp)" "$$(sha256sum $@ | cut -d' ' -f1)" >$(@:.bin=.id)

helpers: $(HELPERS) ## compile the helper programs of the tests

tests/helpers/bin/%: tests/helpers/%.c tests/helpers/receive.h
	@mkdir -p $(@D)
	$(CC) $(HELPER_CFLAGS) -o $@ $<

demo: deps-demo runnel ## show a container from config.json to its end
	@contrib/demo/demo

test: deps-test runnel helpers ## everything: unit, goldens, integration, lint
	@tests/all

unit golden: embedded ## Go tests (as root they act on the kernel too)
	$(GO) test ./...

integration: deps-test runnel helpers ## bats against ./runnel, or RUNTIME=/path
	@tests/integration/run $(ONLY)

test-vm: deps-test runnel helpers ## tests in guests with systemd (ONLY="FILE…", MODES="v2 rootless …", FULL=1; tests/vm/run)
	@tests/vm/run $(ONLY)

conformance: runnel ## the OCI validation suite
	@if [ -x tests/conformance/run ]; then tests/conformance/run; \
	else echo 'conformance: tests/conformance is not part of this version' >&2; exit 1; fi

conformance-vm: runnel ## the OCI validation suite in guests with cgroup v2 and v1, and AppArmor (ONLY=, MODES=)
	@tests/conformance/vm $(ONLY)

faults: runnel ## break create at each of its system calls, look for what is left
	$(GO) test -tags faults -count=1 -timeout 20m ./tests/faults/...

fuzz: embedded ## break configs and plans at random, have the child's decoder check them (FUZZ_SECONDS=30)
	@CC=$(CC) tests/fuzz/run $(or $(FUZZ_SECONDS),30)

bench: runnel ## time and syscalls beside runc and crun
	@if [ -d contrib/bench ]; then $(GO) run ./contrib/bench; \
	else echo 'bench: contrib/bench is not part of this version' >&2; exit 1; fi

lint: deps-lint embedded ## gofmt, vet, staticcheck, arrows, C warnings, clang-format, shellcheck
	@STATICCHECK=$(STATICCHECK) tests/lint/run

fmt: ## rewrite Go and C in the project's format
	gofmt -s -w $$(git ls-files -co --exclude-standard '*.go')
	clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

install: runnel ## to $(SBINDIR), with man pages and completions below $(SHAREDIR)
	install -D -m 0755 runnel $(DESTDIR)$(SBINDIR)/runnel
	@for page in $(wildcard contrib/man/*.8); do \
		install -D -m 0644 $$page $(DESTDIR)$(MANDIR)/man8/$$(basename $$page); done
	install -D -m 0644 contrib/completions/runnel.bash $(DESTDIR)$(BASH_COMPLETION)
	install -D -m 0644 contrib/completions/_runnel $(DESTDIR)$(ZSH_COMPLETION)
	install -D -m 0644 contrib/completions/runnel.fish $(DESTDIR)$(FISH_COMPLETION)

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(SBINDIR)/runnel $(DESTDIR)$(MANDIR)/man8/runnel*.8 \
		$(DESTDIR)$(BASH_COMPLETION) $(DESTDIR)$(ZSH_COMPLETION) $(DESTDIR)$(FISH_COMPLETION)

clean: ## remove what make built
	rm -rf runnel bundle $(EMBEDDED) tests/helpers/bin

deps: deps-build deps-demo deps-test deps-lint ## install (or name) all that is missing

deps-%:
	@.ci/deps $*

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
