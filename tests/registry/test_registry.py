"""The contents of definition files, the messages about mistakes in them, and the resolution of settings."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from lightxml_core.definitions.backbone import PartsSource
from lightxml_core.definitions.config import Target
from lightxml_core.definitions.dataset import Propensity
from lightxml_core.errors import InputError
from lightxml_core.methods import flatten
from lightxml_core.registry import Registry, load_registry, read_config
from lightxml_core.selection import RunFeatures, Selection

ROOT = Path(__file__).parents[2]
GONE = object()  # as the value of an edit: remove the key
CONFIG, DATASET, CUT = "config.yaml", "datasets/eurlex-4k.yaml", "datasets/eurlex-4k-small.yaml"
DELICIOUS = "datasets/delicious.yaml"
BIBTEX = "datasets/bibtex.yaml"
GLOVE, SPACY, ATTENTION = "vectors/glove-840b.yaml", "vectors/spacy-en-md.yaml", "methods/attentionxml.yaml"
HUB, SCRATCH, PACKAGE = "backbones/bert-base.yaml", "backbones/scratch-bert.yaml", "backbones/minilm.yaml"
XLNET, WORDS = "backbones/scratch-xlnet.yaml", "backbones/words.yaml"
PROTOCOLS, MATCHER = "studies/lightxml-protocols.yaml", "methods/xtransformer-small.yaml"
STUDIED = "studies/targets.yaml"
HYBRID = "methods/lightxml-hybrid.yaml"
LIGHTXML, KNN, TREES = "methods/lightxml.yaml", "methods/knn.yaml", "methods/parabel.yaml"

Keys = tuple[str | int, ...]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's definitions."""
    for folder in ("datasets", "backbones", "vectors", "methods", "studies", "published"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copyfile(ROOT / CONFIG, tmp_path / CONFIG)
    return tmp_path


def load(project: Path) -> Registry:
    return load_registry(project, read_config(project / CONFIG))


def made_by(registry: Registry, method: str, dataset: str, member: str) -> SimpleNamespace:
    """The settings of a member by key, without groups."""
    return SimpleNamespace(**flatten(registry.made(method, dataset, member)))


def edit(path: Path, keys: Keys, value: Any) -> None:
    """Set the entry at `keys` of a YAML file to a value of any type; missing mappings are created."""
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))
    inner = whole
    for key in keys[:-1]:
        inner = inner.setdefault(key, {}) if isinstance(inner, dict) else inner[key]
    if value is GONE:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")


