# The stages of the tests; sourced by testing/run, which runs each in a shell of its own with errexit.
#
# Rules for a stage: everything it prints goes to its log; a line "= ..." is its result in few words; `needs` names the
# packages it cannot do without. Builds stand in build/, logs and findings in build/test/.

SKIPPED=99

ALL_STAGES=(
	format build-release test-release compilers build-asan test-asan build-libfuzzer build-afl digest msan tsan
	fuzz-builtin enumerate fuzz-libfuzzer fuzz-afl afl fuzz-parsers coverage cppcheck tidy bench set-up
)

result() {
	printf '= %s\n' "$*"
}

needs() {
	local missing
	missing=$(missing_packages "$@")
	[ -z "$missing" ] && return 0
	result "not installed:" $missing
	exit $SKIPPED
}

sources() {
	git ls-files -- "$@"
}

build() {
	cmake --preset "$1"
	cmake --build --preset "$1"
}

# run_ctest PRESET OPTION... - runs ctest and counts the tests that ran; none is a failure
run_ctest() {
	ctest --preset "$1" -j 2 --no-tests=error "${@:2}" | tee "$LOGS/ctest-$1.txt"
	result "$(tests_passed "$1")"
}

tests_passed() {
	sed -n 's/^100% tests passed, 0 tests failed out of \([0-9]*\)$/\1 test programs/p' "$LOGS/ctest-$1.txt"
}

stage_format() {
	needs clang-format-19
	sources '*.c' | xargs clang-format-19 --dry-run -Werror
	# Headers are drawn by hand (tables, columns of comments): only what is never right is looked for.
	if sources '*.c' '*.h' '*.def' '*.sh' '*.cmake' '*.md' lostbuddy testing/run | xargs grep -nE '[[:blank:]]+$'; then
		echo "blanks at the end of these lines"
		return 1
	fi
	if sources '*.c' '*.h' | xargs grep -nE '^ {4,}[^ \\]'; then
		echo "these lines are indented by blanks, not by tabs"
		return 1
	fi
	result "$(sources '*.c' | wc -l) files"
}

stage_build_release() {
	build release
	result "$(build/release/bin/lostbuddy --version)"
}

stage_test_release() {
	run_ctest release
}

# Every compiler that the README names, without warnings (they are errors), and the target's header as C++.
# The release build is gcc 12's already, where cc is that: it need not be made twice.
other_compilers() {
	[ "$(cc -dumpfullversion 2>/dev/null | cut -d. -f1)" = 12 ] || printf 'gcc-12 '
	printf 'clang-14 clang-19'
}

stage_compilers() {
	local cc
	needs gcc-12 clang-14 clang-19
	for cc in $(other_compilers); do
		cmake -S . -B "build/$cc" -G Ninja -DCMAKE_C_COMPILER="$cc" -DCMAKE_BUILD_TYPE=Release
		cmake --build "build/$cc"
	done
	printf '#include "target/target.h"\n#include "target/simple.h"\n' |
		clang-19 -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -Idiff -
	result "gcc-12 clang-14 clang-19: no warnings"
}

stage_build_asan() {
	needs clang-19 libclang-rt-19-dev llvm-19
	build asan
}

# Two tests that take two minutes of CPU time there and run little that the others do not.
stage_test_asan() {
	run_ctest asan -E '^(enumerate_test|bench_compare_test)$'
	result "$(tests_passed asan): all but enumerate_test and bench_compare_test"
}

# Not the tests: they have run with the same sanitizers.
stage_build_libfuzzer() {
	local targets="fuzz_pages fuzz_text fuzz_machine fuzz_wire fuzz_trace"
	needs clang-19 libclang-rt-19-dev llvm-19
	cmake --preset libfuzzer
	cmake --build --preset libfuzzer --target $targets lostbuddy
	result "$targets"
}

stage_build_afl() {
	needs afl++ clang-19 libclang-rt-19-dev llvm-19
	cmake --preset afl
	cmake --build --preset afl --target fuzz_pages fuzz_text fuzz_machine fuzz_wire lostbuddy
	result "fuzz_pages fuzz_text fuzz_machine fuzz_wire"
}

