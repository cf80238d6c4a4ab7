"""Who answers a mailing? Response and redemption, judged out of time; never what the mailing changed."""
