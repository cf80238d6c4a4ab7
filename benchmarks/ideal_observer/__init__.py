"""What somebody could reach who knows a simulated world's equations, and sees of its customers what a shop sees."""