def complaint(project: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(project)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_definition_is_valid_and_members_have_settings() -> None:
    registry = load(ROOT)
    for kind, found in (
        ("datasets", registry.datasets),
        ("backbones", registry.backbones),
        ("methods", registry.methods.keys() - registry.studies),
        ("studies", {*registry.studies, "targets"}),
    ):
        assert {f"{name}.yaml" for name in found} == {path.name for path in (ROOT / kind).iterdir()}
    for method in registry.methods:
        for dataset in registry.datasets:
            for member in registry.members(method, dataset):
                assert registry.made(method, dataset, member) and registry.needs(method, dataset, member) is not None


WRONG: list[tuple[str, Keys, Any, tuple[str, ...]]] = [
    # what the configuration asks for
    (CONFIG, ("sedes",), [1], ("unknown key 'sedes'", "known here are protocol, seeds, tolerance, targets")),
    (CONFIG, ("seeds",), ["1"], ("seeds.0", "expected an integer, found '1'")),
    (CONFIG, ("seeds",), [0, 1.5], ("seeds.1", "expected an integer, found 1.5")),
    (CONFIG, ("seeds",), [1.0], ("seeds.0", "expected an integer, found 1.0")),
    (CONFIG, ("seeds",), [True], ("seeds.0", "expected an integer, found True")),
    (CONFIG, ("seeds",), 1, ("seeds", "expected a list, found 1")),
    (CONFIG, ("seeds",), [], ("seeds", "non-empty")),
    (CONFIG, ("seeds",), [3, 3], ("seeds", "non-unique")),
    (CONFIG, ("seeds",), [-1], ("seeds.0 must be at least 0, not -1",)),
    (CONFIG, ("protocol",), "paper", ("protocol", "expected one of clean, official, found 'paper'")),
    (CONFIG, ("hardware", "gpus_per_training"), 0, ("hardware.gpus_per_training must be at least 1, not 0",)),
    (LIGHTXML, ("settings", "protocol"), "paper", ("settings.protocol", "expected one of clean, official")),
    (CONFIG, ("hardware", "gpus"), "two", ("hardware.gpus", "expected auto, or an integer; found 'two'")),
    (CONFIG, ("hardware", "threads"), "all", ("hardware.threads", "expected an integer, found 'all'")),
    (CONFIG, ("targets", "all", "datasets"), ["eurlex"], ("targets.all.datasets", "unknown dataset 'eurlex'", "wiki")),
    (CONFIG, ("targets", "all", "methods"), ["xml"], ("targets.all.methods", "unknown method 'xml'", "parabel")),
    (CONFIG, ("targets", "all", "methods"), "knn", ("targets.all.methods", "expected a list, found 'knn'")),
    (CONFIG, ("targets", "demo", "seeds"), ["a"], ("targets.demo.seeds.0", "expected an integer, found 'a'")),
    (CONFIG, ("targets", "demo", "seed"), [1], ("unknown key 'targets.demo.seed'", "datasets, methods, seeds")),
    (CONFIG, ("targets", "demo"), None, ("targets.demo", "expected a mapping, found None")),
    (CONFIG, ("targets", "My demo"), {"datasets": ["hpo-5k"], "methods": ["knn"]}, ("targets", "'My demo'")),
    (CONFIG, ("targets", 5), {"datasets": ["hpo-5k"], "methods": ["knn"]}, ("targets", "expected a string, found 5")),
    (CONFIG, ("tolerance", "P@1"), 0.5, ("config.yaml: tolerance: unknown metric 'P@1': known here are P, PSP, nDCG",)),
    (CONFIG, ("tolerance", "MRR"), -1, ("tolerance.MRR must be at least 0, not -1",)),
    (CONFIG, ("targets",), GONE, ("the key 'targets' is missing",)),
    (CONFIG, ("own_data",), ["xml"], ("config.yaml: own_data: unknown method 'xml'", "parabel")),
    # blends
    (HYBRID, ("settings", "blends"), "bonsai/single", ("settings.blends: expected a list, each entry a text",)),
    (HYBRID, ("settings", "blends"), [], ("member single: blends: expected members of other methods", "found none")),
    (HYBRID, ("settings", "blends"), ["bonsai"], ("settings.blends: expected a member of a method as method/member",)),
    (HYBRID, ("settings", "blends"), ["bonsay/single"], ("settings.blends: unknown method 'bonsay'", "bonsai, knn")),
    (HYBRID, ("settings", "blends"), ["bonsai/one"], ("blends: unknown member of bonsai 'one': known are single",)),
    (HYBRID, ("settings", "blends"), ["bonsai/single"] * 2, ("member single: blends names bonsai/single twice",)),
    (HYBRID, ("datasets", "hpo-5k", "settings", "blends"), ["a/b"], ("datasets.hpo-5k.settings.blends: unknown",)),
    (
        HYBRID,
        ("settings", "blends"),
        ["lightxml-hybrid/single"],
        ("settings.blends: lightxml-hybrid/single is itself",),
    ),
    (HYBRID, ("settings", "rounds"), 0, ("settings.rounds must be at least 1, not 0",)),
    (HYBRID, ("protocol",), "clean", ("protocol: blend has no protocols: remove the key",)),
    # datasets
    (DATASET, ("titel",), "x", ("unknown key 'titel'", "known here are title, published_as")),
    (DATASET, ("title",), 4, ("title", "expected a string, found 4")),
    (DATASET, ("validation",), "200", ("validation", "expected an integer, found '200'")),
    (DATASET, ("validation",), 0, ("validation must be at least 1, not 0",)),
    (DATASET, ("propensity", "a"), 1e9, ("propensity.a must be at most 10, not 1000000000.0",)),
    (DATASET, ("title",), False, ("title", "expected a string, found False: quote it")),
    (DATASET, ("keep",), ["all"], ("keep.0", "expected one of empty_texts, documents_without_labels, found 'all'")),
    (DATASET, ("propensity", "a"), "0.5", ("propensity.a", "expected a number, found '0.5'")),
    (DATASET, ("propensity", "a"), float("nan"), ("propensity.a", "expected a number, found nan")),
    (DATASET, ("propensity", "b"), GONE, ("propensity", "the key 'b' is missing")),
    (DATASET, ("features", "mindf"), 1, ("unknown key 'features.mindf'", "min_df, max_features")),
    (DATASET, ("features", "sublinear"), 1, ("features.sublinear", "expected a boolean, found 1")),
    (DATASET, ("expected", "labels"), "many", ("expected.labels", "expected an integer, found 'many'")),
    (DATASET, ("expected", "label"), 5, ("unknown key 'expected.label'", "documents_tst, labels")),
    (DATASET, ("published_as",), "Eurlex", ("published_as: unknown dataset 'Eurlex'", "Eurlex-4K", "no figures")),
    (DATASET, ("source", "mirrors", 0, "layout"), "svm", ("source.mirrors.0.layout", "attentionxml", "found 'svm'")),
    (DATASET, ("source", "mirrors", 0, "sha"), "x", ("unknown key 'source.mirrors.0.sha'", "sha256, md5, bytes")),
    (DATASET, ("source", "mirrors", 0, "url"), "http://a.b", ("source.mirrors.0", "the key url, or the key drive")),
    (DATASET, ("source", "mirrors", 1, "archive"), "a.zip", ("source.mirrors.1", "found files, layout, archive")),
    (DATASET, ("source", "mirrors", 1, "files"), [], ("source.mirrors.1.files", "non-empty")),
    (DATASET, ("source", "mirrors", 1, "files", 0, "name"), "../x", ("source.mirrors.1.files.0.name", "'../x'")),
    (
        DATASET,
        ("source", "mirrors", 1, "files", 0),
        {"drive": "x"},
        ("source.mirrors.1.files.0", "the key url, or the keys drive, name"),
    ),
    (
        DATASET,
        ("source", "mirrors", 1, "files", 0),
        {"url": "http://[/a.txt"},
        ("source.mirrors.1.files.0: its address ends in no file's name", "`name`"),
    ),
    (
        DATASET,
        ("source", "mirrors", 1, "files", 1, "name"),
        "train.txt",
        ("source.mirrors.1.files: two of them have the name train.txt",),
    ),
    (
        DATASET,
        ("source", "mirrors", 1, "files", 0, "archive"),
        "Eurlex-4K.tar.gz",
        (
            "source.mirrors.1.files.0: would be kept as Eurlex-4K.tar.gz, like",
            "source.mirrors.0",
        ),
    ),
    (DATASET, ("source", "mirrors", 0, "expected"), {"label": 1}, ("unknown key 'source.mirrors.0.expected.label'",)),
    (DATASET, ("source", "mirrors", 0, "accept"), "yes", ("source.mirrors.0.accept", "expected a boolean")),
    (
        DATASET,
        ("source", "mirrors", 0),
        {"drive": "x", "archive": "a.zip", "layout": "pecos", "accept": True, "expected": {"labels": 3}},
        ("source.mirrors.0.expected: has no effect beside `accept: true`",),
    ),
    (DATASET, ("source",), {}, ("source", "expected the keys folder, layout, or the key mirrors", "found no key")),
    (DATASET, ("source",), {"folder": 5, "layout": "pecos"}, ("source.folder", "expected a string, found 5")),
    (DATASET, ("source",), {"folder": "x"}, ("source", "the key 'layout' is missing")),
    (DATASET, ("source",), {"folder": "x", "layot": "pecos"}, ("unknown key 'source.layot'", "folder, layout")),
    (CUT, ("source", "cut"), "eurlex", ("source.cut", "unknown dataset 'eurlex'", "eurlex-4k")),
    (CUT, ("source", "cut"), "hpo-5k-small", ("source.cut", "hpo-5k-small is itself a cut", "cut its source instead")),
    (CUT, ("source", "cut"), "eurlex-4k-small", ("source.cut", "is itself a cut")),
    (CUT, ("source", "trn"), "2000", ("source.trn", "expected an integer, found '2000'")),
    (DATASET, ("source",), {"folder": "x", "layout": "csv", "separator": ""}, ("source.separator", "non-empty")),
    (
        DATASET,
        ("source",),
        {"folder": "x", "layout": "pecos", "separator": "|"},
        ("source.separator: is for the layout csv only, not pecos",),
    ),
    (DATASET, ("source", "separator"), "|", ("source.separator: is for the layout csv only, not attentionxml",)),
    (DATASET, ("features", "analyzer"), "char", ("features.analyzer", "expected one of word, char_wb, found 'char'")),
    (DATASET, ("source", "splits"), {"count": 2, "trn": 3, "tst": 1}, ("source.splits: is for the layout arff only",)),
    (DELICIOUS, ("source", "separator"), "|", ("source.separator: is for the layout csv only, not arff",)),
    (DELICIOUS, ("source", "splits", "trn"), 9, ("source.splits: trn and tst must be two files or two numbers",)),
    (DELICIOUS, ("source", "splits", "trn"), "delicious_tstSplit.txt", ("trn and tst are the same file",)),
    (DELICIOUS, ("source", "splits", "count"), 0, ("source.splits.count must be at least 1, not 0",)),
    (DELICIOUS, ("source", "labels"), {"first": 1, "last": 1}, ("source.labels",)),
    (
        BIBTEX,
        ("expected", "labels_per_document"),
        2.4,
        ("expected.labels_per_document: differs between random splits",),
    ),
    (
        CONFIG,
        ("targets", "laptop", "seeds"),
        [9, 10],
        ("seed 10 runs on a split of its number and delicious has those from 0 to 9",),
    ),
    (CUT, ("source", "separator"), "|", ("unknown key 'source.separator'",)),
    (CUT, ("source", "sed"), 1, ("unknown key 'source.sed'", "cut, trn, tst, seed")),
    (CUT, ("source", "tst"), GONE, ("source", "the key 'tst' is missing")),
    # backbones
    (HUB, ("licens",), "x", ("unknown key 'licens'", "known here are title, note, licence, size, source")),
    (HUB, ("source", "revison"), "x", ("unknown key 'source.revison'", "hub, revision")),
    (HUB, ("source", "revision"), GONE, ("source", "the key 'revision' is missing")),
    (HUB, ("source", "hub"), "bert", ("source.hub", "'bert'")),
    (HUB, ("source", "weights_sha256"), "68d45e", ("source.weights_sha256", "'68d45e'")),
    (SCRATCH, ("size",), {"layers": 1, "width": 8, "vocabulary": 9}, ("size: ", "remove the key")),
    (XLNET, ("source", "scratch", "positions"), 64, ("source.scratch.positions: has no effect for the type xlnet",)),
    (WORDS, ("source", "scratch", "width"), 64, ("source.scratch.width: has no effect for the type words",)),
    (XLNET, ("source", "scratch"), {"type": "xlnet", "width": 9, "heads": 3}, ("width (9) of an xlnet must be even",)),
    (SCRATCH, ("source", "scratch", "heads"), 3, ("source.scratch", "width (128) must be a multiple of heads (3)")),
    (HUB, ("source",), "bert", ("source", "expected a mapping, found 'bert'")),
    (SCRATCH, ("source", "scratch", "type"), "gpt", ("source.scratch.type", "xlnet, words, found 'gpt'")),
    (SCRATCH, ("source", "scratch", "width"), "128", ("source.scratch.width", "expected an integer, found '128'")),
    (SCRATCH, ("source", "scratch", "depth"), 2, ("unknown key 'source.scratch.depth'", "width, layers, heads")),
    (PACKAGE, ("source", "weights_sha256"), "ab", ("source.weights_sha256", "'ab'")),
    # vectors of words
    (GLOVE, ("source", "file"), GONE, ("source", "the key 'file' is missing")),
    (GLOVE, ("source", "urls", 1), "glove.zip", ("source.urls.1", "'glove.zip'")),
    (SPACY, ("source", "packages", 0, "vocab"), GONE, ("source.packages.0", "expected", "vocab")),
    (SPACY, ("source", "packages", 0, "sha256"), "ab", ("source.packages.0.sha256", "'ab'")),
    (ATTENTION, ("settings", "vectors"), "glove", ("settings.vectors", "unknown vectors 'glove'", "random")),
    # methods, and their members' settings
    (LIGHTXML, ("titel",), "x", ("unknown key 'titel'", "known here are title, note")),
    (LIGHTXML, ("implementation",), "lightxm", ("implementation", "'lightxm'", "knn, lightdxml, lightxml")),
    (LIGHTXML, ("ensemble",), "max", ("ensemble", "expected one of mean, sum, rank, round-robin, found 'max'")),
    (LIGHTXML, ("protocol",), "paper", ("protocol", "expected one of clean, official, found 'paper'")),
    (LIGHTXML, ("settings", "epoch"), 3, ("unknown key 'settings.epoch'", "epochs")),
    (LIGHTXML, ("settings", "seed"), 3, ("unknown key 'settings.seed'", "epochs")),
    (LIGHTXML, ("settings", "epochs"), "3", ("settings.epochs", "expected an integer, found '3'")),
    (LIGHTXML, ("settings", "lr"), "1e-4", ("settings.lr", "expected a number", "1.0e-4", "found '1e-4'")),
    (LIGHTXML, ("settings", "lr"), float("inf"), ("settings.lr", "expected a number", "found inf")),
    (LIGHTXML, ("settings", "lr"), 10**400, ("settings.lr", "expected a number", "found 1000")),
    (LIGHTXML, ("settings", "standardise"), 1, ("settings.standardise", "expected true or false, found 1")),
    (LIGHTXML, ("settings", "head"), "tree", ("settings.head", "expected one of flat, clustered, found 'tree'")),
    (LIGHTXML, ("members", "bert", "backbone"), "bert", ("members.bert.backbone", "unknown backbone 'bert'", "minilm")),
    (LIGHTXML, ("members", "bert", "batch"), True, ("members.bert.batch", "expected an integer, found True")),
    (LIGHTXML, ("members", "ensemble"), {}, ("members", "'ensemble'")),
    (LIGHTXML, ("members", "bert"), None, ("members.bert", "expected a mapping, found None")),
    (LIGHTXML, ("members",), {}, ("members", "non-empty")),
    (LIGHTXML, ("datasets", "eurlex"), {}, ("datasets", "unknown dataset 'eurlex'", "eurlex-4k")),
    (LIGHTXML, ("base",), "lightxm", ("base", "unknown method 'lightxm'", "lightxml")),
    (
        LIGHTXML,
        ("published_backbones", "bert"),
        "bert",
        ("published_backbones.bert", "unknown backbone 'bert'", "bert-base"),
    ),
    (
        LIGHTXML,
        ("datasets", "eurlex-4k", "settings", "epochs"),
        2.5,
        ("datasets.eurlex-4k.settings.epochs", "expected an integer, found 2.5"),
    ),
    (
        LIGHTXML,
        ("datasets", "wiki10-31k", "members", "xlnet", "swa_step"),
        "400",
        ("datasets.wiki10-31k.members.xlnet.swa_step", "expected an integer, found '400'"),
    ),
    (
        LIGHTXML,
        ("datasets", "wiki10-31k", "members", "xlnet", "backbone"),
        "xlnet",
        ("datasets.wiki10-31k.members.xlnet.backbone", "unknown backbone 'xlnet'", "xlnet-base"),
    ),
    (LIGHTXML, ("settings", "lr"), -1.0, ("settings.lr must be more than 0, not -1.0",)),
    (ATTENTION, ("settings", "layers"), [256, 0], ("settings.layers must be at least 1, not [256, 0]",)),
    (LIGHTXML, ("settings", "frozen_layers"), 13, ("member bert: frozen_layers must be at most 12, not 13",)),
    (
        LIGHTXML,
        ("datasets", "eurlex-4k", "settings", "batch"),
        15,
        ("member xlnet on eurlex-4k: batch (15) must be a multiple of accumulate",),
    ),
    (LIGHTXML, ("members", "bert", "backbone"), "words", ("member bert: backbone: words is a vocabulary of words",)),
    (PROTOCOLS, ("protocol",), "clean", ("protocol: the settings of every member name their own: remove the key",)),
    (MATCHER, ("settings", "label_bias"), True, ("unknown key 'settings.label_bias'",)),
    (KNN, ("published_as",), "Nearest", ("published_as: unknown method 'Nearest'", "no figures in published/")),
    (TREES, ("published_backbones",), {"single": "minilm"}, ("published_backbones: omikuji_trees has none",)),
    (KNN, ("protocol",), "clean", ("protocol: knn has no protocols: remove the key",)),
    (KNN, ("published_protocol",), "clean", ("published_protocol: knn has no protocols",)),
    (KNN, ("differs",), "much", ("differs: expected a list, found 'much'",)),
    (KNN, ("differs",), [{"what": "much"}], ("differs.0: the key 'datasets' is missing",)),
    (
        TREES,
        ("differs",),
        [{"what": "much", "datasets": ["eurlex"]}],
        ("differs.0.datasets: unknown dataset 'eurlex'",),
    ),
    (KNN, ("differs",), ["much"], ("differs: it describes published figures and needs the key published_as",)),
    (KNN, ("ensemble",), "mean", ("ensemble: one member makes no ensemble: remove the key or add a member",)),
    (KNN, ("base",), "knn", ("base: a method is no variant of itself",)),
    (
        LIGHTXML,
        ("datasets", "wiki10-31k"),
        {"ensemble": "sum", "members": {"bert": {}}},
        ("datasets.wiki10-31k.ensemble: one member makes no ensemble",),
    ),
    (MATCHER, ("settings", "names_backbone"), "roberta", ("settings.names_backbone: unknown backbone 'roberta'",)),
    (KNN, ("settings", "neighbours"), 0, ("settings.neighbours must be at least 1, not 0",)),
    (KNN, ("settings", "epochs"), 20, ("unknown key 'settings.epochs'", "known here are neighbours")),
    (TREES, ("settings", "model"), "fastxml", ("settings.model", "one of parabel, bonsai, found 'fastxml'")),
    ("methods/popularity.yaml", ("settings", "trees"), 3, ("unknown key 'settings.trees'", "known here are none")),
]


@pytest.mark.parametrize(
    ("file", "keys", "value", "expected"), WRONG, ids=[f"{w[0]}:{'.'.join(map(str, w[1]))}={w[2]!r:.20}" for w in WRONG]
)
def test_a_mistake_is_reported_with_file_key_and_expectation(
    project: Path, file: str, keys: Keys, value: Any, expected: tuple[str, ...]
) -> None:
    edit(project / file, keys, value)
    message = complaint(project)
    assert message.startswith(f"{file}: ")
    for fragment in expected:
        assert fragment in message


@pytest.mark.parametrize("file", [CONFIG, DATASET, HUB, KNN])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ": the file: expected a mapping, found None"),
        (b"# nothing\n", ": the file: expected a mapping, found None"),
        (b"- title\n- source\n", ": the file: expected a mapping, found ['title', 'source']"),
        (b"just words\n", ": the file: expected a mapping, found 'just words'"),
        (b"title: x\nsource: [1\nnote: y\n", " line 3: not valid YAML: "),
        (b"title: x\n\tnote: y\n", " line 2: not valid YAML: "),
        (b"title: caf\xe9\n", ": not UTF-8 at byte 10"),
    ],
)
def test_a_file_that_is_not_a_mapping_is_reported_with_its_line(
    project: Path, file: str, content: bytes, expected: str
) -> None:
    (project / file).write_bytes(content)
    assert f"{file}{expected}" in complaint(project)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("datasets/My data.yaml", "small letters, digits and hyphens"),
        ("datasets/tables.yaml", "'tables' is the name of a folder"),
        ("backbones/archives.yaml", "'archives' is the name of a folder"),
        ("methods/corpus.yaml", "'corpus' is the name of a folder"),
    ],
)
def test_a_name_that_cannot_be_a_folder_is_refused(project: Path, file: str, expected: str) -> None:
    (project / file).write_text("title: x\n", encoding="utf-8")
    message = complaint(project)
    assert message.startswith(f"{file}: ") and expected in message


