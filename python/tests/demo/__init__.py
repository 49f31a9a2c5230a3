"""Tests of the demo; a package, so that its conftest is not mistaken for another."""
