"""Rule tests: ``NAME.test.yaml`` files, run by the production engine over documents in memory."""
