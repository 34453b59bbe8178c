# The engine's simulator (tests/sim/README.md). Included by tests/tests.mk.
SIM_SRC  := $(wildcard tests/sim/*.c)
SIM_CORE := $(filter-out %/main.o %/http.o %/server.o,$(call objects,$(wildcard tests/sandbox/miro*.c)))
SIM_MIRO := $(B)/tests/sim/miro-core.o
SIM      := $(B)/sim

# One object that shows nothing but miro_*: the sandbox and the engine are strangers and may use the same names.
$(SIM_MIRO): $(SIM_CORE)
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D)
	$(Q)ld -r -o $@ $^ && objcopy --wildcard --keep-global-symbol='miro_*' $@

$(eval $(call program,$(SIM),$(call objects,$(SIM_SRC)) $(SIM_MIRO) $(ENGINE) $(LIB),-lm))

SIM_TO ?= 2000

sim: $(SIM) ## the simulator: 2,000 seeds (SIM_TO=n), each a random run of crashes, rebalances and lying targets
	$(Q)$(SIM) --from 1 --to $(SIM_TO)

# 10,000 persons take half a minute of a processor.
YEAR_PERSONS ?= 2000

sim-year: $(SIM) ## a company's year (YEAR_PERSONS=n): hires, moves, leavers, a reorganisation; ends as the policy says
	$(Q)$(SIM) --year --persons $(YEAR_PERSONS)

sim-tenants: $(SIM) ## one tenant's storm does not slow the others
	$(Q)$(SIM) --tenants --to 5

# The same with deliberate defects compiled in, in objects of their own.
SIM_MUTANTS     := $(B)/sim-mutants
SIM_MUTANTS_OBJ := $(patsubst %.c,$(B)/mutants/%.o,$(SIM_SRC) $(wildcard worker/engine/*.c))

$(B)/mutants/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$< (mutants))
	$(Q)$(CC) $(ALL_CFLAGS) -DROLLCALL_MUTATIONS -c -o $@ $<

$(eval $(call program,$(SIM_MUTANTS),$(SIM_MUTANTS_OBJ) $(SIM_MIRO) $(LIB),-lm))

sim-mutants: $(SIM_MUTANTS) ## each deliberate defect has to be caught by the simulator
	$(Q)tests/sim/mutants $(SIM_MUTANTS)

# tests/unit/test_sim_*.c may call everything but main().
$(B)/libtestable.a: $(filter-out %/sim.o,$(call objects,$(SIM_SRC)))

.PHONY: sim sim-year sim-tenants sim-mutants
