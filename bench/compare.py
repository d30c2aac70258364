#!/usr/bin/env python3
"""Compares the speed of this checkout's HEAD with another revision.

    lostbuddy bench compare --base REV [--workload NAME...] [--rounds N] [--markdown | --json]

Both are cloned below build/bench/, built with the release preset and run side by side: every workload is a process of
its own (`lostbuddy-bench NAME --repeat N`), whose CPU time hyperfine takes, in rounds that take turns, so that what else
the computer does meets both. Instructions are those of `lostbuddy-bench --json`; they hardly differ between runs. What
the table shows is head / base: 1.10 is a tenth slower. Verdicts are for people.
"""

import argparse
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = "build/release/bin/lostbuddy-bench"
LONG_ENOUGH = 0.4  # seconds of a process, so that its start does not count
RUNS_A_ROUND = 4
DEFAULT_WORKLOADS = [
    "page-pair-order-0", "page-pair-order-3", "page-pair-order-4", "page-pair-order-9", "page-pair-order-10",
    "page-batch-256", "page-mix", "page-mix-unchecked", "reset-fuzz-size", "differential-loop",
]


class Failure(Exception):
    """A sentence for whoever called."""


def say(text):
    print(f"bench compare: {text}", file=sys.stderr, flush=True)


def run(*command, cwd=None):
    """Its output; fails with the end of what it complained about."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        end = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise Failure(f"{' '.join(map(str, command))} failed: " + "; ".join(end))
    return done.stdout


# ---- revisions ----

def commit_of(revision):
    done = subprocess.run(["git", "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"],
                          cwd=TOP, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failure(f"{revision}: git knows no such revision")
    return done.stdout.strip()


def expect_clean():
    """What is compared must have a name."""
    changed = run("git", "status", "--porcelain", "--untracked-files=no", cwd=TOP).splitlines()
    if changed:
        raise Failure(f"the checkout has changes that are in no revision ({changed[0][3:]}): commit or stash them first")


def check_out(commit):
    """A clone that stays for the next time; cloned and not a worktree, so that this repository is left as it is."""
    place = TOP / "build" / "bench" / commit[:12]
    if not (place / ".git").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        run("git", "clone", "--quiet", "--shared", "--no-checkout", TOP, place)
    run("git", "checkout", "--quiet", "--force", "--detach", commit, cwd=place)
    return place


def build(place, name):
    say(f"building {name} in {place.relative_to(TOP)}")
    run("cmake", "--preset", "release", cwd=place)
    run("cmake", "--build", "--preset", "release", "--target", "lostbuddy-bench", cwd=place)
    return place / PROGRAM


def forget_others(places):
    for place in (TOP / "build" / "bench").iterdir():
        if place not in places:
            shutil.rmtree(place)


# ---- measuring ----

def can_repeat(program):
    done = subprocess.run([program, "arena-fuzz-size", "--repeat", "1"], stderr=subprocess.PIPE, text=True)
    return "--repeat needs the whole name" in done.stderr


def choose_workloads(asked, base_rows, head_rows):
    common = [row for row in head_rows if row in base_rows]
    for name in asked:
        if name not in common:
            raise Failure(f"{name}: not a workload of both revisions; they share {' '.join(common)}")
    return asked or [name for name in DEFAULT_WORKLOADS if name in common]


def seconds_of(program, workload, count):
    start = time.monotonic()
    run(program, workload, "--repeat", str(count))
    return time.monotonic() - start


def calibrate(program, workload):
    """How many operations make a process that is long enough, its start not counted."""
    start, count = seconds_of(program, workload, 1), 64
    while True:
        took = seconds_of(program, workload, count) - start
        if took >= LONG_ENOUGH / 8:
            return math.ceil(count * LONG_ENOUGH / took)
        count *= 4


def hyperfine(commands):
    """CPU seconds of a run of each command, by hyperfine: its mean of a few. Waiting for the processor is not in it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        run("hyperfine", "-N", "--style", "none", "--warmup", "1", "--runs", str(RUNS_A_ROUND),
            "--export-json", out.name, *commands)
        return [result["user"] + result["system"] for result in json.load(out)["results"]]


def time_workload(programs, workload, rounds):
    """Times of base and head, one of each a round; rounds begin with one and the other in turn."""
    count = calibrate(programs[0], workload)
    commands = [f"'{program}' {workload} --repeat {count}" for program in programs]
    base, head = [], []
    for turn in range(rounds):
        if turn % 2:
            later, sooner = hyperfine(commands[::-1])
        else:
            sooner, later = hyperfine(commands)
        base.append(sooner)
        head.append(later)
    return base, head


