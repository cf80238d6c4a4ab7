"""What a history allows: which models could be trained and judged on it, on which dates and for which horizons, without training any."""
