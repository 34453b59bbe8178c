# Brokers for tests, the tool that reads and writes their topics, the end-to-end tests. Included by tests.mk.
KAFKA_EMBEDDED := $(B)/kafka-embedded
KAFKA_TOOL     := $(B)/kafka-tool
KAFKA_TOOL_OBJ := $(call objects,$(wildcard tests/kafka/tool*.c))

$(eval $(call program,$(KAFKA_EMBEDDED),$(B)/tests/kafka/embedded.o $(LIB)))
$(eval $(call program,$(KAFKA_TOOL),$(KAFKA_TOOL_OBJ) $(LIB)))

kafka-tools: $(KAFKA_EMBEDDED) $(KAFKA_TOOL) ## embedded broker and topic tool of the tests

# BROKER=embedded|real for the scenarios that run on either; ONLY="parts of names" picks some; LONG=1: the long ones.
BROKER ?= embedded
e2e: $(INGEST) $(WORKER) $(SANDBOX) $(B)/sim kafka-tools ## end-to-end tests (BROKER=embedded|real ONLY=… LONG=1)
	$(Q)tests/e2e/run --build $(CURDIR)/$(B) --broker $(BROKER) $(if $(LONG),--long) $(ONLY)

# SECONDS_OF_CHAOS=3600 SEED=7 by hand.
SECONDS_OF_CHAOS ?= 25
chaos: $(INGEST) $(WORKER) $(SANDBOX) kafka-tools ## three workers on three Kafka nodes under fire (SECONDS_OF_CHAOS=… SEED=…)
	$(Q)tests/chaos/run --build $(CURDIR)/$(B) --seconds $(SECONDS_OF_CHAOS) $(if $(SEED),--seed $(SEED))

interop: $(INGEST) $(WORKER) $(SANDBOX) kafka-tools ## with SCIM servers that we did not write (ONLY=…)
	$(Q)tests/interop/run --build $(CURDIR)/$(B) $(ONLY)

interop-tester: $(SANDBOX) ## the sandbox judged by scim2-tester and scim2-cli
	$(Q)tests/interop/tester.py --build $(CURDIR)/$(B)

e2e-self: kafka-tools ## brokers and harness of the end-to-end tests alone
	$(Q)tests/e2e/run --build $(CURDIR)/$(B) --broker $(BROKER) harness brokers

.PHONY: interop-tester kafka-tools e2e chaos interop e2e-self
