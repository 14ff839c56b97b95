#!/usr/bin/env python3
"""trust.py BUILD [RELEASES...] - what trust costs: lines of the client, requests, bytes,
CPU and memory of refresh and check, bytes of metadata after so many releases (10 100
1000).  Synthetic history: a tree of three files, of which two change in each release.
"""
import glob, http.server, json, os, re, subprocess, sys, tempfile, threading

build = os.path.abspath(sys.argv[1])
counts = [int(n) for n in sys.argv[2:]] or [10, 100, 1000]
top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ["PATH"] = build + "/bin:" + os.environ["PATH"]
measure = build + "/bench/measure"


class Host(http.server.SimpleHTTPRequestHandler):
    log = []  # bytes of bodies, one for each request

    def copyfile(self, source, out):
        body = source.read()
        Host.log[-1] += len(body)
        out.write(body)

    def do_GET(self):
        Host.log.append(0)
        super().do_GET()

    def log_message(self, *words):
        pass


def code_lines(names):
    """Lines that are neither blank nor comment."""
    n = 0
    for name in names:
        text = re.sub(r"/\*.*?\*/", "", open(name).read(), flags=re.S)
        n += sum(1 for line in text.split("\n") if line.strip())
    return n


def lines():
    tuf = [p for p in glob.glob(top + "/manifest/tuf_*.[ch]") if "tuf_write" not in p]
    crypto = glob.glob(top + "/manifest/key.[ch]") + [top + "/manifest/" + n for n in
        ("verify.c", "verify.h", "canonical.c", "jv_scan.c", "jv_scan.h")]
    crypto = [p for p in crypto if os.path.exists(p)]
    face = [top + "/apply/cmd_trust.c"]
    print("| part of the client | files | lines of code |\n|---|---|---|")
    for what, names in (("the workflow, search, storage (`manifest/tuf_*`)", tuf),
            ("keys, signatures, canonical JSON, the scanner", crypto),
            ("`trust`, `refresh`, `get`", face), ("together", tuf + crypto + face)):
        print("| %s | %d | %d |" % (what, len(names), code_lines(names)))
    print()


def run(words, status=(0,)):
    """Requests, bytes, CPU in ms, peak in MiB."""
    Host.log.clear()
    subprocess.run(["sh", "-c", 'exec "$@" 3> figures', "sh", measure, "60"] + words,
        stdout=subprocess.DEVNULL)
    got = open("figures").read().split()
    if os.waitstatus_to_exitcode(int(got[0])) not in status:
        sys.exit("%s: status %s" % (words, got[0]))
    return len(Host.log), sum(Host.log), int(got[1]) / 1000, int(got[2]) / 1024


def row(what, figures):
    print("| %s | %d | %s | %.0f ms | %.1f MiB |" % (what, figures[0],
        format(figures[1], ","), figures[2], figures[3]))


def release(i):
    open("t/r", "wb").write(os.urandom(300))
    open("t/n", "w").write("%d\n" % i)
    subprocess.run(["mkdelta", "release", "-q", "repo", "t", "--effort", "1", "--notes",
        "Release %d: what is new" % i], check=True)


def part(name):
    return json.load(open("repo/metadata/" + name))["signed"]


def sizes(n):
    """What an update downloads of metadata, root aside, and what archives hold."""
    ts = part("timestamp.json")
    version = ts["meta"]["snapshot.json"]["version"]
    meta = part("%d.snapshot.json" % version)["meta"]
    own = [os.path.getsize("repo/metadata/timestamp.json"),
        ts["meta"]["snapshot.json"]["length"]]
    own += [meta[r + ".json"]["length"] for r in ("targets", "stable", "stable.any")]
    archives = [v["length"] for k, v in meta.items() if "archive" in k]
    return "| %d | %s | **%s** | %d of %s |" % (n, " | ".join(format(b, ",") for b in own),
        format(sum(own), ","), len(archives), format(max(archives, default=0), ","))


def main():
    lines()
    work = tempfile.TemporaryDirectory()
    os.chdir(work.name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
        lambda *a: Host(*a, directory=work.name + "/repo"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d" % server.server_port
    os.mkdir("t")
    open("t/a", "wb").write(os.urandom(3000))
    subprocess.run(["mkdelta", "init", "-q", "repo"], check=True)
    tables = []
    refresh = ["delta-apply", "refresh", "--metadata-dir", "m", "--metadata-url",
        url + "/metadata"]
    check = ["delta-apply", "--config", "app.conf", "check"]
    open("app.conf", "w").write("[app]\nname = demo\nroot = %s/dev/demo\nurl = %s\n"
        "state = %s/state\nrun = %s/run\n[trust]\nroot = %s/repo/metadata/1.root.json\n" %
        (work.name, url, work.name, work.name, work.name))
    for i in range(1, max(counts) + 1):
        release(i)
        if i in counts:
            tables.append(sizes(i))
    print("| releases | timestamp | snapshot | targets | stable | stable.any | an update "
        "reads | archives, the largest |\n|---|---|---|---|---|---|---|---|")
    print("\n".join(tables) + "\n")
    print("| after %d releases | requests | bytes of bodies | CPU | peak memory |\n"
        "|---|---|---|---|---|" % max(counts))
    row("`delta-apply --version`, to compare with", run(["delta-apply", "--version"]))
    row("`trust`", run(["delta-apply", "trust", "--metadata-dir", "m",
        "repo/metadata/1.root.json"]))
    row("`refresh`, the first", run(refresh))
    row("`refresh`, nothing new", run(refresh))
    row("`check` of an application, the first", run(check, (8,)))
    row("`check`, nothing new", run(check, (8,)))
    release(max(counts) + 1)
    row("`refresh`, one release later", run(refresh))
    row("`check`, one release later", run(check, (8,)))
    server.shutdown()


main()
