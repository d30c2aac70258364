# Flags of all rooms. The kinds of build differ in these options only (CMakePresets.json sets them):
#
#   LOSTBUDDY_ASSERTIONS   assert() is compiled in; off in release builds only
#   LOSTBUDDY_WERROR       a warning ends the build
#   LOSTBUDDY_SANITIZE     sanitizers: address,undefined or memory or thread; the first report ends the run
#   LOSTBUDDY_COVERAGE     counters of the core's lines, branches and conditions, for llvm-cov (clang only)
#   LOSTBUDDY_LIBFUZZER    edge counters for libFuzzer, and its targets are built (clang only)
#   LOSTBUDDY_AFL          edge counters for AFL++, and its targets are built (clang, afl++)

option(LOSTBUDDY_ASSERTIONS "Compile assertions in" ON)
option(LOSTBUDDY_WERROR "Treat warnings as errors" ON)
set(LOSTBUDDY_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or memory or thread; empty for none")
option(LOSTBUDDY_COVERAGE "Coverage of the core (clang)" OFF)
option(LOSTBUDDY_LIBFUZZER "Instrument for libFuzzer and build its targets (clang)" OFF)
option(LOSTBUDDY_AFL "Instrument for AFL++ and build its targets (clang, afl++)" OFF)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)		# POSIX names without a macro in every file
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_ENABLE_EXPORTS OFF)		# plug-ins must not find our symbols

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

# A flag set that CMake does not add to by itself: whether assertions are on is our decision, not the build type's.
foreach(kind IN ITEMS DEBUG RELEASE)
	string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${kind} "${CMAKE_C_FLAGS_${kind}}")
	string(REPLACE "-O3" "-O2 -g" CMAKE_C_FLAGS_${kind} "${CMAKE_C_FLAGS_${kind}}")
endforeach()

add_library(lb_flags INTERFACE)
target_compile_options(lb_flags INTERFACE -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow)
# Both links of a list entry are stored by two instructions; joined in a vector register first, by four.
target_compile_options(lb_flags INTERFACE -fno-tree-slp-vectorize)
if(LOSTBUDDY_WERROR)
	target_compile_options(lb_flags INTERFACE -Werror)
endif()
if(LOSTBUDDY_ASSERTIONS)
	target_compile_options(lb_flags INTERFACE -fno-omit-frame-pointer)
else()
	target_compile_definitions(lb_flags INTERFACE NDEBUG)
endif()

# Apart from lb_flags: what a program without sanitizers loads (AFL++'s mutator) must have none.
add_library(lb_sanitizers INTERFACE)
if(LOSTBUDDY_SANITIZE)
	set(sanitizers -fsanitize=${LOSTBUDDY_SANITIZE} -fno-sanitize-recover=all)
	if(LOSTBUDDY_SANITIZE MATCHES "memory|thread" AND NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "LOSTBUDDY_SANITIZE=${LOSTBUDDY_SANITIZE} needs clang-19 (packages clang-19 "
			"libclang-rt-19-dev), and the compiler is ${CMAKE_C_COMPILER}")
	endif()
	if(LOSTBUDDY_SANITIZE MATCHES "memory")
		list(APPEND sanitizers -fsanitize-memory-track-origins
			-fsanitize-ignorelist=${CMAKE_CURRENT_LIST_DIR}/memory-ignore.txt)
	endif()
	target_compile_options(lb_sanitizers INTERFACE ${sanitizers})
	target_link_options(lb_sanitizers INTERFACE ${sanitizers})
endif()

# Counters of coverage, apart from lb_flags: only the core takes them, the rest would be measured for nothing.
# Assertions are off in that build: that none of them can fail is their point, not a branch that no test takes.
add_library(lb_coverage INTERFACE)
if(LOSTBUDDY_COVERAGE)
	if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "LOSTBUDDY_COVERAGE needs clang-19 (packages clang-19 libclang-rt-19-dev llvm-19), "
			"and the compiler is ${CMAKE_C_COMPILER}")
	endif()
	target_compile_options(lb_coverage INTERFACE -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc)
	target_link_options(lb_flags INTERFACE -fprofile-instr-generate)
endif()

# Edge counters, apart from lb_flags: rooms take them, but not the oracle. What the oracle does is no behaviour of a
# target, and every counter costs time in each run (they are scanned, hit or not).
add_library(lb_edges INTERFACE)
if(LOSTBUDDY_LIBFUZZER)
	if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "LOSTBUDDY_LIBFUZZER needs clang-19 (packages clang-19 libclang-rt-19-dev), "
			"and the compiler is ${CMAKE_C_COMPILER}")
	endif()
	# Comparisons are not traced: programs are mutated by structure, and no magic number has to be guessed.
	target_compile_options(lb_edges INTERFACE -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp)
endif()

# AFL++ by clang's own instrumentation, so that rooms are chosen as for libFuzzer and the compiler is the same; afl++
# gives the runtime that answers to afl-fuzz, and a main() for LLVMFuzzerTestOneInput (persistent, inputs in shared
# memory).
if(LOSTBUDDY_AFL)
	find_file(LOSTBUDDY_AFL_DRIVER libAFLDriver.a PATHS /usr/lib/afl /usr/local/lib/afl NO_DEFAULT_PATH)
	find_file(LOSTBUDDY_AFL_RUNTIME afl-compiler-rt.o PATHS /usr/lib/afl /usr/local/lib/afl NO_DEFAULT_PATH)
	if(NOT LOSTBUDDY_AFL_DRIVER OR NOT LOSTBUDDY_AFL_RUNTIME)
		message(FATAL_ERROR "LOSTBUDDY_AFL needs libAFLDriver.a and afl-compiler-rt.o (package afl++)")
	endif()
	if(LOSTBUDDY_LIBFUZZER OR NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "LOSTBUDDY_AFL needs clang-19 (packages clang-19 libclang-rt-19-dev) and a build without "
			"LOSTBUDDY_LIBFUZZER; the compiler is ${CMAKE_C_COMPILER}")
	endif()
	target_compile_options(lb_edges INTERFACE -fsanitize-coverage=trace-pc-guard)
endif()
