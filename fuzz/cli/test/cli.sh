#!/usr/bin/env bash
#
# The program's face: exit codes and error sentences, verb by verb.
#
#	cli.sh path/to/lostbuddy path/to/mine_unmerging.so ON|OFF	OFF: lostbuddy has no sanitizer of its own
set -u

lostbuddy=$(realpath "$1")
plugin=$(realpath "$2")
sanitized=$3
top=$PWD
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
unset NO_COLOR

# expect CODE "words on stdout or stderr" ARGUMENT... - runs lostbuddy; standard output and error are in $dir/out, $dir/err
expect() {
	local code=$1 words=$2 got
	shift 2
	PATH=${run_path:-$PATH} "$lostbuddy" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	got=$?
	if [ "$got" != "$code" ] || [ -n "$words" ] && ! cat "$dir/out" "$dir/err" | grep -qF -- "$words"; then
		printf 'FAILED lostbuddy %s\n  exit %s, expected %s; expected the words: %s\n' "$*" "$got" "$code" "$words"
		head -n 5 "$dir/out" "$dir/err"
		failed=$((failed + 1))
	fi
}

# silent - the last command said nothing on stderr
silent() {
	[ -s "$dir/err" ] && { echo "FAILED: words on stderr:"; cat "$dir/err"; failed=$((failed + 1)); }
}

# one_sentence - the last command's error is one line
one_sentence() {
	[ "$(wc -l <"$dir/err")" = 1 ] || { echo "FAILED: not one line on stderr:"; cat "$dir/err"; failed=$((failed + 1)); }
}

program() {
	printf '%s\n' "lostbuddy 1" "machine pages=512" "$@" >"$dir/p.lb"
}

# ---- usage ----
expect 0 "fuzz" --help; silent
expect 0 "lostbuddy 0" --version
expect 1 "Verbs:"
expect 1 "no such verb" frobnicate; one_sentence
expect 1 "unrecognized option" --frobnicate
for verb in fuzz enumerate replay show shrink explain rules machine proc doctor; do
	expect 0 "Exit codes" "$verb" --help; silent
	expect 1 "unrecognized option '--frobnicate'" "$verb" --frobnicate
	expect 0 "Usage: lostbuddy $verb" "$verb" --usage
	expect 0 "Exit codes" "$verb" -h; silent
	expect 0 "Usage: lostbuddy $verb" help "$verb"; silent
done
expect 0 "Verbs:" -h; silent
expect 0 "Verbs:" help; silent
expect 1 "no such verb" help frobnicate; one_sentence
expect 1 "name one verb" help fuzz replay; one_sentence

# ---- bench ----
expect 0 "page-mix" bench --list; silent
expect 0 "--repeat" bench --help; silent
expect 1 "no row has such a name" bench --list no-such-row; one_sentence
expect 1 "needs the whole name of one row" bench page --repeat 3; one_sentence
expect 0 "" bench reset-fuzz-size --repeat 3; silent
if command -v python3 >/dev/null; then
	expect 0 "--workload" bench compare --help; silent
	expect 1 "required: --base" bench compare
fi
expect 0 "pages=N        33 .. " help machine
expect 0 "pages=N        33 .. " show --language
expect 1 "no such engine" fuzz --engine steam
expect 1 "not a time" fuzz --time soon
expect 1 "not a time" fuzz --time -1s
expect 1 "no time at all" fuzz --time 0s
expect 1 "write 1 or more" fuzz --runs 0
expect 1 "not a number" fuzz --runs -3
expect 1 "expected 1 .. 24" enumerate --depth 0
expect 1 "expected 1 .. 24" enumerate --depth 25
expect 1 "expected 1 .. 64" enumerate --jobs none
expect 1 "expected states, counts or nothing" enumerate --remember everything
expect 1 "no such world" enumerate --world big; one_sentence
expect 1 "give one of them" enumerate --world plain --machine pages=64; one_sentence
expect 1 "--ops:1:16: " enumerate --world plain --ops 'alloc_page(gfp=NOTHING)'; one_sentence
expect 1 "No such file" enumerate --world plain --ops "$dir/nothing"; one_sentence
expect 1 "name a program" replay
expect 1 "--level" rules --level high

