# What the rules share: the registry, the code each stage depends on, the hardware.

import json
import os
import re
import shlex
import signal
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil
from snakemake.exceptions import WorkflowError

# Rules call `python -m workflow_scripts.<rule>` and find this interpreter and this tree, wherever they run.
BASE = Path(workflow.basedir)
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    PYTHONPATH=os.pathsep.join(filter(None, [str(BASE), os.environ.get("PYTHONPATH")])),
)
sys.path.insert(0, str(BASE))

from lightxml_core.errors import InputError
from lightxml_core.files import hold_lock
from lightxml_core.imports import imported_files
from lightxml_core.methods import method_files
from lightxml_core.registry import load_registry
from lightxml_core.training.devices import TRAININGS_A_GPU, visible_gpus

try:
    REGISTRY = load_registry(BASE, config)
except InputError as error:
    sys.exit(f"error: {error}")  # a WorkflowError would point at this line, which is not where the mistake is

# A training has a GPU, or several, or its share of one. Without GPUs it has all the cores, because two would crawl.
VISIBLE = visible_gpus()
GPUS = len(VISIBLE) or 1
if config["hardware"]["gpus"] != "auto":
    GPUS = config["hardware"]["gpus"]
SHARE = config["hardware"]["trainings_a_gpu"] if VISIBLE else 1
os.environ[TRAININGS_A_GPU] = str(SHARE)
workflow.global_resources.setdefault("gpu", GPUS * SHARE)
PROCESSES = config["hardware"]["gpus_a_training"] if VISIBLE else 1
if PROCESSES > GPUS:
    sys.exit(f"error: config.yaml: hardware.gpus_a_training is {PROCESSES} and there are {GPUS} GPUs: lower it")
