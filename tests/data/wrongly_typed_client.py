"""Mistakes that a type checker must find in a user's code; each line says which."""

from __future__ import annotations

import polars as pl

import xlate

frame = pl.DataFrame({"Device_Relu": [1.0]})
xlate.no_such_function()  # attr-defined
xlate.translate("a.csv", "T4", "L4", levle=0.9)  # call-overload
xlate.translate("a.csv", "T4", 5)  # call-overload
wrong: str = xlate.translate("a.csv", "T4", "L4")[0].step_time_s.value  # assignment
lost: int = xlate.translate(frame, "T4", "L4")  # assignment
xlate.fit("T4", "L4", translater="ratio")  # call-arg
xlate.predict_freq("a.csv", "T4", "L4", max_slowdown="5%")  # arg-type
