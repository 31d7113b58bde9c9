"""The workflow from a user's view: the planned jobs, the results of a tiny run, the jobs that an edit runs again."""

from __future__ import annotations

import ast
import csv
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import sparse

from lightxml_core.evaluation.catalogue import GROUPS, METRICS
from lightxml_core.files import save_csr
from lightxml_core.planning.workload import UNKNOWN, read_published, request, shape_of, stage_cost
from lightxml_core.registry import load_registry, read_config
from lightxml_core.reporting.figures.catalogue import KINDS
from tests.helpers.fork_server import python
from tests.helpers.project import ROOT, copy_project, snakemake, write_attentionxml

DETAILS = {"standard_errors", "tail", "lost", "candidates", "calibration"}
COLUMNS = "dataset method variant metric published source verified reproduced_mean reproduced_std seeds protocol"
REPORTING = {"tables", "figures", "report", "publish"}
TARGET = """\
  tiny:
    datasets: [tiny]
    methods: [knn, popularity]

hardware:
"""


@dataclass(frozen=True)
class Job:
    """One planned job as printed by `snakemake -n`; the anonymous rule of a target is called `publish`."""

    rule: str
    inputs: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    wildcards: dict[str, str] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)


def plan(folder: Path, *targets: str) -> list[Job]:
    """The jobs that snakemake would run."""
    return jobs_of(snakemake(folder, "-n", *targets))


def jobs_of(said: str) -> list[Job]:
    """The jobs that `snakemake -n` has listed."""
    blocks = re.split(r"^\[.+\]\n", said, flags=re.MULTILINE)
    return [_job(block.split("\nJob stats:")[0]) for block in blocks[1:]]


def write_wrapper(project: Path, targets: list[str]) -> str:
    """Write a Snakefile that also prints the results that these targets request, and return its name."""
    told = f'print("RESULTS " + json.dumps([results_of(name) for name in {targets!r}]))'
    (project / "wrapper.smk").write_text(f'include: "Snakefile"\n{told}\n')
    return "wrapper.smk"


def requested(said: str) -> set[str]:
    """The results that the wrapper has printed."""
    told = next(line for line in said.splitlines() if line.startswith("RESULTS "))
    return {path for target in json.loads(told.removeprefix("RESULTS ")) for path in target}


def results_made(jobs: list[Job]) -> set[str]:
    return {path for job in jobs for path in job.outputs if path.startswith("results/")}


