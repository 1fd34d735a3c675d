"""What drivers and workers agree on: trials, results, events, files. No torch here."""
