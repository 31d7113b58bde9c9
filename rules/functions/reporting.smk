# What the reporting reads of a target.

from types import SimpleNamespace

from lightxml_core.archive.trail import archived_place
from lightxml_core.features.origin import ORIGIN
from lightxml_core.registry.grid import BUILT, SHIPPED
from lightxml_core.reporting.tables.catalogue import KINDS as TABLE_KINDS

TABLES = [kind.name for kind in TABLE_KINDS]


def reported(run):
    """The files of one run that the reporting reads. An ensemble has no files of a training run."""
    own = ["provenance.json", "training.jsonl", "prediction.json"] if run.member else []
    files = [f"{run.path}/{name}" for name in ("metrics.json", "documents.npy", "predictions.npz", *own)]
    return [*files, *([f"{run.path}/model"] if run.blended else []), *costs_of_blended(run)]


def costs_of_blended(run):
    """The files with the costs of the members that a blend combines."""
    files = [f"{of.path}/{name}" for of in run.blended for name in ("provenance.json", "prediction.json")]
    return [*files, *(f"{of.again}/provenance.json" for of in run.blended if of.again)]


def run_files(wildcards):
    """What the reporting reads of each run of a target."""
    return [file for run in REGISTRY.runs(wildcards.target) for file in reported(run)]


def archived_runs(wildcards):
    """The files of the archive that a target's runs are compared with."""
    places = {BASE / "archive" / archived_place(run) for run in REGISTRY.runs(wildcards.target)}
    return of_project(sorted(path for path in places if path.is_file()))


def corpora(wildcards):
    """The corpus files of a target's datasets."""
    return collect(
        "results/{dataset}/corpus/{file}",
        dataset=[first for first, *_ in REGISTRY.corpora(wildcards.target).values()],
        file=CORPUS,
    )


def feature_statistics(wildcards):
    """The files that describe the TF-IDF of a target's methods. Their sizes are statistics of its datasets."""
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
    return SimpleNamespace(dataset=corpus_of(run), method=run.method, member=run.member, seed=run.seed)
