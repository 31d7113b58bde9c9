"""A digest of the code of a method: equal as long as nothing but comments, docstrings and layout changes.

It covers the method's module and what this imports from the packages that decide what a model learns and predicts, such
as the training loop. Common parts (files, errors, metrics) are left out: nearly every change would touch them.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from lightxml_core.errors import InputError
from lightxml_core.imports import imported_files
from lightxml_core.methods import method_files

ROOT = Path(__file__).parents[2]
_LIBRARY = ROOT / "lightxml_core"
_PACKAGES = ("methods", "training", "encoders", "clustering", "features")


def current_digest(implementations: Iterable[str]) -> str:
    """Hex SHA-256 of the code of these method modules as it is now.

    InputError for a module that is no longer there.
    """
    return _current(tuple(sorted(implementations)))


def digest_at(commits: Sequence[str], implementations: Iterable[str]) -> str:
    """The digest of the code that runs at these commits had.

    InputError if a commit is not in this repository, if the code differs between the commits, or if one is marked
    `+changes` and the code of the methods here is not the committed one: then nobody can tell what was run.
    """
    names = tuple(sorted(implementations))
    found = {commit: _committed(commit.removesuffix("+changes"), names) for commit in commits}
    if len(set(found.values())) > 1:
        raise InputError(f"the members of a run have different code, at {', '.join(found)}: run the target again")
    digest = next(iter(found.values()))
    if any(commit.endswith("+changes") for commit in commits) and digest != current_digest(names):
        raise InputError(
            f"a run of {', '.join(names)} was made with changes that are not committed: commit them and run it again"
        )
    return digest


def code_files(implementations: Iterable[str]) -> list[Path]:
    """The files that the digest covers, sorted."""
    own = [path for name in implementations for path in method_files(name)]
    if missing := next((path for path in own if not path.is_file()), None):
        raise InputError(f"{missing} is missing: the method that it implements is no longer there")
    found = imported_files(own, without=[_LIBRARY / "methods/__init__.py"])  # the contract names types of all methods
    return [path for path in found if path.relative_to(_LIBRARY).parts[0] in _PACKAGES]


def skeleton(source: str) -> str:
    """Python source as its syntax tree in text, without docstrings; the same in every version of Python.

    Comments, blank lines and the breaking of lines are not in it.
    """
    return repr(_canonical(ast.parse(source)))


def _canonical(node: Any) -> Any:
    """Names and values of a syntax tree. Empty fields are left out, because versions of Python differ in them."""
    if isinstance(node, list):
        return [_canonical(part) for part in node if not _is_docstring(part)]
    if not isinstance(node, ast.AST):
        return node
    fields = {name: value for name, value in ast.iter_fields(node) if name not in ("kind", "type_comment")}
    given = {name: value for name, value in fields.items() if value is not None and value != []}
    return type(node).__name__, [(name, _canonical(value)) for name, value in given.items()]


def _is_docstring(node: Any) -> bool:
    """Whether a node is a string that is a statement of its own."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _current(implementations: tuple[str, ...]) -> str:
    return _digest(implementations, lambda path: path.read_text(encoding="utf-8"))


@cache
def _committed(commit: str, implementations: tuple[str, ...]) -> str:
    texts = _texts_at(commit, code_files(implementations))
    return _digest(implementations, lambda path: texts[path])


def _digest(implementations: tuple[str, ...], read: Callable[[Path], str]) -> str:
    digest = hashlib.sha256()
    for path in code_files(implementations):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\n{skeleton(read(path))}\n".encode())
    return digest.hexdigest()


def _texts_at(commit: str, files: Iterable[Path]) -> Mapping[Path, str]:
    """The text of each file at a commit; empty for one that was not there."""
    paths = list(files)
    asked = "".join(f"{commit}:{path.relative_to(ROOT).as_posix()}\n" for path in paths)
    _git("cat-file", "-e", f"{commit}^{{commit}}")
    answers, texts = _git("cat-file", "--batch", asked=asked.encode()), {}
    for path in paths:
        head, _, answers = answers.partition(b"\n")
        if head.endswith(b" missing"):
            texts[path] = ""
            continue
        size = int(head.split()[-1])
        texts[path], answers = answers[:size].decode("utf-8"), answers[size + 1 :]
    return texts


def _git(*arguments: str, asked: bytes = b"") -> bytes:
    try:
        return subprocess.run(["git", "-C", str(ROOT), *arguments], input=asked, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise InputError("git is not installed, so the code of a run's commit cannot be read: install it") from None
    except subprocess.CalledProcessError:
        commit = arguments[-1].partition("^")[0]
        raise InputError(
            f"commit {commit} is not in the repository {ROOT}: fetch it, or run the target again"
        ) from None
