import ast
from pathlib import Path

import dynsamp


def declared_for_type_checkers():
    tree = ast.parse(Path(dynsamp.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname: node.module for node in imports for alias in node.names}


def test_lazy_names_are_those_that_type_checkers_see():
    declared = declared_for_type_checkers()
    assert {name: module for name, module in declared.items() if module != "dynsamp"} == dynsamp._MODULE_OF


def test_every_public_name_loads():
    for name in dynsamp.__all__:
        assert getattr(dynsamp, name) is not None


def test_unknown_name_is_an_attribute_error():
    assert not hasattr(dynsamp, "no_such_name")
