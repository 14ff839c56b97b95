# make            build/bin/mkdelta, build/bin/delta-apply, build/bin/delta-host
# make demo       three real releases, a real nginx, an update and a rollback
# make check      install what tests need, build, pass them
# make deb        packages of Debian in build/deb: ARCH=amd64, arm64, armhf
# make deb-all    the same for all three
# make check-examples   what examples/ has, with stand-ins for docker, pg_dump, apt-get
# make check-tutorial   each command of docs/tutorial.md: as root, SHOW=1 for the transcript
# make check-packages   their life in a Debian that boots: as root, ARCHS="amd64 arm64"
# make help       all targets

BUILD    ?= build
ifdef SAN
BUILD    := build/san
endif
PREFIX   ?= /usr/local
LIBEXECDIR ?= $(PREFIX)/libexec
DESTDIR  ?=
CC       ?= cc
AR       ?= ar
PKG_CONFIG ?= pkg-config
OPT      ?= -O2
VERSION  := $(shell cat VERSION)

WARN     := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual \
            -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
            -Wwrite-strings -Wvla -Wformat=2 -Wundef -Wconversion \
            -Wno-sign-conversion
ifdef WERROR
WARN     += -Werror
endif
PROTECT  := -fstack-protector-strong
HARDEN   = -D_FORTIFY_SOURCE=2 $(PROTECT) -fPIE
CPPFLAGS += -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 \
            -DVERSION_TEXT='"$(VERSION)"' -DLIBEXECDIR='"$(LIBEXECDIR)"'
CFLAGS_ALL = -std=c11 -g $(OPT) $(WARN) -pthread -ffunction-sections \
            -fdata-sections $(CFLAGS)
LDFLAGS_ALL = -pthread -Wl,--gc-sections -Wl,--as-needed $(LDFLAGS)
ifdef SAN
CFLAGS_ALL += -fsanitize=address,undefined -fno-sanitize-recover=all \
            -fno-omit-frame-pointer -O1
LDFLAGS_ALL += -fsanitize=address,undefined
else
CFLAGS_ALL += $(HARDEN)
LDFLAGS_ALL += -pie -Wl,-z,relro -Wl,-z,now
# Smaller files, for the device: relocations as a bitmap, no padding between segments.
LDFLAGS_ALL += -Wl,-z,pack-relative-relocs -Wl,-z,noseparate-code \
            -Wl,-z,nodynamic-undefined-weak
endif

# What the device carries is built for size; the decoder, the encoder and the
# hashing loops around them for speed.
SMALL    ?= -Oz -fno-asynchronous-unwind-tables
ifndef SAN
$(BUILD)/obj/apply/%.o $(BUILD)/obj/manifest/%.o: OPT = $(SMALL)
# gcc sees delta-apply as one piece when it links it; the objects hold both forms,
# so all other programs link the plain one.
ifeq (,$(findstring clang,$(shell $(CC) --version)))
UNALIGNED := -fno-align-functions -fno-align-loops -fno-align-jumps
WHOLE    := -flto -flto-partition=none -fno-plt
$(BUILD)/obj/apply/%.o $(BUILD)/obj/manifest/%.o: CFLAGS += $(WHOLE) -ffat-lto-objects
LDFLAGS_ALL += -fno-lto
$(BUILD)/bin/delta-apply $(BUILD)/bin/delta-apply-decode: LDFLAGS_ALL += $(WHOLE) $(SMALL)
endif
# Every function with an array is guarded; not every one that passes a pointer.
$(BUILD)/obj/apply/%.o $(BUILD)/obj/manifest/%.o: \
    PROTECT = -fstack-protector --param=ssp-buffer-size=4
# The loops that see every byte.
$(patsubst %,$(BUILD)/obj/apply/patch/%.o,bspatch stream rule_aarch64): \
    OPT = -O2 $(UNALIGNED) -fno-asynchronous-unwind-tables
endif

pkg = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

