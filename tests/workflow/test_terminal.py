"""The lines that a person sees while a target runs."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from rules.terminal.snakemake_logger_plugin_steps import LogHandler


def test_each_step_is_one_line_with_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    settings: Any = SimpleNamespace(show_failed_logs=False)
    logger = logging.Logger("steps")
    logger.addHandler(LogHandler(settings, None))
    wildcards = {"dataset": "bills", "method": "knn", "member": "single", "seed": "3", "held_out": ""}
    logger.info("Building DAG of jobs...")
    logger.info("stats", extra={"event": LogEvent.RUN_INFO, "stats": {"train": 11, "total": 12}})
    for rule, values in (("train", wildcards), ("split_validation", {"dataset": "bills"}), ("report", {})):
        logger.info("job", extra={"event": LogEvent.JOB_INFO, "rule_name": rule, "wildcards": values})
        logger.info("shell", extra={"event": LogEvent.SHELLCMD, "shellcmd": "python"})
    logger.info("progress", extra={"event": LogEvent.PROGRESS, "done": 3, "total": 12})
    logger.warning("the disk is nearly full")
    logger.info("progress", extra={"event": LogEvent.PROGRESS, "done": 12, "total": 12})
    assert capsys.readouterr().err.splitlines() == [
        "12 steps",
        "   0:00  [ 1 of 12] train              bills/knn/single, seed 3",
        "   0:00  [ 2 of 12] split validation   bills",
        "   0:00  [ 3 of 12] report",
        "the disk is nearly full",
        "all 12 steps done in 0:00",
    ]
