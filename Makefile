# make          the four daemons and the page, into build/
# make run      everything, with an example tenant, on 127.0.0.1:3001
# make test     unit, protocol, system and browser tests  [SAN=..] [ONLY=unit]
# make conform  a program against PROTOCOL.md  [DAEMON=agentd CMD='./mine']
# make test-compose  builds and hurts the compose stack (root, Debian)
# make bench    what messages cost, beside the floor      [QUICK=1] [SESSIONS=n]
# make bench-peers  the same beside a small Node server
# make fuzz     every decoder, SECONDS each               [SECONDS=60]
# make lint     warnings as errors, gcc and clang; static analysis; format
# make format   clang-format over our sources
# make picture  the README's picture of the page
# make packages installs what all of these need (Debian)
# Variants have folders of their own: SAN=address,undefined, COV=1, CC=clang.

SECONDS ?= 60
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
comma := ,
variant := $(CC)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COV),-cov)
BUILD := $(if $(filter gcc,$(variant)),build,build/$(variant))
OBJ := $(BUILD)/obj

DAEMONS := gateway sessiond agentd cleanupd
# Debian's nng has no .pc file, and lmdb's is missing on some releases.
LIBS := -lnng -lwebsockets -lcjson -lcurl -llmdb -luuid -luv -lglib-2.0 \
	-lsqlite3 -lmicrohttpd -lstemmer -lm -lpthread
INCLUDES := -I. $(patsubst -I%,-isystem %,$(filter -I%, \
	$(shell pkg-config --silence-errors --cflags glib-2.0 uuid)))
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wformat=2 -Wpointer-arith \
	-Wundef -Wvla -Wno-missing-field-initializers $(if $(WERROR),-Werror)

CFLAGS ?= -O2 -g
override CPPFLAGS += $(INCLUDES) -D_GNU_SOURCE
override CFLAGS += -std=c11 -fno-omit-frame-pointer $(WARNINGS)
ifdef SAN
override CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all
override LDFLAGS += -fsanitize=$(SAN)
else ifdef COV
override CFLAGS += --coverage -O0
override LDFLAGS += --coverage
else
override CPPFLAGS += -D_FORTIFY_SOURCE=2
override CFLAGS += -fstack-protector-strong -fPIE
override LDFLAGS += -pie -Wl,-z,relro -Wl,-z,now
endif
override LDFLAGS += -Wl,--as-needed

objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(addsuffix /*.c,$(1))))
COMMON := $(call objects,shared proto)
PROGRAMS := $(addprefix $(BUILD)/,$(DAEMONS))
UNITS := $(patsubst tests/unit/%_test.c,$(BUILD)/unit/%, \
	$(wildcard tests/unit/*_test.c))
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,$(BUILD)/fuzz/%, \
	$(wildcard tests/fuzz/*_fuzz.c))

all: $(PROGRAMS) $(BUILD)/web

# --- building -----------------------------------------------------------------

# A daemon is its folder, proto/ and shared/.
$(foreach d,$(DAEMONS),$(eval $(BUILD)/$(d): $(call objects,$(d)) $(COMMON)))
$(PROGRAMS):
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OBJ)/gateway/openapi.o: gateway/openapi.json

# The page, beside the phoenix client it is written for.
WEB := $(filter-out %.json %/node_modules %/page.png,$(wildcard gateway/web/*))
$(BUILD)/web: $(WEB) gateway/web/node_modules/.package-lock.json
	rm -rf $@ && mkdir -p $@
	cp $(WEB) gateway/web/node_modules/phoenix/priv/static/phoenix.mjs $@

%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund --loglevel=error
	@touch $@

# A test may use any file of ours but a main.c: they are in one archive, from
# which the linker takes what is needed.
$(BUILD)/units.a: $(filter-out %/main.o,$(call objects,shared proto $(DAEMONS)))
	rm -f $@ && ar qcs $@ $^
$(BUILD)/unit/%: $(OBJ)/tests/unit/%_test.o $(BUILD)/units.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(BUILD)/fuzz/%: $(OBJ)/tests/fuzz/%_fuzz.o $(BUILD)/units.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# The gateway's transport with the application of the protocol's test cases.
FIXTURE := $(BUILD)/phoenix_fixture
$(FIXTURE): $(OBJ)/tests/fixture/phoenix_server.o $(BUILD)/units.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# The load, and the least that what it measures can cost.
BENCH := $(addprefix $(BUILD)/bench/,loadgen echo commits fill)
$(BUILD)/bench.a: $(patsubst %.c,$(OBJ)/%.o,$(wildcard tests/bench/load_*.c))
	rm -f $@ && ar qcs $@ $^
$(BUILD)/bench/%: $(OBJ)/tests/bench/%.o $(BUILD)/bench.a $(BUILD)/units.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

.SECONDARY:
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# --- running and testing ------------------------------------------------------

packages:
	@shared/packages.sh all
run:
	@shared/packages.sh run
	@$(MAKE) --no-print-directory all
	@BUILD_DIR=$(BUILD) exec shared/run.sh

tested: all $(UNITS) $(FIXTURE) tests/node_modules/.package-lock.json
test: tested
	@BUILD_DIR=$(BUILD) tests/run.sh $(ONLY)
	$(if $(COV),@tests/lib/coverage.sh $(OBJ))

# CMD reaches the shell through the environment: whatever it is quoted with.
export CMD
conform: $(if $(CMD),,all) tests/node_modules/.package-lock.json
	@failed=0; for d in $(or $(DAEMON),$(DAEMONS)); do \
		node tests/conform/run.mjs $$d "$${CMD:-$(BUILD)/$$d}" || failed=1; \
	done; exit $$failed

test-compose: tests/node_modules/.package-lock.json
	@tests/compose/run.sh

# Beside the floor of this machine; into build/bench.json.
bench bench-peers: all $(FIXTURE) $(BENCH) tests/node_modules/.package-lock.json
	@BUILD_DIR=$(BUILD) QUICK=$(QUICK) SESSIONS=$(SESSIONS) \
		PEERS=$(filter bench-peers,$@) node tests/bench/bench.mjs

# Fuzzers are clang's, whatever the rest is built with.
fuzz:
	@$(MAKE) --no-print-directory fuzzers CC=clang BUILD=build/fuzz \
		SAN=fuzzer-no-link,address,undefined
	@BUILD_DIR=build/fuzz SECONDS_EACH=$(SECONDS) tests/run.sh fuzz
fuzzers: $(FUZZERS)

picture: all tests/node_modules/.package-lock.json
	BUILD_DIR=$(BUILD) node tests/browser/picture.mjs gateway/web/page.png

# --- reading ------------------------------------------------------------------

C_FOLDERS := shared proto $(DAEMONS) tests/unit tests/fuzz tests/fixture \
	tests/bench
SOURCES := $(wildcard $(addsuffix /*.c,$(C_FOLDERS)))
HEADERS := $(wildcard $(addsuffix /*.h,$(C_FOLDERS)))
SCRIPTS := $(wildcard shared/*.sh tests/*.sh tests/lib/*.sh \
	tests/compose/*.sh) .ci/run
MODULES := $(wildcard gateway/web/*.js tests/*/*.mjs tests/browser/*/*.js)

lint: lint-gcc lint-clang lint-tidy lint-cppcheck lint-format lint-scripts
lint-gcc lint-clang: lint-%:
	@$(MAKE) --no-print-directory compiled CC=$* BUILD=build/$@ WERROR=1
compiled: $(patsubst %.c,$(OBJ)/%.o,$(SOURCES))
lint-tidy:
	@printf '%s\n' $(SOURCES) | xargs -P 2 -n 4 sh -c 'clang-tidy --quiet \
		"$$@" -- -std=c11 -D_GNU_SOURCE $(INCLUDES) 2>/dev/null' --
lint-cppcheck:
	cppcheck --quiet --error-exitcode=1 --inline-suppr -j 2 --std=c11 -I. \
		--library=tests/lib/cppcheck.cfg \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem $(SOURCES)
lint-format:
	clang-format --dry-run -Werror $(SOURCES) $(HEADERS)
lint-scripts:
	shellcheck $(SCRIPTS)
	@for f in $(MODULES); do node --check $$f || exit 1; done

format:
	clang-format -i $(SOURCES) $(HEADERS)

clean:
	rm -rf build

.PHONY: all run packages test tested conform test-compose bench bench-peers fuzz fuzzers picture lint lint-gcc \
	lint-clang lint-tidy lint-cppcheck lint-format lint-scripts compiled \
	format clean
