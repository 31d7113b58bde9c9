# LightXML and the methods it is compared with, from download to report. See README.md, Architecture.

from snakemake.utils import min_version

min_version("9.19")


# Its own folder, also where another Snakefile uses this workflow as a module.
configfile: workflow.current_basedir.join("config.yaml").get_path_or_uri(secret_free=True)


# Used only with `--sdm apptainer`: see container.def.
container: "lightxml.sif"


include: "rules/common.smk"
include: "rules/functions/start.smk"
include: "rules/functions/resources.smk"


wildcard_constraints:
    dataset=one_of(REGISTRY.all_corpora),
    method=one_of(REGISTRY.methods),
    backbone=one_of(REGISTRY.backbones),
    vectors=one_of(REGISTRY.vectors),
    target=one_of(REGISTRY.targets),
    member="(?!ensemble/)[a-z0-9][a-z0-9-]*",
    variant="[a-z0-9][a-z0-9-]*",
    seed=r"0|[1-9]\d{0,8}",
    tree=r"0|[1-9]\d{0,9}",
    part="trn|tst",


include: "rules/datasets.smk"
include: "rules/features.smk"
include: "rules/clusters.smk"
include: "rules/encoders.smk"
include: "rules/training.smk"
include: "rules/prediction.smk"
include: "rules/evaluation.smk"
include: "rules/reporting.smk"
include: "rules/functions/targets.smk"


# One rule per target: `all`, the other targets of config.yaml, those of studies/, and every dataset.
# They stand here because a rule of an included file cannot be the default one.
for name in REGISTRY.targets:

    rule:
        name:
            name
        default_target: name == next(iter(REGISTRY.config.targets))
        input:
            lambda wildcards, name=name: inputs_of_target(name),
            code=code("publish"),
        log:
            f"logs/publish/{name}.log",
        localrule: True
        params:
            target=name,
        message:
            "Publish {params.target}: its tables, figures and report as results/tables, results/figures, results/report.html"
        shell:
            "python -m workflow_scripts.publish --target {params.target} --out results 2>&1 | tee {log}"
