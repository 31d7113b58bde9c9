"""Files that the workflow reads and writes: all are declared, removed ones are made again, users' data are watched."""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from lightxml_core.corpus.layouts import LAYOUTS, files_read
from lightxml_core.encoders.scratch import ScratchConfig, build_scratch
from lightxml_core.files import is_whole, seal
from lightxml_core.user_files import Fingerprints
from tests.helpers.project import copy_project, snakemake, write_attentionxml
from tests.workflow.test_rules import jobs_of, plan, requested, results_made, write_wrapper

TARGET = {"datasets": ["mine"], "methods": ["popularity", "knn", "duo"]}
DUO = "title: Duo\nimplementation: knn\nensemble: mean\nmembers: {a: {neighbours: 3}, b: {neighbours: 9}}\n"
# Python imports this module at start, in every program that a rule runs.
AUDIT = """\
import os, sys
main = sys.orig_argv[2] if sys.orig_argv[1:2] == ["-m"] else ""
if main.startswith("workflow_scripts."):
    opened = os.open(os.environ["AUDIT"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    def hook(event, arguments):
        if event == "open" and isinstance(arguments[0], str) and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            os.write(opened, f"{main[17:]} {os.path.abspath(arguments[0])}\\n".encode("utf-8", "surrogateescape"))
    sys.addaudithook(hook)
"""


def tiny_project(folder: Path, data: str = "../data") -> Path:
    """A copy of the project with one dataset of the user's own, in `data`, and a target `tiny`."""
    copy_project(folder)
    write_attentionxml(folder / data, documents=40, tests=10, labels=6)
    source = {"folder": data, "layout": "attentionxml"}
    definition = {"title": "Mine", "validation": 4, "source": source}
    (folder / "datasets/mine.yaml").write_text(yaml.safe_dump(definition))
    (folder / "methods/duo.yaml").write_text(DUO)
    (folder / "mine.yaml").write_text(yaml.safe_dump({"targets": {"tiny": TARGET}}))
    return folder


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that lists what each program of the run below has read."""
    return tmp_path_factory.mktemp("audit") / "reads.txt"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, reads: Path) -> Path:
    """The folder in which `tiny` was run. It is not the project's, and both have names that a shell would misread."""
    project = tiny_project(tmp_path_factory.mktemp("it's a $HOME & é") / "my project")
    here = tmp_path_factory.mktemp('run "here" `now` $PWD #1')
    (here / "project").symlink_to(project)
    (reads.parent / "sitecustomize.py").write_text(AUDIT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(reads.parent))
        patch.setenv("AUDIT", str(reads))
        run(here)
    return here


def as_told(here: Path, *arguments: str, file: str = "Snakefile") -> list[str]:
    """The arguments of snakemake for the project of a folder, which is not the folder it runs in."""
    project = (here / "project").resolve()
    files = [str(path) for path in sorted(project.glob("*.yaml"))]
    return [*(arguments or ("tiny",)), "-s", str(project / file), "--configfile", *files]


def run(here: Path, *arguments: str) -> str:
    return snakemake(here, *as_told(here, *arguments))


def planned(here: Path) -> set[str]:
    """The rules that snakemake would run."""
    return {job.rule for job in plan(here, *as_told(here))}


def test_the_whole_workflow_runs_in_folders_whose_names_need_quotes(run_folder: Path) -> None:
    assert (run_folder / "results/report.html").is_file()
    assert not list((run_folder / "results").rglob("*.lock")), "who makes a lock removes it"
    assert not list((run_folder / "results").rglob("checkpoint")), "and so with checkpoints"


def test_no_program_reads_a_file_that_its_rule_does_not_declare(run_folder: Path, reads: Path) -> None:
    declared: dict[str, set[str]] = defaultdict(set)
    for job in plan(run_folder, *as_told(run_folder, "tiny", "--forceall")):
        declared[job.rule] |= job.inputs | job.outputs
    declared["publish"] |= set().union(*(paths for rule, paths in declared.items()))  # its inputs are all results
    seen = defaultdict(set)
    for line in reads.read_text(encoding="utf-8").splitlines():
        program, _, path = line.partition(" ")
        seen[program].add(Path(path))
    assert seen.keys() >= {"prepare_corpus", "train", "predict", "ensemble", "tables", "figures", "report", "publish"}
    for program, paths in seen.items():
        allowed = {(run_folder / name).resolve() for name in declared[program]}
        inside = [path for path in paths if path.is_relative_to(run_folder / "results") and path.name[:1] != "."]
        undeclared = [path for path in inside if not allowed & {path, *path.parents} and path.is_file()]
        assert not undeclared, program