def test_no_shipped_source_is_a_users_folder() -> None:
    """The folder in `parts` is within an archive."""
    registry = load(ROOT)
    assert isinstance(registry.backbones["mpnet"].source, PartsSource)
    assert not any(entry.folder for entry in [*registry.backbones.values(), *registry.datasets.values()])


WORDLESS = [
    {"folder": "words", "layout": "xmc-bow"},
    {"mirrors": [{"url": "http://127.0.0.1/b", "archive": "b.zip", "layout": "xmc-bow"}]},
]


@pytest.mark.parametrize("source", WORDLESS, ids=["folder", "mirrors"])
def test_a_bag_of_words_can_only_be_used_by_trees(project: Path, source: dict[str, Any]) -> None:
    """Transformers and cuts cannot use it."""
    words = project / "datasets" / "words.yaml"
    words.write_text(yaml.safe_dump({"title": "Words", "source": source}), encoding="utf-8")
    edit(project / CONFIG, ("targets", "words"), {"datasets": ["words"], "methods": ["knn", "parabel", "bonsai"]})
    assert {run.method for run in load(project).runs("words")} == {"knn", "parabel", "bonsai"}
    edit(project / CONFIG, ("targets", "words", "methods"), ["knn", "lightxml"])
    message = complaint(project)
    assert message.startswith("config.yaml: targets.words: lightxml reads texts and words has none")
    edit(project / CUT, ("source", "cut"), "words")
    assert complaint(project).startswith(f"{CUT}: source.cut: words is a bag of words")


