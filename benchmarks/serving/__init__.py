"""How much a decision costs, beside the usual ways of serving the same models, on the same machine in the same run."""