def _job(block: str) -> Job:
    named = re.match(r"(?:local)?rule (\w+):", block)
    assert named or re.match(r"Job \d+: Publish ", block), block
    listed = dict(re.findall(r"^    (\w+): (.*)$", block, flags=re.MULTILINE))
    inputs, outputs = (set(listed.get(key, "").split(", ")) - {""} for key in ("input", "output"))
    wildcards, resources = (
        dict(pair.split("=", 1) for pair in listed.get(key, "").split(", ") if pair)
        for key in ("wildcards", "resources")
    )
    return Job(named[1] if named else "publish", inputs, outputs, wildcards, resources)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a tiny corpus in three layouts, a copy of it per fault, and a target."""
    folder = copy_project(tmp_path_factory.mktemp("workflow") / "project")
    config = folder / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("\nhardware:\n", TARGET, 1), encoding="utf-8")
    inside = folder / "corpora/tiny/unpacked"  # many archives have a top folder
    write_attentionxml(inside, documents=60, tests=20, labels=12)
    write_pecos(inside, folder / "corpora/tiny-pecos")
    write_bag_of_words(inside, folder / "corpora/tiny-bow")
    for name, layout in (("tiny", "attentionxml"), ("tiny-pecos", "pecos"), ("tiny-bow", "xmc-bow")):
        add_dataset(folder, name, layout)
    return folder


def add_dataset(folder: Path, name: str, layout: str) -> None:
    source = {"folder": f"corpora/{name}", "layout": layout}
    definition = {"title": name.capitalize(), "validation": 8, "source": source}
    (folder / f"datasets/{name}.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")


def documents_of(folder: Path, part: str) -> tuple[list[str], list[list[str]]]:
    """Texts and label lists of a corpus in AttentionXML layout."""
    texts, labels = (
        (folder / f"{part}_{kind}.txt").read_text(encoding="utf-8").splitlines() for kind in ("texts", "labels")
    )
    return texts, [line.split() for line in labels]


def numbered(lists: list[list[str]], names: list[str]) -> sparse.csr_matrix:
    """N x len(names): how often each name is in each list."""
    rows = [[each.count(name) for name in names] for each in lists]
    return sparse.csr_matrix(np.array(rows, dtype=np.float32))


def label_names(folder: Path) -> list[str]:
    return sorted({label for part in ("train", "test") for own in documents_of(folder, part)[1] for label in own})


def write_pecos(source: Path, target: Path) -> None:
    labels = label_names(source)
    for part, short in (("train", "trn"), ("test", "tst")):
        texts, lists = documents_of(source, part)
        save_csr(target / f"Y.{short}.npz", numbered(lists, labels))
        (target / f"X.{short}.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    (target / "output-items.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def write_bag_of_words(source: Path, target: Path) -> None:
    labels = label_names(source)
    texts = [text for part in ("train", "test") for text in documents_of(source, part)[0]]
    words = sorted({word for text in texts for word in text.split()})
    target.mkdir()
    for part in ("train", "test"):
        texts, lists = documents_of(source, part)
        X, Y = numbered([text.split() for text in texts], words), numbered(lists, labels)
        lines = [f"{X.shape[0]} {X.shape[1]} {Y.shape[1]}"]
        for row in range(X.shape[0]):
            stored = slice(X.indptr[row], X.indptr[row + 1])
            pairs = [f"{column}:{value:g}" for column, value in zip(X.indices[stored], X.data[stored], strict=True)]
            lines.append(f"{','.join(map(str, Y[row].indices))} {' '.join(pairs)}")
        (target / f"{part}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


# What is planned, before anything has run


def all_targets() -> list[str]:
    """The targets of config.yaml and of the studies, and the datasets."""
    config, studied = (
        yaml.safe_load((ROOT / file).read_text("utf-8")) for file in ("config.yaml", "studies/targets.yaml")
    )
    return sorted({*config["targets"], *studied, *(path.stem for path in (ROOT / "datasets").glob("*.yaml"))})


@pytest.fixture(scope="module")
def plan_of_all(project: Path) -> str:
    """What snakemake says of the plan of every target of the project together."""
    return snakemake(project, "-n", "-s", write_wrapper(project, all_targets()), *all_targets())


@pytest.fixture(scope="module")
def shipped(plan_of_all: str) -> list[Job]:
    """The jobs of that plan."""
    return jobs_of(plan_of_all)


def test_targets_request_every_output_in_results(plan_of_all: str, shipped: list[Job]) -> None:
    made = results_made(shipped)
    assert len(made) > 1000 and made == requested(plan_of_all)


def test_jobs_request_resources_by_the_size_of_their_dataset(project: Path, shipped: list[Job]) -> None:
    printed = read_published(ROOT / "published")
    registry = load_registry(ROOT, read_config(ROOT / "config.yaml"))
    checked = set()
    for job in shipped:
        if job.rule in ("prepare_corpus", "build_features", "split_validation"):
            dataset = job.wildcards["dataset"]
            shape = shape_of(registry, dataset, project, printed)
            cost = request(stage_cost(job.rule, shape))
            assert job.resources["mem_mb"] == str(math.ceil(cost.memory / 1e6)), job
            assert job.resources["runtime"] == str(math.ceil(cost.minutes)), job
            checked.add((dataset, cost == UNKNOWN))
    assert {("wiki-500k", False), ("hpo-5k", False), ("eurlex-4k-bow", True)} <= checked


def test_every_shipped_target_is_planned(shipped: list[Job]) -> None:
    selected = [job.wildcards["target"] for job in shipped if job.rule == "select"]
    assert sorted(selected) == all_targets()
    assert sum(job.rule == "publish" for job in shipped) == len(selected)


def test_the_main_target_trains_every_member_and_seed(shipped: list[Job]) -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    planned = [job.wildcards for job in shipped if job.rule == "train"]
    cells = {(w["dataset"], w["method"], w["member"], w["seed"] + w["held_out"]) for w in planned}
    assert len(cells) == len(planned), "a member is trained twice on the same documents"
    wanted = set()
    for method in config["targets"]["all"]["methods"]:
        definition = defined_methods()[method]
        for dataset in config["targets"]["all"]["datasets"]:
            own = definition.get("datasets", {}).get(dataset, {}).get("members", definition["members"])
            wanted |= {(dataset, method, member, str(seed)) for member in own for seed in config["seeds"]}
    assert len(wanted) == 5 * (3 + 3 + 9 + 1 + 1)  # LightXML, AttentionXML, X-Transformer, Parabel, Bonsai
    main = config["targets"]["all"]
    assert {cell for cell in cells if cell[0] in main["datasets"] and cell[1] in main["methods"]} == wanted


@cache
def imports_of(file: Path) -> frozenset[Path]:
    """Library files that a file imports itself, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom | ast.Import):
            package = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            names |= {package, *(f"{package}.{alias.name}".lstrip(".") for alias in node.names)}
    paths = [ROOT / name.replace(".", "/") for name in names if name.startswith("lightxml_core")]
    candidates = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    return frozenset(file for file in candidates if file.is_file())


