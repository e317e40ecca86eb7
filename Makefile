# The chores of dev.py, for those who think in make.
.PHONY: demo test lint format ci kill power fuzz-filters fuzz-parser compare-filters sanitize bench
demo test lint format ci kill power fuzz-filters fuzz-parser compare-filters sanitize bench:
	python3 dev.py $@
