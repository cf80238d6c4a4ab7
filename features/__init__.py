"""Ground floor: what is true about a customer, and when it became true."""
