#!/usr/bin/env bash
#
# The verb trace: exit codes, error sentences, reports.
#
#	trace.sh path/to/lostbuddy
set -u

lostbuddy=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

complain() {
	printf 'FAILED %s\n' "$*"
	failed=$((failed + 1))
}

# expect CODE "words on stdout or stderr" ARGUMENT... - runs lostbuddy trace; its output is in $dir/out, $dir/err
expect() {
	local code=$1 words=$2 got
	shift 2
	"$lostbuddy" trace "$@" >"$dir/out" 2>"$dir/err" <"${input:-/dev/null}"
	got=$?
	if [ "$got" != "$code" ] || [ -n "$words" ] && ! cat "$dir/out" "$dir/err" | grep -qF -- "$words"; then
		complain "trace $*: exit $got, expected $code; expected the words: $words"
		head -n 5 "$dir/out" "$dir/err"
	fi
}

silent() {
	[ -s "$dir/err" ] && { complain "words on stderr:"; cat "$dir/err"; }
}

one_sentence() {
	[ "$(wc -l <"$dir/err")" = 1 ] || { complain "not one line on stderr:"; cat "$dir/err"; }
}

# event CPU TIME WORDS
event() {
	printf '            init-1       [%03d] .....     %s: %s\n' "$@"
}

{
	event 0 1.000001 "mm_page_alloc: page=00 pfn=0x10 order=3 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_ZERO"
	event 1 1.000002 "mm_page_free: page=00 pfn=0x10 order=3"
	event 1 1.000003 "mm_page_free: page=00 pfn=0x40 order=1"
	event 0 1.000004 "kfree: call_site=x ptr=y"
} >"$dir/good.txt"
sed 's/pfn=0x10 order=3 migratetype/pfn=0x11 order=3 migratetype/' "$dir/good.txt" >"$dir/bad.txt"

# ---- usage ----
expect 0 "Exit codes" --help; silent
expect 0 "Usage: lostbuddy trace" --usage
expect 1 "name what to do"
expect 1 "name what to do" check
expect 1 "expected import, check, replay or export" frobnicate "$dir/good.txt"
expect 1 "trace takes one file" check "$dir/good.txt" "$dir/bad.txt"
expect 1 "trace check does not take --output" check -o "$dir/x" "$dir/good.txt"
expect 1 "trace export does not take --json" export --json "$dir/x.lb"
expect 1 "trace import does not take --complete" import --complete "$dir/good.txt"
expect 1 "trace check does not take --machine, --from-boot and --profile" check --profile linux-6.1 "$dir/good.txt"
expect 1 "--every 0: expected 1 .." replay --every 0 "$dir/good.txt"
expect 1 "--every -3: expected 1 .." replay --every -3 "$dir/good.txt"
expect 1 "--profile linux-7.0: expected linux-6.1 or linux-5.10" replay --profile linux-7.0 "$dir/good.txt"; one_sentence
expect 1 "give one of them" replay --machine pages=64 --from-boot "$dir" "$dir/good.txt"

# ---- bad input: file, line, what is wrong ----
expect 1 "lostbuddy: $dir/none: cannot be read: No such file" check "$dir/none"; one_sentence
: >"$dir/empty"
expect 1 "$dir/empty: empty" import "$dir/empty"; one_sentence
echo "buy milk" >"$dir/notes"
for action in import check replay; do
	expect 1 "lostbuddy: $dir/notes:1: this is no recording" $action "$dir/notes"; one_sentence
done
head -c -5 "$dir/good.txt" >"$dir/cut"
expect 1 "$dir/cut:4: the last line does not end" check "$dir/cut"; one_sentence
sed 's/ order=1$//' "$dir/good.txt" >"$dir/old"
expect 1 "$dir/old:3: mm_page_free without order=: an event of another version" import "$dir/old"; one_sentence
expect 1 "$dir/bad.txt:1: contract.align" import "$dir/bad.txt"; one_sentence
expect 1 "$dir/bad.txt:1: contract.align" replay "$dir/bad.txt"; one_sentence
expect 1 "events of CPU 1, and the machine has 1 CPUs" import --machine pages=64 "$dir/good.txt"; one_sentence
expect 1 "cannot write /proc/x.lb" import -o /proc/x.lb "$dir/good.txt"; one_sentence
printf '\27\10Dtracing6\0' >"$dir/short.dat"
expect 1 "$dir/short.dat:" check "$dir/short.dat"; one_sentence
mkdir "$dir/beside"
cp "$dir/good.txt" "$dir/beside/trace.txt"
echo nothing >"$dir/beside/dmesg"
expect 1 "$dir/beside: neither dmesg nor zoneinfo says what memory there is; give one with --machine" \
	import "$dir/beside/trace.txt"; one_sentence
expect 0 "as --machine or --from-boot say" import --machine "pages=512 cpus=2" "$dir/beside/trace.txt"; silent

# ---- import ----
expect 0 "unmapped     1 frees of blocks whose allocation was not recorded" import "$dir/good.txt"; silent
grep -q "kfree: not read" "$dir/out" || complain "import does not say what was not read"
expect 0 "machine      the plainest PC" import -o "$dir/p.lb" "$dir/good.txt"; silent
printf 'p0 = alloc_pages(order=3, gfp=KERNEL|ZERO)\n__free_pages(p0) @cpu1\n' |
	cmp -s - <(tail -n +3 "$dir/p.lb") || complain "the program is another: $(cat "$dir/p.lb")"
