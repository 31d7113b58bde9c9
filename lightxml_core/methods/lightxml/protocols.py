"""What each protocol sets: `official` does what the released code does, `clean` what the paper says."""

from __future__ import annotations

from typing import Any

# In both the labels are those of the training and the test part together, as in the released code: the metrics need a
# column for each, and one without a training document is a negative of every document. Unlike the released code,
# prediction leaves such labels out.
PROTOCOLS: dict[str, dict[str, Any]] = {
    "clean": {
        "text": "plain",
        "position": "class",
        "select": "validation",
        "extra_epochs": 0,
        "select_mid_epoch": True,
        "dropout_off_after_evaluation": False,
        "accumulation_off_by_one": False,
        "eps_corrected": True,
        "decay_exempt": "norms",
        "padding": "masked",
        "bucket": 50,
    },
    "official": {
        "text": "official",
        "position": "first",
        "select": "test",
        "extra_epochs": 5,
        "select_mid_epoch": False,
        "dropout_off_after_evaluation": True,
        "accumulation_off_by_one": True,
        "eps_corrected": False,  # AdamW of transformers 2.11.0, which the released code pins
        "decay_exempt": "names",
        "padding": "edge",
        "bucket": 1,
    },
}
