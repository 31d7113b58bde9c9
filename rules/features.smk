# Sparse features of the documents.


include: "functions/features.smk"


rule build_features:
    """Build TF-IDF or a bag of words from the texts, or from the bag of words that a source without texts ships."""
    input:
        collect("results/{{dataset}}/corpus/{file}", file=CORPUS),
        code=code("build_features"),
    output:
        trn="results/{dataset}/features/{kind}/X.trn.npz",
        tst="results/{dataset}/features/{kind}/X.tst.npz",
        vocabulary="results/{dataset}/features/{kind}/vocabulary.json",
        vectoriser="results/{dataset}/features/{kind}/vectoriser.json",
    log:
        "logs/build_features/{dataset}/{kind}.log",
    benchmark:
        "logs/build_features/{dataset}/{kind}.tsv"
    wildcard_constraints:
        kind="tfidf|bow",
    threads: 1
    resources:
        mem_mb=mem_mb(stage_request("build_features")),
        runtime=runtime(stage_request("build_features")),
    params:
        settings=feature_settings,
    shell:
        "python -m workflow_scripts.build_features --corpus results/{wildcards.dataset}/corpus --kind {wildcards.kind}"
        " --settings {params.settings:q} --out results/{wildcards.dataset}/features/{wildcards.kind} 2>&1 | tee {log}"


rule import_features:
    """Import the TF-IDF that the downloaded copy ships, as published figures used it; build it if there is none."""
    input:
        collect("results/{{dataset}}/corpus/{file}", file=CORPUS),
        raw="data/{dataset}/raw",
        used="data/{dataset}/source.json",
        code=code("import_features", *LAYOUT_FILES),
    output:
        collect("results/{{dataset}}/features/shipped/{file}", file=ALL_FEATURES[SHIPPED]),
    log:
        "logs/import_features/{dataset}.log",
    benchmark:
        "logs/import_features/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(SHIPPING),
    threads: 1
    resources:
        mem_mb=mem_mb(stage_request("build_features")),
        runtime=runtime(stage_request("build_features")),
    params:
        settings=feature_settings,
    shell:
        "python -m workflow_scripts.import_features --raw {input.raw} --used {input.used}"
        " --corpus results/{wildcards.dataset}/corpus --settings {params.settings:q}"
        " --out results/{wildcards.dataset}/features/shipped 2>&1 | tee {log}"
