"""Does comparing revisions compute, choose and refuse what it should? Programs that are measured are stand-ins."""

import importlib.util
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = HERE.parent / "compare.py"
spec = importlib.util.spec_from_file_location("compare", SCRIPT)
compare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare)


def stand_in(folder, name, turns):
    """A program that answers as lostbuddy-bench does; an operation takes so many turns of a loop."""
    path = pathlib.Path(folder) / name
    path.write_text("#!/bin/sh\n"
                    f"turns=$(({turns} * ${{3:-0}}))\n"
                    'case $2 in --repeat)\n'
                    "  while [ $turns -gt 0 ]; do turns=$((turns - 1)); done\n"
                    "  exit ;;\nesac\n"
                    "echo '{\"name\": \"row\", \"instructions_per_op\": 120.5}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class Numbers(unittest.TestCase):
    def test_equal_times_give_one_and_no_width(self):
        t = compare.compare_times([2.0] * 8, [2.0] * 8)
        self.assertEqual((t["ratio"], t["low"], t["high"]), (1.0, 1.0, 1.0))

    def test_the_interval_is_that_of_a_quotient(self):
        # base 1 and 3: mean 2, variance 2, standard error 1, half of the mean; head 4 and 4: no error
        t = compare.compare_times([1.0, 3.0], [4.0, 4.0])
        self.assertAlmostEqual(t["ratio"], 2.0)
        self.assertAlmostEqual(t["high"] - t["ratio"], 1.96 * 2.0 * 0.5)
        self.assertAlmostEqual(t["ratio"] - t["low"], 1.96 * 2.0 * 0.5)

    def test_a_slowdown_lies_outside_of_the_interval_of_one(self):
        base = [1.00, 1.01, 0.99, 1.00, 1.02, 0.98]
        t = compare.compare_times(base, [1.1 * s for s in base])
        self.assertAlmostEqual(t["ratio"], 1.1)
        self.assertGreater(t["low"], 1.0)

    def test_instructions_that_are_not_known_have_no_ratio(self):
        self.assertEqual(compare.compare_instructions(100, 110)["ratio"], 1.1)
        self.assertIsNone(compare.compare_instructions(None, 110)["ratio"])
        self.assertIsNone(compare.compare_instructions(100, None)["ratio"])


class Workloads(unittest.TestCase):
    def test_names_that_only_one_revision_has_are_refused(self):
        with self.assertRaisesRegex(compare.Failure, "new-row: not a workload of both revisions; they share old-row"):
            compare.choose_workloads(["new-row"], ["old-row"], ["old-row", "new-row"])

    def test_without_names_the_usual_ones_that_both_have_are_chosen(self):
        self.assertEqual(compare.choose_workloads([], ["page-mix", "x"], ["x", "page-mix", "page-batch-256"]),
                         ["page-mix"])


class Tables(unittest.TestCase):
    result = {"base": "b" * 40, "head": "a" * 40, "rows": [{
        "workload": "page-mix", "instructions": {"base": 200.0, "head": None, "ratio": None},
        "time": {"base_seconds": 0.5, "head_seconds": 0.6, "rounds": 4, "ratio": 1.2, "low": 1.15, "high": 1.25}}]}

    def test_markdown_has_a_line_for_each_workload_and_as_many_cells_as_headings(self):
        lines = compare.as_markdown(self.result).splitlines()
        self.assertEqual(lines[-1], "| page-mix | 200.0 | - | - | 0.500 | 0.600 | 1.200 | 1.150 .. 1.250 |")
        self.assertEqual(len({line.count("|") for line in lines[2:]}), 1)

    def test_text_names_both_revisions(self):
        self.assertIn("head aaaaaaaaaaaa, base bbbbbbbbbbbb", compare.as_text(self.result))


@unittest.skipUnless(shutil.which("hyperfine"), "hyperfine is not installed")
class Timing(unittest.TestCase):
    def setUp(self):
        self.long_enough, compare.LONG_ENOUGH = compare.LONG_ENOUGH, 0.1

    def tearDown(self):
        compare.LONG_ENOUGH = self.long_enough

    def compared(self, base_turns, head_turns):
        with tempfile.TemporaryDirectory() as folder:
            programs = [stand_in(folder, "base", base_turns), stand_in(folder, "head", head_turns)]
            base, head = compare.time_workload(programs, "row", 3)
            self.assertEqual((len(base), len(head)), (3, 3))
            return compare.compare_times(base, head)

    # Bounds are wide: other work on the computer adds to each run.
    def test_equal_programs_are_equally_fast(self):
        self.assertAlmostEqual(self.compared(100, 100)["ratio"], 1.0, delta=0.4)

    def test_a_planted_slowdown_is_found_in_its_direction(self):
        self.assertGreater(self.compared(100, 300)["ratio"], 1.4)
        self.assertLess(self.compared(300, 100)["ratio"], 0.7)

    def test_instructions_are_the_row_s(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(compare.instructions_of(stand_in(folder, "p", 0), "row"), 120.5)
            self.assertIsNone(compare.instructions_of(stand_in(folder, "p", 0), "other"))


class Refusals(unittest.TestCase):
    """In a repository of its own, that has nothing but the script."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.top = pathlib.Path(self.folder.name) / "repository"
        (self.top / "bench").mkdir(parents=True)
        (self.top / "bin").mkdir()
        shutil.copy(SCRIPT, self.top / "bench" / "compare.py")
        for tool in "git", "python3":
            (self.top / "bin" / tool).symlink_to(shutil.which(tool))
        self.git("init", "--quiet")
        self.git("add", "bench")
        self.git("-c", "user.name=x", "-c", "user.email=x", "commit", "--quiet", "-m", "x")

    def tearDown(self):
        self.folder.cleanup()

    def git(self, *arguments):
        subprocess.run(["git", *arguments], cwd=self.top, check=True)

    def plant_hyperfine(self):
        stand_in(self.top / "bin", "hyperfine", 0)

    def refused(self, *arguments):
        """The sentence; exit code 1 and nothing on the standard output."""
        environment = dict(os.environ, PATH=str(self.top / "bin"))
        done = subprocess.run([sys.executable, self.top / "bench" / "compare.py", *arguments], text=True,
                              capture_output=True, env=environment)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        return done.stderr

    def test_hyperfine_is_named_where_it_is_missing(self):
        self.assertIn("hyperfine is not installed (Debian package hyperfine)", self.refused("--base", "HEAD"))

    def test_a_revision_that_is_none_is_refused(self):
        self.plant_hyperfine()
        self.assertIn("nonsense: git knows no such revision", self.refused("--base", "nonsense"))
        self.assertIn("--all: git knows no such revision", self.refused("--base=--all"))

    def test_changes_that_are_in_no_revision_are_refused(self):
        self.plant_hyperfine()
        with (self.top / "bench" / "compare.py").open("a") as script:
            script.write("# changed\n")
        self.assertIn("the checkout has changes that are in no revision (bench/compare.py)",
                      self.refused("--base", "HEAD"))

    def test_a_revision_that_cannot_be_built_is_a_sentence(self):
        self.plant_hyperfine()
        (self.top / "bin" / "cmake").symlink_to("/bin/false")
        self.assertIn("cmake --preset release failed", self.refused("--base", "HEAD"))

    def test_wrong_usage_is_a_sentence(self):
        self.assertIn("--base", self.refused())
        self.assertIn("--rounds: two at least", self.refused("--base", "HEAD", "--rounds", "1"))


if __name__ == "__main__":
    unittest.main()
