"""The same network twice: hidden weights sampled and the rest solved for, or all weights trained iteratively."""

from dynsamp.compare.comparison import Comparison, Side, check_comparable, compare, rows, save_comparison, sentence

__all__ = ["Comparison", "Side", "check_comparable", "compare", "rows", "save_comparison", "sentence"]
