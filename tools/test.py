#!/usr/bin/env python3
"""Builds and runs the test suite in each configuration, and says at the end what came of it.

    test.py [RUN...]           default: release asan tsan, and lint where CI=true

    release   gcc, optimised and hardened: every test
    asan      clang, AddressSanitizer and UndefinedBehaviorSanitizer: every test but the checks of the build and
              those in the browser (`test.py asan-browser` runs these)
    tsan      clang, ThreadSanitizer: the tests with the label `threads`
    lint      tools/lint.sh, one test

While one configuration is tested, the next ones are built, and then lint runs, at the lowest priority: many tests mostly wait.

Exit 1 if anything failed. The last line is `N passed, N failed, N skipped` over all runs.

SPDX-License-Identifier: MIT
"""
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parents[1]
JOBS = str(os.cpu_count() or 2)
TESTS_AT_ONCE = JOBS  # many of them wait most of the time, and what is built meanwhile takes the rest
# run: (preset, compilers to look for, options, labels of the tests to run, -fsanitize). A label behind a '-' is left out.
RUNS = {
    "release": ("release", ("gcc", "cc"), ["-DCSTAR_TESTS=ON"], None, None),
    "asan": ("asan", ("clang", "gcc"), [], "-browser", "address"),
    "tsan": ("tsan", ("clang", "gcc"), ["-DCSTAR_ONLY_THREADS=ON"], "threads", "thread"),
}
# Not run unless it is asked for by name: `tools/test.py asan-browser`, six minutes.
ON_DEMAND = {
    "asan-browser": ("asan", ("clang", "gcc"), [], "browser", "address"),
}


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def fail(self, name, why=""):
        self.failed.append((name, why))

    def skip(self, name, why):
        self.skipped.append((name, why))


def last_line(text):
    """What a test said last; of a sanitizer's report the summary."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip(" \t=-")]
    summaries = [line for line in lines if line.startswith("SUMMARY:") or "runtime error:" in line]
    return (summaries or lines or [""])[-1][:200]


def run_prefix(compiler, sanitize):
    """What to put before a sanitized program so that it starts here; None: nothing helps.

    Older sanitizer runtimes do not find their memory when the kernel randomises addresses by many bits."""
    if sanitize is None:
        return []
    with tempfile.TemporaryDirectory() as d:
        program = f"{d}/probe"
        built = subprocess.run([compiler, f"-fsanitize={sanitize}", "-x", "c", "-", "-o", program],
                               input="int main(void) { return 0; }\n", text=True, capture_output=True)
        if built.returncode != 0:
            return None
        for prefix in ([], ["setarch", platform.machine(), "-R"]):
            if prefix and shutil.which(prefix[0]) is None:
                continue
            # several times: it is a matter of luck where things are mapped
            if all(subprocess.run([*prefix, program], capture_output=True).returncode == 0 for _ in range(8)):
                return prefix
    return None


def collect(path, run, tally):
    """Reads what ctest wrote down; False if it wrote nothing."""
    try:
        cases = ET.parse(path).getroot().iter("testcase")
    except (OSError, ET.ParseError):
        return False
    for case in cases:
        name, said = f"{run}: {case.get('name')}", last_line(case.findtext("system-out"))
        skipped, failure = case.find("skipped"), case.find("failure")
        if skipped is not None:
            tally.skip(name, said or skipped.get("message", ""))
        elif case.get("status") == "run" and failure is None:
            tally.passed += 1
        else:
            tally.fail(name, said)
    return True


def select(label):
    if not label:
        return []
    return ["-LE", f"^{label[1:]}$"] if label.startswith("-") else ["-L", f"^{label}$"]


class Job:
    """Commands, one after the other until one fails, with what they say in a file of their own."""

    def __init__(self, name, steps, env=None):
        self.name, self.steps, self.env = name, steps, {**os.environ, **(env or {})}
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.failed, self.ended = None, threading.Event()

    def run(self, prefix=()):
        for step in self.steps:
            if subprocess.run([*prefix, *step], cwd=ROOT, env=self.env, stdout=self.log, stderr=subprocess.STDOUT).returncode != 0:
                self.failed = " ".join(step)
                break
        self.ended.set()

    def wait(self):
        """Waits for its end and says what it said; the command that failed, or None."""
        self.ended.wait()
        self.log.seek(0)
        shutil.copyfileobj(self.log, sys.stdout)
        sys.stdout.flush()
        return self.failed


def run_jobs(jobs):
    """Runs them in the background, in this order: the first as fast as it can, the others when nothing else wants to run."""
    nice = ["nice", "-n", "19"] if shutil.which("nice") else []

    def work():
        for job in jobs:
            job.run(nice if job is not jobs[0] else ())

    threading.Thread(target=work, daemon=True).start()


def job_of(run):
    if run == "lint":
        return Job(run, [["tools/lint.sh"]])
    preset, compilers, options = {**RUNS, **ON_DEMAND}[run][:3]
    compiler = next((c for c in compilers if shutil.which(c)), compilers[0])
    return Job(run, [["tools/configure.sh", preset, *options], ["cmake", "--build", f"build/{preset}", "-j", JOBS]], {"CC": compiler})


def run_suite(run, job, tally):
    preset, compilers, _, label, sanitize = {**RUNS, **ON_DEMAND}[run]
    compiler = job.env["CC"]
    prefix = run_prefix(compiler, sanitize) if shutil.which(compiler) else None
    if prefix is None:
        return tally.skip(run, f"no working {'/'.join(compilers)} with -fsanitize={sanitize} here")
    print(f"== {run}: {compiler}, preset {preset}", flush=True)
    if job.wait():
        return tally.fail(f"{run}: build", job.failed)
    build = ROOT / "build" / preset
    results = build / "results.xml"
    results.unlink(missing_ok=True)
    command = [*prefix, "ctest", "--test-dir", str(build), "-j", TESTS_AT_ONCE, "--output-on-failure", "--no-tests=ignore",
               "--output-junit", str(results), *select(label)]
    rc = subprocess.run(command, cwd=ROOT).returncode
    before = len(tally.failed)
    if not collect(results, run, tally):
        return tally.skip(run, "no test with this label") if rc == 0 and label else tally.fail(f"{run}: ctest")
    if rc != 0 and len(tally.failed) == before:
        tally.fail(f"{run}: ctest", f"exit {rc}")
    return None


def run_lint(job, tally):
    print("== lint", flush=True)
    if job.wait() is None:
        tally.passed += 1
    else:
        tally.fail("lint", "tools/lint.sh")


def main():
    wanted = sys.argv[1:] or [*RUNS, *(["lint"] if os.environ.get("CI") == "true" else [])]
    tally = Tally()
    jobs = {run: job_of(run) for run in wanted}
    run_jobs(list(jobs.values()))
    for run, job in jobs.items():
        start = time.monotonic()
        if run == "lint":
            run_lint(job, tally)
        else:
            run_suite(run, job, tally)
        print(f"== {run}: {time.monotonic() - start:.0f} s\n", flush=True)
    for title, entries in (("skipped", tally.skipped), ("failed", tally.failed)):
        for name, why in entries:
            print(f"{title}: {name}" + (f" -- {why}" if why else ""))
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped", flush=True)
    return 1 if tally.failed or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