# digest KIND - what a build makes of the whole corpus, compared with the release build
digest() {
	[ -x "build/$1/bin/lostbuddy" ] || {
		echo "there is no $1 build: run the stages before this one first"
		return 1
	}
	"build/$1/bin/lostbuddy" replay --digest corpus/seeds corpus/regressions >"$LOGS/digest-$1.txt"
	grep -q digest "$LOGS/digest-$1.txt"
	diff "$LOGS/digest-release.txt" "$LOGS/digest-$1.txt"
}

# The same seeds give the same results with any compiler, optimisation and instrumentation.
stage_digest() {
	local kind kinds="release asan libfuzzer afl $(other_compilers)"
	for kind in $kinds; do
		digest "$kind"
	done
	result "$(wc -l <"$LOGS/digest-release.txt") programs, one digest each in $kinds"
}

# sanitized PRESET SYMBOL - the whole corpus and a short campaign under a sanitizer whose runtime has the symbol;
# its first report ends the program
sanitized() {
	local programs
	needs clang-19 libclang-rt-19-dev llvm-19
	cmake --preset "$1"
	cmake --build --preset "$1" --target lostbuddy
	nm "build/$1/bin/lostbuddy" >"$LOGS/symbols-$1.txt"
	grep -q " $2\$" "$LOGS/symbols-$1.txt" || {
		echo "build/$1 was made without its sanitizer: $2 is missing"
		return 1
	}
	digest release
	digest "$1"
	programs=$(wc -l <"$LOGS/digest-$1.txt")
	"build/$1/bin/lostbuddy" fuzz --seed lostbuddy --runs 300 --dir "$LOGS/camp-$1" --json >"$LOGS/fuzz-$1.json"
	result "$programs programs of the corpus and 300 random ones"
}

stage_msan() {
	sanitized msan __msan_init
}

stage_tsan() {
	sanitized tsan __tsan_init
}

# fuzz DIR OPTION... - a campaign on the reference allocator, which must end without a finding
fuzz() {
	local dir=$LOGS/$1
	shift
	build/release/bin/lostbuddy fuzz --dir "$dir" --json "$@" | tee "$LOGS/fuzz.json"
	result "$(python3 - "$LOGS/fuzz.json" <<-'END'
		import json, sys
		s = json.load(open(sys.argv[1]))
		shown = s["operations"] + s["no_ops"]
		print(f"{s['operations']} operations, {100 * s['no_ops'] / shown:.1f} % no-ops, "
		      f"{s['comparisons']} comparisons, {s['ops_per_second']:.0f} operations/s")
		for table in "rules", "paths":
		    never = [name for name, count in s[table].items() if count == 0]
		    print(f"{table} never seen in this short run:", *(never or ["none"]), file=sys.stderr)
	END
	)"
}

stage_fuzz_builtin() {
	fuzz camp-builtin --seed lostbuddy --time 10s
}

# Every sequence of five operations in every tiny world.
stage_enumerate() {
	build/release/bin/lostbuddy enumerate --depth 5 --dir "$LOGS/camp-enumerate" --json | tee "$LOGS/enumerate.json"
	result "$(python3 - "$LOGS/enumerate.json" <<-'END'
		import json, sys
		worlds = json.load(open(sys.argv[1]))["worlds"]
		total = lambda key: sum(w[key] for w in worlds)
		print(f"{len(worlds)} worlds, {total('sequences')} sequences, {total('states')} states, "
		      f"{total('transitions')} transitions")
	END
	)"
}

stage_fuzz_libfuzzer() {
	needs clang-19 libclang-rt-19-dev llvm-19
	fuzz camp-libfuzzer --engine libfuzzer --seed lostbuddy --time 10s
}

stage_fuzz_afl() {
	needs afl++ clang-19 libclang-rt-19-dev llvm-19
	fuzz camp-fuzz-afl --engine afl --seed lostbuddy --time 15s
}

