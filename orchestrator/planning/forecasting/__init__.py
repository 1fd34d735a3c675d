"""What a plan will take in hours and bytes, told from what trials have taken. Pure.

What was measured is read by whoever asks: from the catalog, or from a calibration.
"""