# The settings in the LightXML paper (section 4.2) and its released code's run script, one line per member:
# backbone, epochs, documents and micro-batches per step, tokens, SWA from epoch, SWA steps, bottleneck, clusters kept
PUBLISHED: dict[tuple[str, str], tuple[str, int, int, int, int, int, int, int | None, int | None]] = {
    ("eurlex-4k", "bert"): ("bert-base", 20, 16, 1, 512, 10, 200, None, None),
    ("eurlex-4k", "roberta"): ("roberta-base", 20, 16, 1, 512, 10, 200, None, None),
    ("eurlex-4k", "xlnet"): ("xlnet-base", 20, 16, 2, 512, 10, 400, None, None),
    ("wiki10-31k", "bert"): ("bert-base", 30, 16, 1, 512, 10, 300, None, None),
    ("wiki10-31k", "roberta"): ("roberta-base", 30, 16, 2, 512, 10, 400, None, None),
    ("wiki10-31k", "xlnet"): ("xlnet-base", 30, 16, 2, 512, 10, 400, None, None),
    ("amazoncat-13k", "bert"): ("bert-base", 5, 16, 1, 512, 2, 10_000, None, None),
    ("amazoncat-13k", "roberta"): ("roberta-base", 5, 16, 1, 512, 2, 10_000, None, None),
    ("amazoncat-13k", "xlnet"): ("xlnet-base", 5, 32, 1, 128, 2, 10_000, None, None),
    ("wiki-500k", "tree0"): ("bert-base", 10, 32, 1, 128, 4, 3_000, 500, 32),
    ("wiki-500k", "tree1"): ("bert-base", 10, 32, 1, 128, 4, 3_000, 500, 32),
    ("wiki-500k", "tree2"): ("bert-base", 10, 32, 1, 128, 4, 3_000, 500, 32),
    ("amazon-670k", "tree0"): ("bert-base", 15, 16, 1, 128, 4, 3_000, 400, 75),
    ("amazon-670k", "tree1"): ("bert-base", 15, 16, 1, 128, 4, 3_000, 400, 75),
    ("amazon-670k", "tree2"): ("bert-base", 15, 16, 1, 128, 4, 3_000, 400, 75),
}


