# The short way to everything. The work is done by CMake's presets; see CMakePresets.json.
.PHONY: help demo test bench fuzz dev tsan clang aarch64 valgrind coverage lint install clean build-release build-dev build-clang

PREFIX ?= /usr/local
TIME ?= 60
SCENES = first_scene cellar_door movie_theatre error_propagation crash_report

help:
	@echo "make demo      install what is missing, build, run the scenes of the README"
	@echo "make test      install what is missing, build, run every test"
	@echo "make dev       the tests under AddressSanitizer and UBSan"
	@echo "make tsan      those in which threads meet under ThreadSanitizer"
	@echo "make clang     the tests, built by clang"
	@echo "make aarch64   cross-built, the tests that need no real machine, in an emulator"
	@echo "make valgrind  the same tests under valgrind, built as for make test"
	@echo "make bench     what everything costs, beside bare system calls and what others take: docs/benchmarks.md"
	@echo "make fuzz      each fuzzer, TIME=60 seconds long, two at a time"
	@echo "make coverage  how many lines the tests execute; fails unless all of src/sched and src/sync"
	@echo "make lint      clang-tidy and cppcheck over all C"
	@echo "make install   [PREFIX=/usr/local] [DESTDIR=]"
	@echo "make clean"

demo:
	@tools/setup build
	@$(MAKE) --no-print-directory build-release
	@for scene in $(SCENES); do \
	    printf '\n--- %s ---\n' $$scene; \
	    build/release/examples/$$scene || exit 1; \
	done

test:
	@tools/setup test
	@tools/suite release

bench:
	@tools/setup bench
	@tools/build release
	@tools/bench

dev:
	@tools/setup test
	@tools/suite dev

tsan:
	@tools/setup test
	@tools/suite tsan

clang:
	@tools/setup ci
	@tools/suite clang

aarch64:
	@tools/setup aarch64
	@tools/sysroot
	@tools/suite aarch64

valgrind:
	@tools/setup test
	@tools/suite release valgrind

fuzz:
	@tools/setup fuzz
	@tools/fuzz $(TIME)

coverage:
	@tools/setup test
	@tools/coverage

lint:
	@tools/setup lint
	@tools/lint

build-release build-dev build-clang: build-%:
	@tools/build $*

install:
	@tools/build release
	cmake --install build/release --prefix $(PREFIX)

clean:
	rm -rf build
