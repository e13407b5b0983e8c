"""What a law is, apart from its name: the content of its functions and values, for the plan of a store.

A store goes on, or is returned, under the law that it was begun with only. Everything that determines numbers is told
as a short value, or as ``#`` and a hash; what cannot be told is named with the reason, and such a store is not resumed.
"""

import dataclasses
import dis
import enum
import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dynsamp import plugins
from dynsamp._version import __version__
from dynsamp.dataset.schema import versions
from dynsamp.kernels import jit
from dynsamp.models.base import Model
from dynsamp.system import System

OWN = ("kernels", "models", "networks", "solve", "workflow", "streams.py", "system.py")  # what computes numbers
NOT_NUMBERS = {"name", "title", "description", "equations", "references", "estimator", "metrics"}
ELSEWHERE = {"initial", "parameters", "duration", "dt", "generate"}  # in starts, times and values of the plan
MOST = 300  # files of a package that are read; larger ones are told by their version
HEAP_TYPE = 1 << 9  # flag of a class that Python code made
GENERATED = "<string>"  # where the methods of a dataclass come from
BOOKKEEPING = {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__annotations__", "_abc_impl"}
BOOKKEEPING |= {"__dataclass_fields__", "__dataclass_params__", "__abstractmethods__", "__match_args__", "__slots__"}


class Told(dict[str, Any]):
    """Values of a plan by name; ``unknown`` has the reason where a content cannot be told."""

    def __init__(self, **values: Any) -> None:
        super().__init__(values)
        self["versions"] = {"dynsamp": _own(), **{name: versions()[f"{name}_version"] for name in ("numba", "numpy")}}
        self["compiled"] = not jit.disabled()
        self["unknown"] = {}

    def add(self, name: str, value: Any) -> None:
        """A value itself where it is short, else the hash of its content."""
        if value is None or isinstance(value, bool | int | float | str):
            self[name] = value
            return
        try:
            self[name] = digest(value)
        except jit.UnknownContentError as reason:
            self["unknown"][name] = str(reason)

    def add_law(self, law: System, exact: bool) -> None:
        """All of a system that determines numbers, its starts, parameters and experiment apart."""
        self["system"] = law.name
        self["plugin"] = _origin(law)
        if type(law).__module__ != System.__module__:
            self.add("class", type(law))
        for field in dataclasses.fields(law):
            value = getattr(law, field.name)
            if field.name in ("diagnostics", "invariants"):
                for name, function in value.items():
                    self.add(name, function)
            elif field.name not in NOT_NUMBERS | ELSEWHERE:
                self.add(field.name, value)
        if exact:
            self.add("generate", law.generate)
        if law.kind == "map":
            self["dt"] = law.dt

    def add_model(self, model: Model) -> None:
        """A fitted model: everything but how long the fit took."""
        self["estimator"] = model.name
        self["plugin"] = _version_of(model.facts.distribution)
        self.add("model", model)


def digest(*values: Any) -> str:
    """Hash of contents.

    Raises UnknownContentError where one cannot be told.
    """
    total = hashlib.sha256()
    reader = _Content(total)
    for value in values:
        reader.value(value)
    return f"#{total.hexdigest()[:40]}"


def span(times: np.ndarray) -> str:
    """Saved times in words, and their hash."""
    return f"{times[0]:g} to {times[-1]:g}, {len(times)} of them {digest(times)}"


def _origin(law: System) -> str:
    """Distribution that a registered system of this name comes from, with its version; a copy has the same."""
    for entry in plugins.registry.loaded().systems.values():
        if entry.value.name == law.name:
            return f"{entry.distribution} {entry.version}"
    return ""


def _version_of(distribution: str) -> str:
    try:
        return f"{distribution} {importlib.metadata.version(distribution)}" if distribution else ""
    except importlib.metadata.PackageNotFoundError:
        return distribution


@functools.cache
def _own() -> str:
    """Version of dynsamp, and a hash of what computes in it: one that is worked on keeps its version."""
    folder, total = Path(__file__).parent.parent, hashlib.sha256()
    for place in (folder / name for name in OWN):
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            total.update(path.read_bytes())
    return f"{__version__} #{total.hexdigest()[:40]}"


@functools.cache
def _package(name: str) -> str:
    """Content of the package of a module: its files, or its version where there are many."""
    top = name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.has_location:
        raise jit.UnknownContentError(f"the module {name!r}")
    place = Path(spec.origin)
    paths = sorted(place.parent.rglob("*.py")) if place.name == "__init__.py" else [place]
    if len(paths) > MOST:
        return f"{_version_of(top)} {len(paths)}"
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def _known(module: str) -> bool:
    """Whether the versions in every plan say what is in a module."""
    return module.partition(".")[0] in ("dynsamp", *jit.STABLE, *sys.stdlib_module_names) and module != "__main__"


class _Content(jit.ContentReader):
    """Also of what compiled functions cannot refer to: containers, classes and their instances."""

    def __init__(self, total: Any) -> None:
        super().__init__(total)
        self.inside: list[int] = []  # ids of what is being read

    def value(self, value: Any) -> None:
        """Put a value into the hash."""
        special = self._special(value)
        if special is None:
            super().value(value)
        elif id(value) in self.inside:  # a circle: the depth says which
            self.put("again", str(self.inside.index(id(value))))
        else:
            self.inside.append(id(value))
            special(value)
            self.inside.pop()

    def _special(self, value: Any) -> Callable[[Any], None] | None:
        if isinstance(value, type):
            return self._class
        if isinstance(value, Mapping) and not isinstance(value, Model):
            return self._mapping
        if type(value) in (list, set):  # files know lists only
            return lambda items: self.value((tuple if type(items) is list else frozenset)(items))
        if type(value) is np.ndarray:
            return self._array
        if isinstance(value, types.FunctionType):
            home = str(value.__globals__.get("__name__"))
            own = _known(home) and getattr(sys.modules.get(home), "__dict__", None) is value.__globals__
            return self._known_function if own else None
        if isinstance(value, types.MethodType | functools.partial | functools._lru_cache_wrapper):
            return self._wrapped
        plain = isinstance(value, np.generic | np.dtype | tuple | frozenset | enum.Enum)
        if plain or hasattr(value, "_defn") or hasattr(value, "py_func"):
            return None
        return self._instance if all(map(_in_python, type(value).__mro__)) else None

    def function(self, value: Any) -> None:
        """A function, and the packages that it imports when it is called."""
        super().function(value)
        value = getattr(value, "py_func", value)
        for name in _imports(value.__code__):
            self.put("import", name)
            if not _known(name):
                self.put(
                    _package(name if name and importlib.util.find_spec(name.partition(".")[0]) else value.__module__)
                )

    def _known_function(self, value: types.FunctionType) -> None:
        code = value.__code__
        self.put("known", f"{value.__globals__['__name__']}.{code.co_qualname}", str(code.co_firstlineno))
        self.value((value.__defaults__, value.__kwdefaults__))
        for cell in value.__closure__ or ():
            self.value(cell.cell_contents)

    def _class(self, value: type) -> None:
        self.put("class", f"{value.__module__}.{value.__qualname__}")
        if _known(value.__module__):
            return
        if value.__module__ != "__main__":
            self.put(_package(value.__module__))
            return
        for base in value.__bases__:
            self.value(base)
        for name, member in sorted(vars(value).items()):
            code = getattr(member, "__code__", None)
            if name not in BOOKKEEPING and (code is None or code.co_filename != GENERATED):
                self.put(name)
                self._member(member)

    def _member(self, member: Any) -> None:
        if isinstance(member, staticmethod | classmethod):
            self.value(member.__func__)
        elif isinstance(member, property):
            self.value((member.fget, member.fset))
        elif not isinstance(member, types.MemberDescriptorType | types.GetSetDescriptorType):
            self.value(member)

    def _mapping(self, value: Mapping[Any, Any]) -> None:
        self.put("mapping", str(len(value)))
        for key in sorted(value, key=repr):
            self.value(key)
            self.value(value[key])

    def _array(self, value: np.ndarray) -> None:
        if value.dtype.hasobject:
            self.value((value.shape, value.ravel().tolist()))
        else:
            super().value(np.array(value, order="C"))

    def _wrapped(self, value: Any) -> None:
        self.put("wrapped")
        for name in ("__wrapped__", "__func__", "__self__", "func", "args", "keywords"):
            if hasattr(value, name):
                self.value(getattr(value, name))

    def _instance(self, value: Any) -> None:
        self.value(type(value))
        if not dataclasses.is_dataclass(value):
            slots = [name for kind in type(value).__mro__ for name in _slots(kind) if hasattr(value, name)]
            self._mapping({name: getattr(value, name) for name in slots} | getattr(value, "__dict__", {}))
            return
        held = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if isinstance(value, Model):  # a fit that ran again took other seconds
            held |= {"report": None, "facts": dataclasses.replace(value.facts, versions={}, last=None, table=None)}
        self._mapping(held)


def _in_python(kind: type) -> bool:
    """Whether instances of a class hold nothing but their attributes."""
    home = kind.__module__
    if kind in (object, types.SimpleNamespace) or home in ("abc", "contextlib", "typing"):
        return True
    file = str(getattr(sys.modules.get(home), "__file__", None) or "")
    defined = bool(kind.__flags__ & HEAP_TYPE)  # those of C may claim any module
    return defined and (home == "__main__" or (file.endswith(".py") and home not in sys.stdlib_module_names))


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _imports(code: types.CodeType) -> list[str]:
    """Modules that a function imports when it runs."""
    own = [str(step.argval) for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"]
    return own + [name for part in code.co_consts if isinstance(part, types.CodeType) for name in _imports(part)]
