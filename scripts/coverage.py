#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Adds up what gcov counted and compares with the list of lines that do not run.

usage: coverage.py TOP DATA OUT FILE...

DATA has a directory per suite: with .gcda files of user-space programs beside
their .gcno, or with tars of /sys/kernel/debug/gcov of kernels whose .gcno are in
TOP/build/kernel. FILE are the files that count, relative to TOP.

A line runs if it does anywhere. It has as many branches as it has in the object
in which most of them were taken: the walker is compiled many times over, each
time into something else.
"""
import collections
import json
import os
import re
import subprocess
import sys
import tarfile

TARGET = 95


def fail(message):
    sys.exit('coverage: ' + message)


def gcov(tool, gcda):
    """The JSON of one object"""
    run = subprocess.run([tool, '--json-format', '--stdout', '-b', gcda],
                         cwd=os.path.dirname(gcda), capture_output=True, text=True)
    if run.returncode or 'mismatch' in run.stderr:
        fail(f'{gcda}: {run.stderr.strip()}')
    return [json.loads(line) for line in run.stdout.splitlines() if line]


def kernel_objects(top, archive):
    """Unpacks the counters of one machine beside the notes of their kernel"""
    where = archive[:-len('.tar.gz')]
    with tarfile.open(archive) as tar:
        for member in tar:
            match = re.search(r'/series-(\w+)-gcov/(.*)\.gcda$', member.name)
            if not match:
                continue
            arch, stem = match.groups()
            gcda = f'{where}/{stem}.gcda'
            os.makedirs(os.path.dirname(gcda), exist_ok=True)
            with open(gcda, 'wb') as out:
                out.write(tar.extractfile(member).read())
            with open(f'{top}/build/kernel/series-{arch}-gcov/{stem}.gcno', 'rb') as notes, \
                 open(f'{where}/{stem}.gcno', 'wb') as out:
                out.write(notes.read())
            yield ('' if arch == 'x86' else 'aarch64-linux-gnu-') + 'gcov', gcda


def objects(top, data):
    """Pairs of the gcov to ask and the counters"""
    for where, _, names in sorted(os.walk(data)):
        for name in sorted(names):
            if name.endswith('.tar.gz'):
                found = list(kernel_objects(top, f'{where}/{name}'))
                if not found:
                    fail(f'{where}/{name} has no counters: see the console of its suite')
                yield from found
    for where, _, names in sorted(os.walk(data)):
        if os.path.basename(where) == 'unit':
            for name in sorted(names):
                if name.endswith('.gcda'):
                    yield 'gcov', f'{where}/{name}'


def count(top, data, files):
    """Per file: lines[number] = count, branches[number] = {how many: counts}"""
    lines = {name: collections.Counter() for name in files}
    branches = {name: collections.defaultdict(dict) for name in files}
    for tool, gcda in objects(top, data):
        for report in gcov(tool, gcda):
            for entry in report['files']:
                # However the compiler was told the path
                name = next((f for f in files if entry['file'].endswith(f)), None)
                if not name:
                    continue
                for line in entry['lines']:
                    number = line['line_number']
                    lines[name][number] += line['count']
                    taken = [branch['count'] for branch in line['branches']]
                    if taken:
                        of = branches[name][number]
                        old = of.get(len(taken), [0] * len(taken))
                        of[len(taken)] = [a + b for a, b in zip(old, taken)]
    return lines, branches


def best(variants):
    """(taken, all) of the variant of a line's branches that was taken most"""
    return max(((sum(map(bool, counts)), number) for number, counts in variants.items()),
               key=lambda pair: (pair[0] / pair[1], pair[1]))


def read_list(path):
    """Lines that do not run, and why: path, text, reason, with tabs between"""
    known = collections.Counter()
    with open(path, encoding='utf-8') as listed:
        for line in listed:
            if line.startswith('#') or not line.strip():
                continue
            fields = line.rstrip('\n').split('\t')
            if len(fields) != 3 or not fields[2]:
                fail(f'{path}: not "file<tab>line<tab>reason": {line}')
            known[tuple(fields[:2])] += 1
    return known


def annotate(path, source, lines, branches):
    """The source with counts, '#####' for what did not run"""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as out:
        for number, text in enumerate(source, 1):
            shown = ''
            if number in lines:
                shown = lines[number] or '#####'
            taken = '%d/%d' % best(branches[number]) if branches.get(number) else ''
            out.write(f'{shown:>12} {taken:>6} {number:5} {text}\n')


def row(name, pairs):
    cells = ['%4d of %4d %5.1f %%' % (part, whole, 100 * part / whole if whole else 100)
             for part, whole in pairs]
    return f'{name:<46} {cells[0]:>22} {cells[1]:>22}'


def main():
    if len(sys.argv) < 5 or sys.argv[1] in ('-h', '--help'):
        asked = sys.argv[1:2] in (['-h'], ['--help'])
        print(__doc__, file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    top, data, out = map(os.path.abspath, sys.argv[1:4])
    files = sys.argv[4:]
    lines, branches = count(top, data, files)
    known = read_list(f'{top}/scripts/coverage.uncovered')
    table = [f'{"file":<46} {"lines":>22} {"branches":>22}']
    total = [[0, 0], [0, 0]]
    new = []
    for name in files:
        if not lines[name]:
            # A header may be only declarations.
            if name.endswith('.c'):
                new.append(f'{name}: nothing of it was counted')
            continue
        with open(f'{top}/{name}', encoding='utf-8') as file:
            source = file.read().splitlines()
        annotate(f'{out}/{name}.gcov', source, lines[name], branches[name])
        run = (sum(map(bool, lines[name].values())), len(lines[name]))
        taken = tuple(map(sum, zip(*[best(v) for v in branches[name].values()]))) or (0, 0)
        table.append(row(name, (run, taken)))
        for sums, pair in zip(total, (run, taken)):
            sums[0] += pair[0]
            sums[1] += pair[1]
        for number in sorted(n for n, hits in lines[name].items() if not hits):
            key = (name, source[number - 1].strip())
            if known[key]:
                known[key] -= 1
            else:
                new.append(f'{name}:{number}: does not run: {key[1]}')
    table.append(row('all', total))
    with open(f'{out}/summary', 'w', encoding='utf-8') as file:
        file.write('\n'.join(table) + '\n')
    print('\n'.join(table))
    new += [f'scripts/coverage.uncovered: runs, or is gone: {name}: {text}'
            for (name, text), number in known.items() if number]
    for line in new:
        print(line)
    percent = 100 * total[0][0] / max(total[0][1], 1)
    if percent < TARGET:
        print(f'{percent:.1f} % of the lines run, fewer than {TARGET} %')
    sys.exit(bool(new) or percent < TARGET)


main()
