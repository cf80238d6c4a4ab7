"""Is what runs here well? One check a question, each with its answer and the remedy."""
