"""What a fit leaves open is chosen here: one climb, its adaptors of energies and regressions, and what it then knows.

`climb` goes up the widths, `energy` and `regression` say what a trial is, `unseen` tells how wrong the winner is.
"""