def imported_by(*programs: Path) -> set[str]:
    """Library files that programs import, directly or through others, except packages with only a docstring."""
    found: set[Path] = set()
    waiting = set(programs)
    while waiting:
        new = imports_of(waiting.pop()) - found
        found |= new
        waiting |= new
    return {str(file.relative_to(ROOT)) for file in found if has_code(file)}


@cache
def has_code(file: Path) -> bool:
    return len(ast.parse(file.read_text(encoding="utf-8")).body) > 1


def test_a_rule_runs_again_when_a_file_it_imports_is_edited(shipped: list[Job]) -> None:
    """Each imported file is an input of the job or of a job before it; cli.py only starts a program."""
    makers = {output: job for job in shipped for output in job.outputs}
    known: dict[str, set[str]] = {}

    def inputs_before(job: Job) -> set[str]:
        key = min(job.outputs)
        if key not in known:
            earlier = [inputs_before(makers[path]) for path in job.inputs if path in makers]
            known[key] = job.inputs.union(*earlier)
        return known[key]

    checked = set()
    for job in shipped:
        if job.rule == "publish":  # it always runs
            continue
        programs = [ROOT / f"workflow_scripts/{job.rule}.py"]
        if job.rule in ("train", "predict"):
            programs += method_files(job.wildcards["method"])
        if job.rule in ("download_dataset", "prepare_corpus", "import_features"):
            programs += LAYOUT_FILES
        wanted = imported_by(*programs) | {str(file.relative_to(ROOT)) for file in programs}
        missing = wanted - inputs_before(job) - {"lightxml_core/cli.py"}
        assert not missing, f"{job.rule} {job.wildcards}"
        checked.add(job.rule)
    assert checked == {path.stem for path in (ROOT / "workflow_scripts").glob("*.py")} - {"publish"}


LAYOUT_FILES = [*(ROOT / "lightxml_core/corpus/layouts").glob("*.py")]  # found by their place, not imported by name


def method_files(method: str) -> list[Path]:
    return files_of(defined_methods()[method]["implementation"])


