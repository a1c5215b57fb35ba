"""What the package brings along: the sweeps behind the README's table of claims."""
