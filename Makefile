# contactpoint
#
#   make demo          install what is missing, build, show the story
#   make test          the same, then run every suite
#
# One suite, one test:  make regress | isolation | pgtap | tap  [TESTS="name ..."]
# Checks alone:         make checks        Mend the layout of C files:  make indent
# Fuzz what is pure:   make fuzz [FUZZ_SECONDS=60] [ONLY="normalize word"]
# What reads cost:      make bench [ROUNDS=10] [SECONDS=1] [CHILDREN=100000] [ONLY="point rows10k"]
# What matching costs:  make bench-matching | bench-large [ROUNDS=5] [CHILDREN=1000000] [ONLY="search new"]
# How well it matches:  make quality [DATA=../shared/data] [SETS="febrl3 ons_essnet"]
# Packagers:            make [all], make install [DESTDIR=], make installcheck
#
# In the source tree this file hands over to itself in build/pgNN, so objects,
# the staged installation and test results all stay under build/, one directory
# for each major version of the server that PG_CONFIG points at.

top       := $(patsubst %/,%,$(dir $(abspath $(firstword $(MAKEFILE_LIST)))))
PG_CONFIG ?= pg_config
export PG_CONFIG

ifeq ($(CURDIR),$(top))
# ---------- in the source tree: no server needed to read this part ----------

