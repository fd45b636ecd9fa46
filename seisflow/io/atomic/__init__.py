"""Results that appear whole or not at all: written beside their place, then renamed.

The choices:

- one small file: `replaced_file`, `replace_text`;
- one large file or folder, written bit by bit: `reserve`, then `publish`; `discard` in any case;
- several files of one result: `together`;
- a folder that is gone on with after a kill (an ingest, a run): `locked`, then `put_in_place`.

`check_target` and `check_inputs` look at what is there before anything is written. All disk errors become one
line by `told_as_output_error`.
"""

from seisflow.io.atomic.lock import locked
from seisflow.io.atomic.replace import (
    put_in_place,
    replace_text,
    replaced_file,
    sync_folder,
    told_as_output_error,
)
from seisflow.io.atomic.reserve import discard, publish, remove_leftovers, reserve
from seisflow.io.atomic.target import check_inputs, check_target, filesystem
from seisflow.io.atomic.together import together

__all__ = [
    "check_inputs",
    "check_target",
    "discard",
    "filesystem",
    "locked",
    "publish",
    "put_in_place",
    "remove_leftovers",
    "replace_text",
    "replaced_file",
    "reserve",
    "sync_folder",
    "together",
    "told_as_output_error",
]
