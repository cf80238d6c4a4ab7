"""Studies: one question asked of one data set, each model a row of the table, run in a process of its own."""
