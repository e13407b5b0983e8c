"""Methods by family: each module has a docstring with formula and reference, ``ORDER``, and its step."""
