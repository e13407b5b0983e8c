"""Imports what is not there."""

import a_dependency_that_is_not_installed  # noqa: F401