# AFL++ finds a planted fault that none of its first inputs shows (they free nothing twice): so it was found by
# mutation, and not by running what was there. Its bound: 30 s.
stage_afl() {
	local dir=$LOGS/camp-afl status=0
	needs afl++ clang-19 libclang-rt-19-dev llvm-19
	rm -rf "$dir"
	build/release/bin/lostbuddy fuzz --engine afl --target broken:accepts-double-free --no-misuse \
		--machine pages=512 --seed lostbuddy --time 30s --dir "$dir" --json >"$LOGS/afl.json" || status=$?
	[ "$status" = 77 ]
	[ ! -e "$dir/afl" ]
	result "$(python3 - "$LOGS/afl.json" "$dir" <<-'END'
		import json, pathlib, re, sys
		s, dir = json.load(open(sys.argv[1])), pathlib.Path(sys.argv[2])
		seeds = len(list((dir / "corpus").glob("seed-*")))
		found = [f for f in s["findings"] if f["signature"].startswith("contract.double-free-accepted ")]
		assert seeds > 0 and len(found) == len(s["findings"]) == 1, s["findings"]
		text = (dir / (found[0]["name"] + ".lb")).read_text()
		program = int(re.search(r"^# found by: .*, program (\d+)$", text, re.M)[1])
		assert program > seeds, (program, seeds)
		assert (dir / (found[0]["name"] + ".bin")).exists() and (dir / (found[0]["name"] + ".txt")).exists()
		kept = len(list((dir / "corpus").glob("afl-*")))
		assert kept > 0 and s["comparisons"] > 0 and any(s["rules"].values())
		print(f"planted fault found after {program} programs, shrunk to {found[0]['operations']} operations; "
		      f"{kept} inputs kept")
	END
	)"
}

stage_fuzz_parsers() {
	local parser runs=() run
	needs clang-19 libclang-rt-19-dev llvm-19
	for parser in text machine wire trace; do
		mkdir -p "$LOGS/corpus-$parser"
		"build/libfuzzer/bin/fuzz_$parser" -seed=1 -max_total_time=8 -artifact_prefix="$LOGS/" \
			"$LOGS/corpus-$parser" >"$LOGS/parser-$parser.txt" 2>&1 &
		runs+=($!)
	done
	for run in "${runs[@]}"; do
		wait "$run" || {
			tail -n 40 "$LOGS"/parser-*.txt
			return 1
		}
	done
	result "text machine wire trace, 8 s all together"
}

