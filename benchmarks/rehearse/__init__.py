"""The whole programme in compressed time: `make rehearse`, or `python -m benchmarks.rehearse --lines 200000`."""
