# make tests      build the tests without running them
# make SAN=1 check   the same with address and undefined-behaviour sanitizers
# make lint       formatting, analyzers, arrows, lengths
# make valgrind   some journeys with every program under valgrind
# make mutations  each check of the TUF client switched off: does a test fail?
# make torture    die at every system call and at every change of the disk
# make check-hosts   publish to a real S3 server, caches in front (root)
# make drills     stolen keys at work and the way back: the transcript
# make fuzz       each fuzz target for a minute (SECONDS=n)
# make bench      sizes and times against peers: PAIRS="esbuild-p vips" CORPUS=DIR OUT=docs
# make bench-trust   what trust costs: lines, requests, bytes, CPU: RELEASES="10 100"
# make install    PREFIX=/usr DESTDIR=pkg

TEST_SRC := $(wildcard tests/test_*.c)
FLOW_SRC := $(wildcard tests/flow_*.c)
LAB_SRC  := $(wildcard tests/lab/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

LAB_LIB  := $(BUILD)/lib/lab.a
ALL_LIBS := $(LAB_LIB) $(APPLY_LIB) $(DECODE_LIB) $(MKDELTA_LIB) $(HOSTING_LIB) $(LOWER_LIBS)
ALL_LDLIBS = $(call pkg,cmocka libcurl inih libdivsufsort64 libdivsufsort) -lbz2 $(LOWER_LDLIBS)

TEST_BIN := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC) $(FLOW_SRC))