@cache
def defined_methods() -> dict[str, dict[str, Any]]:
    """The definitions of methods/ and studies/ by name."""
    files = [path for folder in ("methods", "studies") for path in (ROOT / folder).glob("*.yaml")]
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in files if path.name != "targets.yaml"}


def files_of(implementation: str) -> list[Path]:
    package = ROOT / "lightxml_core/methods" / implementation
    if not package.is_dir():
        return [package.with_suffix(".py")]
    return sorted(path for path in package.rglob("*.py") if path.name != "workload.py")


def test_word_vectors_are_downloaded_for_methods_that_read_them(shipped: list[Job]) -> None:
    starting = [job for job in shipped if job.rule == "train" and job.wildcards["method"] == "attentionxml"]
    assert starting and all("data/vectors/glove-840b" in job.inputs for job in starting)
    [of_wiki10] = [
        job
        for job in shipped
        if job.rule == "train" and job.wildcards["method"] == "lightdxml" and job.wildcards["dataset"] == "wiki10-31k"
    ]
    assert "data/vectors/fasttext-crawl" in of_wiki10.inputs
    downloaded = [job.wildcards["vectors"] for job in shipped if job.rule == "download_vectors"]
    assert sorted(downloaded) == ["fasttext-crawl", "glove-6b-50d", "glove-840b", "spacy-en-md"]


def test_a_member_predicts_with_the_tokens_of_its_own_setting(shipped: list[Job]) -> None:
    """The released code trains AmazonCat-13K's XLNet on 128 tokens and predicts with 512."""
    own = {"dataset": "amazoncat-13k", "method": "lightxml", "member": "xlnet", "seed": "0"}
    read = {
        job.rule: {path for path in job.inputs if "/tokens/" in path}
        for job in shipped
        if job.wildcards.items() >= own.items()
    }
    folder = "results/amazoncat-13k/tokens/xlnet-base"
    assert read["train"] == {f"{folder}-128-official"} and read["predict"] == {f"{folder}-512-official"}


def test_one_encoder_reads_label_names_for_all_of_x_transformer(
    shipped: list[Job],
) -> None:
    """All members of the published X-Transformer share it."""
    own = {"dataset": "eurlex-4k", "method": "xtransformer", "seed": "0"}
    jobs = [job for job in shipped if job.rule == "train" and job.wildcards.items() >= own.items()]
    read = {job.wildcards["member"]: "data/encoders/roberta-large" in job.inputs for job in jobs}
    assert len(read) == 9
    assert {member for member, reads in read.items() if reads} == {
        *(m for m in read if m.startswith("roberta")),
        *_TEXT,
    }


_TEXT = ("bert-text", "xlnet-text")


def test_continuous_integration_runs_a_target_and_keeps_results(shipped: list[Job]) -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/eurlex-4k-small.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["run"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]
    assert commands[:2] == ["make setup", ".venv/bin/snakemake --cores all eurlex-4k-small"]
    assert "eurlex-4k-small" in {job.wildcards.get("target") for job in shipped if job.rule == "report"}
    (kept,) = [step["with"]["path"].split() for step in steps if "upload-artifact" in step.get("uses", "")]
    assert kept == ["results/tables/", "results/figures/", "results/report.html", "logs/"]  # as publish.py writes them
    (cached,) = [step["with"] for step in steps if "actions/cache@" in step.get("uses", "")]
    assert cached["path"] == "data" and "datasets/eurlex-4k*.yaml" in cached["key"]


def test_an_edit_to_a_method_trains_only_those_built_on_it(shipped: list[Job]) -> None:
    definitions = defined_methods()
    own = {name: _relative(method_files(name)) for name in definitions}
    shared = _relative(files_of("transformer"))
    files = shared.union(*own.values())
    assert {"lightxml_core/methods/knn.py", "lightxml_core/methods/lightxml/train.py"} <= files
    assert "lightxml_core/methods/transformer/training.py" in shared
    for job in shipped:
        if job.rule in ("train", "predict"):
            method = job.wildcards["method"]
            base = shared if definitions[method]["implementation"] in ("lightxml", "xtransformer") else set()
            assert job.inputs & files == own[method] | base


