"""How models are judged: metrics with intervals, on data the judged fit did not see."""
