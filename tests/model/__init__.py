"""Tests of alerter/model."""
