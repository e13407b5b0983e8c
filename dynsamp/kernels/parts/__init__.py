"""What drivers and methods are joined with: each module, or a function of it, fills slots. See ``jit.specialise``."""
