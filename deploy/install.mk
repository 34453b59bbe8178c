# make install: programs, sources, schemas, configuration (never overwritten), units. DESTDIR for packagers.
SYSCONFDIR ?= $(if $(filter /usr /usr/local,$(PREFIX)),/etc,$(PREFIX)/etc)
BINDIR     := $(PREFIX)/bin
DATADIR    := $(PREFIX)/share/rollcall
UNITDIR    := $(PREFIX)/lib/systemd/system
INSTALLED_CONFIG := $(wildcard deploy/config/*.yaml deploy/config/*.lua)

install: $(INGEST) $(WORKER) ## programs, sources, schemas, sample configuration, units
	$(Q)install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DATADIR)/sources' '$(DESTDIR)$(DATADIR)/schemas' \
	    '$(DESTDIR)$(UNITDIR)' '$(DESTDIR)$(SYSCONFDIR)/rollcall'
	$(Q)install -m 755 $(INGEST) $(WORKER) deploy/rollcall-jwks '$(DESTDIR)$(BINDIR)'
	$(Q)install -m 644 $(wildcard ingest/sources/*.lua) '$(DESTDIR)$(DATADIR)/sources'
	$(Q)install -m 644 $(wildcard schemas/*.json schemas/*.yaml) '$(DESTDIR)$(DATADIR)/schemas'
	$(Q)for unit in deploy/systemd/*.service deploy/systemd/*.timer; do \
	    sed -e 's|@bindir@|$(BINDIR)|g' -e 's|@sysconfdir@|$(SYSCONFDIR)|g' "$$unit" \
	        >"$(DESTDIR)$(UNITDIR)/$${unit##*/}" || exit 1; done
	$(Q)install -d -m 700 '$(DESTDIR)$(SYSCONFDIR)/rollcall/credentials' \
	    '$(DESTDIR)$(SYSCONFDIR)/rollcall/credentials/ingest' '$(DESTDIR)$(SYSCONFDIR)/rollcall/credentials/worker'
	$(Q)for file in $(INSTALLED_CONFIG); do \
	    to="$(DESTDIR)$(SYSCONFDIR)/rollcall/$${file##*/}"; \
	    if [ -e "$$to" ]; then echo "kept $$to"; else \
	    sed 's|\.\./\.\./ingest/sources|$(DATADIR)/sources|' "$$file" >"$$to" && chmod 644 "$$to" || exit 1; fi; done

uninstall: ## removes what install put there, but no configuration
	$(Q)rm -f $(foreach p,$(INGEST) $(WORKER),'$(DESTDIR)$(BINDIR)/$(notdir $(p))') '$(DESTDIR)$(BINDIR)/rollcall-jwks' \
	    $(foreach u,$(notdir $(wildcard deploy/systemd/*.service deploy/systemd/*.timer)),'$(DESTDIR)$(UNITDIR)/$(u)')
	$(Q)rm -rf '$(DESTDIR)$(DATADIR)'

deps: ## installs the Debian packages that are missing, to build and to test
	$(Q)deploy/install-packages build demo test

.PHONY: install uninstall deps
