# Every result on the way to a target.

from lightxml_core.files import is_whole


def made_for(run):
    """All that a run writes below results/, with the inputs that are prepared for it."""
    return [*reported(run), *(made_for_member(member_of(run)) if run.member else [])]


def made_for_member(member):
    """All that a member writes before its evaluation, with its inputs and all of the members that it blends."""
    folder = f"results/{member.dataset}/{member.method}/{member.member}/seed{member.seed}"
    files = [*trained_in(folder), f"{folder}/predictions.npz", f"{folder}/prediction.json"]
    for inputs in (training_inputs(member), prediction_inputs(member)):
        for paths in inputs.values():
            files += paths if isinstance(paths, list) else [paths]
    if kind := tfidf_of(member):  # clusters are made from it, too
        files += [f"results/{member.dataset}/features/{kind}/{name}" for name in ALL_FEATURES[kind]]
    for of in REGISTRY.blended(member.method, member.dataset, member.member):
        blended = SimpleNamespace(**vars(member) | of._asdict())
        files += made_for_member(blended)
        model = Path(model_without_validation(blended))
        files += trained_in(model.parent)
    return files


def trained_in(folder):
    return [f"{folder}/{name}" for name in ("model", "provenance.json", "training.jsonl")]


def results_of(target):
    """Every file and folder below results/ that is made for a target, each named once."""
    folder = f"results/targets/{target}"
    names = ["selection.json", "tables.json", "figures", "report.html", "cards", "croissant"]
    files = [f"{folder}/{name}" for name in (*names, "Snakefile", "ro-crate-metadata.json", "reproducibility.md")]
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
    files = or_exit(results_of, target)
    workflow.dag.forcefiles.update(path for path in files if Path(path).exists() and not is_whole(Path(path)))
    return files
