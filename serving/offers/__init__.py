"""One offer type per file, all behind `protocol.OfferType`."""