# ---- malformed programs: file, line, column, what was expected ----
program 'p0 = alloc_pages(order=x, gfp=KERNEL)'
expect 1 "$dir/p.lb:3:24: " show "$dir/p.lb"; one_sentence
expect 1 "$dir/p.lb:3:24: " replay "$dir/p.lb"; one_sentence
program '__free_pages(p7)'
expect 1 "$dir/p.lb:3:" explain "$dir/p.lb"; one_sentence
program 'frees(p0)'
expect 1 "$dir/p.lb:3:1: " shrink "$dir/p.lb"; one_sentence
expect 0 "1 lines dropped" show --repair "$dir/p.lb"
expect 1 "No such file" show "$dir/nothing.lb"; one_sentence
expect 1 "No such file" replay "$dir/nothing.lb" ; one_sentence

program 'check() -> okay'
expect 1 "$dir/p.lb:3:12: unknown observation" replay "$dir/p.lb"; one_sentence

# ---- files that are no programs ----
echo "buy milk" >"$dir/notes.txt"
expect 1 "$dir/notes.txt:1:1: a program begins with" replay "$dir/notes.txt"; one_sentence
: >"$dir/empty.lb"
expect 1 "$dir/empty.lb:1:1: this is empty" replay "$dir/empty.lb"; one_sentence
expect 1 "1:1: this is empty" replay -; one_sentence

# ---- impossible machines: the reason ----
mkdir -p "$dir/bare/node/node0"
echo "[    0.1]   node   0: [mem 0x0000000000100000-0x0000000003ffffff]" >"$dir/bare/dmesg"
echo nokaslr >"$dir/bare/cmdline"
echo 10 >"$dir/bare/node/node0/distance"
echo 0 >"$dir/bare/node/node0/cpulist"
expect 1 "machine" machine memory=10-200@0,100-300@0; one_sentence
expect 1 "CPU" machine cpus=65; one_sentence
expect 1 "machine:1:" machine node=2; one_sentence
expect 1 "No such file" machine "$dir/none.machine"; one_sentence
expect 1 "--from-boot $dir/none: $dir/none/dmesg cannot be read" machine --from-boot "$dir/none"; one_sentence
expect 1 "a boot's folder holds dmesg, cmdline, and node/nodeN/distance" machine --from-boot "$dir/none"
expect 1 "machine:1:7: pages=0 is too small" machine pages=0; one_sentence
expect 1 "CPU" fuzz --runs 1 --machine cpus=65; one_sentence
expect 1 "give one of them" fuzz --machine pages=64 --from-boot "$dir"; one_sentence
expect 1 "one of them" machine
expect 0 "nodes=2" machine nodes=2 cpus=4 pages=1024; silent
cp "$dir/out" "$dir/line"
expect 0 "" machine "$(sed 's/^machine //' "$dir/line")"; silent
cmp -s "$dir/out" "$dir/line" || { echo "FAILED: a canonical machine line changes"; failed=$((failed + 1)); }

# ---- missing targets ----
expect 1 "nosuch.so" fuzz --target ./nosuch.so --runs 1; one_sentence
expect 1 "no such broken allocator" replay --target broken:nothing "$dir/p.lb"; one_sentence
expect 1 "no such target" explain --target kernel "$dir/p.lb"; one_sentence
echo "not an object" >"$dir/text.so"
expect 1 "not a shared object" fuzz --target "$dir/text.so" --runs 1; one_sentence

# ---- missing engines: which package ----
run_path=$dir/nothing expect 1 "there is no afl-fuzz: install the package afl++" fuzz --engine afl --dir "$dir/engine"
run_path=$dir/nothing expect 0 "afl++" doctor
expect 1 "have --engine builtin" fuzz --engine afl --target "$plugin" --dir "$dir/engine"
expect 1 "have --engine builtin" fuzz --engine libfuzzer --target "$plugin" --dir "$dir/engine"

# ---- folders that cannot be written ----
touch "$dir/file"
expect 1 "cannot make the folder $dir/file/camp: Not a directory" fuzz --runs 1 --dir "$dir/file/camp"; one_sentence
expect 1 "cannot make the folder /proc/lostbuddy" fuzz --runs 1 --dir /proc/lostbuddy; one_sentence
expect 1 "No such file" fuzz --known "$dir/nothing" --runs 1
program 'p0 = alloc_pages(order=2, gfp=KERNEL)'
expect 1 "cannot write /proc/p.bin" show --bytes -o /proc/p.bin "$dir/p.lb"; one_sentence
if "$lostbuddy" rules >/dev/full 2>"$dir/err"; then
	echo "FAILED: a full disk went unnoticed"; failed=$((failed + 1))
