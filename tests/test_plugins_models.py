"""Model files name an estimator; only registered ones are resolved."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import dynsamp
from dynsamp.plugins import load_model, save_model
from dynsamp.words import Facts

STATES = (dynsamp.State("x"),)


@dataclass(frozen=True, kw_only=True)
class StrangeModel(dynsamp.Model):
    name: ClassVar[str] = "strange"


@dataclass(frozen=True, kw_only=True)
class Impostor(dynsamp.Model):
    name: ClassVar[str] = "persistence"


def persistence():
    return dynsamp.Persistence.Model(states=STATES, low=np.zeros(1), high=np.ones(1))


def test_a_model_of_the_core_is_written_and_read(tmp_path):
    save_model(persistence(), tmp_path / "a.model")
    model = load_model(tmp_path / "a.model")
    assert type(model) is dynsamp.Persistence.Model
    assert model.states == STATES
    assert not model.facts.distribution


def test_an_unregistered_model_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="'strange' of this StrangeModel is not registered"):
        save_model(StrangeModel(states=STATES), tmp_path / "a.model")
    assert not list(tmp_path.iterdir())


def test_a_model_under_the_name_of_another_estimator_is_not_written(tmp_path):
    with pytest.raises(
        ValueError, match="'persistence' of this Impostor's estimator belongs to plugin 'core' of dynsamp"
    ):
        save_model(Impostor(states=STATES), tmp_path / "a.model")


def test_only_fitted_models_are_written(tmp_path):
    with pytest.raises(TypeError, match=r"needs a fitted model, got Persistence; fit\(data\) makes one"):
        save_model(dynsamp.Persistence(), tmp_path / "a.model")


def test_a_file_of_an_estimator_that_is_not_here_says_so(tmp_path):
    from dynsamp.models.storage import write_model

    facts = Facts(distribution="dynsamp-strange 2.0")
    write_model(StrangeModel(states=STATES, facts=facts), tmp_path / "a.model")
    with pytest.raises(ValueError, match=r"estimator 'strange', .*dynsamp-strange 2\.0"):
        load_model(tmp_path / "a.model")
