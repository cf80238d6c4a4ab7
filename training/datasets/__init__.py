"""What models are fitted and judged on: labels, temporal splits, interaction matrices."""
