"""One customer explained: an answer put together from what serving computes, and how it is printed, a room for each part."""
