# Label clusters for heads that propose before they rank.


rule cluster_labels:
    """Balanced 2-means of label features (PIFA over TF-IDF) down to clusters of at most max_leaf labels; one per tree."""
    input:
        features="results/{dataset}/features/tfidf/X.trn.npz",
        labels="results/{dataset}/corpus/Y.trn.npz",
        code=code("cluster_labels"),
    output:
        "results/{dataset}/clusters/{max_leaf}-{tree}.npz",
    log:
        "logs/cluster_labels/{dataset}/{max_leaf}-{tree}.log",
    benchmark:
        "logs/cluster_labels/{dataset}/{max_leaf}-{tree}.tsv"
    wildcard_constraints:
        max_leaf=r"[2-9]|[1-9]\d{1,9}",
    threads: THREADS
    resources:
        mem_mb=mem_mb(stage_asked("cluster_labels")),
        runtime=runtime(stage_asked("cluster_labels")),
    shell:
        "python -m workflow_scripts.cluster_labels --features {input.features} --labels {input.labels}"
        " --max-leaf {wildcards.max_leaf} --seed {wildcards.tree} --threads {threads} --out {output} 2>&1 | tee {log}"