# Looked up when used, since `make demo` may have to install it first.
major  = $(shell $(PG_CONFIG) --version 2>/dev/null | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
build  = build/pg$(major)
module = $(MAKE) --no-print-directory -C $(build) -f $(top)/Makefile

checks = style lint compile symbols sources corpus
suites = regress isolation pgtap tap
SUITES = $(checks) $(suites)

.PHONY: all install uninstall installcheck build-directory stage control demo test suites checks quick bench quality quality-score quality-decisions weights indent clean $(checks) $(suites)

all install uninstall installcheck: build-directory
	@$(module) $@

build-directory:
	@$(PG_CONFIG) --pgxs >/dev/null 2>&1 || { \
		echo "make: no server headers behind '$(PG_CONFIG)': run 'make demo' or 'make test', which install them, or set PG_CONFIG" >&2; exit 1; }
	@mkdir -p $(build)

# Tests load this copy; nothing of the system is touched.  Bitcode for the JIT
# compiler is left out: it would double the time to build.
stage: build-directory
	@echo "building $(build)"
	@$(module) -s all with_llvm=no
	@rm -rf $(build)/stage
	@$(module) -s install with_llvm=no DESTDIR=$(top)/$(build)/stage

# The library without one of its protections, for tests that must fail with it.
control: stage
	@$(module) -s control with_llvm=no

demo:
	@test/setup.sh build
	@$(MAKE) --no-print-directory stage
	@test/with-cluster.sh psql -X -q -v ON_ERROR_STOP=1 -P pager=off -f test/demo.sql

test:
	@test/setup.sh test
	@$(MAKE) --no-print-directory suites

suites: stage control
	@test/run.sh $(SUITES)

checks: stage
	@test/run.sh $(checks)

quick: stage
	@test/run.sh regress

tap: control
$(checks) $(suites): stage
	@TESTS="$(TESTS)" test/run.sh $@

bench:
	@test/setup.sh bench
	@$(MAKE) --no-print-directory stage
	@BENCH_ROUNDS="$(ROUNDS)" BENCH_SECONDS="$(SECONDS)" BENCH_CHILDREN="$(CHILDREN)" BENCH_ONLY="$(ONLY)" test/bench.sh
	@$(MAKE) --no-print-directory bench-matching CHILDREN=

# Search, decision and settling, with a million children or ten.
.PHONY: bench-matching bench-large measure
bench-matching bench-large: measure
	@test/setup.sh bench
	@BENCH_ROUNDS="$(ROUNDS)" BENCH_CHILDREN="$(or $(CHILDREN),$(if $(filter bench-large,$@),10000000,1000000))" BENCH_ONLY="$(ONLY)" test/bench.sh matching

measure: stage
	@$(module) -s measure with_llvm=no

DATA ?= ../shared/data
quality: quality-score quality-decisions

# Without a server: pairs of the sets with posterior one half and more.
quality-score:
	@test/quality/score.sh "$(DATA)" $(SETS)

# Rows for sql/51-weight.sql, trained on the sets that may be copied.
weights:
	@test/quality/weights.sh "$(DATA)"

# Without the variables of the command line: DATA is one of PGXS, too.
quality-decisions:
	@test/setup.sh test
	@MAKEFLAGS= $(MAKE) --no-print-directory stage
	@QUALITY_DATA="$(DATA)" QUALITY_SETS="$(SETS)" QUALITY_SOURCES="$(SOURCES)" test/quality/decisions.sh

# Does a row about a shielded child make a second record?
.PHONY: guard
guard: stage
	@test/guard.sh "$(CHILDREN)" "$(SHIELDED)" "$(OTHER)"

.PHONY: fuzz
fuzz:
	@test/setup.sh fuzz
	@FUZZ_SECONDS="$(FUZZ_SECONDS)" ONLY="$(ONLY)" test/fuzz.sh

indent:
	@test/check-style.sh --write

clean:
	rm -rf build

else
# ---------- in a build directory: the module, by PGXS ----------

EXTENSION   = contactpoint
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(top)/contactpoint.control)
MODULE_big  = contactpoint
OBJS       := $(patsubst $(top)/%.c,%.o,$(sort $(wildcard $(top)/src/*.c)))
SQL         = contactpoint--$(EXTVERSION).sql
DATA_built  = $(SQL)
DATA       := $(patsubst $(top)/%,%,$(wildcard $(top)/sql/upgrade/*--*--*.sql))
PG_CPPFLAGS = -I$(top)/src -DCONTACTPOINT_VERSION='"$(EXTVERSION)"'
SHLIB_LINK  = -Wl,--version-script=exports.map
EXTRA_CLEAN = exports.map stage control-* results expected src

# Each file can run alone: pg_regress creates the extension in its database.
load_extension  = --load-extension=pg_trgm --load-extension=pgcrypto --load-extension=contactpoint
REGRESS        := $(patsubst $(top)/test/sql/%.sql,%,$(sort $(wildcard $(top)/test/sql/*.sql)))
REGRESS_OPTS    = --inputdir=$(top)/test --outputdir=results/regress $(load_extension)
ISOLATION      := $(patsubst $(top)/test/specs/%.spec,%,$(sort $(wildcard $(top)/test/specs/*.spec)))
ISOLATION_OPTS  = --inputdir=$(top)/test --outputdir=results/isolation $(load_extension)

# pg_regress looks for expected/ under --outputdir (15) or here (16 and later).
REGRESS_PREP    = expected results/regress/expected results/isolation/expected

# On a server that does not preload the library there is nothing to check.
ifneq ($(filter installcheck,$(MAKECMDGOALS)),)
ifeq ($(findstring contactpoint,$(shell psql -XAtq -d postgres -c 'SHOW shared_preload_libraries' || echo contactpoint)),)
$(warning installcheck skipped: set shared_preload_libraries = 'contactpoint' on the server first)
REGRESS   :=
ISOLATION :=
endif
endif

# Said aloud, because a server built in its own source directory, unlike
# Debian's, has a PGXS that does not find it out.
VPATH = $(top)

dummy := $(shell mkdir -p src)
PGXS  := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Every object depends on every header: the whole module builds in seconds.
$(OBJS): $(wildcard $(top)/src/*.h) $(top)/contactpoint.control $(top)/Makefile
ifeq ($(with_llvm),yes)
$(OBJS:.o=.bc): $(wildcard $(top)/src/*.h) $(top)/contactpoint.control
endif

# What the server and SQL look up, and nothing else.  PGXS hides the rest by
# itself from 16 on only, where its macros mark what is to be seen.
$(MODULE_big).so: exports.map
exports.map: $(top)/Makefile
	@echo '{ global: contactpoint_*; pg_finfo_contactpoint_*; Pg_magic_func; _PG_init; cp_*_main; local: *; };' >$@

# Negative controls: control-X differs in src/X.c only.  Nothing installs them.
controls = control-capture/$(MODULE_big).so control-gate/$(MODULE_big).so control-recent/$(MODULE_big).so
.PHONY: control
control: $(controls) control-walk/$(MODULE_big).so
control-capture/%: switch = CP_CONTROL_WITHOUT_CAPTURE
control-gate/%: switch = CP_CONTROL_WITHOUT_GATE
control-recent/%: switch = CP_CONTROL_FEW_RECENT
$(controls): control-%/$(MODULE_big).so: $(OBJS) exports.map
	@mkdir -p $(@D)
	$(COMPILE.c) -D$(switch) -o $(@D)/$*.o $(top)/src/$*.c
	$(LINK.shared) -o $@ $(@D)/$*.o $(filter-out src/$*.o,$(OBJS)) $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

# The library and a function that walks through any index, for t/087_walk.pl.
control-walk/$(MODULE_big).so: $(OBJS) exports.map $(top)/test/walk.c
	@mkdir -p $(@D)
	$(COMPILE.c) -o $(@D)/walked.o $(top)/test/walk.c
	$(LINK.shared) -o $@ $(@D)/walked.o $(OBJS) $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

# The library and functions that measure it; make bench-matching loads it.
.PHONY: measure
measure: control-measure/$(MODULE_big).so
control-measure/$(MODULE_big).so: $(OBJS) exports.map $(top)/test/bench/rate.c
	@mkdir -p $(@D)
	$(COMPILE.c) -o $(@D)/rate.o $(top)/test/bench/rate.c
	$(LINK.shared) -o $@ $(@D)/rate.o $(OBJS) $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

# The directory is named too, so that a file taken away is noticed.
$(SQL): $(sort $(wildcard $(top)/sql/*.sql)) $(top)/sql $(top)/contactpoint.control
	cat /dev/null $(filter %.sql,$^) > $@

# Phony, or make would find expected/ in the source tree and make no link.
.PHONY: $(REGRESS_PREP)
$(REGRESS_PREP):
	@mkdir -p $(@D)
	@ln -sfn $(top)/expected $@

.DELETE_ON_ERROR:

endif