# Lines, branches and conditions (MC/DC) of core/ that its own tests, its adapter's, the corpus and a short campaign
# reach: at least 97 of 100 lines, none excluded by a marker; the others have no bar. Only the core is instrumented, and
# without assertions, which must not fail. Decisions may have any number of conditions (clang-19's own limits are 32767,
# and 2^31 test vectors); what the compiler cannot instrument it says while it compiles, so the core is compiled anew.
stage_coverage() {
	local lb=build/coverage/bin/lostbuddy raw=$LOGS/profiles tests status=0
	needs clang-19 libclang-rt-19-dev llvm-19 python3
	if sources core | xargs grep -nE 'GCOV_EXCL|GCOVR_EXCL|LCOV_EXCL'; then
		echo "lines may not be excluded"
		return 1
	fi
	cmake --preset coverage
	rm -rf build/coverage/core/CMakeFiles/lb_core.dir "$raw"
	tests=$(cmake --build --preset coverage --target help | sed -nE 's/^((core|target)_[a-z0-9_]*_test): .*/\1/p')
	cmake --build --preset coverage --target lostbuddy $tests 2>&1 | tee "$LOGS/coverage-build.txt"
	export LLVM_PROFILE_FILE=$raw/%m-%p.profraw
	ctest --preset coverage -j 2 --no-tests=error -R '^(core_|target_|corpus_test)'
	"$lb" fuzz --seed lostbuddy --runs 2000 --dir "$LOGS/camp-coverage"
	llvm-profdata-19 merge -sparse "$raw"/*.profraw -o "$LOGS/coverage.profdata"
	set -- -instr-profile="$LOGS/coverage.profdata" -ignore-filename-regex='/test(ing)?/' "$lb" \
		$(printf -- ' -object=%s' build/coverage/bin/core_*_test)
	llvm-cov-19 export "$@" >"$LOGS/coverage.json"
	llvm-cov-19 export -format=lcov "$@" >"$LOGS/coverage.lcov"
	python3 testing/coverage.py "$LOGS/coverage.json" "$LOGS/coverage.lcov" "$PWD/" "$LOGS/coverage" 97 \
		>"$LOGS/coverage-sum.txt" || status=1
	cat "$LOGS/coverage.txt" "$LOGS/coverage-lines.txt" "$LOGS/coverage-conditions.txt"
	result "core/: $(cat "$LOGS/coverage-sum.txt"), $(grep -c 'unsupported MC/DC' "$LOGS/coverage-build.txt" || true)" \
		"decisions not instrumented"
	return $status
}

# Sources but tests, whose frame the analyzers do not understand (a failed EXPECT goes on) and the sanitizers run.
checked_sources() {
	sources 'core/*.c' 'diff/*.c' 'fuzz/*.c' 'bench/*.c' | grep -vE '/(test|example)/'
}

stage_cppcheck() {
	needs cppcheck
	# Not asked for: system headers; matters of taste; bounds that it guesses from a loop's condition.
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr -j 2 \
		--suppress=missingIncludeSystem --suppress=duplicateAssignExpression \
		--suppress=arrayIndexOutOfBoundsCond \
		-Idiff -Ifuzz -Icore/include -Icore -I. $(checked_sources)
	result "$(checked_sources | wc -l) files"
}

stage_tidy() {
	needs clang-tidy-19 clang-19
	# The analyzer gives a function up after 40,000 states, not 225,000: a fifth of the time, the same findings here.
	checked_sources | xargs -P 2 -n 6 clang-tidy-19 --quiet -p build/clang-19 --extra-arg=-Xclang \
		--extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=40000
	result "$(checked_sources | wc -l) files"
}

# Every row can be measured. How fast is for people to judge (rows above their bar are named), but for the one bar that
# does not depend on the computer.
stage_bench() {
	build/release/bin/lostbuddy bench --json >"$LOGS/bench.json"
	cat "$LOGS/bench.json"
	result "$(python3 - "$LOGS/bench.json" <<-'END'
		import json, sys
		rows = {r["name"]: r for r in map(json.loads, open(sys.argv[1]))}
		pair = rows["page-pair-order-0"]["instructions_per_op"]
		loop = rows["differential-loop"]["ops_per_second"]
		above = [name for name, row in rows.items() if row["above_bar"]]
		print(f"{len(rows)} rows; order-0 pair {pair} instructions; differential loop {loop:.0f} operations/s; "
		      f"above their bar: {' '.join(above) or 'none'}")
		sys.exit(0 if pair is None or pair <= 170 else f"order-0 pair: {pair} instructions, bar 170")
	END
	)"
}

# ./lostbuddy itself, as someone without any right to install.
stage_set_up() {
	local out
	out=$(LOSTBUDDY_NO_INSTALL=1 ./lostbuddy --version)
	[ "$out" = "$(build/release/bin/lostbuddy --version)" ]
	# Where nothing is missing nothing may be asked of apt, even where that is allowed.
	needs $PACKAGES_BASE
	mkdir -p "$LOGS/bin"
	printf '#!/bin/sh\necho called >>"%s/apt-called"\nexit 1\n' "$LOGS" >"$LOGS/bin/apt-get"
	chmod +x "$LOGS/bin/apt-get"
	PATH=$LOGS/bin:$PATH ./lostbuddy --version
	[ ! -e "$LOGS/apt-called" ]
	# An engine that cannot drive the target is refused before anything is built for it.
	printf '#!/bin/sh\necho "$@" >>"%s/cmake-called"\nexec %s "$@"\n' "$LOGS" "$(command -v cmake)" >"$LOGS/bin/cmake"
	chmod +x "$LOGS/bin/cmake"
	cmake --build --preset release --target mine
	if PATH=$LOGS/bin:$PATH ./lostbuddy fuzz --engine libfuzzer -t build/release/plugins/mine.so 2>"$LOGS/refused.txt"; then
		return 1
	fi
	grep -q -e '--engine builtin' "$LOGS/refused.txt"
	grep -q release "$LOGS/cmake-called"
	if grep libfuzzer "$LOGS/cmake-called"; then
		return 1
	fi
	result "works without installing, asks nothing of apt when nothing is missing, builds no engine in vain"
}
