"""Reading experiments: was the deal fair, what did each arm change, and how sure is that, however often it is looked at."""
