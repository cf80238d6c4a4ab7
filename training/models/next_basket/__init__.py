"""The repurchase ranker for next baskets: candidates from several simple models, ordered by one LightGBM."""
