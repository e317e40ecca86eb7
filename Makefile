# The chores of dev.py, for those who think in make.
.PHONY: demo test lint format ci kill power bench
demo test lint format ci kill power bench:
	python3 dev.py $@
