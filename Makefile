# tidelock: `make demo` and `make test` do all the set-up; see README.md.
B      ?= build
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
VENDOR := build/vendor
PACK   := build/models.pack
DOCS   := build/models.docs
STRICT := -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CPPFLAGS += -D_GNU_SOURCE -Ihost -Imodules -isystem $(VENDOR)/include -isystem /usr/include/lua5.4
LDLIBS := -L$(VENDOR)/lib -Wl,-Bstatic -lcurl -lnghttp2 -lhiredis -lyyjson -lssl -lcrypto -luv_a -lexpat -lzstd -lz \
          -llua5.4-cjson -Wl,--whole-archive -llua5.4 -Wl,--no-whole-archive
SHARED := -Wl,-Bdynamic -lm -ldl -lpthread
SYSTEM := $(SHARED)   # what the program itself asks of the system
# A fixed address saves a tenth of a single call and a megabyte: no pages to relocate at every start. Heap, stack and
# libraries still move. Who wants the program itself to move too: make START='-pie -Wl,-z,pack-relative-relocs'
# The address is no multiple of 2 MB, or the kernel maps megabytes of the pack at once where it touches a page.
START  ?= -no-pie -Wl,-Ttext-segment=0x410000
WRAP   := -Wl,-E -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
LUA    := $(shell find lib -name '*.lua' | LC_ALL=C sort)
MODULES := $(patsubst %.c,$B/%.o,$(wildcard modules/*.c))
COMMON := $B/host/state.o $B/modules.a
SPECS  ?= spec
J      := -j$(shell nproc)

# Made beside, and renamed: of two makes at once in one folder neither links or runs half a file of the other.
put = new=$@.$$$$; $(1) && mv -f $$new $@ || { rm -f $$new $$new-d; exit 1; }

all: $B/tidelock $(DOCS)
$B/tidelock: $B/host/main.o $B/host/embed.o $(EXTRA) $(COMMON) $B/pack.o $B/lib.o
	@echo 'link $@'
	@$(call put,$(CC) $(CFLAGS) $(LDFLAGS) $(START) -o $$new $^ $(LDLIBS) $(SYSTEM))
$B/tidelua: $B/host/tidelua.o $(COMMON) $B/pack.o
	@echo 'link $@'
	@$(call put,$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $$new $^ $(LDLIBS) $(SHARED))
$B/tidelua-stage: $B/host/tidelua.o $(COMMON) $B/nopack.o
	@echo 'link $@'
	@$(call put,$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $$new $^ $(LDLIBS) $(SHARED))
$B/modules.a: $(MODULES)
	@$(call put,ar rcs $$new $^)

$B/%.o: %.c Makefile | $(VENDOR)/stamp
	@echo 'cc   $<'; mkdir -p $(@D)
	@$(call put,$(CC) $(STRICT) $(CPPFLAGS) $(CFLAGS) -MMD -MP -MT $@ -MF $$new-d -c -o $$new $< \
	  && mv -f $$new-d $(@:.o=.d))
$(VENDOR)/stamp: vendor/manifest vendor/fetch
	@vendor/packages build
	@vendor/fetch

# --- data that is linked in: the model pack and lib/
$(PACK): $(wildcard host/pack.lua host/pack/*.lua) modules/models.h $(VENDOR)/stamp | $B/tidelua-stage
	@$(call put,$B/tidelua-stage host/pack.lua $(VENDOR)/botocore/data $$new $(DOCS))
$(DOCS): $(PACK)   # written beside the pack; made again with it where somebody removed it
	@test -f $@ || { rm $(PACK); $(MAKE) -s $(PACK); }
$B/lib.bin: host/embed.lua host/chunk.lua $(LUA) | $B/tidelua-stage
	@echo 'pack lib/'
	@$(call put,$B/tidelua-stage host/embed.lua $$new $(LUA))
$B/pack.o: $(PACK)
	$(call incbin,tl_pack,$<)
$B/nopack.o: Makefile
	@mkdir -p $(@D)
	@: > $B/empty
	$(call incbin,tl_pack,$B/empty)
$B/lib.o: $B/lib.bin
	$(call incbin,tl_lib,$<)
incbin = @new=$@.$$$$; printf '.section .rodata\n.balign 16\n.global $(1), $(1)_end\n$(1): .incbin "$(2)"\n\
$(1)_end: .byte 0\n.section .note.GNU-stack,"",@progbits\n' | $(CC) -x assembler -c -o $$new - && mv -f $$new $@

# --- for people
setup:
	@vendor/packages test
	@vendor/venv
demo: setup
	@$(MAKE) -s $J all
	@PATH="$(CURDIR)/$B:$$PATH" $B/tidelock sandbox -- sh spec/support/demo.sh
test: setup
	@vendor/venv ministack ocsf
	@$(MAKE) -s $J $B/tidelock $B/tidelua
	$B/tidelua spec/run.lua $(SPECS)
	@$(MAKE) -s asan
soak: setup
	@$(MAKE) -s $J $B/tidelock $B/tidelua
	TIDELOCK_SOAK=1 $B/tidelua spec/run.lua spec/kill spec/faults spec/runbook spec/playbooks/validate_limiter_spec.lua
	$B/tidelua spec/bench/soak.lua 5000000000 --check 32
	@vendor/venv ministack
	$B/tidelua spec/limiter/load.lua 660 1000 110 100 120
asan: setup
	@vendor/venv ministack   # its h2 library serves HTTP/2
	@$(MAKE) -s $J B=build/asan CFLAGS='-O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer' build/asan/tidelua
	build/asan/tidelua spec/run.lua spec/modules
lint: setup
	@$(MAKE) -s $J $B/tidelua
	@luacheck -q lib host spec playbooks
	@awk 'length > 100 {print FILENAME ":" FNR ": longer than 100 columns"; n++} END {exit n > 0}' \
	  host/*.[ch] modules/*.[ch] spec/*/*.[ch]
	@for cc in gcc clang; do \
	  $$cc $(STRICT) -Werror $(CPPFLAGS) -fsyntax-only host/*.c modules/*.c spec/bench/*.c || exit 1; done
	$B/tidelua spec/run.lua spec/arrows_spec.lua
conformance: setup $B/tidelua
	$B/tidelua spec/conformance/run.lua
bench: setup $B/tidelock $B/tidelua
	@failed=0; for each in spec/bench/*.lua; do TIDELUA_ARENA=1 $B/tidelua $$each || failed=1; done; exit $$failed
compare: setup $B/tidelock $B/tidelua
	@vendor/venv prowler custodian
	$B/tidelua spec/compare/peers.lua
	$B/tidelua spec/compare/prowler.lua
fuzz: setup $B/tidelua
	@vendor/packages fuzz
	$(MAKE) CC=clang B=build/fuzz build/fuzz/fuzzer CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined \
	  -fno-sanitize-recover=undefined -fno-omit-frame-pointer'
	spec/fuzz/run build/fuzz/fuzzer $B/tidelua $(FUZZ)
$B/fuzzer: $B/spec/fuzz/fuzz.o $(COMMON) $B/pack.o
	$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LDLIBS) $(SHARED)
# Files that only declare (types, controls, commands) have no functions to tell of: `tidelock help` shows those.
reference: setup
	@mkdir -p build
	@{ cat docs/config.ld; echo 'file = {"../lib", exclude = {'; \
	  awk 'FNR > 1 && /^---/ {seen[FILENAME]} END {for (i = 1; i < ARGC; i++) \
	    if (!(ARGV[i] in seen)) printf "\"../%s\",\n", ARGV[i]}' $(LUA); echo '}}'; } > build/reference.ld
	@ldoc -q --fatalwarnings -c build/reference.ld . && echo 'see build/reference/index.html'
# One file that needs nothing but the kernel: what the image, Lambda and a machine without Debian run. It is placed at
# random in memory. The linker's warnings are about lookups through the system's glibc: host/static.c asks it for none.
STATIC := B=build/dist LDFLAGS=-s EXTRA=build/dist/host/static.o SYSTEM='-lm -lpthread' \
  START='-static-pie -Wl,-z,pack-relative-relocs,-z,relro,-z,now,--no-warnings' \
  CFLAGS='-O2 -DTL_STATIC -fstack-protector-strong -D_FORTIFY_SOURCE=2'
dist:
	@vendor/packages build
	@$(MAKE) -s $J $(STATIC) build/dist/tidelock
	@host/dist/check build/dist/tidelock
image: dist
	@vendor/packages image
	@host/dist/image build/dist/tidelock build/dist/image
lambda-zip: dist
	@host/dist/lambda-zip build/dist/tidelock build/dist/lambda.zip
# The interpreter of the specs, linked as that program is. It is joined before glibc comes to it: the allocations that
# fail on demand are ours and the libraries', as in the other builds. glibc's regcomp does not survive its own.
$B/joined.o: $B/host/tidelua.o $(EXTRA) $(COMMON) $B/pack.o
	@$(call put,$(CC) -r -nostdlib $(WRAP) -o $$new $^ $(LDLIBS))
$B/joined: $B/joined.o
	@echo 'link $@'
	@$(call put,$(CC) $(CFLAGS) $(LDFLAGS) $(START) -o $$new $^ $(SYSTEM))
dist-test: setup image lambda-zip
	@vendor/venv ministack ocsf
	@$(MAKE) -s $J $(STATIC) build/dist/joined
	spec/dist/run
install: all
	install -D $B/tidelock $(DESTDIR)$(PREFIX)/bin/tidelock
	install -D -m 644 $(DOCS) $(DESTDIR)$(PREFIX)/share/tidelock/models.docs
	find playbooks spec/support/moto -type f | while read -r f; do \
	  install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/tidelock/$$f; done
clean:
	rm -rf build

-include $(wildcard $B/*/*.d)
.PHONY: all setup demo test soak asan lint conformance bench compare fuzz reference dist image lambda-zip dist-test install clean
.DELETE_ON_ERROR:
