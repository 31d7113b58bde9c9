# One rule evaluates every prediction.


rule evaluate:
    """Compute the metrics of evaluation/catalogue.py, hits by label frequency, lost labels and calibration."""
    input:
        predictions="results/{dataset}/{method}/{variant}/seed{seed}/predictions.npz",
        corpus=collect(
            "results/{{dataset}}/corpus/{file}",
            file=["Y.trn.npz", "Y.tst.npz", "stats.json"],
        ),
        code=code("evaluate"),
    output:
        metrics="results/{dataset}/{method}/{variant}/seed{seed}/metrics.json",
        documents="results/{dataset}/{method}/{variant}/seed{seed}/documents.npy",
    log:
        "logs/evaluate/{dataset}/{method}/{variant}/seed{seed}.log",
    benchmark:
        "logs/evaluate/{dataset}/{method}/{variant}/seed{seed}.tsv"
    threads: 1
    resources:
        mem_mb=mem_mb(stage_request("evaluate")),
        runtime=runtime(stage_request("evaluate")),
    params:
        a=lambda wildcards: REGISTRY.definition(wildcards.dataset).propensity.a,
        b=lambda wildcards: REGISTRY.definition(wildcards.dataset).propensity.b,
    shell:
        "python -m workflow_scripts.evaluate --predictions {input.predictions} --corpus results/{wildcards.dataset}/corpus"
        " --a {params.a} --b {params.b} --out {output.metrics} --documents {output.documents} 2>&1 | tee {log}"