fi

# ---- forms ----
program 'p0 = alloc_pages(order=2, gfp=KERNEL)' 'p1..p4 = split_page(p0)' '__free_pages(p2)' 'check()'
expect 0 "split_page" show "$dir/p.lb"; silent
cp "$dir/out" "$dir/text"
expect 0 "" show --bytes -o "$dir/p.bin" "$dir/p.lb"; silent
expect 0 "split_page" show "$dir/p.bin"; silent
cmp -s "$dir/out" "$dir/text" || { echo "FAILED: text -> bytes -> text is not the identity"; failed=$((failed + 1)); }
expect 0 "free_wrong_order" show --language; silent

# ---- /proc ----
boots=$(dirname "$0")/../../../corpus/machines
expect 0 "Node 0, zone   Normal" proc buddyinfo --machine pages=512; silent
expect 0 "  pages free     503" proc zoneinfo --machine 'pages=512 dma_end=0 dma32_end=0 high=8 batch=2' ; silent
expect 0 "node distances:" proc hardware --machine 'nodes=2 pages=512'; silent
expect 1 "no such file of /proc" proc slabinfo
expect 1 "at most one machine" proc zoneinfo --machine pages=64 --from-boot "$boots/a-1n1c-128m"
expect 1 "name one file" proc
expect 1 "No such file" proc zoneinfo "$dir/nothing.lb"; one_sentence
expect 1 "zoneinfo cannot be read" proc zoneinfo --from-boot "$dir/bare"; one_sentence
expect 0 "present  3998" proc zoneinfo --from-boot "$boots/a-1n1c-128m"; silent
expect 0 "protection: (0, 63, 63, 435, 435)" proc zoneinfo --from-boot "$boots/e1-2n-kernelcore256M"; silent
# 511 pages, 8 of them memmap; what a program holds is missing among the free ones
program 'p0 = alloc_pages(order=6, gfp=KERNEL)'
expect 0 "MemFree:            2012 kB" proc meminfo --machine 'pages=512 dma_end=0 dma32_end=0'; silent
expect 0 "MemFree:            1756 kB" proc meminfo --machine 'pages=512 dma_end=0 dma32_end=0' "$dir/p.lb"; silent
program 'p0 = alloc_page(gfp=KERNEL) @cpu0'
sed -i 's/pages=512/cpus=2/; s/@cpu0/@cpu1/' "$dir/p.lb"
expect 1 "does not fit this machine" proc meminfo --machine cpus=1 "$dir/p.lb"; one_sentence

# ---- maps ----
program 'p0 = alloc_pages(order=4, gfp=KERNEL)'
expect 0 "################" show --map "$dir/p.lb"; silent
grep -q $'\033' "$dir/out" && { echo "FAILED: colours without a terminal"; failed=$((failed + 1)); }
expect 0 "a cell is" show --map --width 100 --from-boot "$boots/e1-2n-kernelcore256M"; silent
[ "$(awk '/^ +[0-9]+  [UMRHI]/ && length > w { w = length } END { print w }' "$dir/out")" = 100 ] || {
	echo "FAILED: the map does not use its width"; failed=$((failed + 1)); }
expect 0 "" show --svg "$dir/map.svg" "$dir/p.lb"; silent
grep -q '^</svg>' "$dir/map.svg" || { echo "FAILED: no picture"; failed=$((failed + 1)); }
# a word forgotten must not cost a program
expect 1 "would take the place of what is there" show --svg "$dir/p.lb"; one_sentence
expect 1 "would take the place of what is there" show --map -o "$dir/p.lb" "$dir/p.lb"
expect 1 "would take the place of what is there" explain -o "$dir/p.lb" "$dir/p.lb"
expect 0 "clean" replay "$dir/p.lb"
expect 1 "given with --target" replay "$plugin" "$dir/p.lb"
expect 1 "40 to 1000 columns" show --map --width 20 "$dir/p.lb"
expect 1 "do not go together" show --map --bytes "$dir/p.lb"
expect 1 "give one of them" show --map --machine pages=64 --from-boot "$boots/a-1n1c-128m"
if script -qec "$lostbuddy show --map $dir/p.lb" /dev/null >"$dir/out" 2>/dev/null; then
	grep -q $'\033' "$dir/out" || { echo "FAILED: no colours on a terminal"; failed=$((failed + 1)); }
	NO_COLOR=1 script -qec "$lostbuddy show --map $dir/p.lb" /dev/null >"$dir/out"
	grep -q $'\033' "$dir/out" && { echo "FAILED: colours in spite of NO_COLOR"; failed=$((failed + 1)); }
