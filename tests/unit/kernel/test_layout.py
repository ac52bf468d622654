"""Layouts of records: names that can be read, by a process that has no compiler."""

import subprocess
import sys

import numpy as np
import pytest

from triplane.kernel.layout import overlay


def test_a_name_that_numpy_takes_is_refused():
    with pytest.raises(ValueError, match="field fill has the name of a method"):
        overlay(8, {"fill": (np.dtype("f8"), 0)})


def test_reading_rows_needs_no_compiler():
    modules = "codes, layout, records, rows, inputs"
    program = f"import sys; from triplane.kernel import {modules}; print('numba' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
