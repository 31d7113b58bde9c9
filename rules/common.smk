# What the rules share: the registry, the code each stage depends on, the hardware.

import json
import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Rules call `python -m workflow_scripts.<rule>` and find this interpreter and this tree, wherever they run.
BASE = Path(workflow.basedir)
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ["PATH"]]
)
os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(BASE), os.environ.get("PYTHONPATH")])
)
sys.path.insert(0, str(BASE))

from lightxml_core.errors import InputError
from lightxml_core.methods import method_files
from lightxml_core.registry import load_registry
from lightxml_core.training.devices import visible_gpus

try:
    REGISTRY = load_registry(BASE, config)
except InputError as error:
    raise WorkflowError(str(error))

GPUS = len(visible_gpus())
JOBS = (
    GPUS or 1
)  # training jobs at once; without a GPU one has all the cores, because two would crawl
if config["hardware"]["gpus"] != "auto":
    JOBS = config["hardware"]["gpus"]
workflow.global_resources.setdefault("gpu", JOBS)
THREADS = config["hardware"]["threads"] or max(
    1, (workflow.cores or os.cpu_count() or 1) // JOBS
)


def one_of(names):
    """A regular expression for exactly these names."""
    return "|".join(map(re.escape, names))


def code(*patterns):
    """The library files that a stage uses: inputs of its rule, so that an edit to one runs the stage again."""
    found = {
        path
        for pattern in ("errors.py", "files.py", *patterns)
        for path in (BASE / "lightxml_core").glob(pattern)
    }
    return [os.path.relpath(path) for path in sorted(found)]


def script(name):
    """The program of a rule, an input for the same reason."""
    return os.path.relpath(BASE / "workflow_scripts" / f"{name}.py")


def as_json(value):
    """Settings as a rule passes them to its program."""
    return json.dumps(value, sort_keys=True)


def source_of(dataset):
    return REGISTRY.datasets[dataset]["source"]


def made(wildcards):
    """The settings of a member, every default filled in."""
    return REGISTRY.made(wildcards.method, wildcards.dataset, wildcards.member)


def needs(wildcards):
    return REGISTRY.needs(wildcards.method, wildcards.dataset, wildcards.member)


def encoder_folder(dataset, backbone):
    """Where a backbone lies: a from-scratch one beside the corpus that trained its tokenizer."""
    scratch = "scratch" in REGISTRY.backbones[backbone]["source"]
    return (
        f"results/{dataset}/encoders/{backbone}"
        if scratch
        else f"data/encoders/{backbone}"
    )


def member_inputs(wildcards):
    """The prepared inputs of a member, by the name of the option that passes them to its program."""
    dataset, settings, wanted = wildcards.dataset, made(wildcards), needs(wildcards)
    found = {}
    if "tokens" in wanted:
        found["encoder"] = encoder_folder(dataset, settings.backbone)
        found["tokens"] = (
            f"results/{dataset}/tokens/{settings.backbone}-{settings.max_tokens}-{settings.text}"
        )
    for kind in sorted({"tfidf", "bow"} & wanted):
        found["features"] = [
            f"results/{dataset}/features/{kind}/X.{part}.npz" for part in ("trn", "tst")
        ]
    if "clusters" in wanted:
        found["clusters"] = (
            f"results/{dataset}/clusters/{settings.max_leaf}-{settings.tree}.npz"
        )
    return found


def member_options(wildcards):
    """The same as command-line options; features are passed as their folder."""
    inputs = member_inputs(wildcards)
    paths = {
        name: Path(path[0]).parent if name == "features" else path
        for name, path in inputs.items()
    }
    return " ".join(f"--{name} {path}" for name, path in paths.items())


def predictions_of_members(wildcards):
    members = REGISTRY.members(wildcards.method, wildcards.dataset)
    return [
        f"results/{wildcards.dataset}/{wildcards.method}/{member}/seed{wildcards.seed}/predictions.npz"
        for member in members
    ]


def method_code(method):
    """The library files that train and predict one method."""
    implementation = REGISTRY.methods[method]["implementation"]
    shared = [
        "cli.py",
        "methods/__init__.py",
        "methods/inputs.py",
        "training/*.py",
        "encoders/tokens.py",
        "encoders/backbone.py",
        "evaluation/metrics.py",
    ]
    return sorted({*code(*shared), *map(os.path.relpath, method_files(implementation))})
