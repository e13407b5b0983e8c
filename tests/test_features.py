"""The page that leads from a feature to its test says what is there."""

import ast
import re
from pathlib import Path

import dynsamp

HERE = Path(__file__).parent
PAGE = (HERE / "README.md").read_text(encoding="utf-8")


def functions_of(name):
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists():
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", PAGE)
    assert len(named) > 50
    assert not [f"{file}::{test}" for file, test in named if test not in functions_of(file)]


def test_every_feature_names_a_test():
    lines = [line for line in PAGE.splitlines() if line.startswith("|")][2:]
    assert not [line for line in lines if "::test_" not in line]


def test_every_public_name_is_mentioned():
    mentioned = set(re.findall(r"`(\w+)`", PAGE))
    assert not set(dynsamp.__all__) - mentioned
