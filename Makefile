# Kist's build. 'make' builds the distribution in build/dist, 'make test' runs every test (as root), see CONTRIBUTING.md.

SHELL = /bin/bash
.SHELLFLAGS = -o pipefail -c
.ONESHELL:

PREFIX ?= /usr/local
DESTDIR ?=
MVN ?= mvn
# MODULES=cli,daemon narrows 'unit' and 'system' to some modules (and what they need)
MODULES ?=
# how long 'make fuzz' stays with each fuzz test
FUZZ_SECONDS ?= 60

# the same search as the launcher's: a JDK 25, whatever 'java' on the PATH may be
is_25 = $(shell grep -qs '^JAVA_VERSION="25[".]' '$(1)/release' && echo yes)
JDK := $(or $(KIST_JAVA_HOME),$(firstword $(foreach d,$(JAVA_HOME) $(wildcard /usr/lib/jvm/*),$(if $(call is_25,$(d)),$(d)))))
export JAVA_HOME := $(JDK)

REACTOR = -B $(if $(MODULES),-pl $(MODULES) -am)
# a build of its own, since it needs the distribution, which needs all modules
ACCEPTANCE = $(MVN) -B -f acceptance verify -Dkist.dist='$(CURDIR)/build/dist'

.PHONY: all test unit system acceptance fuzz check format bench install uninstall clean jdk test-tools root

# the launcher builds what is not built yet or older than its sources
all: jdk
	./kist --version

jdk:
	@if [ ! -x '$(JDK)/bin/javac' ]; then
		echo "make: there is no JDK 25 in KIST_JAVA_HOME, JAVA_HOME or /usr/lib/jvm; install one (Eclipse Temurin's package is temurin-25-jdk)" >&2
		exit 1
	fi

root:
	@if [ "$$(id -u)" != 0 ]; then
		echo "make: these tests make containers on the real kernel and need root; 'make unit' needs none" >&2
		exit 1
	fi

# Every test there is: formatting, unit and system tests of each module, then the clients against the built distribution
test: jdk root test-tools all
	$(MVN) -B spotless:check verify && $(ACCEPTANCE) spotless:check

# Those that need neither root nor the real kernel
unit: jdk
	$(MVN) $(REACTOR) package '-Dsurefire.excludes=**/*SystemTest.java'

# Those that need both
system: jdk root
	$(MVN) $(REACTOR) package '-Dtest=*SystemTest' -Dsurefire.failIfNoSpecifiedTests=false

acceptance: jdk root test-tools all
	$(ACCEPTANCE)

# Each fuzz test for FUZZ_SECONDS with new inputs, which 'make test' runs with the kept ones alone. What is found lies in
# build/fuzz; put it beside the others in src/test/resources once it is mended
fuzz: jdk root
	$(MVN) -q -B -pl image -am test-compile dependency:build-classpath -Dmdep.outputFile=target/fuzz.cp -Dmdep.includeScope=test || exit 1
	mkdir -p build/fuzz && cd build/fuzz || exit 1
	image=../../image/target
	for source in $$(grep -l '@FuzzTest' ../../image/src/test/java/kist/image/*.java); do
		name=$$(basename "$$source" .java)
		mkdir -p "$$name"
		'$(JDK)/bin/java' -Xmx1g --enable-native-access=ALL-UNNAMED -XX:+EnableDynamicAgentLoading \
			-cp "$$image/test-classes:$$image/classes:$$(cat $$image/fuzz.cp)" com.code_intelligence.jazzer.Jazzer \
			--target_class="kist.image.$$name" -max_total_time='$(FUZZ_SECONDS)' -max_len=20480 \
			"$$name" "../../image/src/test/resources/kist/image/$${name}Inputs" || exit 1
	done

check: jdk
	$(MVN) -B spotless:check && $(MVN) -B -f acceptance spotless:check

format: jdk
	$(MVN) -B spotless:apply && $(MVN) -B -f acceptance spotless:apply

bench: jdk root test-tools all
	bench/compare

test-tools: root
	@packaging/test-tools.sh

install: all
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' packaging/install.sh

uninstall:
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' packaging/install.sh --remove

clean:
	rm -rf build
	for target in target */target; do [ ! -d "$$target" ] || rm -rf "$$target"; done
	rm -f native/*.o
