"""Who will not order again within the horizon, asked of any order log."""
