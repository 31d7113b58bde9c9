# What the rules share: the registry, the code each stage depends on, the hardware.

import hashlib
import json
import math
import os
import re
import shlex
import signal
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import psutil
from snakemake.exceptions import WorkflowError

# Rules call `python -m workflow_scripts.<rule>` and find this interpreter and this tree, wherever they run.
BASE = Path(workflow.basedir)
if os.pathsep in str(BASE) or set("{}") & set(os.path.relpath(BASE)):
    sys.exit(
        f"error: {BASE}: neither Python's search path nor snakemake can name a folder with a colon or a brace: rename it"
    )
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    PYTHONPATH=os.pathsep.join(filter(None, [str(BASE), os.environ.get("PYTHONPATH")])),
)
sys.path.insert(0, str(BASE))

from lightxml_core.corpus.layouts import files_read
from lightxml_core.corpus.reading import KEYS, Reading
from lightxml_core.definitions.config import Config
from lightxml_core.definitions.kinds import plain
from lightxml_core.definitions.reading import with_numbers
from lightxml_core.downloads.sources import ENCODER_FILES
from lightxml_core.errors import ACCESS, InputError
from lightxml_core.features.origin import OF_CLUSTERS, ORIGIN
from lightxml_core.files import hold_lock, is_whole, write_json
from lightxml_core.imports import imported_files
from lightxml_core.methods import flatten, method_files
from lightxml_core.registry import load_registry, read_config
from lightxml_core.registry.grid import BUILT, SHIPPED, split_of, whole_of
from lightxml_core.registry.origin import COMMAND_LINE, Origin, lay_over
from lightxml_core.training.devices import TRAININGS_A_GPU, visible_gpus
from lightxml_core.user_files import Fingerprints, located
from lightxml_core.planning.load import Shape
from lightxml_core.planning.workload import (
    asked,
    load_of,
    prediction_asked,
    read_published,
    shape_of,
    stage_cost,
    training_asked,
)


def load_definitions():
    """The registry with the configuration as snakemake has merged it."""
    given = with_numbers(workflow.config_settings.config, Config)
    lay_over(config, given)
    files = [(os.path.relpath(path), read_config(path)) for path in workflow.overwrite_configfiles]
    return load_registry(BASE, config, Origin([*files, (COMMAND_LINE, given)]))


try:
    REGISTRY = load_definitions()
except InputError as error:
    sys.exit(f"error: {error}")  # a WorkflowError would point at this line, which is not where the mistake is

# A training has a GPU, or several, or its share of one. Without GPUs it has all the cores, because two would crawl.
VISIBLE = visible_gpus()
HARDWARE = REGISTRY.config.hardware
GPUS = (len(VISIBLE) or 1) if HARDWARE.gpus == "auto" else HARDWARE.gpus
SHARE = HARDWARE.trainings_a_gpu if VISIBLE else 1
os.environ[TRAININGS_A_GPU] = str(SHARE)
workflow.global_resources.setdefault("gpu", GPUS * SHARE)
PROCESSES = HARDWARE.gpus_a_training if VISIBLE else 1
if PROCESSES > GPUS:
    file = REGISTRY.origin.file_of("hardware", "gpus_a_training")
    sys.exit(f"error: {file}: hardware.gpus_a_training is {PROCESSES} and there are {GPUS} GPUs: lower it")
