# Encoders, word vectors, and tokenised corpora.


include: "functions/encoders.smk"


rule download_encoder:
    """Get a pretrained encoder from a hub, package or folder; verify it and keep safetensors only."""
    input:
        lambda wildcards: as_inputs(files_of_encoder(wildcards)),
        code=code("download_encoder"),
    output:
        directory("data/encoders/{backbone}"),
    log:
        "logs/download_encoder/{backbone}.log",
    benchmark:
        "logs/download_encoder/{backbone}.tsv"
    wildcard_constraints:
        backbone=one_of(REGISTRY.backbones.keys() - FROM_SCRATCH),
    priority: 2  # the longest trainings wait for it
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        source=encoder_source,
        files=fingerprints(files_of_encoder),
    shell:
        "python -m workflow_scripts.download_encoder --source {params.source:q} --archives data/encoders/archives"
        " --out {output} 2>&1 | tee {log}"


rule download_vectors:
    """Download word vectors for methods that start from them; resume, verify, unpack safely."""
    input:
        code=code("download_vectors"),
    output:
        directory("data/vectors/{vectors}"),
    log:
        "logs/download_vectors/{vectors}.log",
    benchmark:
        "logs/download_vectors/{vectors}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=600,
    params:
        source=lambda wildcards: as_json(plain(REGISTRY.vectors[wildcards.vectors].source)),
    shell:
        "python -m workflow_scripts.download_vectors --source {params.source:q} --archives data/vectors/archives"
        " --lock data/downloads.lock.json --out {output} 2>&1 | tee {log}"


rule build_encoder:
    """Build an encoder without pretrained weights, and train its tokenizer on the training texts."""
    input:
        corpus=collect("results/{{dataset}}/corpus/{file}", file=["X.trn.txt", "stats.json"]),
        code=code("build_encoder"),
    output:
        directory("results/{dataset}/encoders/{backbone}"),
    log:
        "logs/build_encoder/{dataset}/{backbone}.log",
    benchmark:
        "logs/build_encoder/{dataset}/{backbone}.tsv"
    wildcard_constraints:
        dataset=one_of(WITH_TEXTS),
        backbone=one_of(FROM_SCRATCH),
    priority: 2  # the longest trainings wait for it
    threads: 1
    resources:
        mem_mb=mem_mb(stage_request("build_encoder")),
        runtime=runtime(stage_request("build_encoder")),
    params:
        config=lambda wildcards: as_json(plain(REGISTRY.backbones[wildcards.backbone].scratch)),
    shell:
        "python -m workflow_scripts.build_encoder --corpus results/{wildcards.dataset}/corpus --config {params.config:q}"
        " --out {output} 2>&1 | tee {log}"


rule tokenize:
    """Tokenise training and test texts once, into flat ids that training maps into memory."""
    input:
        encoder=lambda wildcards: encoder_folder(wildcards.dataset, wildcards.backbone),
        corpus=collect(
            "results/{{dataset}}/corpus/{file}",
            file=["X.trn.txt", "X.tst.txt", "stats.json"],
        ),
        code=code("tokenize"),
    output:
        directory("results/{dataset}/tokens/{backbone}-{max_tokens}-{text}"),
    log:
        "logs/tokenize/{dataset}/{backbone}-{max_tokens}-{text}.log",
    benchmark:
        "logs/tokenize/{dataset}/{backbone}-{max_tokens}-{text}.tsv"
    wildcard_constraints:
        max_tokens=r"[1-9]\d{0,9}",
        dataset=one_of(WITH_TEXTS),
        text="plain|official",
    priority: 2  # the longest trainings wait for it
    threads: THREADS
    resources:
        mem_mb=mem_mb(stage_request("tokenize")),
        runtime=runtime(stage_request("tokenize")),
    shell:
        "python -m workflow_scripts.tokenize --corpus results/{wildcards.dataset}/corpus --encoder {input.encoder}"
        " --max-tokens {wildcards.max_tokens} --text {wildcards.text} --threads {threads} --out {output} 2>&1 | tee {log}"