@pytest.mark.parametrize(("dataset", "member"), PUBLISHED)
def test_lightxml_has_the_published_settings(dataset: str, member: str) -> None:
    made = made_by(load(ROOT), "lightxml", dataset, member)
    clustered = made.head == "clustered"
    heads = (made.bottleneck, made.clusters_kept) if clustered else (None, None)
    lengths = (made.epochs, made.batch, made.accumulate, made.max_tokens, made.swa_warmup, made.swa_step)
    assert (made.backbone, *lengths, *heads) == PUBLISHED[dataset, member]
    assert (made.layers, made.feature_dropout) == (5, 0.5)
    assert (made.lr, made.head_lr, made.weight_decay, made.schedule) == (1e-4, 1e-4, 0.01, "constant")
    # the released code trains five epochs more and, on the three small datasets, selects on the test set
    assert (made.protocol, made.extra_epochs, made.text) == ("official", 5, "official")
    assert made.select == ("validation" if clustered else "test")
    if clustered:
        assert (f"tree{made.tree}", made.max_leaf) == (member, 100)


def test_lightxml_has_the_published_members_and_ensembles() -> None:
    registry = load(ROOT)
    how = {"eurlex-4k": "mean", "wiki10-31k": "mean", "amazoncat-13k": "mean", "wiki-500k": "sum", "amazon-670k": "sum"}
    for dataset, expected in how.items():
        assert registry.ensemble("lightxml", dataset) == expected
        members = [(dataset, member) for member in registry.members("lightxml", dataset)]
        assert members == [key for key in PUBLISHED if key[0] == dataset]
    constants = {name: registry.datasets[name].propensity for name in how}
    own = {"amazon-670k": Propensity(a=0.6, b=2.6), "wiki-500k": Propensity(a=0.5, b=0.4)}
    assert constants == {**{name: Propensity(a=0.55, b=1.5) for name in how}, **own}


