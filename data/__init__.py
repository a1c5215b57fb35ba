"""What the package brings along: small tables, the sweeps behind the README's table of claims, and trained examples."""
