"""A hidden layer on rows of points: sigma(weights x + biases), and its products with the weights.

WIDTH rows advance together, one in each lane of a vector register.
"""

from dynsamp.kernels.simd import fma, splat
from dynsamp.kernels.simd.arrays import lane_view
from dynsamp.kernels.slots import WIDTH, sigma


def run(x, rows, weights, biases, tile, out, pitch, first, stride):
    """All arrays flat but for weights (feature, component).

    x (component * row,), the rows filled up to a multiple of WIDTH; ``tile`` room for a multiple of WIDTH rows. Writes
    out[j pitch + first + i], or, where stride > 0, out[j pitch + k stride + first + i] for all components k.
    """
    points, values = lane_view(WIDTH, x), lane_view(WIDTH, tile)
    components = weights.shape[1]
    groups = (rows + WIDTH - 1) // WIDTH
    for begin in range(0, groups, len(values)):
        count = min(len(values), groups - begin)
        part = tile[: min(count * WIDTH, rows - begin * WIDTH)]
        for j in range(len(biases)):
            for i in range(count):
                z = splat(WIDTH, biases[j])
                for k in range(components):
                    z = fma(weights[j, k], points[k * groups + begin + i], z)
                values[i] = sigma(z)
            at = j * pitch + first + begin * WIDTH
            if stride > 0:
                write_products(part, weights, j, out, at, stride)
            else:
                write_values(part, out, at)


def pointwise(z, out):
    """Write sigma(z) of flat arrays, which may be the same."""
    points, values = lane_view(WIDTH, z), lane_view(WIDTH, out)
    for i in range(len(values)):
        values[i] = sigma(points[i])
    for i in range(len(values) * WIDTH, len(out)):  # floats have the bits of lanes
        out[i] = sigma(z[i])


def write_values(tile, out, at):
    """Put a tile (row,) at out[at:]."""
    row = out[at : at + len(tile)]
    for i in range(len(tile)):
        row[i] = tile[i]


def write_products(tile, weights, j, out, at, stride):
    """Put weights[j, k] times a tile at out[at + k stride:], for all k."""
    for k in range(weights.shape[1]):
        weight, row = weights[j, k], out[at + k * stride : at + k * stride + len(tile)]
        for i in range(len(tile)):
            row[i] = weight * tile[i]