fi

# ---- machines as a kernel's command line makes them ----
printf '%s\n' "lostbuddy 1" "machine kernelcore=100" "p0 = alloc_page(gfp=KERNEL)" >"$dir/core.lb"
expect 0 "clean" replay "$dir/core.lb"; silent
expect 0 "" fuzz --runs 20 --machine kernelcore=100
expect 0 "Movable" proc zonelists "$dir/core.lb"; silent

# ---- rules ----
expect 0 "contract.overlap" rules; silent
grep -q $'\033' "$dir/out" && { echo "FAILED: colours without a terminal"; failed=$((failed + 1)); }
expect 0 '"id": "contract.overlap"' rules --json --level contract; silent
grep -q '"level": "buddy"' "$dir/out" && { echo "FAILED: --level shows other levels"; failed=$((failed + 1)); }

# ---- replay, explain, shrink ----
expect 0 "clean" replay "$dir/p.lb"; silent
expect 0 "clean" replay --target broken:correct --no-observed "$dir/p.lb" "$dir/p.bin"; silent
expect 0 "digest" replay --digest "$dir/p.lb"
cp "$dir/out" "$dir/digest"
expect 0 "digest" replay --digest "$dir/p.lb"
cmp -s "$dir/out" "$dir/digest" || { echo "FAILED: the digest changes"; failed=$((failed + 1)); }
sed -i 's/^p0 = .*/&   # the first block/' "$dir/p.lb"
expect 0 "clean" replay --observe "$dir/p.lb"; silent
grep -q -- '-> pfn [0-9]* *# the first block' "$dir/p.lb" || { echo "FAILED: no observation, or no comment:"; cat "$dir/p.lb"; failed=$((failed + 1)); }
expect 0 "clean" replay "$dir/p.lb"; silent
sed -i 's/-> pfn [0-9]*/-> pfn 1/' "$dir/p.lb"
expect 77 "replay.observed" replay "$dir/p.lb"
expect 0 "clean" replay --no-observed "$dir/p.lb"
expect 5 "nothing is wrong" shrink "$dir/p.lb"; one_sentence
expect 0 "" explain "$dir/p.lb"

# ---- a finding, from the campaign to the person ----
cd "$dir"
expect 0 "seed never-seen" fuzz --seed never-seen --runs 40 --target broken:correct; silent
[ -e camp ] && { echo "FAILED: ./camp without a finding"; failed=$((failed + 1)); }
expect 77 "buddy.unmerged" fuzz --seed first --runs 200 --target broken:loses-buddies --dir found
found=$(ls found/buddy.unmerged*.lb 2>/dev/null | head -n 1)
expect 3 "expected divergence" replay --target broken:loses-buddies "$found"
expect 77 "buddy.unmerged" replay --target broken:loses-buddies "${found%.lb}.bin"
expect 77 "buddy.unmerged" explain --target broken:loses-buddies "$found"
expect 0 "buddy.unmerged" shrink --target broken:loses-buddies "$found"
grep -q "^# it showed at the end of the program" "$found" || { echo "FAILED: no word of the end:"; cat "$found"; failed=$((failed + 1)); }
expect 77 "replay.expected" replay --target broken:correct "$found"
expect 77 'or replay with --no-observed' replay --target broken:correct "$found"
expect 77 "finding" replay --target broken:loses-buddies found

