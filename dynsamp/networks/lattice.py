"""Sums of one local law over the sites of a lattice, and equations for its gradient.

The law is a sum of parts. A part sees some fields at some offsets from a site, its places: a patch (see ``grid``).
With differences it sees u[i + k] - u[i + k0] in place of u, which leaves its values at a shift of all sites. What the
gradient of the sum is at a site is a sum over the patches that the site belongs to, so that equations for the whole are
linear equations between gradients of the law at patches: see ``Gradients.maps``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from dynsamp.networks import tuning
from dynsamp.networks.gradients import Gradients
from dynsamp.networks.grid import Grid, Patch
from dynsamp.networks.network import Energy, HiddenLayer
from dynsamp.networks.structure import Structure
from dynsamp.networks.terms import parse
from dynsamp.streams import generator


@dataclass(frozen=True)
class Part(Patch):
    """One summand of a local law."""

    relative: tuple[int, ...] = ()  # fields of which it sees differences

    @property
    def reach(self) -> tuple[int, ...]:
        """Distinct offsets, in order."""
        return tuple(sorted(set(self.offsets)))

    @cached_property
    def mix(self) -> np.ndarray:
        """Matrix (variable, place): what it sees, from the values at its places."""
        unit = np.eye(len(self.fields))
        first = {field: self.fields.index(field) for field in self.relative}
        seen = [(k, field) for k, field in enumerate(self.fields) if first.get(field) != k]
        rows = [unit[k] - unit[first[field]] if field in first else unit[k] for k, field in seen]
        return np.array(rows).reshape(-1, len(self.fields))


@dataclass(frozen=True)
class Lattice(Grid):
    """Sites in a row, and the parts of the law at each."""

    parts: tuple[Part, ...]
    labels: tuple[str, ...] = ()  # of the fields, for formulas; none: there are no formulas

    @cached_property
    def spans(self) -> list[slice]:
        """Variables of each part among those of all."""
        stops = np.cumsum([0, *(len(part.mix) for part in self.parts)]).tolist()
        return [slice(start, stop) for start, stop in pairwise(stops)]

    @property
    def variables(self) -> int:
        """Number of variables of the law."""
        return int(self.spans[-1].stop)

    def places(self, part: Part) -> list[str]:
        """Names of the places of a part: q_0 and q_1 are q at a site and at the next one, q that of a site alone."""
        places = zip(part.fields, part.offsets, strict=True)
        if part.reach == (0,):
            return [self.labels[field] for field, _ in places]
        return [f"{self.labels[field]}_{offset}".replace("-", "m") for field, offset in places]

    def _variables(self, part: Part) -> dict[str, str]:
        """Names of the variables of a part, and what they are at its places."""
        names, found = self.places(part), {}
        for row in part.mix:
            (plus,), minus = np.flatnonzero(row > 0.0), np.flatnonzero(row < 0.0)
            name = names[plus]
            found.update({f"d_{name}": f"({name} - {names[minus[0]]})"} if len(minus) else {name: name})
        return found

    def structure(self, polynomial: int) -> Structure:
        """Of the law as a function of its variables: a sum over the parts."""
        names = tuple(name for part in self.parts for name in self._variables(part)) if self.labels else ()
        blocks = tuple(tuple(range(span.start, span.stop)) for span in self.spans)
        return Structure(self.variables, polynomial, summands=blocks if len(blocks) > 1 else (), names=names)

    def _patch(self, part: Part, offset: int) -> tuple[np.ndarray, np.ndarray]:
        """Patch (site,) that has each site at this offset, and whether it counts."""
        centres = self.centres(part)
        patch = np.arange(self.sites) - offset - centres[0]
        if self.ends == "periodic":
            return patch % self.sites, np.ones(self.sites, bool)
        return np.clip(patch, 0, len(centres) - 1), (patch >= 0) & (patch < len(centres))

    def scale(self, y: np.ndarray) -> np.ndarray:
        """Half the range (component,) of each field in states (point, component): energies are gradients times it."""
        fields = y.reshape(len(y), self.fields, self.sites)
        half = 0.5 * (fields.max(axis=(0, 2)) - fields.min(axis=(0, 2)))
        return np.repeat(np.where(half > 0.0, half, 1.0), self.sites)

    def rows(self, data: Gradients, *, seed: int = 0) -> Gradients:
        """The same equations for the gradient of the law; no more of them than a fit uses."""
        return self._site_rows(data, seed) if data.maps is None else self._whole_rows(data, data.maps)

    def _site_rows(self, data: Gradients, seed: int) -> Gradients:
        """A row of every site: what the gradient with respect to its fields is, a node an offset."""
        total = len(data.target) * self.sites
        chosen = np.arange(total)
        if total > tuning.LATTICE_SITES:
            chosen = np.sort(generator(seed, "sites").choice(total, tuning.LATTICE_SITES, replace=False))
        row, site = np.divmod(chosen, self.sites)
        own = site[:, None] + self.sites * np.arange(self.fields)
        scale = self.scale(data.nodes.reshape(-1, self.size))[:: self.sites]
        offsets = sorted({offset for part in self.parts for offset in part.offsets})
        nodes = np.empty((len(data.nodes), len(offsets), len(chosen), self.variables))
        maps = np.zeros((*nodes.shape[:3], self.fields, self.variables))
        for part, span in zip(self.parts, self.spans, strict=True):
            index = self.index(part)
            for j, offset in enumerate(offsets):
                # a part without this offset has a node all the same, which no equation asks for
                patch, counts = self._patch(part, offset if offset in part.offsets else part.offsets[0])
                components = index[patch[site]]
                for node, full in zip(nodes[:, j], data.nodes, strict=True):
                    node[:, span] = _padded(full)[row[:, None], components] @ part.mix.T
                for k in np.flatnonzero(np.array(part.offsets) == offset):
                    field = part.fields[k]
                    along = counts[site][:, None] * (scale[field] * part.mix[:, k])
                    maps[:, j, :, field, span] += data.weights[:, None, None] * along
        target = data.target[row[:, None], own]
        shape = (-1, *nodes.shape[2:])
        return Gradients(
            nodes.reshape(shape), np.full(len(data.nodes) * len(offsets), 1.0 / (len(data.nodes) * len(offsets))),
            target * scale, maps.reshape(-1, *maps.shape[2:]), estimate=self._estimate(data.target, row, site),
            block=data.block[row] if len(data.block) else row,
        )  # fmt: skip

    def _estimate(self, gradient: np.ndarray, row: np.ndarray, site: np.ndarray) -> np.ndarray:
        """About the gradient of the law: that of a site is shared evenly by its patches."""
        found = np.empty((len(row), self.variables))
        for part, span in zip(self.parts, self.spans, strict=True):
            components = self.index(part)[self._patch(part, part.offsets[0])[0][site]]
            shares = _padded(gradient)[row[:, None], components] / len(part.reach)
            found[:, span] = shares @ np.linalg.pinv(part.mix)
        return found

    def _whole_rows(self, data: Gradients, maps: np.ndarray) -> Gradients:
        """Equations between gradients of the whole: a node for every patch of every node."""
        indices = [self.index(part) for part in self.parts]
        patches = max(len(index) for index in indices)
        count, rows, equations, _ = maps.shape
        a_row = 8 * count * patches * equations * self.variables
        kept = min(rows, max(2, int(tuning.LATTICE_BYTES / a_row)))
        if kept < rows:
            data = data.take(np.linspace(0, rows - 1, kept).astype(int))
            assert data.maps is not None
            maps = data.maps
        nodes = np.empty((count, patches, kept, self.variables))
        local = np.zeros((count, patches, kept, equations, self.variables))
        estimate = np.empty((kept, self.variables))
        slopes = _padded(data.slopes)
        for part, span, index in zip(self.parts, self.spans, indices, strict=True):
            own = len(index)
            for node, full, new, old in zip(nodes, data.nodes, local, maps, strict=True):
                values = _padded(full)[:, index] @ part.mix.T  # (row, patch, variable)
                node[:own, :, span] = values.swapaxes(0, 1)
                node[own:, :, span] = values[:, 0]
                new[:own, ..., span] = np.moveaxis(_padded(old)[:, :, index] @ part.mix.T, 2, 0)
            estimate[:, span] = slopes[:, index].mean(axis=1) / len(part.reach) @ np.linalg.pinv(part.mix)
        total = count * patches
        nodes, local = nodes.reshape(total, kept, -1), local.reshape(total, kept, equations, -1)
        return Gradients(nodes, np.full(total, 1.0 / total), data.target, local, data.others, estimate, data.block)

    def whole(self, law: Energy) -> LatticeEnergy:
        """The sum over the sites, of a law of all variables."""
        found = []
        for part, span in zip(self.parts, self.spans, strict=True):
            own, written = np.arange(span.start, span.stop), self._variables(part) if law.terms else {}
            restricted = law if len(self.parts) == 1 else law.restricted(own, list(written))
            placed = on_places(restricted, part.mix)
            if law.terms:
                texts = (_substituted(term.text, written) for term in placed.terms)
                placed = replace(placed, terms=tuple(parse(text, self.places(part)) for text in texts))
            found.append(placed)
        return LatticeEnergy(self, found)


@dataclass(frozen=True)
class LatticeEnergy:
    """A function of the whole state (point, component): the sum of a law over the sites."""

    lattice: Lattice
    laws: Sequence[Energy]  # one a part, of the values at its places
    constants: np.ndarray | None = None  # (part,) of every patch

    def _values(self, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Index (patch, place) and energies (point, patch) of each part."""
        constants = np.zeros(len(self.laws)) if self.constants is None else self.constants
        found = zip(self._patches(y), constants, strict=True)
        return [(index, law.value(x).reshape(-1, len(index)) + constant) for (law, index, x), constant in found]

    def _patches(self, y: np.ndarray) -> list[tuple[Energy, np.ndarray, np.ndarray]]:
        """Law, index (patch, place) and values (point * patch, place) of each part."""
        full, found = _padded(y), []
        for part, law in zip(self.lattice.parts, self.laws, strict=True):
            index = self.lattice.index(part)
            found.append((law, index, np.ascontiguousarray(full[:, index]).reshape(-1, index.shape[1])))
        return found

    def value(self, y: np.ndarray) -> np.ndarray:
        """The sum (point,)."""
        total = np.zeros(len(y))
        for _, values in self._values(y):
            total += values.sum(axis=1)
        return total

    def density(self, y: np.ndarray) -> np.ndarray:
        """What each site has of the sum (point, site): the sites of a patch have equal shares."""
        n = self.lattice.sites
        result = np.zeros((len(y), n + 1))
        for index, values in self._values(y):
            shares = values / np.maximum((index >= 0).sum(axis=1), 1)
            for column in index.T:
                result[:, np.where(column < 0, n, column % n)] += shares  # no site is twice in a column, but the last
        return result[:, :-1]

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """Gradient (point, component)."""
        result = np.zeros((len(y), self.lattice.size + 1))
        for law, index, x in self._patches(y):
            slopes = law.gradient(x).reshape(len(y), *index.shape)
            for k, column in enumerate(index.T):
                result[:, column] += slopes[:, :, k]
        return result[:, :-1]

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """Hessian (point, component, component)."""
        size = self.lattice.size + 1
        result = np.zeros((len(y), size, size))
        for law, index, x in self._patches(y):
            curvatures = law.hessian(x).reshape(len(y), *index.shape, index.shape[1])
            for i, one in enumerate(index.T):
                for j, other in enumerate(index.T):
                    result[:, one, other] += curvatures[:, :, i, j]
        return result[:, :-1, :-1]


def _substituted(text: str, written: Mapping[str, str]) -> str:
    """A formula with its names replaced."""
    return re.sub(r"\w+", lambda word: written.get(word[0], word[0]), text)


def on_places(law: Energy, mix: np.ndarray) -> Energy:
    """A law of mix @ x as one of x, in plain coordinates; its value at x = 0 is that of its neurons."""
    layer = law.layer
    places = mix.shape[1]
    weights = layer.weights / layer.half_width
    mixed, biases = np.ascontiguousarray(weights @ mix), layer.biases - weights @ layer.centre
    plain = HiddenLayer(mixed, biases, layer.activation, np.zeros(places), np.ones(places))
    linear = (law.linear - law.quadratic @ layer.centre) @ mix
    quadratic = mix.T @ law.quadratic @ mix
    return replace(law, layer=plain, linear=linear, quadratic=quadratic)


def _padded(values: np.ndarray) -> np.ndarray:
    """With a zero behind the last component, which the index -1 finds."""
    return np.concatenate([values, np.zeros((*values.shape[:-1], 1))], axis=-1)
