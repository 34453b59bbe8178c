# Rollcall. `make help` lists what can be asked for; build/$(MODE) holds what it makes.
MODE    ?= release
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
WERROR  ?= -Werror
V       ?= 0

B := build/$(MODE)
Q := $(if $(filter 0,$(V)),@,)
say = $(if $(filter 0,$(V)),@printf '  %-5s %s\n' '$(1)' '$(2)',)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

# --- flags -----------------------------------------------------------------------------------------------------
PKGS := libmicrohttpd gnutls rdkafka libcurl libcjson libcyaml yaml-0.1 lua5.4 libcrypto liblz4 libsystemd expat cjose sqlite3
# Lazy, so that `make deps` and `make help` work before pkg-config is there.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef $(WERROR)
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
HARDEN_LD := -pie -Wl,-z,relro,-z,now
# Our own names stay ours: libjansson, which libcjose uses, has a json_string too, and would find ours in its place.
# Not ALL: clang's sanitizers come as an archive, and must be found.
OWN_LD := -Wl,--exclude-libs,librollcall.a:libengine.a:libtestable.a
MODE_CFLAGS.release := -O2 -g -D_FORTIFY_SOURCE=3
# Test builds carry the failpoints (include/failpoint.h); a release never does.
MODE_CFLAGS.test := -O2 -g -D_FORTIFY_SOURCE=3 -DROLLCALL_FAILPOINTS
MODE_CFLAGS.asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DROLLCALL_FAILPOINTS
MODE_CFLAGS.tsan := -O1 -g -fsanitize=thread -DROLLCALL_FAILPOINTS
# libtsan does not know librdkafka's C11 threads: tests/tsan/c11_threads.c makes pthreads of them.
MODE_OBJ.tsan = $(B)/tests/tsan/c11_threads.o
MODE_LDFLAGS.tsan := -rdynamic
# The worker makes and frees some hundred small blocks for each event, in waves of thousands: glibc's caches are made
# for less; the ingest as many for each request. Not in test builds: sanitizers and valgrind bring an allocator of their own.
MODE_ALLOC.release := -ljemalloc
MODE_CFLAGS.cover := -O0 -g --coverage -DROLLCALL_FAILPOINTS
ifeq ($(origin MODE_CFLAGS.$(MODE)),undefined)
$(error MODE is one of release, test, asan, tsan, cover, not '$(MODE)')
endif
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -Iinclude $(PKG_CFLAGS) $(MODE_CFLAGS.$(MODE)) $(HARDEN) $(WARN) -MMD -MP $(CFLAGS)
ALL_LDFLAGS = $(MODE_CFLAGS.$(MODE)) $(MODE_LDFLAGS.$(MODE)) $(HARDEN_LD) $(OWN_LD) $(LDFLAGS)

# --- what is made of what ----------------------------------------------------------------------------------------
objects = $(patsubst %.c,$(B)/%.o,$(1))
LIB_OBJ     := $(call objects,$(wildcard lib/*.c))
ENGINE_OBJ  := $(call objects,$(wildcard worker/engine/*.c))
INGEST_OBJ  := $(call objects,$(wildcard ingest/*.c))
WORKER_OBJ  := $(call objects,$(wildcard worker/*.c))
SANDBOX_OBJ := $(call objects,$(wildcard tests/sandbox/*.c))
LIB     := $(B)/librollcall.a
ENGINE  := $(B)/libengine.a
INGEST  := $(B)/rollcall-ingest
WORKER  := $(B)/rollcall-worker
SANDBOX := $(B)/miro-sandbox

all: $(INGEST) $(WORKER) $(SANDBOX) ## both programs and the Miro sandbox

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# It carries the files' text (.incbin), which no compiler lists among what it reads.
$(B)/worker/policy_rules.o: worker/policy_terms.lua worker/policy_rules.lua

$(LIB): $(LIB_OBJ)
$(ENGINE): $(ENGINE_OBJ)
$(B)/%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

# $(1) = program, $(2) = its objects and archives
define program
$(1): $(2) $(MODE_OBJ.$(MODE))
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $(2) $(MODE_OBJ.$(MODE)) $$(PKG_LIBS) -lm $(3)
endef
$(eval $(call program,$(INGEST),$(INGEST_OBJ) $(LIB),$(MODE_ALLOC.$(MODE))))
$(eval $(call program,$(WORKER),$(WORKER_OBJ) $(ENGINE) $(LIB),$(MODE_ALLOC.$(MODE))))
$(eval $(call program,$(SANDBOX),$(SANDBOX_OBJ) $(LIB)))

include deploy/install.mk
include tests/tests.mk

demo: demo-deps ## everything on this machine, a week of webhooks; ends by itself
	$(Q)tests/demo/run demo

up: demo-deps ## the same set-up, stays until Ctrl-C
	$(Q)tests/demo/run up

demo-deps:
	$(Q)deploy/install-packages build demo

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

clean: ## removes build/
	$(Q)rm -rf build

.PHONY: all demo up demo-deps help clean
-include $(shell find $(B) -name '*.d' 2>/dev/null)
