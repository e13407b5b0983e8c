"""Methods for Ito equations."""
