# Every result on the way to a target.

from lightxml_core.files import is_whole


def made_for(run):
    """All that a run writes below results/, with the inputs that are prepared for it."""
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
    """Every file and folder below results/ that is made for a target, each named once."""
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
    """All results of a target, so that a removed one is made again, also if only a part of it was removed.

    Snakemake itself only checks that a folder exists.
    """
    files = results_of(target)
    workflow.dag.forcefiles.update(path for path in files if Path(path).exists() and not is_whole(Path(path)))
    return files
