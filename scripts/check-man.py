#!/usr/bin/env python3
"""check-man.py BIN - the manual says what the programs say.

Every command and option of --help is in the page of the program with the same
argument, and the other way round; every key that apply/conf_keys.c knows is in
delta-apply.conf.5 under its section, and the other way round; the completion for
bash offers every command and option.  mandoc finds nothing to warn of, where it is
installed."""

import glob
import os
import re
import shutil
import subprocess
import sys

PAGES = {"mkdelta": "mkdelta.1", "delta-apply": "delta-apply.8", "delta-host": "delta-host.1"}
bad = []


def say(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def help_options(text):
    """{"--name": (short or "", argument or "")} of a --help text."""
    found = {}
    row = re.compile(r"^ {2}(?:-(\w), |    )--([a-z0-9-]+)(?: ([A-Z][A-Z0-9_.=|-]*))?(?:  |$)")
    for line in text.split("\n"):
        if m := row.match(line):
            found[m[2]] = (m[1] or "", m[3] or "")
    return found


def page_options(path):
    """[(heading, {option: (short, argument)})] of the sections of a page."""
    sections = []
    for line in open(path, encoding="utf-8"):
        if m := re.match(r"^\.S[hs] (.*)", line):
            sections.append((m[1].strip('" \n'), {}))
        elif m := re.match(r"^\.It (?:Fl (\w) , )?Fl Fl (\S+)(?: Ar (.*))?$", line):
            sections[-1][1][m[2]] = (m[1] or "", (m[3] or "").replace(" | ", "|"))
    return sections


def check_program(bin_dir, name):
    program = os.path.join(bin_dir, name)
    page = os.path.join("man", PAGES[name])
    commands = re.findall(r"^  ([a-z][a-z-]*)  ", say(program, "--help"), re.M)
    sections = page_options(page)
    common = {}
    for heading, options in sections:
        if heading.startswith("Options of every command"):
            common.update(options)
    own = {h: o for h, o in sections if h in commands}
    used = set()
    for command in commands:
        if command not in own:
            bad.append(f"{page}: command {command} is missing (.Ss {command})")
            continue
        real = help_options(say(program, command, "--help"))
        if not real:
            bad.append(f"{name} {command} --help: no options could be read")
        for option, form in real.items():
            written = own[command].get(option, common.get(option))
            if option not in own[command]:
                used.add(option)
            if written != form:
                bad.append(f"{page}: {command}: --{option}: --help says {form}, the page {written}")
        for option in own[command].keys() - real.keys():
            bad.append(f"{page}: {command}: there is no --{option}")
    for option in common.keys() - used:
        bad.append(f"{page}: no command has --{option}")
    for heading, options in sections:
        if options and heading not in commands and not heading.startswith("Options of every"):
            bad.append(f"{page}: no command {heading}")
    return commands


def check_completion(bin_dir, name, commands):
    script = """. completions/delta-tools.bash
        ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _delta_tools "$1"; printf '%s\\n' "${COMPREPLY[@]}"; }
        ask """
    def ask(*words):
        line = script + " ".join(f"'{w}'" for w in (name,) + words)
        env = dict(os.environ, PATH=bin_dir + ":" + os.environ["PATH"])
        out = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=env, check=True)
        return {w.strip() for w in out.stdout.split("\n") if w.strip()}
    if ask("") != set(commands):
        bad.append(f"completion of {name}: commands {sorted(ask(''))}")
    for command in commands:
        want = set()
        for option, (short, _) in help_options(say(os.path.join(bin_dir, name), command, "--help")).items():
            want.add("--" + option)
            if short:
                want.add("-" + short)
        if (got := ask(command, "-")) != want:
            bad.append(f"completion of {name} {command}: {sorted(got ^ want)} differ")
    if ask("nonsense", "--frob"):
        bad.append(f"completion of {name}: offers what does not exist")


def check_keys():
    table = open("apply/conf_keys.c", encoding="utf-8").read()
    known = set(re.findall(r'^\t\{ "([a-z]+)", "([a-z-]+)", CONF_', table, re.M))
    page, section = set(), ""
    path = os.path.join("man", "delta-apply.conf.5")
    for line in open(path, encoding="utf-8"):
        if line.startswith(".S"):
            m = re.match(r"^\.Ss \[(\w+)\]", line)
            section = m[1] if m else ""
        elif section and (m := re.match(r"^\.It Cm (.*)", line)):
            page |= {(section, key.strip()) for key in m[1].split(" , ")}
    if not known:
        bad.append("apply/conf_keys.c: no keys could be read")
    for section, key in known - page:
        bad.append(f"{path}: [{section}] {key} is missing")
    for section, key in page - known:
        bad.append(f"{path}: there is no [{section}] {key}")


def check_form():
    if not shutil.which("mandoc"):
        print("# no mandoc here: the form of the pages is not looked at")
        return
    for page in glob.glob("man/*.[158]"):
        out = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True)
        bad.extend(line for line in (out.stdout + out.stderr).split("\n") if line)


os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
bin_dir = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
for program in PAGES:
    check_completion(bin_dir, program, check_program(bin_dir, program))
check_keys()
check_form()
for line in bad:
    print(line)
if not bad:
    print("manual: every command, option and key is there, and nothing else")
sys.exit(1 if bad else 0)
