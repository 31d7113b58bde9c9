"""Addresses that descriptions of targets and datasets name. Imports nothing heavy."""

from __future__ import annotations


def package_url(requirement: str) -> str:
    """The package URL (purl) of `name==version` or `npm:name==version`, without a local part such as `+cpu`."""
    kind, _, package = requirement.rpartition(":")
    name, _, version = package.partition("==")
    return f"pkg:{kind or 'pypi'}/{name}@{version.partition('+')[0]}"


def address_of(copy: str) -> str:
    """The address of the copy that a corpus was read from: a package, or else the copy's first file.

    copy: as `stats.json` of a corpus names it.
    """
    first = copy.partition(" ")[0]
    return first if "://" in first else package_url(first)