def test_a_target_of_own_data_requests_every_output_in_results(run_folder: Path) -> None:
    """`test_rules` has the same test of the project's targets."""
    file = write_wrapper((run_folder / "project").resolve(), ["tiny"])
    said = snakemake(run_folder, *as_told(run_folder, "tiny", "--forceall", "-n", file=file))
    assert results_made(jobs_of(said)) == requested(said)


# What is removed together: nothing that is made from another of its group, and so would be made again with that one.
REMOVED = [
    # all of one method, and a hidden file beside an output
    ["results/mine/knn", "results/mine/duo/ensemble/seed0/.metrics.json.sha256"],
    # a file within a folder that is an output, and one beside an output
    ["results/mine/knn/single/seed0/model/Y.npz", "results/mine/duo/a/seed0/prediction.json"],
    ["results/targets/tiny/tables/verdicts.csv"],
    ["results/tables/main.md"],
]


@pytest.mark.parametrize("removed", REMOVED, ids=lambda removed: Path(removed[0]).name)
def test_removed_results_are_made_again_by_the_same_command(run_folder: Path, removed: list[str]) -> None:
    before = contents(run_folder / "results")
    for path in (run_folder / name for name in removed):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    run(run_folder)
    after = contents(run_folder / "results")
    assert after.keys() == before.keys()
    timed = ("provenance.json", "prediction.json", "report.html")  # these contain times
    same = [name for name in before if "mine/" in name and not name.rstrip(".sha256").endswith(timed)]
    assert same and all(after[name] == before[name] for name in same)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_folder_is_whole_only_with_all_its_files_and_its_seal(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    for name in ("a.txt", "deep/b.txt"):
        (out / name).write_text(name)
    assert not is_whole(out), "not sealed"
    seal(out)
    assert is_whole(out) and is_whole(out / "a.txt")
    for name in ("a.txt", "deep/b.txt", ".sha256"):
        content = (out / name).read_bytes()
        (out / name).unlink()
        assert not is_whole(out), name
        (out / name).write_bytes(content)
    assert not is_whole(tmp_path / "nowhere")


# The user's own files


def replace_by_older(data: Path) -> None:
    """Other contents with an old time, as by `cp -p` or `tar x`."""
    target = data / "test_texts.txt"
    target.write_text(target.read_text().replace("noise", "clamour"))
    os.utime(target, (1e9, 1e9))


def replace_without_a_trace(data: Path) -> None:
    """Other contents with the same size and time."""
    target = data / "train_texts.txt"
    stat = target.stat()
    target.write_text(target.read_text().replace("noise", "NOISE"))
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def switch_link(data: Path) -> None:
    other = data.with_name("other")
    shutil.copytree(data, other)
    replace_by_older(other)
    shutil.move(data, data.with_name("former"))
    data.symlink_to(other)


def add_labels_names(data: Path) -> None:
    """Add a file that the layout reads if it exists."""
    for part in ("train", "test"):
        path = data / f"{part}_labels.txt"
        path.write_text(path.read_text().replace("label", ""))
    (data / "label_names.txt").write_text("".join(f"name {i}\n" for i in range(6)))


def touch_everything(data: Path) -> None:
    for path in data.iterdir():
        path.touch()


def put_others_beside(data: Path) -> None:
    for name in (".~lock.train_texts.txt#", "notes.md", ".DS_Store", "train_texts.txt~"):
        (data / name).write_text("mine")


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (touch_everything, False),
        (put_others_beside, False),
        (replace_by_older, True),
        (replace_without_a_trace, True),
        (switch_link, True),
        (add_labels_names, True),
    ],
)
def test_a_users_data_are_prepared_again_if_a_file_that_is_read_changed(
    run_folder: Path, change: Callable[[Path], None], again: bool
) -> None:
    data = (run_folder / "project").resolve().parent / "data"
    kept = data.with_name("kept")
    shutil.copytree(data, kept)
    try:
        assert planned(run_folder) == {"publish"}
        change(data)
        assert ("prepare_corpus" in planned(run_folder)) == again
    finally:
        for path in (data, data.with_name("other"), data.with_name("former")):
            path.unlink() if path.is_symlink() else shutil.rmtree(path, ignore_errors=True)
        kept.rename(data)


