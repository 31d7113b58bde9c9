"""Nothing that is downloaded or trained can run code: the calls that could are not in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import ROOT

SOURCES = sorted(path for folder in ("lightxml_core", "workflow_scripts") for path in (ROOT / folder).rglob("*.py"))
MODULES = {"pickle", "cPickle", "dill", "shelve", "marshal", "joblib.numpy_pickle", "cloudpickle"}
NAMES = {"eval", "exec", "compile", "__import__"}


def faults(source: str) -> Iterator[str]:
    """What a file does that could run foreign code, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"{node.lineno}: imports {name}" for name in names if name in MODULES)
        if isinstance(node, ast.Call):
            yield from (f"{node.lineno}: {fault}" for fault in _of_call(node))


def _of_call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    options = {option.arg: ast.unparse(option.value) for option in node.keywords}
    if name in NAMES:
        yield name
    if name in ("np.load", "numpy.load") and options.get("allow_pickle") != "False":
        yield "np.load without allow_pickle=False"
    if name == "torch.load" and options.get("weights_only") != "True":
        yield "torch.load without weights_only=True"
    if name == "yaml.load" and "Safe" not in options.get("Loader", ""):
        yield "yaml.load without a safe loader"
    if options.get("trust_remote_code", "False") != "False":
        yield "trust_remote_code"
    if options.get("shell", "False") != "False":
        yield "a shell"
    if name.endswith(("extractall", ".unpack_archive")):
        yield f"{name}: unpack with downloads.archives"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_calls_what_could_run_foreign_code(path: Path) -> None:
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from dill import load",
        "np.load(x)",
        "np.load(x, allow_pickle=True)",
        "torch.load(x)",
        "yaml.load(x, Loader=yaml.Loader)",
        "AutoModel.from_pretrained(x, trust_remote_code=True)",
        "subprocess.run(x, shell=True)",
        "tar.extractall(x)",
        "eval(x)",
    ],
)
def test_each_of_them_would_be_seen(line: str) -> None:
    assert len(list(faults(line))) == 1
