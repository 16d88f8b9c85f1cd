#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Apply patches/removal to a kernel tree, counting what each rule matches.

usage: remove.py TREE REMOVAL

TREE is a 6.12 kernel tree, REMOVAL the directory patches/removal.

Spatch says nothing about a rule that matches nothing, so that a base that has
moved would keep a part of what is to go. Hence every rule of a semantic patch
runs on its own, and must change its file. The tree is written only when all of
it has worked.
"""
import concurrent.futures
import difflib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

RULE = re.compile(r"^@\s*(\w*)\s*@", re.M)
TARGET = re.compile(r"^// target: (\S+)$", re.M)
SPATCH = ["spatch", "--very-quiet", "--no-includes", "--no-show-diff", "--in-place"]


class Stop(Exception):
    pass


def moved(target, what, why):
    return Stop(f"{target}: {what}.\n"
                "The base has moved, or the removal is applied already. Else see what became\n"
                "of that code in this file and adapt the rule; drop it if the code is gone.\n"
                f"Its comment:\n{why.strip()}")


def rules(cocci):
    """Yield (name, text, comment) for each rule; the comment stands before it."""
    text = cocci.read_text()
    # A rule's own header ends with a line "@@": every second match is a head.
    heads = list(RULE.finditer(text))[::2]
    starts = []
    for head in heads:
        comment = re.search(r"(?:^//.*\n)*\Z", text[:head.start()], re.M)
        starts.append((comment.start(), head))
    ends = [start for start, _ in starts[1:]] + [len(text)]
    for (start, head), end in zip(starts, ends):
        if not head[1]:
            raise Stop(f"{cocci}: a rule without a name")
        yield head[1], text[head.start():end], text[start:head.start()]


def changes(old, new):
    """The changed stretches of two lists of lines, as (start, end) in the new."""
    diff = difflib.SequenceMatcher(None, old, new)
    return [(j1, j2) for tag, _, _, j1, j2 in diff.get_opcodes() if tag != "equal"]


def tidy(old, new):
    """Drop blank lines that a removal has left doubled, or beside a brace.

    How spatch treats them differs from version to version, and the patches that
    follow need one and the same result.
    """
    for start, end in reversed(changes(old, new)):
        for i in range(min(end, len(new) - 1), max(start - 1, 0), -1):
            before, after = new[i - 1].rstrip(), new[i].strip()
            if not after and (not before or before.endswith("{")):
                del new[i]
            elif not before and after.startswith("}"):
                del new[i - 1]
    return new


def spatch(cocci, name, text, path):
    with tempfile.NamedTemporaryFile("w", suffix=".cocci") as rule:
        rule.write(text)
        rule.flush()
        run = subprocess.run([*SPATCH, "--sp-file", rule.name, path], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if run.returncode:
        raise Stop(f"{cocci}: rule {name}: spatch failed:\n{run.stdout}")


def work(tree, target, cocci, edits, scratch):
    """Return (new text, report) for one file of the kernel."""
    source = tree / target
    if not source.is_file():
        raise Stop(f"{source}: no such file; is {tree} a 6.12 kernel tree?")
    original = source.read_text()
    path = scratch / target.replace("/", "_")
    path.write_text(original)
    count = places = 0
    if cocci:
        head = cocci.read_text()
        for name, text, comment in rules(cocci):
            before = path.read_text()
            spatch(cocci, name, text, path)
            found = len(changes(before.splitlines(), path.read_text().splitlines()))
            if not found:
                why = comment or "".join(re.findall(r"^//.*\n", head, re.M)[1:])
                raise moved(target, f"rule {name} of {cocci} matches nothing", why)
            count += 1
            places += found
    text = path.read_text()
    for edit in edits:
        replace = edit.get("replace", "").removeprefix("\n")
        text, found = re.subn(edit["find"], replace, text, flags=re.M)
        if found != 1:
            raise moved(target, f"edit {edit['name']} of edits.toml matches {found} times",
                        edit["why"])
    text = "".join(tidy(original.splitlines(True), text.splitlines(True)))
    return text, f"{target}: rules {count}, places {places}, edits {len(edits)}"


def main():
    if len(sys.argv) != 3 or sys.argv[1] in ("-h", "--help"):
        asked = sys.argv[1:2] in (["-h"], ["--help"])
        print(__doc__, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    tree, removal = map(Path, sys.argv[1:])
    patches, edits = {}, {}
    for cocci in sorted(removal.glob("*.cocci")):
        target = TARGET.search(cocci.read_text())
        if not target or target[1] in patches:
            raise Stop(f"{cocci}: needs one '// target:' line of its own")
        patches[target[1]] = cocci
    for edit in tomllib.loads((removal / "edits.toml").read_text())["edit"]:
        edits.setdefault(edit["file"], []).append(edit)
    targets = list(dict.fromkeys([*patches, *edits]))

    with tempfile.TemporaryDirectory() as scratch, \
         concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(work, tree, t, patches.get(t), edits.get(t, []), Path(scratch))
                for t in targets]
        try:
            results = [job.result() for job in jobs]
        except Stop:
            pool.shutdown(cancel_futures=True)
            raise
    for target, (text, report) in zip(targets, results):
        (tree / target).write_text(text)
        print(report)


try:
    main()
except Stop as stop:
    sys.exit(f"remove: {stop}")
