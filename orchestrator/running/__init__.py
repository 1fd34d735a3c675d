"""Run a plan: hand trials out in bundles on Ray, and record what becomes of them."""
