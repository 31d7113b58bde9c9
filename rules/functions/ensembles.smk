# The members that an ensemble combines, and how.


def ensemble_of(wildcards):
    """How the members of a method are combined."""
    how = REGISTRY.ensemble(wildcards.method, wildcards.dataset)
    if how is None:
        sys.exit(f"error: {REGISTRY.file_of_method(wildcards.method)}: there is no ensemble on {wildcards.dataset}")
    return how


def predictions_of_members(wildcards):
    members = REGISTRY.members(wildcards.method, wildcards.dataset)
    return [
        f"results/{wildcards.dataset}/{wildcards.method}/{member}/seed{wildcards.seed}/predictions.npz"
        for member in members
    ]