"$lostbuddy" replay "$dir/p.lb" >"$dir/out" || complain "an imported program is not judged clean: $(cat "$dir/out")"
expect 0 "lostbuddy 1" import -o - "$dir/good.txt"
grep -q "^allocations  1 " "$dir/err" || complain "with the program on stdout the report is not on stderr"
input=$dir/good.txt expect 0 "-: trace file, 2 CPUs" import -; silent
expect 0 '"free_unknown"' import --json "$dir/good.txt"; silent
command -v python3 >/dev/null && { python3 -c 'import json, sys; r = json.load(sys.stdin)
assert r["allocations"] == 1 and r["freed"] == 1 and r["live"] == 0 and r["not_read"] == {"kfree": 1}
assert r["unmapped"]["free_unknown"]["count"] == 1 and r["unmapped"]["free_unknown"]["first"] == 3' <"$dir/out" ||
	complain "import --json says something else"; }
expect 0 "" import --profile linux-5.10 -o "$dir/p.lb" "$dir/good.txt"
grep -q "^machine profile=linux-5.10 " "$dir/p.lb" || complain "--profile is not the program's"

# ---- check ----
expect 0 "contract.overlap" check "$dir/good.txt"; silent
expect 77 "finding: $dir/bad.txt:1: contract.align: the block of order 3 at pfn 0x11" check "$dir/bad.txt"; silent
expect 77 '"rule": "contract.align"' check --json "$dir/bad.txt"; silent
{
	cat "$dir/good.txt"
	event 1 1.000010 "mm_page_alloc: page=00 pfn=0x40 order=0 migratetype=0 gfp_flags=GFP_KERNEL"
	event 1 1.000011 "mm_page_free: page=00 pfn=0x40 order=0"
	event 1 1.000012 "mm_page_free: page=00 pfn=0x40 order=0"
} >"$dir/twice.txt"
expect 0 "1 frees of single pages that had been handed out without an event" check "$dir/twice.txt"
expect 77 "$dir/twice.txt:7: contract.double-free" check --complete "$dir/twice.txt"

# ---- replay ----
expect 0 "2 operations, 0 allocations failed, 0 of them unlike the recording" replay "$dir/good.txt"; silent
expect 0 "1 of them unlike the recording" replay --machine "pages=64 cpus=2 top_order=4" \
	<(event 0 1.000001 "mm_page_alloc: page=00 pfn=0x400 order=9 migratetype=0 gfp_flags=GFP_NOWAIT|__GFP_NOWARN")
expect 0 '"fragmentation"' replay --json --every 1 "$dir/good.txt"; silent
command -v python3 >/dev/null && { python3 -c 'import json, sys; r = json.load(sys.stdin)
assert [s["operations"] for s in r["samples"]] == [0, 1, 2]
assert [s["held"] for s in r["samples"]] == [0, 8, 0]' <"$dir/out" || complain "replay --json says something else"; }

# ---- export, and the round ----
expect 0 "mm_page_alloc: page=ffffea" export corpus/seeds/two-nodes.lb; silent
expect 1 "No such file" export "$dir/none.lb"; one_sentence
expect 1 "a report would take the place of what is there" export -o "$dir/p.lb" corpus/seeds/two-nodes.lb; one_sentence
expect 0 "" export -o "$dir/events.txt" corpus/seeds/two-nodes.lb; silent
"$lostbuddy" replay --ftrace "$dir/again.txt" corpus/seeds/two-nodes.lb >"$dir/out" ||
	complain "replay --ftrace"
cmp -s "$dir/events.txt" "$dir/again.txt" || complain "replay --ftrace and trace export differ"
"$lostbuddy" replay --ftrace "$dir/again.txt" corpus/seeds >"$dir/out" 2>"$dir/err" && complain "--ftrace of a folder"
one_sentence
# What the core hands out keeps the contract, whatever the program.
for program in corpus/seeds/*.lb; do
	"$lostbuddy" trace export -o "$dir/events.txt" "$program" || complain "no events of $program"
	grep -q mm_page_ "$dir/events.txt" || continue
	expect 0 "" check "$dir/events.txt"; silent
done
expect 0 "" import "$dir/events.txt"; silent

# ---- a real kernel's boot ----
boot=corpus/traces/boot-pages/trace.txt.xz
if "$lostbuddy" trace check "$boot" 2>&1 | grep -q "built without liblzma"; then
	echo "no liblzma: the recorded boot is not looked at"
else
	expect 0 "machine      from dmesg and zoneinfo beside the recording" import -o "$dir/boot.lb" "$boot"; silent
	expect 0 "(the recording has 5)" replay "$boot"; silent
	expect 0 "0 allocations failed" replay --profile linux-5.10 "$boot"; silent
	expect 0 "" check "$boot"; silent
	cmp -s "$dir/boot.lb" <("$lostbuddy" show "$dir/boot.lb") || complain "the imported text is not canonical"
fi

[ "$failed" = 0 ] && echo "all good"
exit $((failed > 0))