def test_rivals_follow_their_released_code() -> None:
    registry = load(ROOT)
    paper = ("eurlex-4k", "wiki10-31k", "amazoncat-13k", "wiki-500k", "amazon-670k")
    for dataset in paper:
        words = made_by(registry, "attentionxml", dataset, "tree1")
        assert words.backbone == ("words-blanks" if dataset == "eurlex-4k" else "words-treebank")
        assert (words.missing_vectors, words.bucket, words.evaluate_epochs) == ("uniform", 1, False)
        matcher = made_by(registry, "xtransformer", dataset, "xlnet-text")
        assert (matcher.position, matcher.layers, matcher.pifa) == ("pooled", 1, "by_labels")
        assert matcher.names_backbone == "roberta-large"
        assert (matcher.bucket, matcher.eps_corrected, matcher.adam_eps) == (1, False, 1e-8)
    concerned = registry.selection("all").methods["attentionxml"].differs
    assert not any(one.concerns("eurlex-4k") for one in concerned), "there nothing differs"
    assert {one.datasets for one in registry.differences("xtransformer")} == {None}


def test_the_clean_protocol_selects_on_held_out_documents(project: Path) -> None:
    """It trains no longer than the official one."""
    edit(project / CONFIG, ("protocol",), "clean")
    made = made_by(load(project), "lightxml", "eurlex-4k", "xlnet")
    assert (made.protocol, made.select, made.text) == ("clean", "validation", "plain")
    assert (made.epochs, made.extra_epochs) == (20, 0)


def test_a_method_may_fix_its_protocol() -> None:
    registry = load(ROOT)
    assert registry.config.protocol == "official"
    made = made_by(registry, "lightxml-fast", "eurlex-4k-small", "minilm")
    assert (made.protocol, made.select, made.extra_epochs) == ("clean", "validation", 0)


def test_a_member_may_change_what_its_protocol_sets() -> None:
    registry = load(ROOT)
    made = {member: made_by(registry, "lightxml-protocols", "hpo-5k", member) for member in ("clean", "official")}
    assert (made["clean"].text, made["clean"].select, made["clean"].position) == ("plain", "validation", "class")
    assert (made["official"].text, made["official"].select, made["official"].position) == ("official", "test", "first")
    assert made["official"].extra_epochs == 1  # named in the file, where the protocol says 5
    runs = registry.selection("protocols").runs
    assert [run.protocol for run in runs if run.variant in made] == ["clean", "official"]


READS: list[tuple[str, str, str, str | None, str]] = [
    # dataset, method, member; which TF-IDF it reads and what its protocol is where the configuration says `official`
    ("eurlex-4k", "parabel", "single", "shipped", "official"),
    ("wiki10-31k", "xtransformer", "bert-text", "shipped", "official"),
    ("wiki-500k", "attentionxml", "tree1", "shipped", "official"),  # its label tree
    ("wiki-500k", "lightxml", "tree0", "shipped", "official"),  # its label clusters
    ("eurlex-4k", "lightxml", "bert", None, "official"),
    ("eurlex-4k", "attentionxml", "tree0", None, "clean"),  # no tree, no features
    ("amazoncat-13k", "lightdxml", "single", "shipped", "official"),
    ("wiki10-31k", "lightdxml", "single", "tfidf", "clean"),  # looks words up in FastText's vectors
    ("eurlex-4k-small", "knn", "single", "tfidf", "clean"),  # a cut
    ("eurlex-4k-bow", "bonsai", "single", "tfidf", "clean"),  # the corpus is its features
    ("hpo-5k", "parabel", "single", "tfidf", "clean"),
    ("cve-libraries", "parabel", "single", "tfidf", "clean"),  # loose files, TF-IDF not among them
    ("wiki-500k", "lightxml-fast-clustered", "tree0", "tfidf", "clean"),  # names its protocol
]


def test_the_official_protocol_reads_shipped_features(project: Path) -> None:
    """This applies to datasets whose copies may ship them."""
    registry = load(project)
    for dataset, method, member, kind, protocol in READS:
        assert registry.tfidf(method, dataset, member) == kind, (dataset, method)
        assert registry.protocol(method, dataset, member) == protocol, (dataset, method)
    edit(project / CONFIG, ("protocol",), "clean")
    registry = load(project)
    for dataset, method, member, kind, _ in READS:
        assert registry.tfidf(method, dataset, member) == (kind and "tfidf"), (dataset, method)
        assert registry.protocol(method, dataset, member) == "clean"