def test_changes_in_a_users_vectors_and_encoders_are_detected(run_folder: Path) -> None:
    project = (run_folder / "project").resolve()
    encoder, vectors = project.parent / "my encoder", project.parent / "my vectors.txt"
    build_scratch(ScratchConfig("bert", 300, 16, 1, 2, 32), ["topic one", "topic two"], encoder)
    save_file({"weight": np.zeros(2, np.float32)}, encoder / "model.safetensors")
    vectors.write_text("topic0word0 1 2\n")
    (project / "backbones/own.yaml").write_text("title: Own\nsource: {folder: ../my encoder}\n")
    member = "{vectors: ../my vectors.txt, width: 2, epochs: 1, label_epochs: 1}"
    (project / "methods/own.yaml").write_text(f"title: Own\nimplementation: lightdxml\nmembers: {{single: {member}}}\n")
    wanted = as_told(run_folder, "data/encoders/own", "results/mine/own/single/seed0/model")
    snakemake(run_folder, *wanted)
    (encoder / "README.md").write_text("mine")
    assert not plan(run_folder, *wanted)
    for changed, again in ((encoder / "model.safetensors", "download_encoder"), (vectors, "train")):
        times = changed.stat().st_atime_ns, changed.stat().st_mtime_ns
        changed.write_bytes(changed.read_bytes() + b" ")
        os.utime(changed, ns=times)
        assert again in {job.rule for job in plan(run_folder, *wanted)}


@given(names=st.lists(st.sampled_from("abcde"), min_size=1, unique=True), rounds=st.integers(1, 4), data=st.data())
def test_a_fingerprint_changes_exactly_with_the_contents(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], rounds: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("prints")
    files = [folder / name for name in names]
    for path in files:
        path.write_bytes(b"start")
    for _ in range(rounds):
        before = Fingerprints(folder / "record.json").of(files)
        changed = data.draw(st.sampled_from(files))
        content, time = data.draw(st.sampled_from([b"start", b"other"])), data.draw(st.integers(0, 2**31))
        same = changed.read_bytes() == content
        changed.write_bytes(content)
        os.utime(changed, (time, time))
        after = Fingerprints(folder / "record.json").of(files)
        assert {name for name in before if before[name] != after[name]} == (set() if same else {changed.name})
    files[0].unlink()
    assert Fingerprints(folder / "record.json").of(files)[names[0]] is None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_lists_the_files_it_reads(layout: str, tmp_path: Path) -> None:
    for number, variant in enumerate(LAYOUTS[layout].variants):
        folder = tmp_path / str(number) / "unpacked"
        folder.mkdir(parents=True)
        wanted = [*variant.values(), *LAYOUTS[layout].optional]
        for name in [*wanted, "notes.md"]:
            (folder / name).touch()
        assert files_read(layout, folder.parent) == sorted(folder / name for name in wanted)
        (folder / next(iter(variant.values()))).unlink()
        assert files_read(layout, folder.parent) == []


# A large grid


def test_a_grid_of_hundreds_of_runs_is_reported(run_folder: Path) -> None:
    """An argument of a command can have at most 131,072 bytes. The runs are copies of one, under other seeds."""
    seeds, name = list(range(240)), f"popularity-with-{'a-' * 80}long-name"
    target = {"datasets": ["mine"], "methods": [name], "seeds": seeds}
    project = (run_folder / "project").resolve()
    (project / "large.yaml").write_text(yaml.safe_dump({"targets": {"large": target}}))
    shutil.copyfile(project / "methods/popularity.yaml", project / f"methods/{name}.yaml")
    of_method = run_folder / f"results/mine/{name}/single"
    run(run_folder, f"results/mine/{name}/single/seed0/metrics.json")
    for seed in seeds[1:]:
        shutil.copytree(of_method / "seed0", of_method / f"seed{seed}")
    said = run(run_folder, "large")
    selection = run_folder / "results/targets/large/selection.json"
    assert len(json.loads(selection.read_text())["runs"]) == 240 and selection.stat().st_size > 131_072
    assert "Popularity" in said and " 240 " in said