def _relative(files: list[Path]) -> set[str]:
    return {str(file.relative_to(ROOT)) for file in files}


# The rules as text


def test_every_rule_has_a_docstring_a_log_and_resources() -> None:
    for file in (ROOT / "rules").rglob("*.smk"):
        for block in re.split(r"^(?=rule )", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            assert re.match(r'rule \w+:\n    """.+"""\n', block), f"{file.name}: {block[:40]}"
            for part in ("input", "output", "log", "benchmark", "threads", "resources", "shell"):
                assert re.search(rf"^    {part}:", block, flags=re.MULTILINE), f"{file.name}: {block[:40]}: {part}"
            assert "mem_mb=" in block and "runtime=" in block and "| tee {log}" in block
    targets = (ROOT / "Snakefile").read_text(encoding="utf-8").partition("    rule:\n")[2]
    assert "message:" in targets and "log:" in targets


def test_snakemakes_linter_finds_nothing(project: Path) -> None:
    assert "Congratulations" in snakemake(project, "--lint")


def test_another_snakefile_uses_the_workflow_as_a_module(project: Path, tmp_path: Path) -> None:
    """Keys missing in its configuration are taken from config.yaml; the project's files are found from any folder."""
    chosen = {"protocol": "clean", "targets": {"mine": {"datasets": ["tiny"], "methods": ["knn"]}}}
    (tmp_path / "Snakefile").write_text(
        f'module lightxml:\n    snakefile: "{project}/workflow/Snakefile"\n    config: {chosen}\n'
        "use rule * from lightxml as lightxml_*\n"
        'rule all:\n    input: "results/targets/mine/report.html"\n    default_target: True\n'
    )
    jobs = {job.rule: job for job in plan(tmp_path)}
    stages = {"prepare_corpus", "split_validation", "build_features", "select", *KNN} - {"publish"}
    assert jobs.keys() == {"all"} | {f"lightxml_{stage}" for stage in stages}
    assert os.path.relpath(project / "workflow_scripts/train.py", tmp_path) in jobs["lightxml_train"].inputs
    assert "results/tiny/knn/single/seed0/model" in jobs["lightxml_train"].outputs


def test_the_rules_are_formatted(project: Path) -> None:
    pytest.importorskip("snakefmt")
    command = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "rules", "workflow"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_rule_graph_is_that_of_the_first_target(project: Path) -> None:
    """It needs no number of cores."""
    command = [python(), "-m", "snakemake", "--rulegraph"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("digraph"), done.stderr
    drawn = set(re.findall(r'label = "(\w+)', done.stdout))
    assert drawn >= {"download_dataset", "tokenize", "cluster_labels", "train", "ensemble", "report", "all"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "targets: {mine: {datasets: [nowhere], methods: [knn]}}",
            "targets.mine.datasets: unknown dataset 'nowhere': known are amazon-670k",
        ),
        ("seeds: ['a']", "seeds.0: expected an integer, found 'a'"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_sentence(
    project: Path, tmp_path: Path, content: str, sentence: str
) -> None:
    (tmp_path / "mine.yaml").write_text(f"{content}\n", encoding="utf-8")
    said = snakemake(project, "tiny", "--configfile", str(tmp_path / "mine.yaml"), expect=1)
    told = f"error: {os.path.relpath(tmp_path / 'mine.yaml', project)}: {sentence}"
    assert len(re.findall(rf"^{re.escape(told)}.*$", said, flags=re.MULTILINE)) == 1
    for word in ("Traceback", "Error", 'File "', "Building DAG"):
        assert word not in said


def test_gpus_are_shared_as_the_hardware_section_says(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several train one model, or several models share one."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    (tmp_path / "mine.yaml").write_text("hardware: {gpus_per_training: 2}\n", encoding="utf-8")
    options = ("--dry-run", "--printshellcmds", "--configfile", str(tmp_path / "mine.yaml"))
    said = snakemake(project, "hpo-5k", *options, cores=8)
    trainings = [line for line in said.splitlines() if "-m workflow_scripts.train" in line]
    assert {re.findall("--(?:threads|processes) ([0-9]+)", line)[-1] for line in trainings} == {"0", "2"}
    assert all(" --threads 8 " in line for line in trainings)
    (tmp_path / "mine.yaml").write_text("hardware: {trainings_per_gpu: 4}\n", encoding="utf-8")
    said = snakemake(project, "hpo-5k", *options, cores=8)
    trainings = [line for line in said.splitlines() if "-m workflow_scripts.train" in line]
    assert trainings and all(" --threads 1 --processes 1 " in line or "--processes 0 " in line for line in trainings)
    (tmp_path / "mine.yaml").write_text("hardware: {gpus_per_training: 3}\n", encoding="utf-8")
    said = snakemake(project, "hpo-5k", *options, cores=8, expect=1)
    assert "mine.yaml: hardware.gpus_per_training is 3, but there are 2 GPUs: lower it" in said


# A real run of two methods that need no transformer


@pytest.fixture(scope="module")
def done(project: Path) -> str:
    """The output of `snakemake tiny`; its results are in the project."""
    return snakemake(project, "tiny")


def test_a_run_ends_with_the_table_and_the_path_of_the_report(project: Path, done: str) -> None:
    lines = done.splitlines()
    report = lines.index(f"report   {(project / 'results/report.html').resolve()}")
    heading = max(number for number, line in enumerate(lines[:report]) if line.startswith("method "))
    assert lines[heading - 1] == "Tiny (tiny)"
    rows = {line[:22].strip(): line.split()[-8:] for line in lines[heading + 2 : heading + 4]}
    assert set(rows) == {"20 nearest neighbours", "Popularity"}
    metrics = read_metrics(project, "tiny", "popularity")
    shown = [f"{metrics['accuracy'][name]:.2f}" for name in ("P@1", "P@3", "P@5", "PSP@1", "PSP@3", "PSP@5")]
    assert [cell.rstrip("*") for cell in rows["Popularity"]][:6] == shown
    assert lines[report + 1 : report + 3] == ["", "to try next"]
    model = lines[report + 4].split("--model ")[1].split()[0]
    assert (project / model).is_dir() and "/knn/" in model, "the better of both"
    assert len(lines) - report <= 6 + 5, "snakemake's own last words only"


def test_a_run_writes_tables_figures_and_a_report(project: Path, done: str) -> None:
    results = project / "results"
    with (results / "tables/comparison.csv").open(encoding="utf-8", newline="") as opened:
        table = csv.DictReader(opened)
        rows = list(table)
    assert table.fieldnames == COLUMNS.split()
    ours = {(row["dataset"], row["method"], row["variant"]) for row in rows if row["reproduced_mean"]}
    assert ours == {("tiny", "knn", "single"), ("tiny", "popularity", "single")}
    for name in ("comparison", "datasets", "cost"):
        assert all((results / f"tables/{name}.{form}").stat().st_size for form in ("csv", "md", "tex"))
    drawn = {path.stem for path in (results / "figures").iterdir()}
    assert drawn == {kind.name for kind in KINDS} - {"training", "negatives", "ranks"}
    for name in drawn:
        assert (results / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in (results / f"figures/{name}.svg").read_text(encoding="utf-8")
    page = (results / "report.html").read_text(encoding="utf-8")
    assert page == (results / "targets/tiny/report.html").read_text(encoding="utf-8") and "Tiny" in page


def read_metrics(project: Path, dataset: str, method: str) -> dict[str, Any]:
    path = project / f"results/{dataset}/{method}/single/seed0/metrics.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_every_run_has_all_metrics_and_its_provenance(project: Path, done: str) -> None:
    for method in ("knn", "popularity"):
        metrics = read_metrics(project, "tiny", method)
        assert set(metrics) == {*GROUPS, *DETAILS}
        tail, lost, found = (metrics[group] for group in ("tail", "lost", "candidates"))
        assert sum(lost.values()) == pytest.approx(100)
        assert found["100"] == pytest.approx(100 - lost["unlisted"] - lost["unseen"])
        values = {name: value for group in GROUPS for name, value in metrics[group].items()}
        assert set(values) == {name for metric in METRICS.values() for name in metric.names}
        assert all(0 <= value <= 100 + 1e-9 for value in values.values())
        assert sum(tail[part]["P@5"] for part in ("head", "torso", "tail")) == pytest.approx(values["P@5"])
        path = project / f"results/tiny/{method}/single/seed0/provenance.json"
        about = json.loads(path.read_text(encoding="utf-8"))
        assert set(about) == {
            "git_commit", "started", "wall_seconds", "cpu_seconds", "resumed", "attempts",
            "peak_memory_gib",
            "peak_gpu_memory_gib", "model_bytes",
            "weights_bytes", "hardware", "packages", "settings", "data",
        }  # fmt: skip
        assert about["settings"]["seed"] == 0 and "results/tiny/corpus/Y.trn.npz" in about["data"]
    neighbours, floor = read_metrics(project, "tiny", "knn"), read_metrics(project, "tiny", "popularity")
    assert neighbours["accuracy"]["P@1"] > floor["accuracy"]["P@1"] + 20, "each label has words of its own"


def test_every_layout_of_a_corpus_gives_the_same_neighbours(project: Path, done: str) -> None:
    wanted = [("tiny-pecos", "knn"), ("tiny-bow", "knn"), ("tiny-bow", "parabel")]
    snakemake(project, *(f"results/{dataset}/{method}/single/seed0/metrics.json" for dataset, method in wanted))
    assert read_metrics(project, "tiny-pecos", "knn") == read_metrics(project, "tiny", "knn")
    for method in ("knn", "parabel"):  # word counts instead of TF-IDF: similar, not equal
        metrics = read_metrics(project, "tiny-bow", method)
        assert set(metrics) == {*GROUPS, *DETAILS}
        floor = read_metrics(project, "tiny", "popularity")
        assert metrics["accuracy"]["P@1"] > floor["accuracy"]["P@1"] + 20
    stats = [json.loads((project / f"results/{name}/corpus/stats.json").read_text()) for name in ("tiny", "tiny-bow")]
    assert [stats[1][key] for key in ("documents_trn", "documents_tst", "labels", "texts")] == [60, 20, 12, False]
    assert stats[0]["labels_per_document"] == stats[1]["labels_per_document"]


# What an edit runs again


@contextmanager
def edited(path: Path, change: Callable[[str], str]) -> Iterator[None]:
    """Change a file's text during the block; then restore it with its time of change."""
    before, stat = path.read_bytes(), path.stat()
    text = before.decode("utf-8")
    assert change(text) != text
    path.write_text(change(text), encoding="utf-8")
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def remark(text: str) -> str:
    return text + "# another remark\n"


KNN = {"train", "predict", "evaluate"} | REPORTING
EDITS: list[tuple[str, str, Callable[[str], str], set[str], set[str]]] = [
    # what is edited, the file, how; which rules run again, for which methods
    ("figures", "lightxml_core/reporting/figures/cost.py", remark, REPORTING - {"tables"}, set()),
    ("tables", "lightxml_core/reporting/tables/cost.py", remark, REPORTING - {"figures"}, set()),
    ("knn code", "lightxml_core/methods/knn.py", remark, KNN, {"knn"}),
    ("knn setting", "methods/knn.yaml", lambda text: text.replace("20}", "5}"), {"select"} | KNN, {"knn"}),
    ("metrics program", "workflow_scripts/evaluate.py", remark, {"evaluate"} | REPORTING, {"knn", "popularity"}),
    (
        "propensity",
        "datasets/tiny.yaml",
        lambda text: text + "propensity: {a: 0.6, b: 2.6}\n",
        {"evaluate"} | REPORTING,
        {"knn", "popularity"},
    ),
    ("note", "methods/knn.yaml", lambda text: text.replace("note: ", "note: so far "), {"select"} | REPORTING, set()),
    (
        "seeds",
        "config.yaml",
        lambda text: text.replace("seeds: [0]", "seeds: [0, 7]"),
        {"select"} | KNN,
        {"knn", "popularity"},
    ),
    ("threads", "config.yaml", lambda text: text.replace("threads: 0", "threads: 3"), {"publish"}, set()),
    (
        "a text",
        "corpora/tiny/unpacked/test_texts.txt",
        lambda text: text.replace("\n", " more\n", 1),
        {"prepare_corpus", "build_features", "split_validation"} | KNN,
        {"knn", "popularity"},
    ),
]


@pytest.mark.parametrize(("file", "change", "rules", "methods"), [e[1:] for e in EDITS], ids=[e[0] for e in EDITS])
def test_an_edit_runs_again_exactly_what_depends_on_it(
    project: Path, done: str, file: str, change: Callable[[str], str], rules: set[str], methods: set[str]
) -> None:
    with edited(project / file, change):
        jobs = plan(project, "tiny")
    assert {job.rule for job in jobs} == rules
    assert {job.wildcards["method"] for job in jobs if "method" in job.wildcards} == methods
    if file == "config.yaml":  # the earlier seed is kept
        assert {job.wildcards["seed"] for job in jobs if "seed" in job.wildcards} <= {"7"}


def test_new_times_on_unchanged_files_run_nothing_again(project: Path, done: str) -> None:
    for path in [*(project / "lightxml_core").rglob("*.py"), *(project / "corpora/tiny/unpacked").iterdir()]:
        path.touch()
    assert [job.rule for job in plan(project, "tiny")] == ["publish"]


# Faults in the data


def drop_last_line(content: bytes) -> bytes:
    return content[: content[:-1].rindex(b"\n") + 1]


def empty_line_5(content: bytes) -> bytes:
    return b"\n".join([*content.split(b"\n")[:4], b"  ", *content.split(b"\n")[5:]])


def latin_1_in_line_3(content: bytes) -> bytes:
    return b"\n".join([*content.split(b"\n")[:2], b"caf\xe9", *content.split(b"\n")[3:]])


FAULTS: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "bad-lengths": ("train_labels.txt", drop_last_line, r"train_texts\.txt .*60.*train_labels\.txt .*59 documents"),
    "bad-empty": ("train_texts.txt", empty_line_5, r"train_texts\.txt: empty text in 1 line \(5\): .*keep:"),
    "bad-bytes": ("test_texts.txt", latin_1_in_line_3, r"test_texts\.txt line 3: the byte 0xe9 .* is not UTF-8"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_data_stops_the_run_with_file_and_line(project: Path, name: str) -> None:
    file, spoil, message = FAULTS[name]
    write_attentionxml(project / f"corpora/{name}", documents=60, tests=20, labels=12)
    path = project / f"corpora/{name}/{file}"
    path.write_bytes(spoil(path.read_bytes()))
    add_dataset(project, name, "attentionxml")
    said = snakemake(project, f"results/{name}/knn/single/seed0/metrics.json", expect=1)
    told = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and re.search(message, told[0]), said
    assert "Traceback" not in said
    assert (project / f"logs/prepare_corpus/{name}.log").read_text(encoding="utf-8").strip() == told[0]
    assert not [path for path in (project / f"results/{name}").rglob("*") if path.is_file()]
