"""Configurations as YAML and as KEY=VALUE, of odd kinds."""

from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import yaml
from mutations import ODD, damaged, mutated, places

from seisflow.config import load_config, preset_names
from seisflow.models import build_model
from seisflow.models.memory import check_memory

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghi")
)
DOCUMENTS = (
    BOMB,
    "data: " + "[" * 5000,
    "data: " + "{a: " * 3000,
    "x: !!int x\n",
    "training: {steps: !!int x}\n",
    "training: {steps: !!python/object/apply:os.system [touch mark]}\n",
    "data: !!binary x\n",
    "? [a, b]\n: 1\n",
    "a: &a {b: *a}\n",
    "- 1\n",
    "7\n",
    "!!timestamp x",
    "training: {learning_rate: 1.0e+308}\n",
    "flow: {levels: 0x7fffffff}\n",
    "flow: 1:60:60\n",
    "\x00\x01",
    "%YAML 9.9\n---\na: 1\n",
    "flow: {<<: [1, 2]}\n",
    "flow: {<<: {levels: x}}\n",
    "training: {steps: " + "9" * 5000 + "}\n",
)
VALUES = (
    *("1e308", "-1e308", ".inf", ".nan", "10**9", "1000000000", "0x7fffffffffffffff", "!!int x", "[", "*a"),
    *("&a [*a]", "{a: b}", "[1,2]", "[[1,2],[3]]", "null", "~", "''", "!!python/name:os.system", "9" * 5000),
    *("[" * 3000, "2024-01-01", "1:2", "!!float x", "!!set {a}", "1_0", "[999999,999999]", "100000", "0"),
)


class Configs:
    """Presets changed, documents of odd kinds, and overrides of any key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.presets = {
            name: yaml.safe_load((resources.files("seisflow.configs") / f"{name}.yaml").read_text()) or {}
            for name in preset_names()
        }
        keys = set()
        for name in self.presets:
            whole = load_config(name).model_dump(mode="json")
            keys |= {path for path in places(whole) if path and all(isinstance(part, str) for part in path)}
        self.keys = sorted(map(".".join, keys))

    def make(self, target: Path, rng: np.random.Generator) -> tuple[str, list[str]]:
        """A file or preset, and overrides."""
        target.mkdir()
        path = target / "config.yaml"
        name = str(rng.choice(list(self.presets)))
        roll = rng.random()
        if roll < 0.15:
            path.write_text(DOCUMENTS[rng.integers(len(DOCUMENTS))])
        elif roll < 0.5:
            whole = load_config(name).model_dump(mode="json")
            path.write_text(yaml.safe_dump(mutated(whole, rng), allow_unicode=True))
        elif roll < 0.6:
            path.write_bytes(damaged(yaml.safe_dump(self.presets[name]).encode(), rng))
        else:
            changes = []
            for _ in range(rng.integers(1, 3)):
                key = self.keys[rng.integers(len(self.keys))]
                if rng.random() < 0.1:
                    key += rng.choice([".x", "..", ""])
                odd = ODD[rng.integers(len(ODD))]
                value = str(odd) if rng.random() < 0.5 else VALUES[rng.integers(len(VALUES))]
                changes.append(f"{key}={value}")
            return name, changes
        return str(path), []

    def use(self, made: tuple[str, list[str]]) -> None:
        """Read it and build what it describes."""
        config = load_config(*made)
        check_memory(config, config.training.batch)
        build_model(config)
