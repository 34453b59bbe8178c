# make lint, analyze, format (tests/lint/README.md). Included by tests/tests.mk.
LINT_TOOL := $(B)/lint-tool
$(eval $(call program,$(LINT_TOOL),$(B)/tests/lint/tool.o $(ENGINE) $(LIB)))
$(B)/tests/lint/tool.o: ALL_CFLAGS += -Iworker

lint: $(LINT_TOOL) ## all checks of tests/lint/checks
	$(Q)LINT_TOOL=$(abspath $(LINT_TOOL)) tests/lint/run

lint-selftest: $(LINT_TOOL) ## proves that each of these checks can fail
	$(Q)LINT_TOOL=$(abspath $(LINT_TOOL)) tests/lint/selftest

analyze: ## clang-tidy, cppcheck, gcc -fanalyzer
	$(Q)B=$(B)/analyze CFLAGS_ALL='$(filter-out -MMD -MP,$(ALL_CFLAGS)) -Iworker' tests/lint/analyze

format: ## clang-format-14 over all C files
	$(Q)find include lib ingest worker tests -name '*.[ch]' -print0 | xargs -0 clang-format-14 -i

.PHONY: lint lint-selftest analyze format