$(LAB_LIB): $(call obj,$(LAB_SRC))

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(ALL_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(ALL_LIBS) $(ALL_LDLIBS)

# Tests that stand between the program and the disk (tests/lab/disk.h).  The
# names are those of the symbols: large-file variants where glibc has them.
DISK_CALLS := openat64 write pwrite64 ftruncate64 fallocate64 copy_file_range \
            ioctl mkdirat symlinkat linkat renameat renameat2 unlinkat fchmod \
            fchmodat fchown fchownat utimensat futimens fsetxattr fsync syncfs
DISK_WRAP := $(foreach c,$(DISK_CALLS),-Wl,--wrap=$(c))
$(BUILD)/tests/test_fs_change $(BUILD)/tests/test_fs_copy $(BUILD)/tests/test_fs_tree $(BUILD)/tests/test_stage_faults $(BUILD)/tests/test_reuse: LDFLAGS_ALL += $(DISK_WRAP)
# Tests in which memory runs out (tests/lab/short_memory.h).
MEMORY_CALLS := malloc calloc realloc strdup strndup
$(BUILD)/tests/test_short_memory: LDFLAGS_ALL += \
            $(foreach c,$(MEMORY_CALLS),-Wl,--wrap=$(c))
# It says what filesystem a folder is on.
$(BUILD)/tests/test_device: LDFLAGS_ALL += -Wl,--wrap=fstatfs64

# Those that end the process at its n-th change of the disk (tests/cut/cut.h),
# and the device's program made to end like that.
CUT_OBJ := $(call obj,$(addprefix tests/cut/,wrap.c count.c undo.c node.c))
CUT_TEST := $(addprefix $(BUILD)/tests/,test_cut_rig test_cut_power)
$(CUT_TEST): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(CUT_OBJ) \
            $(call obj,tests/cut/ground.c) $(ALL_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $(DISK_WRAP) -o $@ $^ $(ALL_LDLIBS)
$(BUILD)/tests/cut/delta-apply: $(call obj,apply/main.c tests/cut/env.c) $(CUT_OBJ) \
            $(APPLY_LIB) $(DECODE_LIB) $(MANIFEST_LIB) $(BASE_LIB) \
            | $(BUILD)/tests/cut/delta-apply-decode
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $(DISK_WRAP) -Wl,--wrap=open64 -o $@ $^ $(APPLY_LDLIBS)

$(BUILD)/tests/cut/mkdelta: $(call obj,mkdelta/main.c tests/cut/env.c) $(CUT_OBJ) \
            $(MKDELTA_LIB) $(LOWER_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $(DISK_WRAP) -Wl,--wrap=open64 -o $@ $^ $(MKDELTA_LDLIBS)
$(BUILD)/tests/cut/delta-host: $(call obj,hosting/main.c tests/cut/env.c) $(CUT_OBJ) \
            $(HOSTING_LIB) $(LOWER_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $(DISK_WRAP) -Wl,--wrap=open64 -o $@ $^ $(HOSTING_LDLIBS)
$(BUILD)/tests/flow_hosting: | $(BUILD)/tests/cut/delta-host
$(BUILD)/tests/flow_mkdelta_cut: | $(BUILD)/tests/cut/mkdelta
$(BUILD)/tests/flow_tuf_cut: | $(BUILD)/tests/cut/delta-apply
CAMPAIGN_OBJ := $(call obj,$(addprefix tests/cut/,campaign.c shape.c))
$(BUILD)/tests/flow_cut: $(BUILD)/obj/tests/flow_cut.o $(CAMPAIGN_OBJ) $(ALL_LIBS) \
            | $(BUILD)/tests/cut/delta-apply
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LDLIBS)

# The decoder that lies.
$(BUILD)/tests/rigs/liar: $(BUILD)/obj/tests/rigs/liar.o $(DECODE_LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^
$(BUILD)/tests/flow_decoder: | $(BUILD)/tests/rigs/liar

$(BUILD)/tests/flow_states $(BUILD)/tests/flow_repair $(BUILD)/tests/flow_neighbour: | $(BUILD)/tests/cut/delta-apply
# The one in which system calls fail.
$(BUILD)/tests/rigs/errat: $(BUILD)/obj/tests/rigs/errat.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^
$(BUILD)/tests/flow_errors: $(BUILD)/obj/tests/flow_errors.o $(call obj,tests/cut/shape.c) \
            $(ALL_LIBS) | $(BUILD)/tests/rigs/errat
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(ALL_LDLIBS)

# delta-apply looks for its decoder beside itself; so do tests that are delta-apply.
BESIDE := $(BUILD)/tests/delta-apply-decode $(BUILD)/tests/cut/delta-apply-decode \
            $(BUILD)/mutable/delta-apply-decode
$(BESIDE): | $(DECODE)
	@mkdir -p $(@D)
	@ln -sfn $(abspath $(DECODE)) $@
$(TEST_BIN): | $(BUILD)/tests/delta-apply-decode

tests: programs $(TEST_BIN)

check:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tests
	@scripts/run-tests.sh $(BUILD)

# Every point that make check only takes samples of: a quarter of an hour or more.
$(BUILD)/tests/rigs/killat: $(BUILD)/obj/tests/rigs/killat.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^
$(BUILD)/tests/rigs/look: $(call obj,tests/rigs/look.c tests/cut/shape.c) $(APPLY_LIB) \
            $(LOWER_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LOWER_LDLIBS)
$(BUILD)/tests/rigs/replay: $(BUILD)/obj/tests/rigs/replay.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^
$(BUILD)/obj/tests/rigs/logdisk.o: CPPFLAGS += $(shell $(PKG_CONFIG) --cflags fuse3 2>/dev/null)
$(BUILD)/tests/rigs/logdisk: $(BUILD)/obj/tests/rigs/logdisk.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call pkg,fuse3)
RIGS := $(addprefix $(BUILD)/tests/rigs/,killat look replay logdisk)
.PHONY: rigs
rigs: programs $(RIGS)
.PHONY: torture
torture:
	@scripts/deps torture
	@$(MAKE) --no-print-directory -s tests rigs
	@tests/rigs/torture.sh $(BUILD)
	@tests/rigs/cutat.sh $(BUILD)
	@RANDOM_OF=120 tests/rigs/replay.sh $(BUILD) ext4
	@MOUNT=noauto_da_alloc tests/rigs/replay.sh $(BUILD) ext4 plain update
	@RANDOM_OF=12 tests/rigs/replay.sh $(BUILD) xfs
	@tests/rigs/planted.sh $(BUILD)
	@CUT_ALL=1 ERRORS_ALL=1 HOST_ALL=1 PUBLISH_ALL=1 TEST_TIMEOUT=7200 \
	    scripts/run-tests.sh $(BUILD) flow_cut flow_errors flow_update_host flow_publish \
	    flow_repair flow_neighbour

.PHONY: check-hosts
check-hosts:
	@scripts/deps hosts
	@$(MAKE) --no-print-directory -s programs
	@tests/rigs/hosts.sh $(BUILD)

.PHONY: drills
drills:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s programs $(BUILD)/tests/flow_drills
	@rm -f $(BUILD)/drills.txt
	@DRILLS=$(BUILD)/drills.txt scripts/run-tests.sh $(BUILD) flow_drills
	@cat $(BUILD)/drills.txt

VALGRIND_FLOWS ?= flow_several flow_write_in_place
valgrind:
	@scripts/deps valgrind
	@$(MAKE) --no-print-directory -s tests
	@scripts/valgrind.sh $(BUILD) $(VALGRIND_FLOWS)

# Fuzz targets: libFuzzer with both sanitizers.  Their corpora also run as plain
# tests: a target linked with tests/fuzz/replay.c reads every file once.
# FAST=1: comparisons are not traced; for long campaigns on a corpus that is good.
SECONDS  ?= 60
FUZZ     := build/fuzz
FUZZ_KIT := $(wildcard tests/fuzz/kit/*.c)
ifdef FAST
FUZZ     := build/fuzz-fast
NO_TRACE := -O2 -fno-sanitize-coverage=trace-cmp -DFUZZ_POOL
POOL     := -Wl,--wrap=calloc,--wrap=free
$(FUZZ)/fuzz_delta: POOL += -Wl,--wrap=pread64
else
FUZZ_KIT := $(filter-out tests/fuzz/kit/pool.c,$(FUZZ_KIT))
endif
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(FUZZ)/%,$(FUZZ_SRC))
FUZZ_FLAGS := -std=c11 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
            -fno-sanitize-recover=all -w $(NO_TRACE)
FUZZ_LIB_SRC := $(BASE_SRC) $(MANIFEST_SRC) $(PATCH_SRC) $(DECODE_SRC) $(APPLY_SRC)
FUZZ_OBJ := $(patsubst %.c,$(FUZZ)/obj/%.o,$(FUZZ_LIB_SRC))

$(FUZZ)/obj/%.o: %.c
	@mkdir -p $(@D)
	clang $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<
$(FUZZ)/lib.a: $(FUZZ_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^
$(FUZZ)/mkdelta.a: $(patsubst %.c,$(FUZZ)/obj/%.o,$(MKDELTA_SRC))
	@rm -f $@
	$(AR) rcs $@ $^
$(FUZZ)/fuzz_bsdiff40: $(FUZZ)/mkdelta.a
$(FUZZ)/fuzz_bsdiff40: APPLY_LDLIBS += $(MKDELTA_LDLIBS)
# The TUF client without disk and cryptography (kit/tuf_case.h).
TUF_WRAP := -Wl,--wrap=key_verifies,--wrap=tuf_lock,--wrap=tuf_store \
            -Wl,--wrap=tuf_store_read,--wrap=tuf_local,--wrap=tuf_file_drop
$(filter $(FUZZ)/fuzz_tuf_%,$(FUZZ_BIN)): POOL += $(TUF_WRAP)
$(FUZZ)/kit.a: $(patsubst %.c,$(FUZZ)/obj/%.o,$(FUZZ_KIT))
	@rm -f $@
	$(AR) rcs $@ $^
$(FUZZ)/fuzz_%: $(FUZZ)/obj/tests/fuzz/fuzz_%.o $(FUZZ)/kit.a $(FUZZ)/lib.a
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer $(POOL) -o $@ $< $(filter %/mkdelta.a,$^) $(FUZZ)/kit.a $(FUZZ)/lib.a $(FUZZ)/kit.a $(APPLY_LDLIBS) $(LOWER_LDLIBS)

fuzz:
	@scripts/deps fuzz
	@$(MAKE) --no-print-directory -s $(FUZZ_BIN)
	@scripts/run-fuzz.sh $(FUZZ) $(SECONDS)

REPLAY_BIN := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/tests/replay_%,$(FUZZ_SRC))
KIT_LIB := $(BUILD)/lib/kit.a
$(KIT_LIB): $(call obj,$(filter-out tests/fuzz/kit/pool.c,$(FUZZ_KIT)))
$(BUILD)/tests/replay_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o $(KIT_LIB) $(ALL_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(BUILD)/obj/tests/fuzz/replay.o $(KIT_LIB) $(ALL_LIBS) $(ALL_LDLIBS)
$(filter $(BUILD)/tests/replay_tuf_%,$(REPLAY_BIN)): LDFLAGS_ALL += $(TUF_WRAP)
tests: $(REPLAY_BIN)

.SECONDARY: $(FUZZ_OBJ)
-include $(shell find $(FUZZ)/obj -name '*.d' 2>/dev/null)

# Checks of the TUF client, switched off one by one (tests/mutations): the client as a
# shared object, its tests linked with that, and before it the object that a changed
# file is laid over it with.
# FIND=--find: look for the test that sees each, and write the table of docs/trust.md.
MUTABLE := $(notdir $(basename $(wildcard tests/test_tuf_*.c))) test_key test_canonical \
            test_jv test_fetch test_fetch_said test_choose flow_get flow_bad_host flow_clock \
            flow_channels flow_get_stops test_session test_utc test_fs
MUTABLE_SRC := $(BASE_SRC) $(MANIFEST_SRC) $(PATCH_SRC) $(DECODE_SRC) $(APPLY_SRC)
MUTABLE_LIBS := $(BUILD)/lib/libmutant.so $(BUILD)/lib/libclient.so
MUTABLE_LD = $(CC) -pthread -Wl,--no-as-needed,--enable-new-dtags \
            -Wl,-rpath,$(abspath $(BUILD)/lib)
$(BUILD)/lib/libmutant.so: $(call obj,tests/mutations/quiet.c)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-soname,libmutant.so -o $@ $^
$(BUILD)/lib/libclient.so: $(call obj,$(MUTABLE_SRC))
	@mkdir -p $(@D)
	$(CC) -shared -pthread -Wl,-soname,libclient.so -o $@ $^ $(APPLY_LDLIBS) $(LOWER_LDLIBS)
$(BUILD)/mutable/%: $(BUILD)/obj/tests/%.o $(LAB_LIB) $(MKDELTA_LIB) $(MUTABLE_LIBS)
	@mkdir -p $(@D)
	$(MUTABLE_LD) -o $@ $< $(MUTABLE_LIBS) $(LAB_LIB) $(MKDELTA_LIB) $(ALL_LDLIBS)
# The device's program likewise; the other two stay as they are.
$(BUILD)/mutable/bin/delta-apply: $(BUILD)/obj/apply/main.o $(MUTABLE_LIBS)
	@mkdir -p $(@D)
	$(MUTABLE_LD) -o $@ $^ $(APPLY_LDLIBS)
$(BUILD)/mutable/bin/%: $(BUILD)/bin/%
	@mkdir -p $(@D)
	cp $< $@
.PHONY: mutable mutations
mutable: $(addprefix $(BUILD)/mutable/,$(MUTABLE) bin/delta-apply bin/mkdelta bin/delta-host bin/delta-apply-decode delta-apply-decode)
mutations:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s BUILD=build/mutations CC=gcc OPT=-O0 SMALL=-O0 \
	    WHOLE= HARDEN=-fPIC mutable
	@tests/mutations/run.py $(FIND) $(NAMES)
