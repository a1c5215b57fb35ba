"""What figures have in common: the frame, lines with intervals, labels at line ends, styles of models and groups."""
