"""Tests of plug-ins: installed as packages are, by entry points."""
