"""What names of states say: which is the velocity or momentum of which, and which are angles or positions."""

import functools
import re
from collections.abc import Sequence

from dynsamp.models import tuning

ANGLES = {
    "angle", "theta", "phi", "psi", "alpha", "beta", "gamma", "varphi", "vartheta", "azimuth", "inclination",
    "deflection", "rotation", "heading", "pitch", "roll", "yaw", "phase", "angularposition", "angulardisplacement",
    "th", "ang", "θ", "φ", "ϕ", "ψ", "α", "β",
}  # fmt: skip
PLACES = {
    "position", "pos", "displacement", "location", "height", "elongation", "extension", "distance", "coordinate",
    "altitude", "deflection", "stretch", "s", "r", "x", "y", "z", "q",
}  # fmt: skip
ANGULAR = {
    "omega", "ω", "angularvelocity", "angularspeed", "angularmomentum", "angularrate", "angvel", "rotationrate",
    "gyro", "spin", "w",
}  # fmt: skip
LINEAR = {"v", "vel", "velocity", "speed", "p", "momentum", "mom", "rate", "u"}
BEFORE = ("velocity", "vel", "v", "momentum", "mom", "p", "speed", "rate", "dot", "d", "omega", "ω", "angularvelocity",
          "angularmomentum", "angvel", "w")  # fmt: skip
AFTER = (*BEFORE[:9], "omega", "dt", "prime", "angularvelocity", "t")
SIDES = ("left", "right", "upper", "lower", "inner", "outer", "first", "second", "top", "bottom")


def guess_pairs(names: Sequence[str]) -> list[tuple[str, str]] | None:
    """Canonical pairs (q, p) of states that their names tell, in the order of the q; None where they leave a doubt.

    "angle" and "angular_velocity", "theta" and "theta_dot", "x", "vx", "y", "vy" in any order, "q1", "q2", "p1", "p2".
    """
    names = list(names)
    if len(names) % 2 or not 0 < len(names) <= tuning.COMPARED_NAMES:
        return None
    partners = {name: [other for other in names if other != name and _moves(name, other)] for name in names}
    matchings = _matchings(names, partners, 2)
    if len(matchings) != 1:
        return None
    return sorted(matchings[0], key=lambda pair: names.index(pair[0]))


def derived(names: Sequence[str]) -> list[str]:
    """Names of accelerations and energies beside complete pairs: functions of the state, so no states themselves."""
    extra = [name for name in names if _is_derived(name)]
    rest = [name for name in names if name not in extra]
    return extra if extra and guess_pairs(rest) is not None else []


def _is_derived(name: str) -> bool:
    plain = _plain(name)
    named = plain in ("a", "alpha", "α", "acc", "ax", "ay", "az", "ke", "pe") or plain.endswith(("ddot", "acc"))
    return named or any(word in plain for word in ("acceleration", "energy", "accel"))


def _matchings(names: list[str], partners: dict[str, list[str]], most: int) -> list[list[tuple[str, str]]]:
    """Ways to put all names into pairs, up to ``most`` of them."""
    if not names:
        return [[]]
    first, rest = names[0], names[1:]
    found: list[list[tuple[str, str]]] = []
    for other in rest:
        left = [name for name in rest if name != other]
        for q, p in ((first, other), (other, first)):
            if p in partners[q]:
                found += [[(q, p), *more] for more in _matchings(left, partners, most - len(found))]
            if len(found) >= most:
                return found
    return found


def _moves(q: str, p: str) -> bool:
    """Whether p is named as the velocity or momentum of q."""
    a, b = _plain(q), _plain(p)
    # of the same name: theta_dot, vx, p_theta, dq1dt
    if any(b == before + a for before in BEFORE) or any(b == a + after for after in AFTER) or b == f"d{a}dt":
        return not is_momentum(q)
    (stem, place), (other, its) = _split(q), _split(p)
    if place != its:
        return False
    if any(other == before + stem for before in BEFORE) or any(other == stem + after for after in AFTER):
        return not is_momentum(q)  # theta1 and thetadot1, q_1 and dq_1
    if stem in ANGLES and (other in ANGULAR or other in LINEAR):
        return True
    return stem in PLACES and other in LINEAR


@functools.cache
def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


@functools.cache
def _split(name: str) -> tuple[str, str]:
    """A name without its number, direction or body, and these: "q_1" is ("q", "1")."""
    plain = re.sub(r"\W+", "_", name).lower()
    plain = re.sub(r"_(rad|deg|degrees?|m|cm|mm|px)(_?(per_)?s)?$|_s$", "", plain)  # units
    side = re.fullmatch(rf"({'|'.join(SIDES)})_(.+)", plain)
    if side:
        return side[2].replace("_", ""), side[1]
    match = re.fullmatch(r"(.*?[^\W\d_])_?(\d+)", plain) or re.fullmatch(r"(.+)_([^\W\d_])", plain)
    if match and re.sub("_", "", plain) not in ANGLES | ANGULAR:
        return match[1].replace("_", ""), match[2]
    return plain.replace("_", ""), ""


def is_angle(name: str) -> bool:
    """Whether a state is named as an angle."""
    return _split(name)[0] in ANGLES


def is_momentum(name: str) -> bool:
    """Whether a state is named as a velocity or momentum, of whatever."""
    stem, plain = _split(name)[0], _plain(name)
    return (
        stem in ANGULAR
        or stem in LINEAR
        or plain.endswith(("dot", "velocity", "speed", "momentum", "vel", "dt"))
        or plain.startswith(("velocity", "momentum", "speed", "omega"))
        or (len(plain) <= 3 and plain[0] in "vp" and plain[1:2] in ("x", "y", "z", "q", "r", "s"))
    )


def is_velocity(name: str) -> bool:
    """Whether a state is named as a velocity, which is a momentum only up to an inertia."""
    stem, plain = _split(name)[0], _plain(name)
    momentum = "momentum" in plain or stem in ("p", "mom") or (len(plain) <= 3 and plain.startswith("p"))
    return is_momentum(name) and not momentum


def is_coordinate(name: str) -> bool:
    """Whether a state is named as an angle or as a position in space.

    x with a number is what a column without a name is called, and says nothing.
    """
    if is_momentum(name):
        return False
    stem, number = _split(name)
    return stem in ANGLES or (stem in PLACES and not (stem in ("x", "y", "z", "s", "r") and number.isdigit()))
