"""What studies of ranked lists share: files of pairs, what contenders see of them, the contenders' form, and the judge."""
