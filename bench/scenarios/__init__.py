"""What is proved, one promise in each file. A scenario has a TITLE, the PROMISE that decides, its usual length in
SECONDS and `run(rig)`, which returns an `Outcome` for the one server under test that the rig holds."""
