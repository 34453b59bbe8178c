# The benchmarks (tests/bench/README.md). Included by tests/tests.mk; not part of `make test`, which times nothing.
BENCH_TARGET := $(B)/bench-target

$(eval $(call program,$(BENCH_TARGET),$(call objects,$(wildcard tests/bench/target/*.c)) $(LIB)))

# BENCH="throughput leavers tenants allowance" picks some.
BENCH ?=
bench: $(INGEST) $(WORKER) $(SANDBOX) kafka-tools $(BENCH_TARGET) ## measures the worker beside its peers; BENCH="throughput leavers …" picks
	$(Q)tests/bench/run --build $(CURDIR)/$(B) $(BENCH)

.PHONY: bench
