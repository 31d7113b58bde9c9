# One rule trains all members of all methods.


include: "functions/members.smk"


rule train:
    """Train one member. After a kill it resumes from its checkpoint, whose folder is not an output of the rule."""
    input:
        unpack(training_inputs),
        corpus=collect(
            "results/{{dataset}}/corpus/{file}",
            file=["Y.trn.npz", "Y.tst.npz", "output-items.txt", "label-names.txt", "stats.json", "validation.npy"],
        ),
        code=method_code("train"),
    output:
        model=directory("results/{dataset}/{method}/{member}/seed{seed}{held_out}/model"),
        provenance="results/{dataset}/{method}/{member}/seed{seed}{held_out}/provenance.json",
        training_log="results/{dataset}/{method}/{member}/seed{seed}{held_out}/training.jsonl",
    log:
        "logs/train/{dataset}/{method}/{member}/seed{seed}{held_out}.log",
    benchmark:
        "logs/train/{dataset}/{method}/{member}/seed{seed}{held_out}.tsv"
    wildcard_constraints:
        held_out=f"(/{WITHOUT_VALIDATION})?",  # a member of a blend is trained again without the validation documents
    priority: 1
    threads: THREADS * PROCESSES
    resources:
        mem_mb=mem_mb(member_request(training_of)),
        runtime=runtime(member_request(training_of)),
        gpu=gpus_of_training,
    params:
        inputs=as_options(training_inputs),
        rows=lambda wildcards: f" --{WITHOUT_VALIDATION}" if wildcards.held_out else "",
        files=fingerprints(files_of_member),
        implementation=lambda wildcards: REGISTRY.methods[wildcards.method].implementation,
        settings=lambda wildcards: as_json(
            or_exit(REGISTRY.settings, wildcards.method, wildcards.dataset, wildcards.member)
        ),
    shell:
        "python -m workflow_scripts.train --method {params.implementation} --corpus results/{wildcards.dataset}/corpus"
        " {params.inputs} --settings {params.settings:q} --seed {wildcards.seed}{params.rows} --threads {threads} --processes {resources.gpu}"
        " --model {output.model} --provenance {output.provenance} --training-log {output.training_log} 2>&1 | tee {log}"
