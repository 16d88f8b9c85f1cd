#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does a syzkaller description agree with the kernel's headers?

usage: scripts/suites/static/syz-check.py DESCRIPTION HEADERS TREE

Compiles a program of assertions: each constant that the description names
exists, each struct is as long as its fields say, and each field is where the
header has it. And each request and flag that has to do with dirt is described.
HEADERS is a directory of installed UAPI headers, TREE the kernel tree that
iommufd_test.h and mock_dirty_test.h are taken from. Knows as much of syzlang as
tools/iommu-dirty/syzkaller uses.
"""
import re
import subprocess
import sys

SIZES = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "ptr64": 8}
HANDLE = re.compile(r"_handle\b")


def size_of(field):
    if HANDLE.search(field):
        return 4
    for name, size in SIZES.items():
        if re.search(rf"\b{name}\b", field.split("array")[0]):
            return size
    raise SystemExit(f"syz-check: how long is '{field}'?")


def structs(text):
    for match in re.finditer(r"^(\w+)(?:\$(\w+))? \{\n(.*?)^\}([^\n]*)$", text, re.M | re.S):
        fields = [line.split(None, 1) for line in match[3].splitlines() if line.strip()]
        yield match[1], match[2], fields, "[size[" in match[4]


def constants(text):
    yield from re.findall(r"\bconst\[([A-Z]\w+)", text)
    for values in re.findall(r"^\w+ = (.*)$", text, re.M):
        yield from re.findall(r"\b[A-Z]\w+", values)


def assertions(text):
    for name in sorted(set(constants(text))):
        yield f"_Static_assert(({name}) >= 0, \"{name}\");"
    for struct, member, fields, padded in structs(text):
        offset = 0
        for name, kind in fields:
            size = size_of(kind)
            if name != "pad":
                inner = name
                if member and name not in ("size", "op", "id", "__reserved"):
                    inner = f"{member}.{name}"
                yield (f"_Static_assert(offsetof(struct {struct}, {inner}) == {offset} && "
                       f"sizeof(((struct {struct} *)0)->{inner}) == {size}, "
                       f"\"{struct}.{inner}\");")
            offset += size
        if not padded:
            yield f"_Static_assert(sizeof(struct {struct}) == {offset}, \"{struct}\");"


def missing(text, uapi, tests):
    """What the headers have and the description does not name as a request or a
    value of a flag."""
    requests = re.findall(r"^#define\s+(IOMMU_\w*DIRTY\w*)\s+_IO\(", uapi, re.M)
    flags = re.findall(r"^\s+(IOMMU_HWPT_\w*DIRTY\w*)\s*=", uapi, re.M)
    flags += re.findall(r"^\s+(MOCK_\w+_DEVICE_\w+)\s*=", tests, re.M)
    if len(requests) < 3 or len(flags) < 3:
        raise SystemExit("syz-check: found next to nothing in the headers")
    described = set(re.findall(r"\bcmd const\[(\w+)\]", text))
    yield from (name for name in requests if name not in described)
    named = set(constants(text))
    yield from (name for name in flags if name not in named)


def read(*paths):
    text = ""
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text += file.read()
    return text


def main():
    if len(sys.argv) != 4 or sys.argv[1] in ("-h", "--help"):
        raise SystemExit(__doc__)
    description, headers, tree = sys.argv[1:]
    core = f"{tree}/drivers/iommu/iommufd"
    tests = ("iommufd_test.h", "mock_dirty_test.h")
    text = re.sub(r"^#.*\n", "", read(description), flags=re.M)
    lines = list(assertions(text))
    if len(lines) < 10:
        raise SystemExit(f"syz-check: found next to nothing in {description}")
    lacks = list(missing(text, read(f"{headers}/linux/iommufd.h"),
                         read(*(f"{core}/{name}" for name in tests))))
    if lacks:
        raise SystemExit(f"syz-check: {description} lacks {', '.join(lacks)}")
    program = "\n".join(["#include <stddef.h>", "#include <linux/iommufd.h>",
                         *(f'#include "{name}"' for name in tests), *lines, ""])
    done = subprocess.run(
        ["gcc", "-isystem", headers, f"-I{core}",
         "-fsyntax-only", "-x", "c", "-"],
        input=program, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"syz-check: {description} and the headers differ")
    print(f"{len(lines)} assertions")


main()
