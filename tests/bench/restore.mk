# The bench of restore and memory, and its typical persons, which unit tests use too. Included by tests.mk.
BENCH_RESTORE      := $(B)/bench-restore
BENCH_RESTORE_FILL := $(B)/bench-restore-fill

$(eval $(call program,$(BENCH_RESTORE),$(call objects,tests/bench/restore.c tests/bench/persons.c) $(ENGINE) $(LIB)))
$(eval $(call program,$(BENCH_RESTORE_FILL),$(call objects,tests/bench/restore_fill.c tests/bench/persons.c) $(ENGINE) $(LIB)))
$(B)/libtestable.a: $(B)/tests/bench/persons.o

PERSONS ?= 1000000
bench-restore: $(BENCH_RESTORE) $(BENCH_RESTORE_FILL) $(WORKER) kafka-tools ## restore and memory of a million persons (PERSONS=n)
	$(Q)$(BENCH_RESTORE) $(PERSONS)
	$(Q)tests/bench/restore_worker --build $(CURDIR)/$(B) --persons $(PERSONS)

.PHONY: bench-restore