# again NAME... - the comment of each finding, given to a shell as it stands, shows it
again() {
	local name
	for name in "$@"; do
		sed -n 's/^# again: *//p' "$name" >command
		[ -s command ] && sh command >out 2>&1
		[ $? = 3 ] || { echo "FAILED: $(cat command)"; cat out; failed=$((failed + 1)); }
	done
}
again found/*.lb
expect 77 "buddy.unmerged" fuzz --seed first --runs 40 --target broken:loses-buddies --dir "it's here/"
again "it's here"/*.lb
cp "$plugin" mine.so
expect 77 "found/buddy.unmerged" fuzz --seed first --runs 40 --target ./mine.so --dir found/
grep -l -- '--target ./mine.so found/' found/*.lb >ours
again $(cat ours)
[ "$(ls found/buddy.unmerged*.lb | wc -l)" = 2 ] || { echo "FAILED: two targets, not two findings:"; ls found; failed=$((failed + 1)); }

grep -h '^# signature: ' found/*.lb | sed 's/^# signature: //' >known
expect 3 "0 new" fuzz --seed first --runs 200 --target broken:loses-buddies --known known --dir again
expect 77 '"exit_code": 77' fuzz --seed first --runs 20 --target broken:leaks --json --dir json
head -c 1 out | grep -q '{' || { echo "FAILED: --json is not alone on stdout"; failed=$((failed + 1)); }

# ---- a plug-in with a sanitizer, whose runtime is loaded first ----
if [ "$sanitized" = OFF ]; then
	sed 's/malloc(sizeof(\*m) + pages)/malloc(pages)/' "$top/diff/target/example/mine.c" >overruns.c
	cc -g -fsanitize=address -fPIC -shared -I "$top/diff" -o overruns.so overruns.c || failed=$((failed + 1))
	cc -g -fsanitize=address -fPIC -shared -I "$top/diff" -o sound.so "$top/diff/target/example/mine.c" || failed=$((failed + 1))
	export LD_PRELOAD ASAN_OPTIONS=detect_leaks=0
	LD_PRELOAD=$(cc -print-file-name=libasan.so)
	expect 0 "0 new" fuzz --seed first --runs 40 --target ./sound.so; silent
	expect 77 "target.crash exit 1" fuzz --seed first --runs 1 --target ./overruns.so --dir overruns
	unset LD_PRELOAD ASAN_OPTIONS
	grep -q '^==[0-9]*==ERROR: AddressSanitizer: heap-buffer-overflow' overruns/*.txt && grep -q ' in mine_create ' overruns/*.txt ||
		{ echo "FAILED: the head of the report is not kept:"; head -n 20 overruns/*.txt; failed=$((failed + 1)); }
	expect 1 "" fuzz --runs 1 --target ./overruns.so
	grep -q "ASan runtime does not come first" err || { echo "FAILED: without the runtime:"; cat err; failed=$((failed + 1)); }
else
	echo "not run: a plug-in with gcc's AddressSanitizer, since lostbuddy has clang's"
fi

# ---- an enumeration ----
expect 0 "states" enumerate --depth 2; silent
expect 77 "buddy.unmerged" enumerate --depth 2 --world plain --target broken:loses-buddies --dir tiny
expect 77 "buddy.unmerged" replay --target broken:loses-buddies tiny/*.bin
grep -q "found by: .*lostbuddy enumerate --target" tiny/*.lb || { echo "FAILED: no word of how it was found"; failed=$((failed + 1)); }
sed -n 's/^# again: *//p' tiny/*.lb | sh >"$dir/out" 2>&1
grep -q "expected divergence: buddy.unmerged" "$dir/out" || { echo "FAILED: the again line of an enumeration"; cat "$dir/out"; failed=$((failed + 1)); }
expect 3 "buddy.unmerged" enumerate --depth 2 --world plain --target broken:loses-buddies --known known --dir again --json
expect 4 "nothing was carried out" enumerate --depth 2 --world plain --target broken:correct --ops 'get_page(last)'
printf '%s\n' 'alloc_page(gfp=KERNEL)  # there' '__free_pages(last)' >ops
expect 0 "14 sequences of up to 3 of 2 operations" enumerate --depth 3 --machine 'pages=64 min_free_kbytes=0' --ops ops; silent

# ---- signals ----
"$lostbuddy" fuzz --time 0 --target broken:correct >out 2>err &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
[ $? = 72 ] && grep -q "stopped by a signal" out || { echo "FAILED: SIGTERM does not end with 72"; failed=$((failed + 1)); }

# ---- doctor ----
expect 0 "canaries  found" doctor; silent

[ "$failed" = 0 ] && echo "all expectations hold"
exit $((failed > 0))
