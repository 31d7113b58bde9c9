# What a user asks for by name: `all`, the other targets of config.yaml, and every dataset.


for name in REGISTRY.targets:

    rule:
        name:
            name
        default_target: name == next(iter(config["targets"]))
        input:
            f"results/targets/{name}/report.html",
            script=script("publish"),
        log:
            f"logs/publish/{name}.log",
        localrule: True
        params:
            target=name,
        message:
            "Publish {params.target}: its tables, figures and report as results/tables, results/figures, results/report.html"
        shell:
            "python -m workflow_scripts.publish --target {params.target} --out results 2>&1 | tee {log}"