# The layers, lowest first; each is an archive, so a program links only what
# it calls (signing never reaches the device's program).
BASE_SRC     := $(wildcard manifest/base/*.c)
MANIFEST_SRC := $(wildcard manifest/*.c)
PATCH_SRC    := $(wildcard apply/patch/*.c)
DECODE_SRC   := $(filter-out apply/decode/main.c,$(wildcard apply/decode/*.c))
APPLY_SRC    := $(filter-out apply/main.c,$(wildcard apply/*.c))
ENCODE_SRC   := $(wildcard mkdelta/encode/*.c)
MKDELTA_SRC  := $(filter-out mkdelta/main.c,$(wildcard mkdelta/*.c)) $(ENCODE_SRC)
HOSTING_SRC  := $(filter-out hosting/main.c,$(wildcard hosting/*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

BASE_LIB     := $(BUILD)/lib/base.a
MANIFEST_LIB := $(BUILD)/lib/manifest.a
PATCH_LIB    := $(BUILD)/lib/patch.a
DECODE_LIB   := $(BUILD)/lib/decode.a
APPLY_LIB    := $(BUILD)/lib/apply.a
MKDELTA_LIB  := $(BUILD)/lib/mkdelta.a
HOSTING_LIB  := $(BUILD)/lib/hosting.a
LOWER_LIBS   := $(PATCH_LIB) $(MANIFEST_LIB) $(BASE_LIB)

# The device's program unpacks nothing by itself: delta-apply-decode does.
DECODE_LDLIBS  = $(call pkg,libarchive libzstd libcrypto liblzma zlib)
LOWER_LDLIBS   = $(call pkg,jansson) $(DECODE_LDLIBS)
APPLY_LDLIBS   = $(call pkg,libcurl inih jansson libcrypto)
MKDELTA_LDLIBS = $(call pkg,libdivsufsort64 libdivsufsort) -lbz2 $(LOWER_LDLIBS)
HOSTING_LDLIBS = $(call pkg,libcurl) $(LOWER_LDLIBS)

PROGRAMS := $(BUILD)/bin/mkdelta $(BUILD)/bin/delta-apply $(BUILD)/bin/delta-host
DECODE   := $(BUILD)/bin/delta-apply-decode

.PHONY: all programs deps demo check lint fuzz valgrind bench install uninstall clean help tests
.DELETE_ON_ERROR:
all: programs
programs: $(PROGRAMS) $(DECODE)

$(BUILD)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BASE_LIB): $(call obj,$(BASE_SRC))
$(MANIFEST_LIB): $(call obj,$(MANIFEST_SRC))
$(PATCH_LIB): $(call obj,$(PATCH_SRC))
$(DECODE_LIB): $(call obj,$(DECODE_SRC))
$(APPLY_LIB): $(call obj,$(APPLY_SRC))
$(MKDELTA_LIB): $(call obj,$(MKDELTA_SRC))
$(HOSTING_LIB): $(call obj,$(HOSTING_SRC))
$(BUILD)/lib/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/bin/delta-apply: $(BUILD)/obj/apply/main.o $(APPLY_LIB) $(DECODE_LIB) \
            $(MANIFEST_LIB) $(BASE_LIB) | $(DECODE)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(APPLY_LDLIBS)
$(DECODE): $(BUILD)/obj/apply/decode/main.o $(DECODE_LIB) $(PATCH_LIB) $(BASE_LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(DECODE_LDLIBS)
$(BUILD)/bin/mkdelta: $(BUILD)/obj/mkdelta/main.o $(MKDELTA_LIB) $(LOWER_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(MKDELTA_LDLIBS)
$(BUILD)/bin/delta-host: $(BUILD)/obj/hosting/main.o $(HOSTING_LIB) $(LOWER_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(HOSTING_LDLIBS)

include tests/tests.mk

deps:
	@scripts/deps build

demo:
	@scripts/deps demo
	@$(MAKE) --no-print-directory -s programs
	@scripts/demo.sh $(BUILD)/bin

lint:
	@scripts/deps lint
	@scripts/lint.sh

bench:
	@scripts/deps bench
	@$(MAKE) --no-print-directory -s programs
	@CORPUS="$(CORPUS)" OUT="$(OUT)" tests/bench/run.sh $(BUILD) $(PAIRS)

.PHONY: bench-trust
bench-trust:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s programs
	@mkdir -p $(BUILD)/bench
	@$(CC) -O2 -std=c11 -D_GNU_SOURCE -o $(BUILD)/bench/measure tests/bench/measure.c
	@python3 tests/bench/trust.py $(BUILD) $(RELEASES)

# Where units go; packages of Debian 12 say /lib/systemd/system.
UNITDIR  ?= $(PREFIX)/lib/systemd/system
DOCDIR    = $(PREFIX)/share/doc/mkdelta
BASHDIR   = $(PREFIX)/share/bash-completion/completions
ZSHDIR    = $(PREFIX)/share/zsh/vendor-completions
MAN      := $(wildcard man/*.[158])
UNITS    := $(addprefix service/,delta-apply.service delta-apply.timer delta-apply-recover@.service)
SNIPPETS := $(filter-out $(UNITS),$(wildcard service/*))

install: programs
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITDIR) $(DESTDIR)$(DOCDIR)/examples/service
	install -m 0755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin/
	install -D -m 0755 -t $(DESTDIR)$(LIBEXECDIR)/delta-apply $(DECODE)
	install -m 0644 README.md LICENSE CHANGES $(DESTDIR)$(DOCDIR)/
	@# Units name the program by its path.
	for unit in $(notdir $(UNITS)); do \
		sed 's|/usr/bin/delta-apply|$(PREFIX)/bin/delta-apply|' "service/$$unit" \
		    > "$(DESTDIR)$(UNITDIR)/$$unit" && \
		    chmod 0644 "$(DESTDIR)$(UNITDIR)/$$unit" || exit 1; done
	install -m 0644 $(SNIPPETS) $(DESTDIR)$(DOCDIR)/examples/service/
	$(if $(wildcard examples/*),cp -R --preserve=mode $(wildcard examples/*) $(DESTDIR)$(DOCDIR)/examples/)
	for page in $(MAN); do install -D -m 0644 "$$page" \
	    "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}" || exit 1; done
	for name in $(notdir $(PROGRAMS)); do \
		install -D -m 0644 completions/delta-tools.bash "$(DESTDIR)$(BASHDIR)/$$name" && \
		    install -D -m 0644 completions/_delta-tools "$(DESTDIR)$(ZSHDIR)/_$$name" || \
		    exit 1; done

uninstall:
	rm -f $(patsubst $(BUILD)/bin/%,$(DESTDIR)$(PREFIX)/bin/%,$(PROGRAMS))
	rm -f $(patsubst service/%,$(DESTDIR)$(UNITDIR)/%,$(UNITS))
	rm -f $(foreach m,$(MAN),$(DESTDIR)$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)))
	rm -f $(addprefix $(DESTDIR)$(BASHDIR)/,$(notdir $(PROGRAMS)))
	rm -f $(addprefix $(DESTDIR)$(ZSHDIR)/_,$(notdir $(PROGRAMS)))
	rm -rf $(DESTDIR)$(DOCDIR) $(DESTDIR)$(LIBEXECDIR)/delta-apply

# Packages of Debian, in build/deb: ARCH=amd64, arm64 or armhf (this machine's).
ARCH     ?= $(shell dpkg --print-architecture 2>/dev/null)
.PHONY: deb deb-all check-packages check-examples check-tutorial
deb:
	@scripts/deps packages
	@scripts/deb.sh $(ARCH)
deb-all:
	@scripts/deps packages
	@for arch in amd64 arm64 armhf; do scripts/deb.sh $$arch || exit 1; done
check-examples:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s programs
	@tests/examples/run.sh $(BUILD)
check-tutorial:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s programs
	@tests/tutorial/run.sh $(BUILD)
check-packages:
	@scripts/deps check-packages
	@$(MAKE) --no-print-directory -s programs
	@tests/packages/run.sh $(BUILD)

clean:
	rm -rf build

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile tests/tests.mk

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
