# The benchmarks (tests/bench/README.md). Included by tests/tests.mk; not part of `make test`, which times nothing.
BENCH_TARGET := $(B)/bench-target

$(eval $(call program,$(BENCH_TARGET),$(call objects,$(wildcard tests/bench/target/*.c)) $(LIB)))

BENCH_ALLOWANCE := $(B)/bench-allowance

# On the simulator's clock, before the simulator's Miro.
$(eval $(call program,$(BENCH_ALLOWANCE),$(call objects,$(wildcard tests/bench/allowance/*.c)) \
    $(B)/tests/sim/clock.o $(SIM_MIRO) $(ENGINE) $(LIB)))

# BENCH="throughput leavers tenants allowance" picks some.
BENCH ?=
bench: $(INGEST) $(WORKER) $(SANDBOX) kafka-tools $(BENCH_TARGET) $(BENCH_ALLOWANCE) ## measures the worker beside its peers; BENCH="throughput leavers …" picks
	$(Q)tests/bench/run --build $(CURDIR)/$(B) $(BENCH)

# tests/unit/test_bench_*.c may call everything but main().
$(B)/libtestable.a: $(filter-out %/main.o,$(call objects,$(wildcard tests/bench/target/*.c)))

.PHONY: bench

