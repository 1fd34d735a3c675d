"""A sweep's report: findings in words, figures and tables, in one file."""
