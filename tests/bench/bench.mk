# The benchmarks (tests/bench/README.md). Included by tests/tests.mk; not part of `make test`, which times nothing.
BENCH_TARGET := $(B)/bench-target

$(eval $(call program,$(BENCH_TARGET),$(call objects,$(wildcard tests/bench/target/*.c)) $(LIB)))

BENCH_LOAD := $(B)/bench-load

$(B)/tests/bench/load/%.o: ALL_CFLAGS += -I.
$(eval $(call program,$(BENCH_LOAD),$(call objects,$(wildcard tests/bench/load/*.c)) \
    $(B)/tests/bench/target/tally.o $(B)/tests/bench/target/usage.o $(LIB)))

BENCH_ALLOWANCE := $(B)/bench-allowance

# On the simulator's clock, before the simulator's Miro.
$(eval $(call program,$(BENCH_ALLOWANCE),$(call objects,$(wildcard tests/bench/allowance/*.c)) \
    $(B)/tests/sim/clock.o $(SIM_MIRO) $(ENGINE) $(LIB)))

# BENCH="throughput leavers tenants allowance ingest ingest-soak" picks some; the soak only so.
BENCH ?=
bench: $(INGEST) $(WORKER) $(SANDBOX) kafka-tools $(BENCH_TARGET) $(BENCH_LOAD) $(BENCH_ALLOWANCE) ## measures worker and ingest beside their peers; BENCH="throughput leavers …" picks
	$(Q)tests/bench/run --build $(CURDIR)/$(B) $(BENCH)

# tests/unit/test_bench_*.c may call everything but main().
$(B)/libtestable.a: $(filter-out %/main.o,$(call objects,$(wildcard tests/bench/target/*.c tests/bench/load/*.c)))

.PHONY: bench

