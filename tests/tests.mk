# make tests      build the tests without running them
# make SAN=1 check   the same with address and undefined-behaviour sanitizers
# make lint       formatting, analyzers, arrows, lengths
# make fuzz       each fuzz target for a minute (SECONDS=n)
# make bench      sizes and times as ratios against peers
# make install    PREFIX=/usr DESTDIR=pkg

TEST_SRC := $(wildcard tests/test_*.c)
FLOW_SRC := $(wildcard tests/flow_*.c)
LAB_SRC  := $(wildcard tests/lab/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

LAB_LIB  := $(BUILD)/lib/lab.a
ALL_LIBS := $(LAB_LIB) $(APPLY_LIB) $(MKDELTA_LIB) $(HOSTING_LIB) $(LOWER_LIBS)
ALL_LDLIBS = $(call pkg,cmocka libcurl inih libdivsufsort64 libdivsufsort) $(LOWER_LDLIBS)

TEST_BIN := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC) $(FLOW_SRC))

$(LAB_LIB): $(call obj,$(LAB_SRC))

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(ALL_LIBS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $< $(ALL_LIBS) $(ALL_LDLIBS)

tests: programs $(TEST_BIN)

check:
	@scripts/deps test
	@$(MAKE) --no-print-directory -s tests
	@scripts/run-tests.sh $(BUILD)
