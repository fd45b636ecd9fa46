"""Damage to JSON, to bytes and to folders, drawn from a random generator."""

import copy
import json

ODD = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, -(10**12), 0.5, 1e-320, 1e308),
    *(float("nan"), float("inf")),
    *("", "x", "NaN", "1", "ü\u0000\n", "x" * 5000, "\x1b]52;c;eA==\x07", "../..", "[/]", "$\\frac$"),
    *([], {}, [[]], [None], ["x"], [1, 2, 3], {"x": 1}, [1] * 40, [[1, "x"], {}], {"": {}}),
)


def places(value, path=()):
    """Every place in nested JSON."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:4]):
            yield from places(inner, (*path, index))


def descend(value, rng):
    """A place in nested JSON, by a random child at each level, so that long lists do not draw all."""
    path = []
    while isinstance(value, dict | list) and value and (not path or rng.random() < 0.85):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        path.append(keys[int(rng.integers(len(keys)))])
        value = value[path[-1]]
    return path


def mutated(value, rng):
    """JSON with one to three places changed, taken out or doubled."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if not (way := descend(value, rng)):
            return value
        *way, last = way
        inner = value
        for key in way:
            inner = inner[key]
        kind = rng.integers(7)
        if kind == 0:
            del inner[last]
        elif kind == 1 and isinstance(inner, dict):
            inner[f"{last}x"] = inner.pop(last)
        elif kind in (2, 3) and isinstance(inner[last], int | float) and not isinstance(inner[last], bool):
            factor = (-1, 0, 2, 1000, 10**9, 10**18, 0.5, 1e300)[rng.integers(8)]
            inner[last] = inner[last] * factor
        elif kind == 4:
            other = value
            for key in descend(value, rng):
                other = other[key]
            inner[last] = copy.deepcopy(other)
        else:
            inner[last] = copy.deepcopy(ODD[rng.integers(len(ODD))])
    return value


def damaged(data, rng):
    """Bytes cut short, changed, emptied, or replaced by noise."""
    kind = rng.integers(5)
    if kind == 0 or not data:
        return b""
    if kind == 1:
        return data[: rng.integers(len(data))]
    if kind == 2:
        return rng.bytes(int(rng.integers(1, 4000)))
    if kind == 3:
        return data + rng.bytes(int(rng.integers(1, 100)))
    changed = bytearray(data)
    for _ in range(rng.integers(1, 20)):
        changed[rng.integers(min(len(changed), 4000))] = rng.integers(256)
    return bytes(changed)


def damage_json(path, rng):
    """Change the contents of a JSON file, or its bytes."""
    data = path.read_bytes()
    try:
        value = json.loads(data) if rng.random() < 0.85 else None
    except ValueError:
        value = None  # damaged before
    path.write_bytes(damaged(data, rng) if value is None else json.dumps(mutated(value, rng)).encode())


def damage_place(path, rng):
    """Take a file away, or put another kind of thing in its place."""
    path.unlink()
    kind = rng.integers(3)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.symlink_to(path.name)
