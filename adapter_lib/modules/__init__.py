"""What is trained on top of the base: bottlenecks, fusions, heads, and their formulas."""
