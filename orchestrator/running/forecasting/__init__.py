"""What a sweep will take here: what is known of its trials, their order, small trials to find out.

The arithmetic, without any I/O, is `orchestrator.planning.forecasting`.
"""
