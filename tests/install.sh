#!/bin/sh
# A stranger builds a program against the installed library, by pkg-config and by CMake.
. "$TRACTOR_SOURCE/tests/lib.sh.inc"
if sanitized || ! command -v cmake >/dev/null; then
    echo "skipped: a sanitized library is nothing to install"
    exit 77
fi
prefix=$scratch/prefix
cmake --install "$build" --prefix "$prefix" >"$scratch/log" 2>&1 || bad "installing: $(cat "$scratch/log")"
cp "$source/examples/first_scene.c" "$scratch/scene.c"
lib=$(dirname "$(find "$prefix" -name 'libtractor.so.0' | head -1)")
flags=$(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --cflags --libs tractor)
strict=$(PKG_CONFIG_PATH=$lib/pkgconfig pkg-config --variable=strict_cflags tractor)
check "pkg-config tells the strict flags" [ -n "$strict" ]
# shellcheck disable=SC2086
check "it builds by pkg-config" cc -std=gnu17 -Wall -Wextra -Wpedantic -Werror $strict \
    "$scratch/scene.c" -o "$scratch/scene" $flags
LD_LIBRARY_PATH=$lib timeout 20 "$scratch/scene" >"$scratch/out" 2>&1
check "it runs" cmp -s "$scratch/out" "$source/tests/scenes/first_scene.out"
cat >"$scratch/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(stranger C)
find_package(tractor 0.1 REQUIRED)
add_executable(scene scene.c)
target_link_libraries(scene tractor::tractor)
CMAKE
check "it builds by CMake" sh -c "cmake -S '$scratch' -B '$scratch/b' -DCMAKE_PREFIX_PATH='$prefix' \
    >'$scratch/log' 2>&1 && cmake --build '$scratch/b' >>'$scratch/log' 2>&1 || { cat '$scratch/log'; false; }"
timeout 20 "$scratch/b/scene" >"$scratch/out" 2>&1
check "and runs" cmp -s "$scratch/out" "$source/tests/scenes/first_scene.out"
if [ -x "$build/cli/tractor" ]; then
    check "its page is where man looks" [ -f "$prefix/share/man/man1/tractor.1" ]
    check "the installed tractor finds its library" sh -c "'$prefix/bin/tractor' --help >'$scratch/out' 2>&1"
fi
exported=$(nm -D --defined-only "$lib/libtractor.so.0" | awk '{print $3}' | grep -vE '^(tr_|__assert_fail$)' || true)
check "only tr_ names are exported: $exported" [ -z "$exported" ]
finish
