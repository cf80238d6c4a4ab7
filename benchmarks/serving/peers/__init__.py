"""What the service is measured against: the least that its framework costs, and the usual ways of serving the same models."""
