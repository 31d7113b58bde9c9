"""Addresses that descriptions of targets and datasets name. Imports nothing heavy."""

from __future__ import annotations


def package_page(requirement: str) -> str:
    """The page of `name==version` on PyPI or `npm:name==version` on npm, without a local part such as `+cpu`."""
    name, _, version = requirement.partition("==")
    public = version.partition("+")[0]
    if name.startswith("npm:"):
        return f"https://www.npmjs.com/package/{name.removeprefix('npm:')}/v/{public}"
    return f"https://pypi.org/project/{name}/{public}/"


def page_of(copy: str) -> str:
    """The address of the copy that a corpus was read from: the page of a package, or else of the copy's first file.

    copy: as `stats.json` of a corpus names it.
    """
    first = copy.partition(" ")[0]
    return first if "://" in first else package_page(first)