def test_no_features_are_built_for_a_method_that_reads_none(project: Path) -> None:
    edit(project / CONFIG, ("targets", "flat"), {"datasets": ["eurlex-4k"], "methods": ["attentionxml"]})
    edit(project / CONFIG, ("targets", "tree"), {"datasets": ["wiki-500k"], "methods": ["attentionxml"]})
    registry = load(project)
    for target, kind in (("flat", None), ("tree", "shipped")):
        kinds = {registry.tfidf(run.method, run.dataset, run.member) for run in registry.runs(target) if run.member}
        assert kinds == {kind}


def test_the_selection_says_which_features_a_run_reads() -> None:
    runs = load(ROOT).selection("all").runs
    found = {(run.dataset, run.method, run.variant): run.features for run in runs}
    of_wiki = Path("results/wiki-500k/features/shipped")
    assert found["wiki-500k", "bonsai", "single"] == RunFeatures(of_wiki, "documents")
    assert found["wiki-500k", "lightxml", "ensemble"] == RunFeatures(of_wiki, "clusters")
    assert found["eurlex-4k", "lightxml", "bert"] is None


def test_every_table_names_the_word_vectors_of_a_member(project: Path) -> None:
    def shown(target: str, method: str) -> list[str]:
        return [run.variant for run in load(project).selection(target).runs if run.method == method]

    edit(project / "methods/attentionxml.yaml", ("settings", "vectors"), "../mine/glove.6B.300d.txt")
    assert set(shown("tail", "lightdxml")) == {"single, random vectors", "single, fasttext-crawl vectors"}
    assert shown("baselines", "attentionxml-small") == ["tree0, corpus vectors"]
    trees = [f"tree{n}, glove.6B.300d vectors" for n in range(3)]
    assert shown("all", "attentionxml")[:4] == [*trees, "ensemble"]
    assert shown("baselines", "bonsai") == ["single"]


def test_later_layers_of_settings_win(project: Path) -> None:
    """Protocol < method < dataset < member: each layer is added in turn to one member's `extra_epochs`."""

    def extra_epochs(dataset: str, member: str) -> int:
        made = made_by(load(project), "lightxml", dataset, member)
        return int(made.extra_epochs)

    layers: list[tuple[Keys, int]] = [
        (("settings",), 6),
        (("datasets", "eurlex-4k", "settings"), 7),
        (("datasets", "eurlex-4k", "members", "xlnet"), 8),
    ]
    assert extra_epochs("eurlex-4k", "xlnet") == 5
    for keys, value in layers:
        edit(project / LIGHTXML, (*keys, "extra_epochs"), value)
        assert extra_epochs("eurlex-4k", "xlnet") == value
    assert extra_epochs("eurlex-4k", "bert") == 7
    assert extra_epochs("amazon-670k", "tree1") == 6


def test_members_named_for_a_dataset_replace_the_methods_own(project: Path) -> None:
    edit(project / LIGHTXML, ("members", "bert", "batch"), 99)
    registry = load(project)
    assert list(registry.members("lightxml", "amazon-670k")) == ["tree0", "tree1", "tree2"]
    assert registry.settings("lightxml", "eurlex-4k", "bert")["batch"] == 16
    assert registry.settings("lightxml", "hpo-5k", "bert")["batch"] == 99


def test_targets_of_studies_follow_those_of_the_configuration(project: Path) -> None:
    edit(project / CONFIG, ("targets", "ablations"), {"seeds": [3]})  # overrides one key of the study's
    registry, config = load(project), read_config(project / CONFIG)
    studied = read_config(project / STUDIED)
    names = list(dict.fromkeys([*config["targets"], *studied]))
    assert registry.targets[: len(names)] == names and names[0] == "all"
    assert [run.seed for run in registry.runs("ablations")] == [3] * len(registry.members("lightxml-ablations", "x"))
    assert registry.target("recipes") == Target(datasets=("hpo-5k-tiny",), methods=("lightxml-recipes",))


@pytest.mark.parametrize(
    ("file", "keys", "value", "expected"),
    [
        (STUDIED, ("recipes", "methods"), ["lightxm"], f"{STUDIED}: targets.recipes.methods: unknown method 'lightxm'"),
        (STUDIED, ("recipes", "seed"), [1], f"{STUDIED}: unknown key 'targets.recipes.seed'"),
        (CONFIG, ("targets", "demo", "seed"), [1], "config.yaml: unknown key 'targets.demo.seed'"),
        (CONFIG, ("targets", "recipes"), {"seed": [1]}, "config.yaml: unknown key 'targets.recipes.seed'"),
        (PROTOCOLS, ("base",), "lightxm", f"{PROTOCOLS}: base: unknown method 'lightxm'"),
        (PROTOCOLS, ("members", "clean", "epochs"), 0, f"{PROTOCOLS}: members.clean.epochs must be at least 1"),
        (PROTOCOLS, ("published_as",), "LightXM", f"{PROTOCOLS}: published_as: unknown method 'LightXM'"),
        ("studies/knn.yaml", ("title",), "x", "studies/knn.yaml: methods/knn.yaml has the same name: rename one"),
    ],
)
def test_a_mistake_in_a_study_is_named_with_its_file(
    project: Path, file: str, keys: Keys, value: Any, expected: str
) -> None:
    if not (project / file).exists():
        shutil.copyfile(project / KNN, project / file)
    edit(project / file, keys, value)
    assert complaint(project).startswith(expected)


@pytest.mark.parametrize("text", ["", "[all]"])
def test_targets_of_studies_must_be_a_mapping(project: Path, text: str) -> None:
    (project / STUDIED).write_text(text, encoding="utf-8")
    assert complaint(project).startswith(f"{STUDIED}: expected a mapping")


