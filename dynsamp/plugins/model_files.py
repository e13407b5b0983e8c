"""Model files, with the types of models looked up among registered estimators and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING

from dynsamp.plugins.registry import IN_TREE, loaded

if TYPE_CHECKING:
    from dynsamp.models.base import Model


def save_model(model: Model, path: str | PathLike[str]) -> None:
    """Write a fitted model to one file, which appears complete or not at all.

    Parameters
    ----------
    model : Model
        Of a registered estimator: another one could not be read again.
    path : path-like
        An existing file is replaced.

    Raises
    ------
    TypeError
        Not a fitted model.
    ValueError
        The model's estimator is not registered, or another plugin has its name.
    OSError
        The file cannot be written; nothing is left behind.
    """
    from dynsamp.models.base import Model
    from dynsamp.models.storage import write_model

    if not isinstance(model, Model):
        raise TypeError(f"save_model needs a fitted model, got {type(model).__name__}; fit(data) makes one")
    entry = loaded().estimators.get(model.name)
    if entry is None:
        raise ValueError(
            f"the estimator {model.name!r} of this {type(model).__name__} is not registered, so the file could not be"
            " read again; return its class from the hook dynsamp_estimators of a plugin"
        )
    if entry.value.Model is not type(model):
        raise ValueError(
            f"the name {model.name!r} of this {type(model).__name__}'s estimator belongs to plugin {entry.plugin!r} of"
            f" {entry.distribution}, so the file would be misread; rename the estimator"
        )
    if entry.distribution != IN_TREE:
        origin = f"{entry.distribution} {entry.version}".strip()
        model = replace(model, facts=replace(model.facts, distribution=origin))
    write_model(model, path)


def load_model(path: str | PathLike[str]) -> Model:
    """Read a fitted model that `save_model` wrote.

    Nothing of the file is executed or imported: its arrays and JSON values become a model of a registered estimator.

    Raises
    ------
    ValueError
        Not a model file, a damaged one, one of a newer dynsamp, or of an estimator that no plugin here offers.
    OSError
        The file cannot be read.
    """
    from dynsamp.models.storage import read_model

    known = loaded().estimators

    def resolve(name: str) -> type[Model]:
        """Class of the fitted models of an estimator."""
        return known[name].value.Model

    return read_model(path, resolve)
