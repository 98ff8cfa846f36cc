# make          the four daemons, into build/
# make run      everything, with an example tenant, on 127.0.0.1:3001
# make test     unit, system and browser tests   [SAN=address,undefined]
# make fuzz     every decoder, SECONDS each      [SECONDS=60]
# make lint     warnings as errors, gcc and clang; static analysis; format
# make format   clang-format over our sources
# Variants have folders of their own: SAN=..., COV=1, CC=clang.

SECONDS ?= 60
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
empty :=
comma := ,
variant := $(CC)$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(COV),-cov)
BUILD := $(if $(filter gcc,$(variant)),build,build/$(variant))
OBJ := $(BUILD)/obj

DAEMONS := gateway sessiond agentd cleanupd
PACKAGES := nng libwebsockets libcjson libcurl lmdb uuid libuv glib-2.0 \
	sqlite3 libmicrohttpd
pkg = $(shell pkg-config --silence-errors $(1) $(2))
# Debian's nng has no .pc file, and lmdb's is missing on some releases.
LIBS := -lnng -lwebsockets -lcjson -lcurl -llmdb -luuid -luv -lglib-2.0 \
	-lsqlite3 -lmicrohttpd -lstemmer -lm -lpthread

CPPFLAGS += -I. -D_GNU_SOURCE $(addprefix -isystem ,$(patsubst -I%,%, \
	$(filter -I%,$(call pkg,--cflags,glib-2.0 uuid))))
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wformat=2 -Wpointer-arith \
	-Wundef -Wvla $(if $(WERROR),-Werror)
CFLAGS ?= -O2 -g
override CFLAGS += -std=c11 -fno-omit-frame-pointer $(WARNINGS)
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE)
CPPFLAGS += $(HARDEN)
LDFLAGS += $(if $(SAN),,-pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now)
ifdef SAN
CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
ifdef COV
CFLAGS += --coverage -O0
LDFLAGS += --coverage
endif

objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(addsuffix /*.c,$(1))))
COMMON := $(call objects,shared proto)
UNIT := $(patsubst tests/unit/%_test.c,%,$(wildcard tests/unit/*_test.c))
FUZZ := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))

all: $(addprefix $(BUILD)/,$(DAEMONS)) $(BUILD)/web

# A daemon is its folder, proto/ and shared/.
$(foreach d,$(DAEMONS),$(eval $(BUILD)/$(d): $(call objects,$(d)) $(COMMON)))
$(addprefix $(BUILD)/,$(DAEMONS)):
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The page, beside the phoenix client it is written for.
WEB := $(wildcard gateway/web/*)
$(BUILD)/web: $(WEB) gateway/web/node_modules/.package-lock.json
	rm -rf $@ && mkdir -p $@
	cp $(filter-out %.json %/node_modules,$(WEB)) $@
	cp gateway/web/node_modules/phoenix/priv/static/phoenix.mjs $@
gateway/web/node_modules/.package-lock.json: gateway/web/package-lock.json
	npm ci --prefix gateway/web --no-audit --no-fund --loglevel=error
	@touch $@

# A unit test may use any file of ours but a main.c: they are in one archive,
# from which the linker takes what is needed.
$(BUILD)/units.a: $(filter-out %/main.o,$(call objects,shared proto $(DAEMONS)))
	rm -f $@ && ar rcs $@ $^
$(BUILD)/unit/%: $(OBJ)/tests/unit/%_test.o $(BUILD)/units.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

.SECONDARY:
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

unit: $(addprefix $(BUILD)/unit/,$(UNIT))
	@set -e; for t in $^; do echo "== $$t"; $$t; done

clean:
	rm -rf build

.PHONY: all unit clean
