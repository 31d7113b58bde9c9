# What a member of a method is trained on and predicts from.

import shlex
from types import SimpleNamespace

from lightxml_core.methods import flatten, method_files
from lightxml_core.planning.workload import load_of, prediction_request, training_request
from lightxml_core.registry.grid import SHIPPED
from lightxml_core.selection import WITHOUT_VALIDATION
from lightxml_core.user_files import located


def files_of_member(wildcards):
    """The file of word vectors that a member names by its path, if any."""
    vectors = made(wildcards).vectors if "vectors" in needs(wildcards) else None
    if vectors is None or vectors in REGISTRY.vectors:
        return []
    file = located(BASE, vectors)
    if not file.is_file():
        what = "is a folder: name a file in it" if file.is_dir() else "is not there: correct the path"
        sys.exit(f"error: {REGISTRY.file_of_method(wildcards.method)}: vectors: {file} {what}")
    return [file]


def made(wildcards):
    """The settings of a member, with defaults."""
    if not or_exit(REGISTRY.serves, wildcards.method, wildcards.dataset):
        sys.exit(f"error: {REGISTRY.file_of_method(wildcards.method)}: it reads texts and {wildcards.dataset} has none")
    return SimpleNamespace(**flatten(or_exit(REGISTRY.made, wildcards.method, wildcards.dataset, wildcards.member)))


def needs(wildcards):
    """The kinds of prepared inputs that a member reads."""
    return or_exit(REGISTRY.needs, wildcards.method, wildcards.dataset, wildcards.member)


def tfidf_of(wildcards):
    """The kind of TF-IDF that a member or its clusters are made from; None if neither reads any."""
    return or_exit(REGISTRY.tfidf, wildcards.method, wildcards.dataset, wildcards.member)


def blended_files(wildcards, name):
    """A file of each run that a blend combines."""
    blended = or_exit(REGISTRY.blended, wildcards.method, wildcards.dataset, wildcards.member)
    return [f"results/{wildcards.dataset}/{of}/seed{wildcards.seed}/{name}" for of in blended]


def gpus_of_training(wildcards):
    """GPUs of one training: as configured for a method that can use several, one for others that use a GPU."""
    wanted = needs(wildcards)
    return PROCESSES if "gpus" in wanted else int("gpu" in wanted)


def member_inputs(wildcards, tokens="max_tokens"):
    """The prepared inputs of a member, by the option that passes them to its program.

    tokens: the setting that limits the tokens of a document. If it is 0 or missing, `max_tokens` does.
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
    """The inputs of a member, and what only training reads."""
    found = member_inputs(wildcards)
    if "vectors" in needs(wildcards):
        own = as_inputs(files_of_member(wildcards))
        found |= {"own_vectors": own[0]} if own else {"vectors": f"data/vectors/{made(wildcards).vectors}"}
    if "names_encoder" in needs(wildcards):
        found["names_encoder"] = encoder_folder(wildcards.dataset, made(wildcards).names_backbone)
    if "members" in needs(wildcards):
        found["members"] = blended_files(wildcards, "validation.npz")
    return found


def prediction_inputs(wildcards):
    """The inputs of a member, with the tokens that a prediction reads."""
    found = member_inputs(wildcards, "predict_tokens")
    if "members" in needs(wildcards):
        found["members"] = blended_files(wildcards, "predictions.npz")
    return found


def model_without_validation(wildcards):
    """The model of a member that did not learn from the validation documents: itself, or one trained without them."""
    if "members" in needs(wildcards):
        sys.exit(f"error: {REGISTRY.file_of_method(wildcards.method)}: a blend learns from the validation documents")
    held_out = REGISTRY.holds_out(wildcards.method, wildcards.dataset, wildcards.member)
    folder = f"results/{wildcards.dataset}/{wildcards.method}/{wildcards.member}/seed{wildcards.seed}"
    return f"{folder}/model" if held_out else f"{folder}/{WITHOUT_VALIDATION}/model"


def as_options(inputs_of):
    """Inputs as command-line options. Features are passed as their folder, members by their names."""

    def value(wildcards, name, path):
        if name == "features":
            return [Path(path[0]).parent]
        if name == "members":
            return [f"{member}={file}" for member, file in zip(made(wildcards).blends, path, strict=True)]
        return [path]

    def options(wildcards):
        inputs = inputs_of(wildcards)
        values = {name: map(str, value(wildcards, name, path)) for name, path in inputs.items()}
        return " ".join(f"--{name} {shlex.join(paths)}" for name, paths in values.items())

    return options


def member_request(cost_of):
    """What a job of a member asks for, from the sizes of its dataset."""
    return lambda wildcards, threads: cost_of(
        load_of(REGISTRY, wildcards.method, wildcards.dataset, wildcards.member, shape_for(wildcards)),
        *(wildcards, threads),
    )


def training_of(load, wildcards, threads):
    return training_request(load, shape_for(wildcards), gpus_of_training(wildcards) > 0, threads)


def prediction_of(load, wildcards, threads):
    return prediction_request(load, shape_for(wildcards))


def method_code(program):
    """The code of a program that runs the method of its wildcards, with the files of that method only."""

    def files(wildcards):
        return code(program, *method_files(REGISTRY.methods[wildcards.method].implementation))

    return files
