# Every prediction is one CSR matrix, test documents by labels, with the 100 best scores per row.


include: "functions/ensembles.smk"


rule predict:
    """Predict the test documents with one trained member."""
    input:
        unpack(prediction_inputs),
        model="results/{dataset}/{method}/{member}/seed{seed}/model",
        corpus=collect("results/{{dataset}}/corpus/{file}", file=["X.tst.txt", "Y.tst.npz", "stats.json"]),
        code=method_code("predict"),
    output:
        predictions="results/{dataset}/{method}/{member}/seed{seed}/predictions.npz",
        cost="results/{dataset}/{method}/{member}/seed{seed}/prediction.json",
    log:
        "logs/predict/{dataset}/{method}/{member}/seed{seed}.log",
    benchmark:
        "logs/predict/{dataset}/{method}/{member}/seed{seed}.tsv"
    threads: THREADS
    resources:
        mem_mb=mem_mb(member_request(prediction_of)),
        runtime=runtime(member_request(prediction_of)),
        gpu=lambda wildcards: int(bool({"gpu", "gpus"} & needs(wildcards))),
    params:
        inputs=as_options(prediction_inputs),
        implementation=lambda wildcards: REGISTRY.methods[wildcards.method].implementation,
    shell:
        "python -m workflow_scripts.predict --method {params.implementation} --corpus results/{wildcards.dataset}/corpus"
        " {params.inputs} --model {input.model} --threads {threads} --out {output.predictions} --cost {output.cost} 2>&1 | tee {log}"


rule predict_validation:
    """Predict the validation documents with a model that did not learn from them, for the blends of the member."""
    input:
        unpack(prediction_inputs),
        model=model_without_validation,
        corpus="results/{dataset}/corpus/validation.npy",
        code=method_code("predict_validation"),
    output:
        "results/{dataset}/{method}/{member}/seed{seed}/validation.npz",
    log:
        "logs/predict_validation/{dataset}/{method}/{member}/seed{seed}.log",
    benchmark:
        "logs/predict_validation/{dataset}/{method}/{member}/seed{seed}.tsv"
    threads: THREADS
    resources:
        mem_mb=mem_mb(member_request(prediction_of)),
        runtime=runtime(member_request(prediction_of)),
        gpu=lambda wildcards: int(bool({"gpu", "gpus"} & needs(wildcards))),
    params:
        inputs=as_options(prediction_inputs),
        implementation=lambda wildcards: REGISTRY.methods[wildcards.method].implementation,
    shell:
        "python -m workflow_scripts.predict_validation --method {params.implementation}"
        " --corpus results/{wildcards.dataset}/corpus {params.inputs} --model {input.model} --threads {threads}"
        " --out {output} 2>&1 | tee {log}"


rule ensemble:
    """Combine the members of a method by mean, sum or rank."""
    input:
        members=predictions_of_members,
        code=code("ensemble"),
    output:
        "results/{dataset}/{method}/ensemble/seed{seed}/predictions.npz",
    log:
        "logs/ensemble/{dataset}/{method}/seed{seed}.log",
    benchmark:
        "logs/ensemble/{dataset}/{method}/seed{seed}.tsv"
    threads: 1
    resources:
        mem_mb=mem_mb(stage_request("ensemble")),
        runtime=runtime(stage_request("ensemble")),
    params:
        how=ensemble_of,
        members=lambda wildcards: as_file("members", predictions_of_members(wildcards)),
    shell:
        "python -m workflow_scripts.ensemble --members {params.members} --how {params.how} --out {output} 2>&1 | tee {log}"
