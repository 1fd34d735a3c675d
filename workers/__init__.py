"""What runs on the cluster: tasks, metrics, training, fusing, pruning, measuring.

Workers read and write files. They know no database, no tracking server and no scheduler.
"""
