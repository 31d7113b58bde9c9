# From the metrics of a target's runs to its tables, figures and report.


include: "functions/reporting.smk"


from lightxml_core.reporting.figures.catalogue import KINDS as FIGURE_KINDS


rule select:
    """Record the runs of a target, which its tables, figures and report read."""
    input:
        code=code("select"),
    output:
        "results/targets/{target}/selection.json",
    log:
        "logs/select/{target}.log",
    benchmark:
        "logs/select/{target}.tsv"
    localrule: True
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        selection=lambda wildcards: as_file("selection", REGISTRY.selection(wildcards.target).to_json()),
    shell:
        "python -m workflow_scripts.select --selection {params.selection} --out {output} 2>&1 | tee {log}"


rule tables:
    """Write comparisons with published figures, verdicts, ablations, statistics, costs and settings."""
    input:
        runs=run_files,
        corpora=corpora,
        features=feature_statistics,
        selection="results/targets/{target}/selection.json",
        published=of_project(sorted((BASE / "published").glob("*.csv"))),
        archived=archived_runs,
        code=code("tables", *(kind.module for kind in TABLE_KINDS)),
    output:
        report(
            collect("results/targets/{{target}}/tables/{table}.csv", table=TABLES),
            category="Tables",
            subcategory="{target}",
            caption="captions/table.rst",
        ),
        collect("results/targets/{{target}}/tables/{table}.{form}", table=TABLES, form=["md", "tex"]),
        data="results/targets/{target}/tables.json",
    log:
        "logs/tables/{target}.log",
    benchmark:
        "logs/tables/{target}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        published=lambda wildcards: os.path.relpath(BASE / "published"),
        archive=lambda wildcards: os.path.relpath(BASE / "archive"),
        tolerance=as_json(dict(REGISTRY.config.tolerance)),
        captions="; ".join(f"``{kind.name}``: {kind.caption}" for kind in TABLE_KINDS),
    shell:
        "python -m workflow_scripts.tables --selection {input.selection} --published {params.published:q}"
        " --archive {params.archive:q} --tolerance {params.tolerance:q} --out results/targets/{wildcards.target}/tables"
        " --data {output.data} 2>&1 | tee {log}"


rule figures:
    """Draw the figures of reporting/figures/catalogue.py as SVG and PNG, for each dataset with data for them."""
    input:
        runs=run_files,
        corpora=corpora,
        selection="results/targets/{target}/selection.json",
        published=of_project(sorted((BASE / "published/epochs").glob("*.csv"))),
        code=code("figures", *(kind.module for kind in FIGURE_KINDS)),
    output:
        report(
            directory("results/targets/{target}/figures"),
            patterns=["{figure}.svg"],
            category="Figures",
            subcategory="{target}",
            labels={"figure": "{figure}"},
            caption="captions/figure.rst",
        ),
    log:
        "logs/figures/{target}.log",
    benchmark:
        "logs/figures/{target}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        published=lambda wildcards: os.path.relpath(BASE / "published"),
    shell:
        "python -m workflow_scripts.figures --selection {input.selection} --published {params.published:q}"
        " --out results/targets/{wildcards.target}/figures 2>&1 | tee {log}"


rule report:
    """Write a self-contained page, a reproducibility checklist, model cards, Croissant metadata and an RO-Crate."""
    input:
        tables="results/targets/{target}/tables.json",
        figures=rules.figures.output,
        runs=run_files,
        corpora=corpora,
        features=feature_statistics,
        selection="results/targets/{target}/selection.json",
        code=code("report"),
        workflow=of_project([BASE / "Snakefile"]),
        assets=of_project(sorted((BASE / "lightxml_core/reporting/page/assets").glob("*"))),
    output:
        page=report(
            "results/targets/{target}/report.html",
            category="Report",
            caption="captions/report.rst",
        ),
        cards=directory("results/targets/{target}/cards"),
        croissant=directory("results/targets/{target}/croissant"),
        beside=collect(
            "results/targets/{{target}}/{file}",
            file=["Snakefile", "ro-crate-metadata.json", "reproducibility.md"],
        ),
    log:
        "logs/report/{target}.log",
    benchmark:
        "logs/report/{target}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    shell:
        "python -m workflow_scripts.report --selection {input.selection} --tables {input.tables}"
        " --figures {input.figures} --workflow {input.workflow:q} --out {output.page} --cards {output.cards}"
        " --croissant {output.croissant} 2>&1 | tee {log}"
