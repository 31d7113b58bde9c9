# From the archive to the corpus files.


include: "functions/datasets.smk"


rule download_dataset:
    """Download a dataset from the first intact copy with the expected statistics; resume, unpack safely."""
    input:
        code=code("download_dataset", *LAYOUT_FILES),
    output:
        raw=directory("data/{dataset}/raw"),
        source="data/{dataset}/source.json",
    log:
        "logs/download_dataset/{dataset}.log",
    benchmark:
        "logs/download_dataset/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(DOWNLOADED),
    threads: 1
    resources:
        mem_mb=mem_mb(stage_request("download_dataset")),
        runtime=runtime(stage_request("download_dataset")),
    params:
        source=lambda wildcards: as_json(plain(REGISTRY.definition(wildcards.dataset).source)),
        keep=lambda wildcards: as_json(REGISTRY.definition(wildcards.dataset).keep),
        expected=lambda wildcards: as_json(plain(REGISTRY.definition(wildcards.dataset).expected)),
    shell:
        "python -m workflow_scripts.download_dataset --source {params.source:q} --dataset {wildcards.dataset}"
        " --keep {params.keep:q} --expected {params.expected:q} --archives data/{wildcards.dataset}/archives"
        " --lock data/downloads.lock.json --raw {output.raw} --used {output.source} 2>&1 | tee {log}"


rule prepare_corpus:
    """Convert any layout into one set of files (PECOS names) and check the expected statistics."""
    input:
        corpus_inputs,
        code=code("prepare_corpus", *LAYOUT_FILES),
    output:
        collect("results/{{dataset}}/corpus/{file}", file=CORPUS),
    log:
        "logs/prepare_corpus/{dataset}.log",
    benchmark:
        "logs/prepare_corpus/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=mem_mb(stage_request("prepare_corpus")),
        runtime=runtime(stage_request("prepare_corpus")),
    params:
        options=corpus_options,
        name=lambda wildcards: whole_of(wildcards.dataset),
        files=fingerprints(files_of_dataset),
        keep=lambda wildcards: as_json(REGISTRY.definition(wildcards.dataset).keep),
        expected=lambda wildcards: as_json(plain(REGISTRY.definition(wildcards.dataset).expected)),
    shell:
        "python -m workflow_scripts.prepare_corpus {params.options} --keep {params.keep:q} --expected {params.expected:q}"
        " --dataset {params.name} --out results/{wildcards.dataset}/corpus 2>&1 | tee {log}"


rule split_validation:
    """Hold out training documents to select weights on, the same for every method and seed."""
    input:
        labels="results/{dataset}/corpus/Y.trn.npz",
        code=code("split_validation"),
    output:
        "results/{dataset}/corpus/validation.npy",
    log:
        "logs/split_validation/{dataset}.log",
    benchmark:
        "logs/split_validation/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=mem_mb(stage_request("split_validation")),
        runtime=runtime(stage_request("split_validation")),
    params:
        options=validation_options,
        name=lambda wildcards: whole_of(wildcards.dataset),
    shell:
        "python -m workflow_scripts.split_validation --labels {input.labels} {params.options}"
        " --dataset {params.name} --out {output} 2>&1 | tee {log}"
