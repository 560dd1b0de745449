# A thin front for CMake, Ninja and ctest; every target installs the Debian packages it lacks first.
#
#   make quickstart   build, then the whole pipeline on the synthetic images: recipes/quickstart.yml
#   make test         every test, in release and under ASan + UBSan, gcc and clang
#   make build        build/mcunet
#   make bench        figures as ratios against the committed ones
#   make fuzz         libFuzzer on every parser, a minute each
#   make code-size  measures the kernels again into codegen/code_size.inc, after they or the start-up changed
#   make cost-tables  measures the shipped boards' cost tables again (boards/cost/), after kernels or planner changed
#   make install      PREFIX=/usr/local

PREFIX ?= /usr/local
CTEST = ctest --output-on-failure -j2
# OpenMP threads that spin at barriers starve each other when tests run side by side.
export OMP_WAIT_POLICY = passive

.PHONY: quickstart build test test-release test-dev test-clang bench fuzz code-size cost-tables install clean

quickstart: build
	build/mcunet run recipes/quickstart.yml

build:
	./setup.sh build
	cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(if $(MCUNET_TESTS),,-DMCUNET_TESTS=OFF) >build.log 2>&1 || { cat build.log; exit 1; }
	cmake --build --preset release
	@rm -f build.log

test:
	./setup.sh test
	$(MAKE) test-release test-dev test-clang

test-release:
	cmake --preset release -DMCUNET_TESTS=ON
	cmake --build --preset release
	$(CTEST) --test-dir build

# Sanitizers: everything but the long runs of the pipeline.
test-dev:
	cmake --preset dev
	cmake --build --preset dev
	$(CTEST) --test-dir build-dev -LE long

# clang: no warnings; the unit tests.
test-clang:
	cmake -S . -B build-clang -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Release
	cmake --build build-clang
	$(CTEST) --test-dir build-clang -L unit

bench: build
	tests/bench/run.sh build/mcunet

fuzz:
	./setup.sh test
	cmake --preset fuzz
	cmake --build --preset fuzz
	tests/fuzz/run.sh build-fuzz 60

code-size:
	./setup.sh test
	cmake --preset release -DMCUNET_TESTS=ON
	cmake --build --preset release --target code-size

cost-tables: build
	mkdir -p boards/cost
	ls boards/*.yml | xargs -n1 -P2 sh -c 'build/mcunet costs $$(basename $$0 .yml) --fill -q -j1 -o boards/cost/$$(basename $$0 .yml).csv >/dev/null'

install: build
	cmake --install build

clean:
	rm -rf build build-dev build-clang build-fuzz runs
