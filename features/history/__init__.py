"""What an imported history holds and where it looks wrong: volume, pauses, rhythm, concentration, quality, the clock. Nothing is built."""
