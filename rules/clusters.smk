# Label clusters, for methods that first propose clusters and then rank their labels.


rule cluster_labels:
    """Split labels by balanced 2-means of their features (PIFA over TF-IDF) into clusters of at most max_leaf."""
    input:
        features=features_of_clusters,
        labels="results/{dataset}/corpus/Y.trn.npz",
        code=code("cluster_labels"),
    output:
        "results/{dataset}/clusters/{of_shipped}{max_leaf}-{tree}.npz",
    log:
        "logs/cluster_labels/{dataset}/{of_shipped}{max_leaf}-{tree}.log",
    benchmark:
        "logs/cluster_labels/{dataset}/{of_shipped}{max_leaf}-{tree}.tsv"
    wildcard_constraints:
        of_shipped="(shipped-)?",  # made from shipped features, or from those built here
        max_leaf=r"[2-9]|[1-9]\d{1,9}",
    threads: THREADS
    resources:
        mem_mb=mem_mb(stage_request("cluster_labels")),
        runtime=runtime(stage_request("cluster_labels")),
    shell:
        "python -m workflow_scripts.cluster_labels --features {input.features} --labels {input.labels}"
        " --max-leaf {wildcards.max_leaf} --seed {wildcards.tree} --threads {threads} --out {output} 2>&1 | tee {log}"
