#!/usr/bin/env python3
"""run.py [--find] [--table [--write]] [NAME...] - the client's checks, switched off.

The list beside this file has the lines that make each check, and what stands there
when it is off.  Each such file is compiled, laid over the client (libmutant.so comes
before libclient.so), and a test must fail.  `by` names that test; only that is run.
A mutation that no test can see says `same` and why.

--find   run all programs, and write what was found to the list and to docs/trust.md
--table  only compare the table of docs/trust.md with the list, or --write it

Needs what `make mutations` builds.  Exit 1 when a mutation lives, when its lines
are not in the file any more, or when the table says something else.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import threading

BUILD = "build/mutations"
LIST = "tests/mutations/list"
DOC = "docs/trust.md"
BEGIN, END = "<!-- mutations -->\n", "<!-- end of mutations -->\n"
CFLAGS = ["-std=c11", "-O0", "-w", "-fPIC", "-pthread", "-I.", "-D_GNU_SOURCE",
          "-D_FILE_OFFSET_BITS=64", "-D_TIME_BITS=64", '-DVERSION_TEXT="%s"' %
          open("VERSION").read().strip()]
TIMEOUT = 600
# These come last when the test of a mutation is looked for.
SLOW = ("test_key", "test_tuf_attacks", "test_fetch")


class Mutation:
    def __init__(self, block):
        head = re.fullmatch(r"\[([\w.-]+)\] (.+?): (.*)", block[0])
        if head is None or len(block) < 3:
            sys.exit("%s: not understood: %s" % (LIST, block[0]))
        self.name, self.group, self.what = head.groups()
        self.file = block[1]
        self.lines = [l for l in block[2:] if l[:1] in " -+"]
        self.old = [l[1:] for l in self.lines if l[0] != "+"]
        self.new = [l[1:] for l in self.lines if l[0] != "-"]
        said = [l for l in block[2:] if l[:1] not in " -+"]
        self.by = "".join(l[3:] for l in said if l.startswith("by "))
        self.same = "".join(l[5:] for l in said if l.startswith("same "))

    def block(self):
        return ["[%s] %s: %s" % (self.name, self.group, self.what), self.file] + \
            self.lines + (["by " + self.by] if self.by else []) + \
            (["same " + self.same] if self.same else [])

    def text(self):
        """The file with the check off; None when its lines are not there once."""
        text = "\n" + open(self.file).read()
        old = "\n" + "\n".join(self.old) + "\n"
        if text.count(old) != 1:
            return None
        return text.replace(old, "\n" + "".join(l + "\n" for l in self.new), 1)[1:]


def read_list():
    """Comments and mutations, in order."""
    blocks = [b.split("\n") for b in open(LIST).read().strip("\n").split("\n\n")]
    return [b if b[0].startswith("#") else Mutation(b) for b in blocks]


def programs():
    """All tests of the client, the quick ones first."""
    names = (os.path.basename(p) for p in glob.glob(BUILD + "/mutable/*_*"))
    return sorted(names, key=lambda n: (n.startswith("flow"), n in SLOW, n))


def compile_over(text, file, name):
    """The folder of a libmutant.so made of this text; or None and why."""
    folder = os.path.abspath("%s/src/%s" % (BUILD, name))
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    source = folder + "/" + os.path.basename(file)
    with open(source, "w") as f:
        f.write(text)
    done = subprocess.run(["gcc"] + CFLAGS + ["-shared", "-Wl,-soname,libmutant.so", "-o",
                           folder + "/libmutant.so", source, "tests/mutations/quiet.c"],
                          text=True, stderr=subprocess.PIPE)
    return (None, done.stderr) if done.returncode else (folder, None)


def failed_tests(tap):
    """TAP's failures as "test", or "test:case" where a message before names a case.
    What the programs say may stand before either in its line."""
    case = ""
    for line in tap.split("\n"):
        said = re.search(r"ERROR: (\w+_\w+): ", line)
        test = re.search(r"not ok \d+ - (\w+)$", line)
        if test:
            yield test.group(1) + case
        case = ":" + said.group(1) if said else ""


def run(program, over, test=None):
    """What of the program (or its one test) fails or dies, as "program:test", with this
    laid over the client."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", LD_LIBRARY_PATH=over,
               BIN=os.path.abspath(BUILD + "/mutable/bin"))
    if test:
        env["ONE_TEST"] = test
    try:
        done = subprocess.run([BUILD + "/mutable/" + program], env=env, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, timeout=TIMEOUT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        return [program + ":(never ends)"]
    failed = [program + ":" + name for name in failed_tests(done.stdout)]
    return failed or ([program + ":" + (test or "(dies)")] if done.returncode != 0 else [])


def look(m, find):
    """(fine, what to say)"""
    text = m.text()
    if text is None:
        return False, "its lines are not (or not once) in " + m.file
    over, why = compile_over(text, m.file, m.name)
    if over is None:
        return False, "does not compile: " + why
    if m.by and not find:
        program, test = m.by.split(":")[:2]
        failed = run(program, over, test)
        return m.by in failed, failed[0] if failed else "LIVES: %s passes" % m.by
    for program in programs() if find else []:
        failed = run(program, over)
        if failed and m.same:
            return False, "is said to be the same, and %s fails" % failed[0]
        if failed:
            m.by = m.by if m.by in failed else failed[0]
            return True, m.by
    m.by = ""
    return bool(m.same), "the same, as said" if m.same else "LIVES: no test fails"


def plain_runs(mutations):
    """Each of those tests passes with a file laid over the client as it is; and each
    file is, for one test at least."""
    known = set()
    for file in sorted({m.file for m in mutations}):
        tests = {tuple(m.by.split(":")[:2]) for m in mutations if m.file == file and m.by}
        over, why = compile_over(open(file).read(), file, "plain")
        if over is None:
            sys.exit("%s: %s" % (file, why))
        for program, test in sorted(tests - known) or sorted(tests)[:1]:
            failed = run(program, over, test)
            if failed:
                sys.exit("%s fails with all checks on (%s)" % (failed[0], file))
        known |= tests


def doc_with(mutations):
    rows = ["| of | without the check for | in | this fails |\n", "|---|---|---|---|\n"]
    for m in mutations:
        by = "nothing: " + m.same if m.same else "`%s`" % m.by.split(":")[-1]
        rows.append("| %s | %s | `%s` | %s |\n" % (m.group, m.what, m.file, by))
    seen = sum(1 for m in mutations if m.by)
    rows.append("\n%d checks; a test fails without each of %d.\n" % (len(mutations), seen))
    text = open(DOC).read()
    head, rest = text.split(BEGIN)
    return head + BEGIN + "".join(rows) + END + rest.split(END)[1]


def check_table(mutations):
    names = [m.name for m in mutations]
    double = sorted({n for n in names if names.count(n) > 1})
    if double:
        print("%s: twice: %s" % (LIST, ", ".join(double)))
    if doc_with(mutations) != open(DOC).read():
        print("%s: its table is not that of %s; make mutations FIND=--find" % (DOC, LIST))
        return False
    return not double


def write_all(entries):
    blocks = [x.block() if isinstance(x, Mutation) else x for x in entries]
    with open(LIST, "w") as f:
        f.write("\n\n".join("\n".join(b) for b in blocks) + "\n")
    text = doc_with([x for x in entries if isinstance(x, Mutation)])
    with open(DOC, "w") as f:
        f.write(text)


def run_all(chosen, find):
    """How many were not caught."""
    bad = []
    lock = threading.Lock()

    def one(m):
        fine, text = look(m, find)
        with lock:
            print("%s %s: %s" % ("ok" if fine else "BAD", m.name, text), flush=True)
            if not fine:
                bad.append(m.name)

    names = [m.name for m in chosen if not find and not m.by and not m.same]
    if names:
        sys.exit("%s: no test named for %s" % (LIST, ", ".join(names)))
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        list(pool.map(one, chosen))
    plain_runs(chosen)
    return len(bad)


def main():
    find = "--find" in sys.argv
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    entries = read_list()
    everything = [x for x in entries if isinstance(x, Mutation)]
    if "--table" in sys.argv and "--write" in sys.argv:
        write_all(entries)
    if "--table" in sys.argv:
        sys.exit(0 if check_table(everything) else 1)
    chosen = [m for m in everything if not names or m.name in names]
    bad = run_all(chosen, find)
    if find:
        write_all(entries)
    table = 0 if check_table(everything) else 1
    print("%d passed, %d failed" % (len(chosen) - bad, bad + table))
    sys.exit(1 if bad or table or not chosen else 0)


main()
