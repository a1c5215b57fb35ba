"""What pages share about sweeps: which one is shown, how one is started, and what it found."""
