"""Top floor: what we do about a customer. Imports finished models and the light ground floor only."""