def instructions_of(program, workload):
    """Of one operation; None where they are not known."""
    for line in run(program, "--json", workload).splitlines():
        row = json.loads(line)
        if row["name"] == workload:
            return row["instructions_per_op"]
    return None


# ---- comparing ----

def mean_and_error(times):
    """The mean, and its standard error as a part of it."""
    mean = sum(times) / len(times)
    variance = sum((t - mean) ** 2 for t in times) / (len(times) - 1)
    return mean, math.sqrt(variance / len(times)) / mean


def compare_times(base, head):
    """head / base of the means, with an interval that holds it 95 times in 100 (errors of a quotient add in squares)."""
    base_mean, base_error = mean_and_error(base)
    head_mean, head_error = mean_and_error(head)
    ratio = head_mean / base_mean
    half = 1.96 * ratio * math.hypot(base_error, head_error)
    return {"base_seconds": base_mean, "head_seconds": head_mean, "rounds": len(base),
            "ratio": ratio, "low": ratio - half, "high": ratio + half}


def compare_instructions(base, head):
    known = base is not None and head is not None and base > 0
    return {"base": base, "head": head, "ratio": head / base if known else None}


# ---- telling ----

HEADINGS = ["workload", "instructions base", "head", "head/base", "CPU seconds base", "head", "head/base", "95 %"]


def number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def cells(row):
    i, t = row["instructions"], row["time"]
    return [row["workload"], number(i["base"], 1), number(i["head"], 1), number(i["ratio"], 3),
            number(t["base_seconds"], 3), number(t["head_seconds"], 3), number(t["ratio"], 3),
            f"{t['low']:.3f} .. {t['high']:.3f}"]


def as_markdown(result):
    lines = [f"Speed of `{result['head'][:12]}` (head) against `{result['base'][:12]}` (base)", "",
             "| " + " | ".join(HEADINGS) + " |", "| --- |" + " ---: |" * (len(HEADINGS) - 1)]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in result["rows"]]
    return "\n".join(lines)


def as_text(result):
    table = [HEADINGS] + [cells(row) for row in result["rows"]]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEADINGS))]
    lines = [f"head {result['head'][:12]}, base {result['base'][:12]}"]
    for line in table:
        lines.append("  ".join([line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:])]))
    return "\n".join(lines)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(1, f"bench compare: {message}\n")


def parse(arguments):
    parser = Parser(prog="lostbuddy bench compare", description=__doc__.split("\n")[0],
                    epilog="\n".join(__doc__.split("\n")[3:]),
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", metavar="REV", required=True, help="what to compare HEAD with")
    parser.add_argument("--workload", metavar="NAME", nargs="+", action="extend", default=[],
                        help="rows of `lostbuddy bench --list`; some ten if not given")
    parser.add_argument("--rounds", metavar="N", type=int, default=5,
                        help=f"of {RUNS_A_ROUND} runs of each workload (5)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="the table in Markdown")
    form.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args(arguments)
    if options.rounds < 2:
        parser.error("--rounds: two at least, or nothing can be said of how sure a ratio is")
    return options


def compare(options):
    if not shutil.which("hyperfine"):
        raise Failure("hyperfine is not installed (Debian package hyperfine)")
    base, head = commit_of(options.base), commit_of("HEAD")
    expect_clean()
    places = [check_out(base), check_out(head)]
    forget_others(places)
    programs = [build(place, name) for place, name in zip(places, ("base", "head"))]
    if not can_repeat(programs[0]):
        raise Failure(f"{options.base} is too old to be compared: its bench has no --repeat")
    rows = [run(program, "--list").split() for program in programs]
    result = {"base": base, "head": head, "rows": []}
    for workload in choose_workloads(options.workload, *rows):
        say(workload)
        instructions = compare_instructions(*(instructions_of(p, workload) for p in programs))
        times = compare_times(*time_workload(programs, workload, options.rounds))
        result["rows"].append({"workload": workload, "instructions": instructions, "time": times})
    return result


def main(arguments):
    options = parse(arguments)
    try:
        result = compare(options)
    except Failure as failure:
        say(failure)
        return 1
    if options.json:
        print(json.dumps(result))
    else:
        print((as_markdown if options.markdown else as_text)(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
