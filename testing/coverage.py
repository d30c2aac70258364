#!/usr/bin/env python3
"""Coverage of the core, from what llvm-cov exports.

    coverage.py EXPORT.json EXPORT.lcov FOLDER OUT BAR

Writes OUT.txt (a table, one row a file), OUT-lines.txt (lines that nobody reached) and OUT-conditions.txt (conditions
of which no pair of runs shows that they alone decide: MC/DC); the last two with the source. Prints the result in few
words. Exits with 1 if less than BAR of 100 lines were reached.

A function of a header is compiled into several files: a condition counts as shown if one of them shows it.
"""
import json
import sys
from collections import defaultdict


def lines_of(lcov, folder):
    """file -> {line: times}"""
    files, lines = {}, None
    for record in open(lcov):
        key, _, value = record.rstrip("\n").partition(":")
        if key == "SF":
            lines = files.setdefault(value.removeprefix(folder), {})
        elif key == "DA":
            line, times = map(int, value.split(",")[:2])
            lines[line] = max(times, lines.get(line, 0))
    return files


def decisions_of(file):
    """(line, column, end line, end column) -> [whether a condition alone decides]"""
    decisions = defaultdict(list)
    for record in file["mcdc_records"]:
        shown = record[-1]
        before = decisions[tuple(record[:4])] or [False] * len(shown)
        decisions[tuple(record[:4])] = [a or b for a, b in zip(before, shown)]
    return decisions


def conditions_in(file, decision):
    """The places of a decision's conditions, in their order."""
    begin, end = decision[:2], decision[2:]
    return sorted({tuple(b[:4]) for b in file["branches"] if begin <= tuple(b[:2]) and tuple(b[2:4]) <= end})


def source_at(text, place):
    line, column, end_line, end_column = place
    part = text[line - 1:end_line]
    part[-1] = part[-1][:end_column - 1]
    part[0] = part[0][column - 1:]
    return " ".join(" ".join(part).split())


def report_conditions(out, name, file, text):
    """Returns how many conditions there are, and how many of them are shown."""
    total = good = 0
    for decision, shown in sorted(decisions_of(file).items()):
        places = conditions_in(file, decision)
        total, good = total + len(shown), good + sum(shown)
        for i, alone in enumerate(shown):
            if not alone:
                place = places[i] if len(places) == len(shown) else decision
                print(f"{name}:{place[0]}: {i + 1} of {len(shown)}: {source_at(text, place)}", file=out)
    return total, good


def branches_of(file):
    """How many ways there are out of all branches, and how many were taken."""
    taken = defaultdict(lambda: [0, 0])
    for b in file["branches"]:
        ways = taken[tuple(b[:4])]
        ways[0], ways[1] = ways[0] + b[4], ways[1] + b[5]
    return 2 * len(taken), sum((a > 0) + (b > 0) for a, b in taken.values())


def percent(total, good):
    return f"{100 * good / total:6.1f}" if total else "     -"


def main(export, lcov, folder, out, bar):
    lines = lines_of(lcov, folder)
    sums = [0] * 6
    with open(out + ".txt", "w") as table, open(out + "-lines.txt", "w") as missed, \
            open(out + "-conditions.txt", "w") as conditions:
        print(f"{'file':<32} {'lines':>12} {'%':>6} {'branches':>12} {'%':>6} {'conditions':>12} {'%':>6}", file=table)

        def row(name, sums):
            print(f"{name:<32}", *(f"{good:6}/{total:<5} {percent(total, good)}"
                                   for total, good in zip(sums[::2], sums[1::2])), file=table)

        for file in sorted(json.load(open(export))["data"][0]["files"], key=lambda f: f["filename"]):
            name = file["filename"].removeprefix(folder)
            text = open(file["filename"]).read().split("\n")
            reached = sum(1 for times in lines[name].values() if times)
            numbers = [len(lines[name]), reached, *branches_of(file), *report_conditions(conditions, name, file, text)]
            sums = [a + b for a, b in zip(sums, numbers)]
            row(name, numbers)
            for line in sorted(line for line, times in lines[name].items() if not times):
                print(f"{name}:{line}: {text[line - 1].strip()}", file=missed)
        row("all", sums)
    total, good = sums[:2]
    print(f"lines {100 * good / total:.1f} % (bar {bar} %), branches {100 * sums[3] / sums[2]:.1f} %, "
          f"MC/DC {100 * sums[5] / sums[4]:.1f} % of {sums[4]} conditions")
    return 0 if 100 * good >= float(bar) * total else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
