"""The contract of a system, executable: `check_system(spring)`, or one check a test case.

>>> import pytest
>>> import dynsamp.testing
>>> @pytest.mark.parametrize("check", dynsamp.testing.checks, ids=lambda check: check.__name__)
... def test_contract(check):
...     check(spring)
"""

from collections.abc import Iterator

from dynsamp.plugins import system as registered_system
from dynsamp.solve.trial import SlipError
from dynsamp.system import System
from dynsamp.testing.contract import CheckFailure, checks

__all__ = ["CheckFailure", "check_system", "checks", "outcomes"]


def check_system(system: System | str, *, seed: int = 0) -> None:
    """Check that a system keeps the contract of dynsamp.

    Parameters
    ----------
    system : System or str
        The object, or the name of a registered one.
    seed : int
        Seed of starts and paths.

    Raises
    ------
    CheckFailure
        An AssertionError that lists every check that failed, and what to do.
    """
    law = registered_system(system)
    failures = [f"{name}: {error}" for name, error in outcomes(law, seed=seed) if error]
    if failures:
        listed = "\n".join(f"  {k}. {failure}" for k, failure in enumerate(failures, 1))
        raise CheckFailure(f"system {law.name!r} fails {len(failures)} of {len(checks)} checks\n{listed}")


def outcomes(system: System, *, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Name of each check with what is wrong, "" where nothing is."""
    said: set[str] = set()
    for check in checks:
        try:
            check(system, seed=seed)
        except (CheckFailure, SlipError) as failure:  # a slip stops whatever would compile the function
            yield check.__name__, "not run, for the same reason" if str(failure) in said else str(failure)
            said.add(str(failure))
        except Exception as error:  # the system's own functions run here and may raise anything
            yield check.__name__, f"raised {type(error).__name__}: {error}"
        else:
            yield check.__name__, ""