CORES = workflow._cores or os.cpu_count() or 1  # the public `workflow.cores` fails where none were given, as in --lint
THREADS = HARDWARE.threads or max(1, CORES // (GPUS * SHARE))


HELD = []


def stop(*_):
    """End the jobs that run, then do what Ctrl-C does: snakemake itself would let them run on, for hours."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    raise KeyboardInterrupt


onstart:
    # Before any work: snakemake would make these folders, or fail to, one job after the other.
    for folder in ("results", "logs"):
        if os.path.exists(folder) and not os.access(folder, os.W_OK | os.X_OK):
            sys.exit(f"error: {os.path.abspath(folder)} cannot be written by this user: {ACCESS}")
    # Snakemake's own lock outlives a killed run; this one ends with its process (profiles/default turns that one off).
    try:
        HELD.append(hold_lock(Path(".snakemake/lightxml.lock"), f"a run is going on in {Path.cwd()}"))
    except InputError as error:
        raise WorkflowError(str(error))
    signal.signal(signal.SIGTERM, stop)  # here, because snakemake sets its own after it has read the rules


def one_of(names):
    """A regular expression for exactly these names."""
    return "|".join(map(re.escape, names))


def of_project(paths):
    """Files of the project as inputs of a rule, relative to where snakemake runs."""
    return [os.path.relpath(path) for path in paths]


@cache
def code(program, *others):
    """A program and the library files that it imports: inputs, so that an edit to one runs it again."""
    return of_project(imported_files([BASE / "workflow_scripts" / f"{program}.py", *others]))


def as_json(value):
    """Settings as a rule passes them to its program."""
    return json.dumps(value, sort_keys=True)


def as_file(kind, value):
    """A JSON file that holds `value`, for what may be too long for a command line; named by its contents."""
    digest = hashlib.sha256(json.dumps(value).encode()).hexdigest()
    target = Path(".snakemake/lightxml") / f"{kind}-{digest[:16]}.json"
    if not target.is_file():
        write_json(target, value)
    return str(target)


# Files of the user's own are inputs whose times do not count: their contents are compared through a parameter.
FINGERPRINTS = Fingerprints(Path(".snakemake/lightxml/fingerprints.json"))


# Datasets that are fetched, whose copies may ship features, that have texts; encoders without pretrained weights: what
# their rules are for.
DOWNLOADED = [name for name, dataset in REGISTRY.datasets.items() if dataset.downloaded]
SHIPPING = [name for name in REGISTRY.datasets if REGISTRY.may_ship(name)]
WITH_TEXTS = [name for name in REGISTRY.all_corpora if not REGISTRY.definition(name).wordless]
FROM_SCRATCH = {name for name, backbone in REGISTRY.backbones.items() if backbone.scratch is not None}


def as_inputs(files):
    return [ancient(str(path)) for path in files]


def files_of_dataset(wildcards):
    """The files that the layout reads of a user's own folder; none for any other source."""
    source = REGISTRY.definition(wildcards.dataset).folder
    if source is None:
        return []
    folder = located(BASE, source.folder)
    if not folder.is_dir():
        sys.exit(
            f"error: datasets/{wildcards.dataset}.yaml: source.folder: there is no folder {folder}: correct the path"
        )
    return files_read(source.layout, folder, Reading.of(plain(source)))


def files_of_encoder(wildcards):
    """The files that are read of a user's own encoder; none for any other source."""
    source = REGISTRY.backbones[wildcards.backbone].folder
    if source is None:
        return []
    folder = located(BASE, source.folder)
    if not folder.is_dir():
        sys.exit(
            f"error: backbones/{wildcards.backbone}.yaml: source.folder: there is no folder {folder}: correct the path"
        )
    return [folder / name for name in ENCODER_FILES if (folder / name).is_file()]


def encoder_source(wildcards):
    """Where an encoder comes from, as its program is told."""
    backbone = REGISTRY.backbones[wildcards.backbone]
    own = {} if backbone.folder is None else {"folder": str(located(BASE, backbone.folder.folder))}
    return as_json(plain(backbone.source) | own)


def files_of_member(wildcards):
    """The word vectors that a member names by their path; none where it names none."""
    vectors = made(wildcards).vectors if "vectors" in needs(wildcards) else None
    if vectors is None or vectors in REGISTRY.vectors:
        return []
    file = located(BASE, vectors)
    if not file.is_file():
        what = "is a folder: name a file in it" if file.is_dir() else "is not there: correct the path"
        sys.exit(f"error: {REGISTRY.file_of_method(wildcards.method)}: vectors: {file} {what}")
    return [file]


def fingerprints(files_of):
    """A parameter that holds the digest of each of these files, so that a change in one runs its job again."""
    return lambda wildcards: FINGERPRINTS.of(files_of(wildcards))


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


# The files of one kind of features that methods read, and all there are of each kind of TF-IDF.
FEATURES = ["X.trn.npz", "X.tst.npz", "vocabulary.json"]
ALL_FEATURES = {BUILT: FEATURES, SHIPPED: [*FEATURES, OF_CLUSTERS, ORIGIN]}


def corpus_inputs(wildcards):
    """What a corpus is made of: the unpacked download, the files of a folder, or the corpus that is cut."""
    definition = REGISTRY.definition(wildcards.dataset)
    if definition.cut is not None:
        return collect("results/{parent}/corpus/{file}", parent=definition.cut.cut, file=CORPUS)
    if definition.folder is not None:
        return as_inputs(files_of_dataset(wildcards))
    whole = whole_of(wildcards.dataset)
    return [f"data/{whole}/source.json", f"data/{whole}/raw"]


def corpus_options(wildcards):
    """The options that say where the corpus comes from."""
    definition = REGISTRY.definition(wildcards.dataset)
    if (cut := definition.cut) is not None:
        return f"--cut results/{cut.cut}/corpus --trn {cut.trn} --tst {cut.tst} --seed {cut.seed}"
    keys = {key: value for key, value in plain(definition.source).items() if key in KEYS}
    reading = f" --reading {shlex.quote(as_json(keys))} --split {split_of(wildcards.dataset)}" if keys else ""
    if definition.folder is not None:
        folder = located(BASE, definition.folder.folder)
        return f"--raw {shlex.quote(str(folder))} --layout {definition.folder.layout}{reading}"
    whole = whole_of(wildcards.dataset)
    return f"--raw data/{whole}/raw --used data/{whole}/source.json{reading}"


def validation_options(wildcards):
    """The number of documents to hold out, where the dataset's file says one."""
    documents = REGISTRY.definition(wildcards.dataset).validation
    return "" if documents is None else f"--documents {documents}"


def told(question, *names):
    """What the registry answers; a file asked for by a name that cannot be ends snakemake with one sentence."""
    try:
        return question(*names)
    except InputError as error:
        sys.exit(f"error: {error}")


def made(wildcards):
    """The settings of a member, every default filled in."""
    if not told(REGISTRY.serves, wildcards.method, wildcards.dataset):
        sys.exit(f"error: {REGISTRY.file_of_method(wildcards.method)}: it reads texts and {wildcards.dataset} has none")
    return SimpleNamespace(**flatten(told(REGISTRY.made, wildcards.method, wildcards.dataset, wildcards.member)))


def needs(wildcards):
    return told(REGISTRY.needs, wildcards.method, wildcards.dataset, wildcards.member)


def tfidf_of(wildcards):
    """The kind of TF-IDF that a member or its clusters are made from; None where neither reads any."""
    return told(REGISTRY.tfidf, wildcards.method, wildcards.dataset, wildcards.member)


def features_of_clusters(wildcards):
    """The features of training documents that label clusters are made from."""
    folder = f"results/{wildcards.dataset}/features"
    return f"{folder}/{SHIPPED}/{OF_CLUSTERS}" if wildcards.of_shipped else f"{folder}/{BUILT}/X.trn.npz"


def ensemble_of(wildcards):
    """How the members of a method are combined."""
    how = REGISTRY.ensemble(wildcards.method, wildcards.dataset)
    if how is None:
        sys.exit(f"error: {REGISTRY.file_of_method(wildcards.method)}: there is no ensemble on {wildcards.dataset}")
    return how


def gpus_of_training(wildcards):
    """As many as the configuration gives a training, for a method that can use several; one for others."""
    wanted = needs(wildcards)
    return PROCESSES if "gpus" in wanted else int("gpu" in wanted)


def encoder_folder(dataset, backbone):
    """Where a backbone lies: a from-scratch one beside the corpus that trained its tokenizer."""
    return f"results/{dataset}/encoders/{backbone}" if backbone in FROM_SCRATCH else f"data/encoders/{backbone}"


def member_inputs(wildcards, tokens="max_tokens"):
    """The prepared inputs of a member, by the name of the option that passes them to its program.

    tokens: the setting that says how many of them a document may have; 0, or a method without it: `max_tokens`.
    """
    dataset, settings, wanted = wildcards.dataset, made(wildcards), needs(wildcards)
    found = {}
    if "tokens" in wanted:
        found["encoder"] = encoder_folder(dataset, settings.backbone)
        most = getattr(settings, tokens, 0) or settings.max_tokens
        found["tokens"] = f"results/{dataset}/tokens/{settings.backbone}-{most}-{settings.text}"
    for need in sorted({"tfidf", "bow"} & wanted):
        kind = tfidf_of(wildcards) if need == "tfidf" else need
        found["features"] = [f"results/{dataset}/features/{kind}/{name}" for name in FEATURES]
    if "clusters" in wanted:
        of_shipped = "shipped-" if tfidf_of(wildcards) == SHIPPED else ""
        found["clusters"] = f"results/{dataset}/clusters/{of_shipped}{settings.max_leaf}-{settings.tree}.npz"
    return found


def training_inputs(wildcards):
    """Those, and what only training reads."""
    found = member_inputs(wildcards)
    if "vectors" in needs(wildcards):
        own = as_inputs(files_of_member(wildcards))
        found |= {"own_vectors": own[0]} if own else {"vectors": f"data/vectors/{made(wildcards).vectors}"}
    if "names_encoder" in needs(wildcards):
        found["names_encoder"] = encoder_folder(wildcards.dataset, made(wildcards).names_backbone)
    return found


def prediction_inputs(wildcards):
    """Those, with the tokens that a prediction reads."""
    return member_inputs(wildcards, "predict_tokens")


def as_options(inputs_of):
    """Inputs as command-line options; features are passed as their folder."""

    def options(wildcards):
        inputs = inputs_of(wildcards)
        paths = {name: Path(path[0]).parent if name == "features" else path for name, path in inputs.items()}
        return " ".join(f"--{name} {shlex.quote(str(path))}" for name, path in paths.items())

    return options


@cache
def published():
    """The published statistics of datasets."""
    return read_published(BASE / "published")


def shape_for(wildcards):
    """The sizes of a dataset. Statistics that cannot be read are taken for unknown: the stage that reads them says so."""
    try:
        return shape_of(REGISTRY, wildcards.dataset, Path(), published())
    except InputError:
        return Shape(None, None, None, None)


def stage_asked(stage):
    """What a job of a stage asks for, from the sizes of its dataset."""
    own = stage in ("download_dataset", "prepare_corpus")

    def cost(wildcards, threads):
        shape = shape_for(wildcards)
        return asked(
            None if own and REGISTRY.definition(wildcards.dataset).folder else stage_cost(stage, shape, threads)
        )

    return cost


def member_asked(cost_of):
    """The same for a job of a member."""
    return lambda wildcards, threads: cost_of(
        load_of(REGISTRY, wildcards.method, wildcards.dataset, wildcards.member, shape_for(wildcards)),
        *(wildcards, threads),
    )


def training_of(load, wildcards, threads):
    return training_asked(load, shape_for(wildcards), gpus_of_training(wildcards) > 0, threads)


def prediction_of(load, wildcards, threads):
    return prediction_asked(load, shape_for(wildcards))


def mem_mb(cost_of):
    """The memory that a job asks for, in units of 10^6 bytes."""
    return lambda wildcards, threads: math.ceil(cost_of(wildcards, threads).memory / 1e6)


def runtime(cost_of):
    """The minutes that a job asks for."""
    return lambda wildcards, threads: math.ceil(cost_of(wildcards, threads).minutes)


def predictions_of_members(wildcards):
    members = REGISTRY.members(wildcards.method, wildcards.dataset)
    return [
        f"results/{wildcards.dataset}/{wildcards.method}/{member}/seed{wildcards.seed}/predictions.npz"
        for member in members
    ]


def method_code(program):
    """The same for a program that runs the method of its wildcards, with the files of that method and no other."""

    def files(wildcards):
        return code(program, *method_files(REGISTRY.methods[wildcards.method].implementation))

    return files


def reported(run):
    """The files of one run that the reporting reads; an ensemble is not trained."""
    own = ["provenance.json", "training.jsonl", "prediction.json"] if run.member else []
    return [f"{run.path}/{name}" for name in ("metrics.json", "predictions.npz", *own)]


def run_files(wildcards):
    """What the reporting reads of each run of a target."""
    return [file for run in REGISTRY.runs(wildcards.target) for file in reported(run)]


def corpora(wildcards):
    """The corpus files of a target's datasets."""
    return collect(
        "results/{dataset}/corpus/{file}",
        dataset=[first for first, *_ in REGISTRY.corpora(wildcards.target).values()],
        file=CORPUS,
    )


def told_of_features(wildcards):
    """The files that tell what the TF-IDF of a target's methods is: their sizes are statistics of its datasets."""
    found = set()
    for run in REGISTRY.runs(wildcards.target):
        if run.member:
            kind, wanted = tfidf_of(member_of(run)), needs(member_of(run))
            found |= {f"results/{corpus_of(run)}/features/{SHIPPED}/{ORIGIN}"} if kind == SHIPPED else set()
            if kind == BUILT and "tfidf" in wanted:
                found.add(f"results/{corpus_of(run)}/features/{BUILT}/vocabulary.json")
    return sorted(found)


def corpus_of(run):
    return REGISTRY.corpus(run.dataset, run.seed)


def member_of(run):
    """A run of a member as the wildcards of its rules."""
    return SimpleNamespace(dataset=corpus_of(run), method=run.method, member=run.member)


def made_for(run):
    """All that a run leaves below results/, with the inputs that are prepared for it."""
    if run.member is None:
        return reported(run)
    files = [*reported(run), f"{run.path}/model"]
    member = member_of(run)
    for inputs in (training_inputs(member), prediction_inputs(member)):
        for name, paths in inputs.items():
            files += paths if name == "features" else [paths]
    if kind := tfidf_of(member):  # clusters are made from it, too
        files += [f"results/{corpus_of(run)}/features/{kind}/{name}" for name in ALL_FEATURES[kind]]
    return files


def results_of(target):
    """Every file and folder below results/ that is made on the way to a target, each named only once."""
    folder = f"results/targets/{target}"
    files = [f"{folder}/{name}" for name in ("selection.json", "tables.json", "figures", "report.html")]
    files += collect(f"{folder}/tables/{{table}}.{{form}}", table=TABLES, form=["csv", "md", "tex"])
    datasets = [corpus for corpora in REGISTRY.corpora(target).values() for corpus in corpora]
    cuts = [REGISTRY.definition(name).cut for name in datasets]
    for dataset in [*datasets, *(whole.cut for whole in cuts if whole is not None)]:
        files += [f"results/{dataset}/corpus/{file}" for file in CORPUS]
    files += [f"results/{dataset}/corpus/validation.npy" for dataset in datasets]
    for run in REGISTRY.runs(target):
        files += made_for(run)
    return [file for file in dict.fromkeys(files) if file.startswith("results/")]


def inputs_of_target(target):
    """All of its results, so that one that was removed is made again; so is one of which a part was removed.

    Snakemake asks of a folder no more than that it exists.
    """
    files = results_of(target)
    workflow.dag.forcefiles.update(path for path in files if Path(path).exists() and not is_whole(Path(path)))
    return files