def test_the_runs_of_a_target_are_datasets_by_members_and_seeds(project: Path) -> None:
    edit(project / CONFIG, ("seeds",), [4])
    target = {
        "datasets": ["eurlex-4k", "hpo-5k"],
        "methods": ["lightxml-two-encoders", "lightxml-fast"],
        "seeds": [1, 2],
    }
    edit(project / CONFIG, ("targets", "mine"), target)
    registry = load(project)
    variants = {
        ("eurlex-4k", "lightxml-two-encoders"): ["minilm", "mpnet", "ensemble"],
        ("eurlex-4k", "lightxml-fast"): ["minilm"],  # one member: nothing to combine
        ("hpo-5k", "lightxml-two-encoders"): ["minilm", "mpnet", "ensemble"],
        ("hpo-5k", "lightxml-fast"): ["minilm"],
    }
    expected = [(*cell, variant, seed) for cell in variants for variant in variants[cell] for seed in (1, 2)]
    runs = list(registry.runs("mine"))
    assert [(run.dataset, run.method, run.member or "ensemble", run.seed) for run in runs] == expected
    assert runs[0].path == Path("results/eurlex-4k/lightxml-two-encoders/minilm/seed1")
    assert {run.seed for run in registry.runs("all")} == {4}


def test_a_blend_needs_its_members_and_has_their_seed_protocol_and_texts(project: Path) -> None:
    edit(project / CONFIG, ("targets", "mine"), {"datasets": ["hpo-5k"], "methods": ["lightxml-hybrid"], "seeds": [2]})
    edit(project / HYBRID, ("settings", "blends"), ["lightxml-two-encoders/mpnet", "attentionxml-small/tree0"])
    registry = load(project)
    [run] = registry.runs("mine")
    assert registry.selection("mine") == Selection.from_json(registry.selection("mine").to_json())
    mpnet, tree = run.blended
    assert mpnet.path == Path("results/hpo-5k/lightxml-two-encoders/mpnet/seed2")
    assert mpnet.again == mpnet.path / "without-validation" and tree.again is None
    assert run.protocol == "clean" and not registry.serves("lightxml-hybrid", "delicious")
    edit(project / HYBRID, ("settings", "blends"), ["bonsai/single", "lightxml-fast/minilm"])
    registry = load(project)
    assert registry.protocol("bonsai", "eurlex-4k", "single") == "official"
    assert registry.protocol("lightxml-hybrid", "eurlex-4k", "single") == "official"


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("eurlex-4k", "selects on the test documents of eurlex-4k: set `protocol: clean` in methods/lightxml.yaml"),
        ("wiki-500k", "is not there on wiki-500k: its members are tree0, tree1, tree2"),
    ],
)
def test_a_target_cannot_have_a_blend_of_what_is_not_there_or_selects_on_the_test_set(
    project: Path, dataset: str, expected: str
) -> None:
    shutil.copyfile(project / HYBRID, project / "methods/mine.yaml")
    edit(project / "methods/mine.yaml", ("settings", "blends"), ["lightxml/bert"])
    load(project)  # what no target has is not refused
    edit(project / CONFIG, ("targets", "mine"), {"datasets": [dataset], "methods": ["mine"]})
    assert complaint(project).startswith(f"methods/mine.yaml: blends: lightxml/bert {expected}")
    edit(project / CONFIG, ("targets", "mine", "datasets"), ["eurlex-4k"])
    edit(project / LIGHTXML, ("protocol",), "clean")
    assert [run.protocol for run in load(project).runs("mine")] == ["clean"]


def test_a_dataset_of_ones_own_is_a_target_with_the_recommended_methods(project: Path) -> None:
    source = {"title": "Own", "source": {"folder": "../own", "layout": "csv"}}
    (project / "datasets/own.yaml").write_text(yaml.safe_dump(source), encoding="utf-8")
    registry = load(project)
    assert registry.target("own") == Target(datasets=("own",), methods=registry.config.own_data)
    assert registry.config.own_data[0] == "lightxml-hybrid"


def test_every_dataset_is_a_target_with_the_first_ones_methods(project: Path) -> None:
    registry = load(project)
    assert registry.targets == list(dict.fromkeys([*registry.config.targets, *registry.datasets]))
    methods = registry.config.targets["all"].methods
    assert registry.target("wiki10-31k") == Target(datasets=("wiki10-31k",), methods=methods) and "lightxml" in methods
    assert "knn" in registry.target("hpo-5k").methods, "one that the configuration names keeps its own methods"


_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "line 1: not valid YAML: nested more than 40 deep"),
        ("- " * 100_000, "line 1: not valid YAML: nested more than 40 deep"),
        (_LAUGHS, "line 6: not valid YAML: .* more than 100000 values"),
        ("a: &a [*a]", "line 1: not valid YAML: .* more than 100000 values"),
        ("a: 1\nb: 2\na: 3\n", "line 3: not valid YAML: the key 'a' is there twice"),
        ("a: {b: 1, b: 1}", "line 1: not valid YAML: the key 'b' is there twice"),
        ("a: 2020-13-45", "a value in it cannot be read .*: put texts into quotes"),
        ("a: !!bool maybe", "a value in it cannot be read .*: put texts into quotes"),
        ("a: " + "1" * 5000, "a value in it cannot be read .*: put texts into quotes"),
        ("a: !!python/object/apply:os.getcwd []", "line 1: not valid YAML: could not determine a constructor"),
    ],
)
def test_yaml_bombs_ambiguous_and_invalid_yaml_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match=f"^{tmp_path}/x.yaml:? {message}"):
        read_config(tmp_path / "x.yaml")


def test_aliases_and_merged_keys_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: &a {b: 1, c: [2]}\nd: {<<: *a, b: 3}\ne: *a\n")
    assert read_config(tmp_path / "x.yaml") == {
        "a": {"b": 1, "c": [2]},
        "d": {"b": 3, "c": [2]},
        "e": {"b": 1, "c": [2]},
    }
