"""Downloaded and trained files cannot run code, because the code has no calls that could do so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.helpers.project import ROOT

SOURCES = sorted(path for folder in ("lightxml_core", "workflow_scripts") for path in (ROOT / folder).rglob("*.py"))
MODULES = {"pickle", "_pickle", "cPickle", "dill", "shelve", "marshal", "cloudpickle", "runpy", "code", "pty"}
NAMES = {"eval", "exec", "compile", "__import__"}
# Calls by the end of their full name, whatever the import names are.
CALLS = (
    *(
        "os.system",
        "os.popen",
        "os.exec",
        "os.spawn",
        "os.posix_spawn",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
    ),
    *("joblib.load", "pandas.read_pickle", "numpy.fromregex", "torch.jit.load", "torch.hub.", "torch.package."),
    *("yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all", "yaml.full_load_all", "yaml.load_all"),
    *("importlib.util.spec_from_file_location", "importlib.machinery.", "asyncio.create_subprocess_shell"),
)
SHORT = {"np": "numpy", "pd": "pandas"}


def faults(source: str) -> Iterator[str]:
    """The calls in a file that could run foreign code, with their lines."""
    tree = ast.parse(source)
    full = dict(_imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (f"{node.lineno}: imports {name}" for name in names if name.partition(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            yield from (f"{node.lineno}: {fault}" for fault in _of_call(node, full))


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each imported name in the file, with its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _of_call(node: ast.Call, full: dict[str, str]) -> Iterator[str]:
    first, dot, rest = ast.unparse(node.func).partition(".")
    name = full.get(first, SHORT.get(first, first)) + dot + rest
    options = {option.arg: ast.unparse(option.value) for option in node.keywords}
    if name in NAMES or name.startswith(CALLS):
        yield name
    if name in ("numpy.load", "numpy.lib.npyio.NpzFile") and options.get("allow_pickle") != "False":
        yield "np.load without allow_pickle=False"
    if name == "torch.load" and options.get("weights_only") != "True":
        yield "torch.load without weights_only=True"
    if name == "yaml.load" and options.get("Loader") not in ("yaml.SafeLoader", "yaml.CSafeLoader", "_Loader"):
        yield "yaml.load without a safe loader"
    of_transformers = name.startswith("transformers.") and name.endswith((".from_pretrained", ".from_config"))
    if options.get("trust_remote_code", "" if of_transformers else "False") != "False":
        yield "trust_remote_code, or its absence where transformers loads"
    if options.get("shell", "False") != "False":
        yield "a shell"
    if name.endswith(("extractall", ".unpack_archive")):
        yield f"{name}: unpack with downloads.archives"


def test_the_loader_of_definitions_is_safe() -> None:
    from lightxml_core.registry.yaml_files import _Loader

    assert issubclass(_Loader, yaml.SafeLoader | yaml.CSafeLoader)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_calls_what_could_run_foreign_code(path: Path) -> None:
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from dill import load",
        "from joblib import load\nload(x)",
        "import runpy",
        "os.system(x)",
        "os.execv(x, y)",
        "subprocess.getoutput(x)",
        "pd.read_pickle(x)",
        "import pandas as frames\nframes.read_pickle(x)",
        "torch.jit.load(x)",
        "torch.hub.load(x)",
        "from torch import load\nload(x)",
        "from torch import jit\njit.load(x)",
        "yaml.unsafe_load(x)",
        "yaml.full_load(x)",
        "yaml.load(x, Loader=Unsafe)",
        "from transformers import AutoConfig\nAutoConfig.from_pretrained(x)",
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
def test_each_forbidden_call_would_be_found(line: str) -> None:
    assert len(list(faults(line))) == 1
