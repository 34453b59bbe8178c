# Fuzz targets: every parser that meets bytes from outside. Included by tests.mk.
FUZZ_SRC   := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
FUZZ_OUT   := build/fuzz-run
SECONDS_OF_FUZZ ?= 30
.SECONDARY: $(FUZZ_SRC:%.c=$(B)/%.o) $(B)/tests/fuzz/replay.o

$(B)/tests/fuzz/%.o: ALL_CFLAGS += -I.
$(B)/replay/%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(B)/libtestable.a $(ENGINE) $(LIB) $(MODE_OBJ.$(MODE))
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

# Built by clang with libFuzzer; see fuzz.
$(B)/fuzzer/%: $(B)/tests/fuzz/fuzz_%.o $(B)/libtestable.a $(ENGINE) $(LIB)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS) -lm

fuzz-replay: $(FUZZ_NAMES:%=$(B)/replay/%) ## kept inputs through every fuzz target (MODE=asan)
	$(Q)tests/fuzz/run replay $^

fuzzers: $(FUZZ_NAMES:%=$(B)/fuzzer/%)

fuzz: ## looks for inputs that break a parser (SECONDS_OF_FUZZ=30 each, ONLY="json http")
	$(Q)$(MAKE) --no-print-directory CC=clang-14 MODE=asan B=build/fuzz CFLAGS=-fsanitize=fuzzer-no-link fuzzers
	$(Q)tests/fuzz/run look build/fuzz/fuzzer $(FUZZ_OUT) $(SECONDS_OF_FUZZ) $(if $(ONLY),$(ONLY),$(FUZZ_NAMES))

fuzz-keep: ## keeps what fuzzing found and no kept input reaches (ONLY="json http")
	$(Q)tests/fuzz/run keep build/fuzz/fuzzer $(FUZZ_OUT) $(if $(ONLY),$(ONLY),$(FUZZ_NAMES))

.PHONY: fuzz-replay fuzzers fuzz fuzz-keep