CORES = workflow._cores or os.cpu_count() or 1  # the public `workflow.cores` fails where none were given, as in --lint
THREADS = config["hardware"]["threads"] or max(1, CORES // (GPUS * SHARE))


HELD = []


def stop(*_):
    """End the jobs that run, then do what Ctrl-C does: snakemake itself would let them run on, for hours."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    raise KeyboardInterrupt


onstart:
    # Snakemake's own lock outlives a killed run; this one ends with its process (profiles/default turns that one off).
    try:
        HELD.append(hold_lock(Path(".snakemake/lightxml.lock"), f"a run is going on in {Path.cwd()}"))
    except InputError as error:
        raise WorkflowError(str(error))
    signal.signal(signal.SIGTERM, stop)  # here, because snakemake sets its own after it has read the rules


def one_of(names):
    """A regular expression for exactly these names."""
    return "|".join(map(re.escape, names))


@cache
def code(program, *others):
    """A program and the library files that it imports: inputs, so that an edit to one runs it again."""
    return [os.path.relpath(path) for path in imported_files([BASE / "workflow_scripts" / f"{program}.py", *others])]


def as_json(value):
    """Settings as a rule passes them to its program."""
    return json.dumps(value, sort_keys=True)


def source_of(dataset):
    return REGISTRY.datasets[dataset]["source"]


def folder_of(source):
    """The folder of a dataset that is at hand; relative to where snakemake runs, so that a project may be moved."""
    folder = Path(source["folder"])
    return folder if folder.is_absolute() else Path(os.path.relpath(BASE / folder))


# The files of a stored corpus.
CORPUS = [
    "X.trn.txt",
    "X.tst.txt",
    "Y.trn.npz",
    "Y.tst.npz",
    "output-items.txt",
    "label-names.txt",
    "stats.json",
]


def corpus_inputs(wildcards):
    """What a corpus is made of: the unpacked download, the files of a folder, or the corpus that is cut."""
    source = source_of(wildcards.dataset)
    if "cut" in source:
        return collect("results/{parent}/corpus/{file}", parent=source["cut"], file=CORPUS)
    if "folder" in source:
        levels = [folder_of(source).glob(level) for level in ("*", "*/*", "*/*/*")]  # where layouts look
        return sorted(path for level in levels for path in level if path.is_file())
    return [f"data/{wildcards.dataset}/source.json", f"data/{wildcards.dataset}/raw"]


def corpus_options(wildcards):
    """The options that say where the corpus comes from."""
    definition = REGISTRY.datasets[wildcards.dataset]
    source = definition["source"]
    if "cut" in source:
        return f"--cut results/{source['cut']}/corpus --trn {source['trn']} --tst {source['tst']} --seed {source.get('seed', 0)}"
    if "folder" in source:
        return f"--raw {shlex.quote(str(folder_of(source)))} --layout {source['layout']}"
    return f"--raw data/{wildcards.dataset}/raw --used data/{wildcards.dataset}/source.json"


def made(wildcards):
    """The settings of a member, every default filled in."""
    return REGISTRY.made(wildcards.method, wildcards.dataset, wildcards.member)


def needs(wildcards):
    return REGISTRY.needs(wildcards.method, wildcards.dataset, wildcards.member)


def gpus_of_training(wildcards):
    """As many as the configuration gives a training, for a method that can use several; one for others."""
    wanted = needs(wildcards)
    return PROCESSES if "gpus" in wanted else int("gpu" in wanted)


def encoder_folder(dataset, backbone):
    """Where a backbone lies: a from-scratch one beside the corpus that trained its tokenizer."""
    scratch = "scratch" in REGISTRY.backbones[backbone]["source"]
    return f"results/{dataset}/encoders/{backbone}" if scratch else f"data/encoders/{backbone}"


def vectors_file(vectors):
    """The file of word vectors that a setting names: one of vectors/, or a path."""
    return f"data/vectors/{vectors}.txt" if vectors in REGISTRY.vectors else vectors


def member_inputs(wildcards, tokens="max_tokens"):
    """The prepared inputs of a member, by the name of the option that passes them to its program.

    tokens: the setting that says how many of them a document may have.
    """
    dataset, settings, wanted = wildcards.dataset, made(wildcards), needs(wildcards)
    found = {}
    if "tokens" in wanted:
        found["encoder"] = encoder_folder(dataset, settings.backbone)
        most = getattr(settings, tokens, settings.max_tokens)
        found["tokens"] = f"results/{dataset}/tokens/{settings.backbone}-{most}-{settings.text}"
    for kind in sorted({"tfidf", "bow"} & wanted):
        found["features"] = [f"results/{dataset}/features/{kind}/X.{part}.npz" for part in ("trn", "tst")]
    if "clusters" in wanted:
        found["clusters"] = f"results/{dataset}/clusters/{settings.max_leaf}-{settings.tree}.npz"
    return found


def training_inputs(wildcards):
    """Those, and what only training reads."""
    vectors = {"vectors": vectors_file(made(wildcards).vectors)} if "vectors" in needs(wildcards) else {}
    return member_inputs(wildcards) | vectors


def prediction_inputs(wildcards):
    """Those, with the tokens that a prediction reads."""
    return member_inputs(wildcards, "tokens_predicted")


def as_options(inputs_of):
    """Inputs as command-line options; features are passed as their folder."""

    def options(wildcards):
        inputs = inputs_of(wildcards)
        paths = {name: Path(path[0]).parent if name == "features" else path for name, path in inputs.items()}
        return " ".join(f"--{name} {shlex.quote(str(path))}" for name, path in paths.items())

    return options


def predictions_of_members(wildcards):
    members = REGISTRY.members(wildcards.method, wildcards.dataset)
    return [
        f"results/{wildcards.dataset}/{wildcards.method}/{member}/seed{wildcards.seed}/predictions.npz"
        for member in members
    ]


def method_code(program):
    """The same for a program that runs the method of its wildcards, with the files of that method and no other."""

    def files(wildcards):
        return code(program, *method_files(REGISTRY.methods[wildcards.method]["implementation"]))

    return files


def run_files(wildcards):
    """What the reporting reads of each run of a target."""
    files = []
    for run in REGISTRY.runs(wildcards.target):
        files += [f"{run.path}/metrics.json", f"{run.path}/predictions.npz"]
        own = ["provenance.json", "prediction.json"] if run.variant != "ensemble" else []
        files += [f"{run.path}/{name}" for name in own]
    return files


def corpora(wildcards):
    """The corpus files of a target's datasets."""
    return collect(
        "results/{dataset}/corpus/{file}",
        dataset=REGISTRY.target(wildcards.target)["datasets"],
        file=CORPUS,
    )


def vocabularies(wildcards):
    """The vocabularies of the TF-IDF features that a target's methods read: their sizes are statistics of its datasets."""
    members = {
        (run.dataset, run.method, run.variant) for run in REGISTRY.runs(wildcards.target) if run.variant != "ensemble"
    }
    used = {dataset for dataset, method, member in members if "tfidf" in REGISTRY.needs(method, dataset, member)}
    return collect("results/{dataset}/features/tfidf/vocabulary.json", dataset=sorted(used))
