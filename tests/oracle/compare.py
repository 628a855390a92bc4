#!/usr/bin/env python3
"""Compares two result folders field by field; numbers by value, not by spelling.

    python3 compare.py DIR_A DIR_B [--ignore COLUMN]... [--tolerance X]

Prints the first difference of each file and exits 1 if there is any. Columns go by their
names, whatever their order. Those that only one side has (such as `history_hash`) are listed
with `--columns` and passed over; of a failed run, `status` only has to say
that it failed, and the other columns of its `runs.csv` row after it are not compared.
"""

import argparse
import csv
import math
import os
import sys

FILES = ("events.csv", "series.csv", "commitments.csv", "runs.csv")


def rows(folder, name):
    with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def same(a, b, tolerance):
    if a == b:
        return True
    try:
        x, y = float(a), float(b)
    except ValueError:
        return False
    if x == y or (math.isnan(x) and math.isnan(y)):
        return True
    return abs(x - y) <= tolerance * max(1.0, abs(x), abs(y))


def difference(name, left, right, ignore, tolerance):
    for n, (a, b) in enumerate(zip(left, right)):
        if name == "runs.csv" and a["status"] != "ok" and b["status"] != "ok":
            continue
        bad = [
            k
            for k in a
            if k in b and k not in ignore and not same(a[k], b[k], tolerance)
        ]
        if bad:
            return f"{name} row {n}: {', '.join(bad)}\n  A {list(a.values())}\n  B {list(b.values())}"
    if len(left) != len(right):
        longer = left if len(left) > len(right) else right
        extra = list(longer[min(len(left), len(right))].values())
        return f"{name}: {len(left)} rows against {len(right)}; the first of the others is {extra}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--ignore", action="append", default=[])
    parser.add_argument("--tolerance", type=float, default=0.0)
    parser.add_argument("--columns", action="store_true", help="list columns of one side alone")
    args = parser.parse_args()
    found = []
    for name in FILES:
        a, b = rows(args.a, name), rows(args.b, name)
        if args.columns and a and b:
            for side, one, other in (("A", a, b), ("B", b, a)):
                alone = [column for column in one[0] if column not in other[0]]
                if alone:
                    print(f"{name}: only {side} has {', '.join(alone)}")
        found.append(difference(name, a, b, args.ignore, args.tolerance))
    for text in filter(None, found):
        print(text)
    sys.exit(1 if any(found) else 0)


if __name__ == "__main__":
    main()
