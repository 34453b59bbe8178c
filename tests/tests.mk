# The tests' build and the commands that run them. Each suite ends with a line "N passed, N failed".
CHECK_LIBS = $(eval CHECK_LIBS := $(shell pkg-config --libs check libssl))$(CHECK_LIBS)

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNIT_SRC))
# Everything a unit test may call: the programs' objects without their main().
TESTABLE := $(filter-out %/main.o,$(INGEST_OBJ) $(WORKER_OBJ) $(SANDBOX_OBJ))

$(B)/libtestable.a: $(TESTABLE)
# Kept; the others are named where they are needed, so that one that is missing is made again.
.SECONDARY: $(UNIT_SRC:%.c=$(B)/%.o)
$(B)/tests/unit/%.o: ALL_CFLAGS += -I.

# Each tests/unit/test_*.c is a program of its own, linked with what it names.
$(B)/tests/test_%: $(B)/tests/unit/test_%.o $(B)/libtestable.a $(ENGINE) $(LIB) $(MODE_OBJ.$(MODE))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(CHECK_LIBS) -lm

unit: $(UNIT_BIN) ## unit tests (MODE=asan|tsan|cover as you like)
	$(Q)tests/unit/run $(UNIT_BIN)

samples: $(UNIT_BIN) ## every record that the engine writes in the unit tests fits its schema
	$(Q)rm -rf $(B)/samples && mkdir -p $(B)/samples
	$(Q)ROLLCALL_SAMPLES=$(abspath $(B))/samples tests/unit/run $(filter $(B)/tests/test_engine_%,$(UNIT_BIN)) >/dev/null
	$(Q)tests/lint/samples $(B)/samples

include tests/kafka/kafka.mk
include tests/sim/sim.mk
include tests/fuzz/fuzz.mk
include tests/lint/lint.mk
include tests/bench/restore.mk
include tests/bench/bench.mk

cover: ## line coverage of the engine by its unit tests
	$(Q)find build/cover -name '*.gcda' -delete 2>/dev/null || true
	$(Q)$(MAKE) --no-print-directory MODE=cover unit
	$(Q)gcovr --root . --filter 'worker/engine/' --exclude-unreachable-branches --fail-under-line 90 \
	    --print-summary build/cover

test: deps ## everything that a change must pass, some 16 minutes on two cores
	$(Q)tests/run quick

test-all: deps ## all that, and what takes longer: fuzzing, sanitizers, more seeds, analysis
	$(Q)tests/run all

.PHONY: unit samples cover test test-all
